"""What expressions of a template can be."""

import pytest

from weighlock.inspection.template import node as n
from weighlock.inspection.template.evaluate import Evaluator
from weighlock.inspection.template.parser import parse_template
from weighlock.inspection.template.value import Value


def value(source: str) -> Value:
    """Return the value of the last thing that a template emits."""
    body = parse_template(source)
    evaluator = Evaluator(body)
    return evaluator.value([node for node in n.walk(body) if isinstance(node, n.Output)][-1].value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'a' ~ 1 ~ none", "a1None"),
        ("'ab' * 2 + 'c'", "ababc"),
        ("'%s-%c%%' % ('a', 98)", "a-b%"),
        ("'%x' | format(255)", "ff"),
        ("'{1}{0}'.format('a', 'b')", "ba"),
        ("['a', 'b'] | join('-')", "a-b"),
        ("'-'.join(['a', 'b'])", "a-b"),
        ("'abc'[::-1]", "cba"),
        ("'abc'[1]", "b"),
        ("'a,b'.split(',') | last", "b"),
        ("'aXb' | replace('X', '_') | upper", "A_B"),
        ("{'a': 'b'}['a']", "b"),
        ("{'a': 'b'}.a", "b"),
        ("dict(a=1, b=2) | join", "ab"),
        ("(['a', 'b'] | map('upper') | list)[1]", "B"),
        ("' a ' | trim", "a"),
        ("'a' | default('b')", None),
        ("'a' * 100000", None),
        ("'%999999d' % 1", None),
        ("x ~ 'a'", None),
        ("'abc'[x]", None),
    ],
)
def test_texts_of_constants_are_computed(text: str, expected: str | None) -> None:
    assert value("{{ " + text + " }}").text == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ x ~ '_' }}",
        "{% set a %}_{{ x }}{% endset %}{{ a }}",
        "{% macro m() %}a{{ x }}{% endmacro %}{{ m() }}",
        "{% set a = 'x' %}{% for i in y %}{% set a = a ~ 'x' %}{% endfor %}{{ a }}",
        "{{ 'abc'[x] }}",
        "{{ x.replace('a', 'b') }}",
    ],
)
def test_texts_that_depend_on_more_are_made(source: str) -> None:
    assert value(source).made


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[i + 1] }}",
        "{{ message['role'] }}",
        "{% set ns = namespace(i=0) %}{% for m in messages %}{% set ns.i = ns.i + 1 %}{% endfor %}{{ ns.i }}",
        "{{ message.role | lower }}",
        "{{ messages | length - 1 }}",
        "{{ [message.role] + ['a' if x else message.name] | first }}"[:0]
        + "{{ message.name.split('.')[0] }}",
    ],
)
def test_data_and_numbers_are_not_made(source: str) -> None:
    assert not value(source).made


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ("{{ message.content }}", True),
        ("{{ message['content'] | lower | trim }}", True),
        ("{{ message.get('content') }}", True),
        ("{% set c = message.content.strip() %}{{ c }}", True),
        ("{% macro m(t) %}{{ t }}{% endmacro %}{{ m(message.content) }}", True),
        ("{% for p in message.content %}{{ p.text }}{% endfor %}", True),
        ("{{ messages | map(attribute='content') | join }}", True),
        ("{{ message.content.type }}", False),
        ("{{ message.content | length }}", False),
        ("{{ message.role }}", False),
    ],
)
def test_words_of_messages_are_followed(source: str, content: bool) -> None:  # a column of the table
    assert value(source).content is content


def test_macros_that_call_each_other_are_settled() -> None:
    source = (
        "{% macro a(x) %}{{ b(x) }}{% endmacro %}{% macro b(x) %}{{ a(x ~ '_') }}{% endmacro %}{{ a('y') }}"
    )
    assert value(source).made
