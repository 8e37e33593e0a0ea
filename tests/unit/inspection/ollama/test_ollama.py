"""Go templates and Modelfiles beyond the corpus."""

import pytest

from model_file import examine, rules_of
from weighlock.inspection.ollama.go_parser import parse_go_template
from weighlock.inspection.ollama.modelfile import is_path, read_modelfile
from weighlock.inspection.span import Unexamined
from weighlock.inspection.template.lexer import TemplateError


def test_actions_and_their_bodies() -> None:
    actions = parse_go_template('a {{- if eq .Role "user" }} b {{ else if .X }}c{{ else }}d{{- end -}} e')
    assert [action.word for action in actions] == ["text", "if", "text"]
    assert [action.text for action in actions if action.word == "text"] == ["a", "e"]
    (chained,) = actions[1].otherwise
    assert chained.word == "if"
    assert [each.text for each in chained.otherwise] == ["d"]


def test_arguments() -> None:
    (action,) = parse_go_template(
        '{{ $a, $b := index (slice .Messages 1).Content $x.Y `r\\n` "q\\n" | printf "%s" 1.5 }}'
    )
    pipe = action.pipe
    assert pipe is not None
    assert pipe.variables == ["$a", "$b"]
    first, second = pipe.commands
    assert [each.kind for each in first] == ["word", "pipe", "variable", "string", "string"]
    assert first[1].fields == ["Content"]
    assert [each.text for each in first[3:]] == ["r\\n", "q\n"]
    assert [each.text for each in second] == ["printf", "%s", "1.5"]


@pytest.mark.parametrize(
    "text", ["{{ if .X }}" * 70, "{{ " + "(" * 70 + ".X" + ")" * 70 + " }}", "{{ .X }}" * 100_001]
)
def test_what_is_too_deep_or_long_is_not_examined(text: str) -> None:
    with pytest.raises(Unexamined):
        parse_go_template(text)


@pytest.mark.parametrize("text", ["\n{{ else }}", "\n{{ end }}", "a\n{{ .X"])
def test_an_error_names_its_line(text: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parse_go_template(text)
    assert raised.value.line == 2


def test_instructions_and_their_texts() -> None:
    found = read_modelfile('# c\nfrom x\nSYSTEM """a\nb"""\nMESSAGE user """c"""\nPARAMETER stop "x"\n')
    assert found is not None
    assert [(each.word, each.value, each.line) for each in found] == [
        ("from", "x", 2),
        ("system", "a\nb", 3),
        ("message", "user c", 5),
        ("parameter", 'stop "x"', 6),
    ]


@pytest.mark.parametrize("text", ["FROM\n", 'SYSTEM """a\n', 'SYSTEM """a""" b\n', "1 2\n"])
def test_what_is_no_modelfile(text: str) -> None:
    assert read_modelfile(text) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("./a", True),
        ("a.gguf", True),
        ("llama3:8b", False),
        ("hf.co/o/m", False),
        ("/a", True),
        ("..\\a", True),
    ],
)
def test_what_from_means(value: str, expected: bool) -> None:  # a column of the table
    assert is_path(value) is expected


def test_links_of_a_modelfile() -> None:
    examined = examine("Modelfile", b"FROM ./m.gguf\nADAPTER ./a.gguf\n")
    assert {(link.kind, link.target) for link in examined.links} == {
        ("weights", "m.gguf"),
        ("adapter", "a.gguf"),
    }
    assert {(link.kind, link.target) for link in examine("Modelfile", b"FROM a/b:c\n").links} == {
        ("ollama-model", "a/b:c")
    }


def test_a_finding_in_a_go_template_has_its_line() -> None:
    examined = examine("template.gotmpl", b'a\n\n{{ if eq .Prompt "the word" }}x{{ end }}')
    assert [finding.location for finding in examined.findings] == ["template.gotmpl:3"]
    assert rules_of(examined) == {"template-trigger"}


def test_a_text_that_is_not_utf8_is_not_examined() -> None:
    assert examine("template.gotmpl", b"\xff{{ .Prompt }}").not_examined
