"""How a template differs from the base's: which one it is compared with, and what is said."""

import json

import pytest

from model_file import GgufFile
from weighlock.core.finding import Examined
from weighlock.inspection.inspector import inspect_file
from weighlock.inspection.options import Options
from weighlock.inspection.report import MAX_TEMPLATES
from weighlock.inspection.span import drive, fetch_from
from weighlock.inspection.template.base import MAX_TOLD, plain_name

BASE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}"
CHANGED = BASE.replace("{% endfor %}", "{% if m.tool_calls %}Be rude.{% endif %}{% endfor %}")


def told(name: str, data: bytes, base: tuple[tuple[str, str], ...]) -> list[str]:
    examined = drive(inspect_file(name, len(data), Options(base=base)), fetch_from(data))
    return [each.message for each in examined.findings if each.rule == "template-changed"]


def gathered(name: str, data: bytes) -> Examined:
    return drive(inspect_file(name, len(data), Options(keep_templates=True)), fetch_from(data))


def test_what_was_added_is_told() -> None:
    data = json.dumps({"chat_template": CHANGED}).encode()
    (message,) = told("tokenizer_config.json", data, (("tokenizer.chat_template", BASE),))
    assert "differs from the base's 'tokenizer.chat_template'" in message
    assert "it adds the text 'Be rude.'" in message
    assert "it adds the condition 'm.tool_calls'" in message


@pytest.mark.parametrize("text", [BASE, BASE.replace("'", '"').replace("{{ ", "{{")])
def test_the_same_template_in_another_file_says_nothing(text: str) -> None:
    assert told("chat_template.jinja", text.encode(), (("tokenizer.chat_template", BASE),)) == []


def test_a_template_is_compared_with_that_of_its_name() -> None:
    base = (("chat_template", BASE), ("tokenizer.chat_template.tool_use", "{{ tools }}"))
    data = json.dumps({"chat_template": {"tool_use": BASE + "{{ 1 }}"}}).encode()
    (message,) = told("tokenizer_config.json", data, base)
    assert "differs from the base's 'tokenizer.chat_template.tool_use'" in message


def test_without_its_name_it_is_compared_with_the_nearest() -> None:
    base = (("a.jinja", "{{ tools }}"), ("b.jinja", BASE))
    (message,) = told("c.jinja", CHANGED.encode(), base)
    assert "'b.jinja'" in message


def test_a_base_without_templates_is_said() -> None:
    (message,) = told("c.jinja", BASE.encode(), ())
    assert "the base has no chat template" in message


def test_a_template_that_cannot_be_parsed_cannot_be_compared() -> None:
    (message,) = told("c.jinja", BASE.encode(), (("c.jinja", "{% for %}"),))
    assert "cannot be compared" in message


def test_long_differences_are_shortened_with_a_count() -> None:
    added = "".join(f"{{{{ x{number} }}}}" for number in range(30))
    (message,) = told("c.jinja", (BASE + added).encode(), (("c.jinja", BASE),))
    assert message.endswith(f"and {30 - MAX_TOLD} more")


def test_templates_are_gathered_from_every_format_that_has_them() -> None:
    file = GgufFile().string("tokenizer.chat_template", BASE).bytes()
    assert gathered("x.gguf", file).templates == (("tokenizer.chat_template", BASE),)
    assert gathered("chat_template.jinja", BASE.encode()).templates == (("chat_template.jinja", BASE),)
    data = json.dumps({"chat_template": BASE}).encode()
    assert gathered("processor_config.json", data).templates == (("chat_template", BASE),)
    assert drive(inspect_file("a.jinja", 2, Options()), fetch_from(b"ab")).templates == ()


def test_more_templates_than_are_compared_are_a_fact() -> None:
    many = {f"t{number}": "{{ x }}" for number in range(MAX_TEMPLATES + 1)}
    examined = gathered("tokenizer_config.json", json.dumps({"chat_template": many}).encode())
    assert len(examined.templates) == MAX_TEMPLATES
    assert ("templates", "more than are compared") in examined.facts


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tokenizer.chat_template", "chat_template"),
        ("chat_template.jinja", "chat_template"),
        ("tokenizer.chat_template.rag", "chat_template.rag"),
    ],
)
def test_plain_name(name: str, expected: str) -> None:
    assert plain_name(name) == expected
