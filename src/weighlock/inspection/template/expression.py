"""Parse the expressions of Jinja: operators by their level, then attributes, calls, filters and tests behind a value."""

from typing import Final

from weighlock.inspection.span import Unexamined
from weighlock.inspection.template import node as n
from weighlock.inspection.template.lexer import MAX_TOKENS, TemplateError, Token, tokens

MAX_NESTING: Final = 60  # of brackets and blocks while parsing; the deepest real template has about 15
_LEVELS: Final = {
    "or": 1, "and": 2, "in": 4, "not in": 4, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "~": 6, "*": 7, "/": 7, "//": 7, "%": 7, "**": 8,
}  # fmt: skip
_NOT_LEVEL: Final = 3
_CONSTANTS: Final = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_NO_TEST_ARGUMENT: Final = frozenset({"else", "or", "and", "is"})


class ExpressionParser:
    """The tokens of a template and a place among them; methods take an expression from there."""

    def __init__(self, source: str) -> None:
        self.tokens: list[Token] = []
        for token in tokens(source):
            self.tokens.append(token)
            if len(self.tokens) > MAX_TOKENS:
                raise Unexamined(f"the template has more than {MAX_TOKENS} tokens")
        self.at = 0
        self.depth = 0

    @property
    def now(self) -> Token:
        """Return the current token."""
        return self.tokens[self.at]

    def next(self) -> Token:
        """Return the current token and go on; the end is never left."""
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def fail(self, message: str) -> TemplateError:
        """Return the error that says what is wrong at the current token."""
        return TemplateError(message, self.now.line)

    def is_operator(self, *values: str) -> bool:
        """Return whether the current token is one of these operators."""
        return self.now.kind == "operator" and self.now.value in values

    def is_name(self, *values: str) -> bool:
        """Return whether the current token is one of these words."""
        return self.now.kind == "name" and self.now.value in values

    def followed_by(self, kind: str, value: str) -> bool:
        """Return whether the token after the current one is this."""
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return following.kind == kind and following.value == value

    def skip_operator(self, value: str) -> bool:
        """Go on if the current token is this operator, and say so."""
        if self.is_operator(value):
            self.at += 1
            return True
        return False

    def skip_name(self, value: str) -> bool:
        """Go on if the current token is this word, and say so."""
        if self.is_name(value):
            self.at += 1
            return True
        return False

    def expect(self, value: str) -> Token:
        """Return this operator and go on; raises TemplateError."""
        if not self.is_operator(value):
            raise self.fail(f"{value} was expected")
        return self.next()

    def expect_word(self, value: str) -> None:
        """Go on over this word; raises TemplateError."""
        if not self.skip_name(value):
            raise self.fail(f"{value} was expected")

    def name(self) -> str:
        """Return a name and go on; raises TemplateError."""
        if self.now.kind != "name":
            raise self.fail("a name was expected")
        return str(self.next().value)

    def deeper(self, step: int) -> None:
        """Note that brackets or blocks open or close; raises Unexamined if they nest too deep."""
        self.depth += step
        if self.depth > MAX_NESTING:
            raise Unexamined(f"the template nests deeper than {MAX_NESTING}")

    def target(self, *, namespace: bool = False) -> n.Expression:
        """Return what is assigned to: a name, names, or an attribute of a namespace."""
        target = self.tuple(primary=True, namespace=namespace)
        for part in target.items if isinstance(target, n.Sequence) else [target]:
            if not isinstance(part, n.Name | n.Attribute | n.Sequence):
                raise self.fail("nothing can be assigned to that")
        return target

    def tuple(
        self,
        *,
        conditional: bool = True,
        primary: bool = False,
        namespace: bool = False,
        brackets: bool = False,
    ) -> n.Expression:
        """Return an expression, or a tuple of those that commas separate."""
        line = self.now.line
        items: list[n.Expression] = []
        commas = False
        while True:
            if self.now.kind in {"}}", "%}"} or self.is_operator(")"):
                break
            if primary:
                items.append(self._primary(namespace=namespace))
            else:
                items.append(self.expression(conditional=conditional))
            if not self.skip_operator(","):
                break
            commas = True
        if not commas and items:
            return items[0]
        if not commas and not brackets:
            raise self.fail("an expression was expected")
        return n.Sequence(line, "tuple", items)

    def expression(self, *, conditional: bool = True) -> n.Expression:
        """Return an expression, with ``a if b else c`` unless told otherwise."""
        self.deeper(1)
        made = self._operation(1)
        while conditional and self.is_name("if"):
            line = self.next().line
            test = self._operation(1)
            otherwise = self.expression() if self.skip_name("else") else None
            made = n.Conditional(line, test, made, otherwise)
        self.deeper(-1)
        return made

    def _operation(self, minimum: int) -> n.Expression:
        """Return operands and the operators between them that bind at least as strongly as ``minimum``."""
        left = self._prefixed(minimum)
        while True:
            operator = self._operator()
            level = _LEVELS.get(operator, 0)
            if level < minimum or not level:
                return left
            line = self.now.line
            operators, operands = [], [left]
            while _LEVELS.get(operator) == level:
                self.at += 2 if operator == "not in" else 1
                operators.append(operator)
                operands.append(self._operation(level + 1))
                operator = self._operator()
            left = n.Operation(line, operators, operands)

    def _operator(self) -> str:
        if self.is_name("not") and self.followed_by("name", "in"):
            return "not in"
        return str(self.now.value) if self.now.kind in {"operator", "name"} else ""

    def _prefixed(self, minimum: int) -> n.Expression:
        if minimum <= _NOT_LEVEL and self.is_name("not"):
            line = self.next().line
            self.deeper(1)
            made = n.Unary(line, "not", self._operation(_NOT_LEVEL))
            self.deeper(-1)
            return made
        return self._unary(filters=True)

    def _unary(self, *, filters: bool) -> n.Expression:
        if self.is_operator("-", "+"):
            token = self.next()
            self.deeper(1)
            made: n.Expression = n.Unary(token.line, str(token.value), self._unary(filters=False))
            self.deeper(-1)
        else:
            made = self._primary()
        made = self._postfix(made)
        return self._filtered(made) if filters else made

    def _primary(self, *, namespace: bool = False) -> n.Expression:
        token = self.next()
        if token.kind == "name":
            return self._named(token, namespace=namespace)
        if token.kind == "string":
            parts = [str(token.value)]
            while self.now.kind == "string":
                parts.append(str(self.next().value))
            return n.Const(token.line, "".join(parts))
        if token.kind == "number":
            return n.Const(token.line, token.value)
        if token.kind == "operator" and token.value == "(":
            made = self.tuple(brackets=True)
            self.expect(")")
            return made
        if token.kind == "operator" and token.value == "[":
            return self._list(token.line)
        if token.kind == "operator" and token.value == "{":
            return self._dict(token.line)
        self.at -= token.kind != "end"
        raise self.fail("a value was expected")

    def _named(self, token: Token, *, namespace: bool) -> n.Expression:
        name = str(token.value)
        if name in _CONSTANTS:
            return n.Const(token.line, _CONSTANTS[name])
        made = n.Name(token.line, name)
        return n.Attribute(token.line, made, self.name()) if namespace and self.skip_operator(".") else made

    def _list(self, line: int) -> n.Expression:
        items: list[n.Expression] = []
        while not self.is_operator("]"):
            items.append(self.expression())
            if not self.skip_operator(","):
                break
        self.expect("]")
        return n.Sequence(line, "list", items)

    def _dict(self, line: int) -> n.Expression:
        made = n.Dict(line, [], [])
        while not self.is_operator("}"):
            made.keys.append(self.expression())
            self.expect(":")
            made.values.append(self.expression())
            if not self.skip_operator(","):
                break
        self.expect("}")
        return made

    def _postfix(self, made: n.Expression) -> n.Expression:
        while True:
            line = self.now.line
            if self.skip_operator("."):
                if self.now.kind == "number" and isinstance(self.now.value, int):
                    made = n.Item(line, made, n.Const(line, self.next().value))
                else:
                    made = n.Attribute(line, made, self.name())
            elif self.skip_operator("["):
                made = n.Item(line, made, self._key(line))
            elif self.is_operator("("):
                made = n.Call(line, made, self._arguments())
            else:
                return made

    def _key(self, line: int) -> n.Expression:
        if self.skip_operator("]"):
            return n.Sequence(line, "tuple", [])
        keys = [self._subscript()]
        while self.skip_operator(","):
            keys.append(self._subscript())
        self.expect("]")
        return keys[0] if len(keys) == 1 else n.Sequence(line, "tuple", keys)

    def _subscript(self) -> n.Expression:
        line = self.now.line
        start = None if self.is_operator(":") else self.expression()
        if not self.is_operator(":"):
            return start or n.Const(line, None)
        parts: list[n.Expression | None] = []
        while len(parts) < 2 and self.skip_operator(":"):
            parts.append(None if self.is_operator(":", "]", ",") else self.expression())
        stop, step = (*parts, None)[:2]
        return n.Slice(line, start, stop, step)

    def _filtered(self, made: n.Expression) -> n.Expression:
        while True:
            if self.is_operator("|"):
                made = self._filter(made)
            elif self.is_name("is"):
                made = self._test(made)
            elif self.is_operator("("):
                made = n.Call(self.now.line, made, self._arguments())
            else:
                return made

    def _filter(self, of: n.Expression | None) -> n.Filter:
        line = self.next().line
        name = self._dotted()
        return n.Filter(line, of, name, self._arguments() if self.is_operator("(") else n.Arguments(line))

    def _test(self, of: n.Expression) -> n.Expression:
        line = self.next().line
        negated = self.skip_name("not")
        name = self._dotted()
        arguments = n.Arguments(line)
        if self.is_operator("("):
            arguments = self._arguments()
        elif self._has_test_argument():
            arguments.positional.append(self._postfix(self._primary()))
        made: n.Expression = n.Test(line, of, name, arguments)
        return n.Unary(line, "not", made) if negated else made

    def _has_test_argument(self) -> bool:
        token = self.now
        if token.kind == "name":
            return token.value not in _NO_TEST_ARGUMENT
        return token.kind in {"string", "number"} or self.is_operator("[", "{")

    def _dotted(self) -> str:
        name = self.name()
        while self.skip_operator("."):
            name += "." + self.name()
        return name

    def _arguments(self) -> n.Arguments:
        made = n.Arguments(self.expect("(").line)
        while not self.is_operator(")"):
            if self.skip_operator("*"):
                made.star = self.expression()
            elif self.skip_operator("**"):
                made.double_star = self.expression()
            elif self.now.kind == "name" and self.followed_by("operator", "="):
                made.names.append(self.name())
                self.at += 1
                made.values.append(self.expression())
            elif made.names or made.star or made.double_star:
                raise self.fail("an argument without a name follows one with a name")
            else:
                made.positional.append(self.expression())
            if not self.skip_operator(","):
                break
        self.expect(")")
        return made
