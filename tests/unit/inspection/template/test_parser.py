"""The syntax tree of Jinja templates."""

import pytest

from corpus.template_family import FAMILIES
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template import node as n
from weighlock.inspection.template.compare import write
from weighlock.inspection.template.lexer import TemplateError, unescape
from weighlock.inspection.template.parser import parse_template


def expression(text: str) -> n.Expression:
    (statement,) = parse_template("{{ " + text + " }}")
    assert isinstance(statement, n.Output)
    return statement.value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a.b['c'][0]", "a.b.c[0]"),
        ("a or b and not c == d", "(a or (b and not (c == d)))"),
        ("1 + 2 * 3 ** 4", "(1 + (2 * (3 ** 4)))"),
        ("a ~ b + c", "((a ~ b) + c)"),
        ("a - b - c", "(a - b - c)"),
        ("-a | abs", "-a | abs()"),
        ("a not in b", "(a not in b)"),
        ("a if b else c if d", "(a if b else (c if d else ))"),
        ("a is not defined and b is divisibleby 3", "(not a is defined() and b is divisibleby(3))"),
        ("a is none or b", "(a is none() or b)"),
        ("a[1:]", "a[1:]"),
        ("a[::-1]", "a[::-1]"),
        ("a[1:2, 3]", "a[[1:2, 3]]"),
        ("f(1, *a, b=2, **c)", "f(1, b=2, *a, **c)"),
        ("{'a': 1, 'b': [2, 3],}", "{'a': 1, 'b': [2, 3]}"),
        ("(a,)", "[a]"),
        ("()", "[]"),
        ("a, b", "[a, b]"),
        ("'a' 'b'", "'ab'"),
        ("a.0.b", "a[0].b"),
        ("0x1F + 1_000 + 1.5e3", "(31 + 1000 + 1500.0)"),
        ("a | map('upper') | join(', ')", "a | map('upper') | join(', ')"),
        ("a|f.g", "a | f.g()"),
        ("(a | b)(c)", "a | b()(c)"),
        ("none, True, false", "[None, True, False]"),
    ],
)
def test_expressions_bind_as_in_jinja(text: str, written: str) -> None:
    assert write(expression(text)) == written


def texts(source: str) -> list[str]:
    return [node.text for node in n.walk(parse_template(source)) if isinstance(node, n.Text)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n{% if x %}\nb\n{% endif %}\nc\n", ["a\n", "b\n", "c"]),
        ("a {{- x -}} b", ["a", "b"]),
        ("a\n  {%+ if x +%}\nb{% endif %}", ["a\n  ", "\nb"]),
        ("a {# c #}\nb", ["a ", "b"]),
        ("{% raw %}{{ x }}{% endraw %}", ["{{ x }}"]),
        ("  {%- raw -%}  a  {%- endraw -%}  b", ["a", "b"]),
        ("a\r\nb\rc", ["a\nb\nc"]),
    ],
)
def test_white_space_is_stripped_as_in_transformers(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize(
    ("source", "line"),
    [("a\nb\n{{ x", 3), ("{# \n\n #}{% if %}", 3), ("{{ 'a\nb' }}\n{{ ! }}", 3), ("a\n\n{% endif %}", 3)],
)
def test_an_error_names_its_line(source: str, line: int) -> None:
    with pytest.raises(TemplateError) as raised:
        parse_template(source)
    assert raised.value.line == line


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "[" * 70 + "]" * 70 + " }}",
        "{% if a %}" * 70 + "{% endif %}" * 70,
        "{{ " + "not " * 70 + "a }}",
        "{{ " + "-" * 70 + "a }}",
        "{{ a" + ".b" * 200 + " }}",
        "{{ a" + "|trim" * 200 + " }}",
        "{{ a }}" * 40_000,
    ],
)
def test_what_is_too_deep_or_long_is_not_examined(source: str) -> None:
    with pytest.raises(Unexamined):
        parse_template(source)


def test_long_chains_of_operators_and_branches_are_flat() -> None:
    assert write(expression(" ~ ".join("a" * 5000))).count("~") == 4999
    parse_template("{% if a %}" + "{% elif b %}" * 5000 + "{% endif %}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\n\t\\\'", "\n\t\\'"),
        (r"\x41\u0042\U00000043\104", "ABCD"),
        (r"\N{LOW LINE}", "_"),
        (r"\d", r"\d"),
        ("a\\\nb", "ab"),
    ],
)
def test_escapes(text: str, expected: str) -> None:
    assert unescape(text, 1) == expected


@pytest.mark.parametrize("text", [r"\x4", r"\u12", r"\U99999999", r"\N{NO SUCH}", r"\N"])
def test_an_escape_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(TemplateError):
        unescape(text, 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_part_of_a_family_can_be_written(name: str) -> None:
    for node in n.walk(parse_template(FAMILIES[name])):
        if isinstance(node, n.Expression):
            assert write(node)
