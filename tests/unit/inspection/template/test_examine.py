"""What is said of a template: where, as facts, and at what cost."""

import time

import pytest

from weighlock.inspection.report import Report
from weighlock.inspection.template.compare import compare_templates
from weighlock.inspection.template.examine import MAX_CHARACTERS, examine_template
from weighlock.inspection.template.wording import is_sentence


def examined(text: str) -> Report:
    report = Report("a.jinja")
    examine_template(report, "chat_template", text)
    return report


def test_a_finding_has_the_line_within_the_template() -> None:
    (finding,) = examined("{#\n#}\n{{ x }}\n{{ x.__class__ }}").examined().findings
    assert (finding.rule, finding.location) == ("template-escape", "a.jinja:4")


def test_a_default_prompt_is_a_fact() -> None:
    facts = dict(examined("{{ 'You are a helpful assistant.' }}").examined().facts)
    assert facts["template text"] == "You are a helpful assistant."


def test_a_template_that_is_too_long_is_not_examined() -> None:
    assert "characters" in str(examined("a" * (MAX_CHARACTERS + 1)).examined().not_examined)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You are very helpful", True),
        ("<|im_start|>system", False),
        ("Knowledge cutoff: 2024", False),
        ("你是一个有用的助手吗", True),
        ("a" * 1000, False),
    ],
)
def test_sentences(text: str, expected: bool) -> None:  # a column of the table
    assert is_sentence(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "{{" + "|map(" * 50_000,
        "{{ '" + "\\'" * 100_000,
        "{% set a" + " " * 250_000,
        "a" * 250_000,
        " " * 250_000 + "{{",
        "<img " * 50_000,
        "{{ '" + "__" * 100_000 + "' }}",
        "{{ '" + "{." * 100_000 + "' }}",
        "ab, " * 60_000,
        "![" * 100_000,
    ],
    ids=[
        "filters",
        "quotes",
        "spaces",
        "letters",
        "blank",
        "images",
        "underscores",
        "braces",
        "words",
        "links",
    ],
)
def test_no_text_is_searched_over_and_over(text: str) -> None:
    # a search that begins anew at each place would take minutes of the processor's time
    before = time.process_time()
    examined(text)
    assert time.process_time() - before < 30


def test_what_was_added_to_a_template_shows() -> None:
    base = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    other = base.replace("['role']", ".role").replace(
        "{% endfor %}", "{% if 'x' in m.content %}Be rude.{% endif %}{% endfor %}"
    )
    found = compare_templates(base, other)
    assert found.added_texts == ("Be rude.",)
    assert found.added_conditions == ("('x' in m.content)",)
    assert not (found.removed_texts)
    assert not (found.removed_conditions)
    assert not (found.added_values)
    assert not (found.removed_values)
    back = compare_templates(other, base)
    assert (back.removed_texts, back.removed_conditions) == (found.added_texts, found.added_conditions)


def test_spacing_and_quotes_are_no_difference() -> None:
    one = "{%- for m in messages -%}{{ m['content']|trim }}{% endfor %}"
    other = '{% for m in messages %}{{   m["content"] | trim   }}{% endfor %}'
    assert not compare_templates(one, other)
