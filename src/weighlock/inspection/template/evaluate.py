"""Say what every expression of a template can be (`value`), from all that is assigned to its variables anywhere.

Assignments are taken together, without their order: a name that is built in steps, in loops or through macros is
found, at the price of a few values that a variable never has.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from weighlock.inspection.template import node as n
from weighlock.inspection.template.conversation import words_of_messages
from weighlock.inspection.template.method import (
    CHANGING,
    DATES,
    FILLED,
    NUMBERS,
    PRESENCE,
    SAME,
    apply,
    format_filter,
    format_method,
    item_of,
    method_join,
    slice_of,
)
from weighlock.inspection.template.value import (
    ARITHMETIC,
    DATA,
    MADE,
    MAX_CONSTANTS,
    NUMBER,
    Mapping,
    Value,
    combine,
    join,
    known,
    operate,
)

MAX_ROUNDS: Final = 8  # of variables that follow from each other; what still changes then is made
# attributes and variables that hold what people wrote
CONTENT_NAMES: Final = frozenset(
    {
        "content", "text", "query", "prompt", "question", "instruction", "user_input", "user_message", "user_prompt",
        "last_message", "reasoning_content", "message_text", "user_query",
    }
)  # fmt: skip


class Evaluator:
    """The values of a template's variables and expressions."""

    def __init__(self, body: n.Body) -> None:
        self._variables: dict[str, Value] = {}
        self._values: dict[int, Value] = {}
        self._nodes = list(n.walk(body))  # kept, so that their identities stay theirs
        self._macros = n.macros(self._nodes)
        self._words = words_of_messages(self._nodes)
        self._aliases = n.aliases(self._nodes, self._macros)
        self._handed_on = n.handed_on(self._nodes, self._macros)
        self._settle()

    def value(self, expression: n.Expression | None) -> Value:
        """Return what an expression of this template can be."""
        if expression is None:
            return DATA
        found = self._values.get(id(expression))
        if found is None:
            found = self._values[id(expression)] = self._evaluate(expression)
        return found

    def variable(self, name: str) -> Value | None:
        """Return what a variable can be; None if the template never sets it."""
        return self._variables.get(name)

    def _settle(self) -> None:
        changed: set[str] = set()
        for _ in range(MAX_ROUNDS):
            before = dict(self._variables)
            self._values.clear()
            for node in self._nodes:
                self._assign(node)
            changed = {name for name, value in self._variables.items() if before.get(name) != value}
            if not changed:
                return
        for name in changed:
            value = self._variables[name]
            texts = value.made or any(isinstance(each, str | tuple) for each in value.known)
            self._variables[name] = value._replace(known=(), made=texts, number=not texts or value.number)
        self._values.clear()

    def _assign(self, node: n.Node) -> None:
        if isinstance(node, n.Set):
            self._store(node.target, self.value(node.value))
            self._store_parts(node.target, node.value)
        elif isinstance(node, n.SetBlock):
            rendered = self._rendered(node.body)
            if node.filter is not None:
                rendered = join(self.value(node.filter), rendered._replace(known=()))
            self._store(node.target, rendered)
        elif isinstance(node, n.For):
            self._assign_loop(node)
        elif isinstance(node, n.Macro):
            self._assign_macro(node)
        elif isinstance(node, n.Reads):
            for name in node.names:
                self._set(name, MADE)
        elif isinstance(node, n.Call):
            self._give_away(node)

    def _assign_loop(self, node: n.For) -> None:
        element = self._element(self.value(node.iterated))
        if node.recursive:
            element = join(element, self._element(self._variables.get("loop()", element)))
        self._store(node.target, element)
        for name in ("loop.previtem", "loop.nextitem"):
            self._set(name, element)

    def _assign_macro(self, node: n.Macro) -> None:
        self._set(f"{node.name}()", self._rendered(node.body))
        for name, default in zip(reversed(node.parameters), reversed(node.defaults), strict=False):
            self._set(name, self.value(default))
        for name in node.parameters:
            self._set(name, DATA._replace(content=name in CONTENT_NAMES))
            if node.name in self._handed_on and "()" in self._variables:  # what any call gives
                self._set(name, self._variables["()"])

    def _give_away(self, node: n.Call) -> None:
        """Store what a call hands to a macro, to a recursive loop, or to the list or mapping whose method it is."""
        name = node.target.name if isinstance(node.target, n.Name) else None
        for macro in self._macros.get(name or "", ()):
            self._give(macro, node.arguments)
        given = join(*self._given(node.arguments))
        if name not in self._macros:
            self._set("loop()" if name == "loop" else "()", given)
        if isinstance(node.target, n.Attribute) and node.target.name in CHANGING:
            whole = node.target.of
            root = next((each for each in n.walk(whole) if isinstance(each, n.Name)), whole)
            same = self._aliases.get(root.name, ()) if isinstance(root, n.Name) else ()
            for target in (whole, root, *(n.Name(0, each) for each in same)):
                self._store(target, given._replace(known=(), data=True))

    def _give(self, macro: n.Macro, arguments: n.Arguments) -> None:
        for name, given in zip(macro.parameters, arguments.positional, strict=False):
            self._set(name, self.value(given))
        for name, given in zip(arguments.names, arguments.values, strict=True):
            self._set(name, self.value(given))
        rest = [*arguments.positional[len(macro.parameters) :], *arguments.values]
        stars = [each for each in (arguments.star, arguments.double_star) if each is not None]
        spread = join(
            *(self._element(self.value(each)) for each in stars), *(self.value(each) for each in stars)
        )
        for name in macro.parameters if stars else ():
            self._set(name, spread)
        for name in ("varargs", "kwargs") if rest or stars else ():
            self._set(name, join(spread, *map(self.value, rest))._replace(known=(), data=True))

    def _store(self, target: n.Expression, value: Value) -> None:
        if isinstance(target, n.Name):
            self._set(target.name, value)
        elif isinstance(target, n.Attribute) and isinstance(target.of, n.Name):
            self._set(f"{target.of.name}.{target.name}", value)
            self._set(f".{target.name}", value)  # the namespace may have other names
        elif isinstance(target, n.Sequence):
            for part in target.items:
                self._store(part, self._element(value))

    def _store_parts(self, target: n.Expression, made: n.Expression) -> None:
        """Store what a new mapping or namespace holds under each of its names."""
        if not isinstance(target, n.Name):
            return
        if isinstance(made, n.Call) and isinstance(made.target, n.Name):
            for name, value in zip(made.arguments.names, made.arguments.values, strict=True):
                self._set(f"{target.name}.{name}", self.value(value))
        elif isinstance(made, n.Dict):
            for key, value in zip(made.keys, made.values, strict=True):
                if isinstance(key, n.Const):
                    self._set(f"{target.name}.{key.value}", self.value(value))

    def _set(self, name: str, value: Value) -> None:
        before = self._variables.get(name)
        self._variables[name] = value if before is None else join(before, value)

    def _element(self, value: Value) -> Value:
        """Return what iterating gives."""
        parts: list[Value] = [value._replace(known=())]
        for constant in value.known:
            held = constant.keys if isinstance(constant, Mapping) else constant
            if isinstance(held, str | tuple):
                distinct = dict.fromkeys(held)
                parts.append(known(*distinct) if len(distinct) <= MAX_CONSTANTS else MADE)  # type: ignore[arg-type]  # of constants
        return join(*parts)

    def _rendered(self, body: n.Body) -> Value:
        """Return what a body emits: a constant if it is one text, else made."""
        if len(body) == 1 and isinstance(body[0], n.Text):
            return known(body[0].text)
        content = any(self.value(node.value).content for node in n.walk(body) if isinstance(node, n.Output))
        return Value(made=True, content=content)

    def _evaluate(self, expression: n.Expression) -> Value:
        evaluate = self._EVALUATIONS.get(type(expression))
        found = evaluate(self, expression) if evaluate else DATA
        return found._replace(content=True) if id(expression) in self._words else found

    def _name(self, expression: n.Name) -> Value:
        # bos_token and its like come with the model: names may be put there
        name, made = expression.name, expression.name.endswith("_token")
        unset = Value(data=True, made=made, content=name in CONTENT_NAMES, date=name in DATES)
        return self._variables.get(name) or unset

    def _sequence(self, expression: n.Sequence) -> Value:
        values = [self.value(item) for item in expression.items]
        if all(value.known for value in values):
            return combine(lambda *each: each, *values) if values else known(())
        texts = any(isinstance(each, str) for value in values for each in value.known)
        flags = join(*(value._replace(known=()) for value in values))
        return flags._replace(made=flags.made or texts)

    def _conditional(self, expression: n.Conditional) -> Value:
        return join(self.value(expression.then), self.value(expression.otherwise))

    def _negated(self, expression: n.Unary | n.Test) -> Value:
        value = self.value(expression.of)
        if isinstance(expression, n.Unary) and expression.operator == "-" and value.known:
            return operate("-", known(0), value)
        dated = value.date and getattr(expression, "name", "") not in PRESENCE
        return NUMBER._replace(date=dated, content=value.content and value.number)

    def _mapping(self, keys: list[n.Expression], values: list[n.Expression]) -> Value:
        held = [self.value(each) for each in (*keys, *values)]
        if all(len(each.known) == 1 and not (each.data or each.made or each.number) for each in held):
            constants = [each.known[0] for each in held]
            return known(Mapping(tuple(constants[: len(keys)]), tuple(constants[len(keys) :])))
        flags = join(*(each._replace(known=()) for each in held))
        return flags._replace(data=True)

    def _attribute(self, expression: n.Attribute) -> Value:
        if isinstance(expression.of, n.Name):
            found = self._variables.get(f"{expression.of.name}.{expression.name}")
            if found is not None:
                return found._replace(made=found.made or self._made_elsewhere(expression.name))
            if expression.of.name == "loop" and expression.name in NUMBERS:
                return NUMBER
        return self._named(self.value(expression.of), expression.name)

    def _named(self, of: Value, name: str) -> Value:
        """Return what an attribute or item of this name holds."""
        held = [
            value
            for each in of.known
            if isinstance(each, Mapping)
            for key, value in zip(each.keys, each.values, strict=True)
            if key == name
        ]
        if held:
            return join(known(*held), of._replace(known=()))
        # of a list that could not be kept whole; what the template put there may come out
        made = of.made or self._made_elsewhere(name)
        return Value(data=True, made=made, content=name in CONTENT_NAMES, date=of.date)

    def _made_elsewhere(self, name: str) -> bool:
        """Return whether a namespace, under whatever name, is given a text under this one that is made."""
        given = self._variables.get(f".{name}")
        return given is not None and given.made

    def _item(self, expression: n.Item) -> Value:
        of = self.value(expression.of)
        if isinstance(expression.key, n.Slice):
            return self._slice(of, expression.key)
        key = self.value(expression.key)
        if isinstance(expression.of, n.Name) and key.text is not None:
            found = self._variables.get(f"{expression.of.name}.{key.text}")
            if found is not None:
                return found
        if key.text is not None:
            return self._named(of, key.text)
        if of.known and key.known and not (key.data or key.made or key.number):
            return combine(item_of, of, key)
        return join(self._element(of), Value(made=any(isinstance(each, str) for each in of.known)))

    def _slice(self, of: Value, key: n.Slice) -> Value:
        parts = [
            known(None) if part is None else self.value(part) for part in (key.start, key.stop, key.step)
        ]
        if of.known and all(part.known for part in parts):
            return combine(slice_of, of, *parts)
        made = of.made or any(isinstance(each, str | tuple) for each in of.known)
        return of._replace(known=(), made=made)

    def _operation(self, expression: n.Operation) -> Value:
        operands = [self.value(operand) for operand in expression.operands]
        first = expression.operators[0]
        if first in {"or", "and"}:
            return join(*operands)
        if first not in ARITHMETIC:
            content = any(each.content for each in operands)
            return NUMBER._replace(date=any(each.date for each in operands), content=content)
        result = operands[0]
        for operator, operand in zip(expression.operators, operands[1:], strict=True):
            result = operate(operator, result, operand)
        return result

    def _given(self, arguments: n.Arguments) -> list[Value]:
        extra = [each for each in (arguments.star, arguments.double_star) if each is not None]
        return [self.value(each) for each in (*arguments.positional, *arguments.values, *extra)]

    def _filter(self, expression: n.Filter) -> Value:
        of = self.value(expression.of) if expression.of is not None else MADE
        given = self._given(expression.arguments)
        name = expression.name
        if name in {"default", "d"}:
            return join(of, *given[:1])
        if name == "map":
            return self._mapped(of, expression.arguments)
        if name == "attr" and given:
            return self._named(of, given[0].text or "")
        if name == "format":
            return combine(format_filter, of, *given)
        return self._applied(name, of, given)

    def _mapped(self, of: Value, arguments: n.Arguments) -> Value:
        attribute = arguments.keyword("attribute")
        if attribute is not None:
            named = self.value(attribute).text
            default = self.value(arguments.keyword("default"))
            return join(self._named(of, named.rpartition(".")[2] if named else ""), default)
        first = self.value(arguments.positional[0]).text if arguments.positional else None
        if first is None or first in {"attr", "format"}:
            return MADE
        rest = [self.value(each) for each in arguments.positional[1:]]
        if not of.known:
            return self._applied(first, of, rest)
        return combine(lambda items, *more: tuple(apply(first, each, *more) for each in items), of, *rest)

    def _applied(self, name: str, of: Value, given: list[Value]) -> Value:
        """Return what a filter or a method of texts and lists makes."""
        if of.known and not of.data:
            return combine(lambda *each: apply(name, *each), of, *given)
        flags = join(*(each._replace(known=()) for each in (of, *given)))
        if name in NUMBERS:  # and what is given for the case that it is no number
            texts = any(isinstance(each, str | tuple) for value in given for each in value.known)
            made = name in {"int", "float", "sum"} and (texts or any(each.made for each in given))
            return NUMBER._replace(date=flags.date, made=made or (name == "sum" and of.made))
        if name in SAME:  # what is known of it is changed, what is not stays what it was
            changed = combine(lambda *each: apply(name, *each), Value(of.known), *given) if of.known else of
            filled = name in FILLED and any(each.made for each in given)
            return join(changed, of._replace(known=(), made=of.made or filled))
        return flags._replace(made=True)

    def _call(self, expression: n.Call) -> Value:
        target, given = expression.target, self._given(expression.arguments)
        if isinstance(target, n.Attribute):
            return self._method(target, given)
        if isinstance(target, n.Name):
            return self._function(target.name, expression.arguments, given)
        return join(self.value(target), MADE)

    def _method(self, target: n.Attribute, given: list[Value]) -> Value:
        of = self.value(target.of)
        if target.name == "get" and given:
            named = given[0].text
            return join(self._named(of, named) if named is not None else self._element(of), *given[1:])
        if target.name == "join" and given:
            return combine(method_join, of, given[0])
        if target.name == "format":
            return combine(format_method, of, *given)
        return self._applied(target.name, of, given)

    def _function(self, name: str, arguments: n.Arguments, given: list[Value]) -> Value:
        if name in self._macros:
            rendered = self._variables.get(f"{name}()", MADE)
            return rendered._replace(content=rendered.content or any(each.content for each in given))
        if name in {"dict", "namespace"}:
            keys: list[n.Expression] = [n.Const(arguments.line, each) for each in arguments.names]
            self._nodes += keys
            others = [*arguments.positional, arguments.star, arguments.double_star]
            whole = [self.value(each) for each in others if each is not None]
            return join(self._mapping(keys, arguments.values), *whole) if keys or not whole else join(*whole)
        if name == "range":
            return NUMBER
        if name == "strftime_now":
            return Value(data=True, date=True)
        returned = [self._variables.get(f"{macro}()", MADE) for macro in self._handed_on]
        return join(DATA._replace(made=any(each.made for each in given)), *returned)

    _EVALUATIONS: ClassVar[dict[type[n.Expression], Callable[..., Value]]] = {
        n.Const: lambda _, each: known(each.value),
        n.Name: _name,
        n.Sequence: _sequence,
        n.Dict: lambda self, each: self._mapping(each.keys, each.values),
        n.Attribute: _attribute,
        n.Item: _item,
        n.Operation: _operation,
        n.Conditional: _conditional,
        n.Unary: _negated,
        n.Test: _negated,
        n.Filter: _filter,
        n.Call: _call,
    }
