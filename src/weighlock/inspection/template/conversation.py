"""Which expressions of a template are texts of whole messages: the words of people are in them, under no key."""

from typing import Final

from weighlock.inspection.template import node as n

_CONVERSATIONS: Final = frozenset({"messages", "message", "conversation", "conversations"})
_PICKS: Final = frozenset(
    {"first", "last", "list", "reverse", "select", "reject", "selectattr", "rejectattr", "random"}
)
# filters and methods that make a text, or a list of all its texts, of a message
_TELLS: Final = frozenset(
    {"string", "tojson", "pprint", "join", "urlencode", "values", "items", "dictsort", "format"}
)


def words_of_messages(nodes: list[n.Node]) -> set[int]:
    """Return the identities of the expressions that are texts of messages as a whole."""
    names = set(_CONVERSATIONS)
    for node in nodes:  # in the order of the text, as templates are written
        made = node.iterated if isinstance(node, n.For) else node.value if isinstance(node, n.Set) else None
        target = node.target if isinstance(node, n.For | n.Set) else None
        if made is not None and isinstance(target, n.Name) and _is_whole(made, names):
            names.add(target.name)
    return {id(node) for node in nodes if any(_is_whole(each, names) for each in _told(node))}


def _is_whole(expression: n.Expression, names: set[str]) -> bool:
    """Return whether an expression is a message or several, not a part of one."""
    inner: n.Expression | None = expression
    while inner is not None and not isinstance(inner, n.Name):
        by_place = isinstance(inner, n.Item) and not (
            isinstance(inner.key, n.Const) and isinstance(inner.key.value, str)
        )
        if by_place or (isinstance(inner, n.Filter) and inner.name in _PICKS):
            inner = inner.of  # type: ignore[attr-defined]  # of an item or a filter
        else:
            return False
    return isinstance(inner, n.Name) and inner.name in names


def _told(node: n.Node) -> list[n.Expression]:
    """Return what a node makes texts of."""
    match node:
        case n.Filter(of=of, name=name) if name in _TELLS and of is not None:
            return [of, *node.arguments.positional] if name == "format" else [of]
        case n.Call(target=n.Attribute(of=of, name=name)) if name in _TELLS:
            return [of, *node.arguments.positional]
        case n.Operation() if node.operators[0] in {"~", "%"}:
            return node.operands
    return []
