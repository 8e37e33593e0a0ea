"""Parse a Jinja template into its syntax tree, without compiling or rendering anything.

The grammar is that of Jinja 3.1 with the tags that transformers adds (``break``, ``continue``, ``generation``), those
that other engines know (``do``) and no more: what it refuses, some engine may still take, so it is never clean.
"""

from typing import Final

from weighlock.inspection.span import Unexamined
from weighlock.inspection.template import node as n
from weighlock.inspection.template.expression import ExpressionParser

MAX_HEIGHT: Final = 150  # of the tree, chains of attributes and filters included; see `_check_height`
_SCOPES: Final = frozenset({"autoescape", "generation"})


def parse_template(source: str) -> n.Body:
    """Return the statements of a template. Raises TemplateError, and Unexamined if it is too large or nests too deep."""
    parser = _Parser(source)
    body = parser.body(())
    _check_height(body)
    return body


def _check_height(body: n.Body) -> None:
    """Refuse trees that a recursive rule could not walk."""
    waiting: list[tuple[n.Node, int]] = [(node, 1) for node in body]
    while waiting:
        node, height = waiting.pop()
        if height > MAX_HEIGHT:
            raise Unexamined(f"the template nests deeper than {MAX_HEIGHT}")
        waiting.extend((child, height + 1) for child in n.children(node))


class _Parser(ExpressionParser):
    def body(self, ends: tuple[str, ...]) -> n.Body:
        """Return the statements up to a tag that begins with one of ``ends``, which is left as the current token."""
        self.deeper(1)
        made: n.Body = []
        while True:
            token = self.next()
            if token.kind == "text":
                made.append(n.Text(token.line, str(token.value)))
            elif token.kind == "{{":
                made.append(n.Output(token.line, self.tuple()))
                self.close("}}")
            elif token.kind == "{%":
                if self.is_name(*ends):
                    break
                made.extend(self.statement())
                self.close("%}")
            elif ends:
                raise self.fail(f"the template ends before {ends[-1]}")
            else:
                break
        self.deeper(-1)
        return made

    def close(self, mark: str) -> None:
        if self.next().kind != mark:
            raise self.fail(f"{mark} was expected")

    def block(self, *ends: str) -> n.Body:
        """Return the body behind the rest of a tag; the word that ends it is consumed."""
        self.skip_operator(":")
        self.close("%}")
        made = self.body(ends)
        self.at += 1
        return made

    def statement(self) -> n.Body:
        line = self.now.line
        word = self.name()
        if word in {"include", "import", "from", "extends"}:
            return [self._reads(line, word)]
        if word in _SCOPES:
            arguments = [self.expression()] if word == "autoescape" else []
            return [n.Scope(line, word, arguments, self.block("end" + word))]
        if word in {"break", "continue"}:
            return [n.Jump(line, word)]
        if word in {"print", "do"}:
            return self._print(line, word)
        kind = {
            "if": self._if, "for": self._for, "set": self._set, "with": self._with, "macro": self._macro,
            "call": self._call_block, "filter": self._filter_block, "block": self._named_block,
        }.get(word)  # fmt: skip
        if kind is None:
            self.at -= 1
            raise self.fail("the tag is not known")
        return kind(line)

    def _print(self, line: int, word: str) -> n.Body:
        values: list[n.Expression] = []
        while self.now.kind != "%}":
            if values:
                self.expect(",")
            values.append(self.expression())
        if word == "do":
            return [n.Scope(line, word, values, [])]
        return [n.Output(line, value) for value in values]

    def _if(self, line: int) -> n.Body:
        branches: list[n.Branch] = []
        otherwise: n.Body = []
        while True:
            test = self.tuple(conditional=False)
            body = self.block("elif", "else", "endif")
            branches.append(n.Branch(line, test, body))
            ended = self.tokens[self.at - 1]
            line = ended.line
            if ended.value == "elif":
                continue
            if ended.value == "else":
                otherwise = self.block("endif")
            return [n.If(branches[0].line, branches, otherwise)]

    def _for(self, line: int) -> n.Body:
        target = self.target()
        self.expect_word("in")
        iterated = self.tuple(conditional=False)
        test = self.expression() if self.skip_name("if") else None
        recursive = self.skip_name("recursive")
        body = self.block("endfor", "else")
        otherwise = self.block("endfor") if self.tokens[self.at - 1].value == "else" else []
        return [n.For(line, target, iterated, test, recursive, body, otherwise)]

    def _set(self, line: int) -> n.Body:
        target = self.target(namespace=True)
        if self.skip_operator("="):
            return [n.Set(line, target, self.tuple())]
        filters: n.Expression | None = None
        while self.is_operator("|"):
            filters = self._filter(filters)
        return [n.SetBlock(line, target, filters, self.block("endset"))]

    def _with(self, line: int) -> n.Body:
        made: n.Body = []
        while self.now.kind != "%}":
            if made:
                self.expect(",")
            target = self.target()
            self.expect("=")
            made.append(n.Set(line, target, self.expression()))
        return [n.Scope(line, "with", [], [*made, *self.block("endwith")])]

    def _signature(self) -> tuple[list[str], list[n.Expression]]:
        names: list[str] = []
        defaults: list[n.Expression] = []
        self.expect("(")
        while not self.is_operator(")"):
            if names:
                self.expect(",")
            names.append(self.name())
            if self.skip_operator("="):
                defaults.append(self.expression())
            elif defaults:
                raise self.fail("a parameter without a default follows one with a default")
        self.expect(")")
        return names, defaults

    def _macro(self, line: int) -> n.Body:
        name = self.name()
        parameters, defaults = self._signature()
        return [n.Macro(line, name, parameters, defaults, self.block("endmacro"))]

    def _call_block(self, line: int) -> n.Body:
        parameters, defaults = self._signature() if self.is_operator("(") else ([], [])
        call = self.expression()
        if not isinstance(call, n.Call):
            raise self.fail("a call was expected")
        body = self.block("endcall")
        return [n.CallBlock(line, call, n.Macro(line, "caller", parameters, defaults, body))]

    def _filter_block(self, line: int) -> n.Body:
        self.at -= 1  # `filter a|b` reads as `|a|b`
        filters: n.Expression = self._filter(None)
        while self.is_operator("|"):
            filters = self._filter(filters)
        return [n.Scope(line, "filter", [filters], self.block("endfilter"))]

    def _named_block(self, line: int) -> n.Body:
        name = self.name()
        while self.is_name("scoped", "required"):
            self.at += 1
        body = self.block("endblock")
        self.skip_name(name)
        return [n.Scope(line, "block", [], body)]

    def _reads(self, line: int, word: str) -> n.Statement:
        template = self.expression()
        names: list[str] = []
        if word == "import":
            self.expect_word("as")
            names.append(self.name())
        elif word == "from":
            self.expect_word("import")
            while self.now.kind == "name" and not self.is_name("with", "without"):
                names.append(self.name())
                if self.skip_name("as"):
                    names[-1] = self.name()
                if not self.skip_operator(","):
                    break
        elif word == "include" and self.skip_name("ignore"):
            self.expect_word("missing")
        if self.is_name("with", "without"):
            self.at += 1
            self.expect_word("context")
        return n.Reads(line, word, template, names)
