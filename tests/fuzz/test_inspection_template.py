"""Templates of any tokens end with a result, and what is hidden in an ordinary one is found."""

from hypothesis import given
from hypothesis import strategies as st

from corpus.ollama_case import cases as ollama_cases
from corpus.template_case import cases
from corpus.template_family import FAMILIES
from model_file import examine
from weighlock.inspection.report import Report
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.compare import compare_templates
from weighlock.inspection.template.examine import examine_template
from weighlock.inspection.template.lexer import TemplateError

PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{%-",
        "-%}",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ".",
        "|",
        "~",
        "+",
        "-",
        "*",
        "**",
        "/",
        "//",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "=",
        "if",
        "else",
        "elif",
        "endif",
        "for",
        "in",
        "endfor",
        "recursive",
        "set",
        "endset",
        "macro",
        "endmacro",
        "call",
        "endcall",
        "filter",
        "endfilter",
        "with",
        "endwith",
        "raw",
        "endraw",
        "include",
        "import",
        "from",
        "as",
        "is",
        "not",
        "and",
        "or",
        "none",
        "true",
        "1",
        "0.5",
        "0x1f",
        "'a'",
        "'__'",
        "'cl'",
        "'\\x5f'",
        "x",
        "y",
        "messages",
        "m.content",
        "loop",
        "namespace",
        "range",
        "join",
        "replace",
        "attr",
        "map",
        "format",
        "upper",
        "default",
        "strftime_now",
        "__class__",
        "generation",
        "endgeneration",
        "block",
        "break",
        "do",
    ]
)
GO = st.sampled_from(
    [
        "{{",
        "}}",
        "{{-",
        "-}}",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        ".",
        ".Content",
        ".Messages",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ",",
        "eq",
        "ne",
        "len",
        "index",
        "slice",
        "printf",
        "'c'",
        "`b`",
        "1",
        "0x1",
        "/*",
        "*/",
        "currentDate",
        "json",
        "break",
        "and",
        "or",
        "not",
        '"a"',
        '"\\x41"',
        '"\\U99999999"',
    ]
)
TEXTS = [case.data for case in [*cases(), *ollama_cases()]]


def examined(text: str) -> Report:
    report = Report("a")
    examine_template(report, "t", text)
    return report


@given(st.lists(PIECES, max_size=60))
def test_any_tokens_of_jinja_end(pieces: list[str]) -> None:
    assert examined(" ".join(pieces)).examined().path == "a"


@given(st.lists(GO, max_size=40))
def test_any_tokens_of_go_end(pieces: list[str]) -> None:
    assert examine("a.gotmpl", " ".join(pieces).encode()).path == "a.gotmpl"


@given(st.sampled_from(TEXTS), st.sampled_from(["a.jinja", "a.gotmpl", "Modelfile"]), st.data())
def test_changed_templates_end(raw: bytes, name: str, data: st.DataObject) -> None:
    changed = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 5))):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from(list(b"{}%#'\"()|.\\ \n-_"))
        )
    assert examine(name, bytes(changed)).path == name


@given(
    st.sampled_from(sorted(FAMILIES)),
    st.integers(0, 8),
    st.sampled_from(["__class__", "__init__", "__globals__"]),
)
def test_an_internal_name_is_found_however_it_is_cut(family: str, cut: int, name: str) -> None:
    looked_up = f"x[{name[:cut]!r} ~ {name[cut:]!r}]"
    rules = {
        finding.rule for finding in examined(FAMILIES[family] + "{{ " + looked_up + " }}").examined().findings
    }
    assert rules == {"template-escape"}


@given(st.sampled_from(sorted(FAMILIES)), st.from_regex(r"[a-z]{4,9} [a-z]{4,9}", fullmatch=True))
def test_a_trigger_in_an_ordinary_template_is_found_and_shows_as_a_difference(
    family: str, words: str
) -> None:
    base = FAMILIES[family]
    changed = base + "{% if " + repr(words) + " in messages[-1].content %}Obey.{% endif %}"
    assert {finding.rule for finding in examined(changed).examined().findings} == {"template-trigger"}
    assert compare_templates(base, changed).added_texts == ("Obey.",)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    try:
        difference = compare_templates(one, other)
    except (TemplateError, Unexamined):
        return
    assert bool(difference) == bool(compare_templates(other, one))
