"""Dockerfiles: where instructions begin, what they build from, what they would load."""

import pytest

from gate_case import IMAGE, MODEL, OTHER, RELEASED, REVOKED, Told, examine
from weighlock.core.error import DeniedError
from weighlock.core.outcome import Outcome
from weighlock.gate.dockerfile import read_dockerfile

FROM = f"FROM {IMAGE}\n"


def codes(text: str) -> set[str]:
    return examine(text, "Dockerfile").codes


def images(text: str) -> list[str]:
    return [told.text for told in examine(text, "Dockerfile").told if told.kind in {"image", "frontend"}]


def test_an_ordinary_file_is_allowed() -> None:
    text = f"# syntax={IMAGE}\nARG BASE={IMAGE}\nFROM --platform=$BUILDPLATFORM ${{BASE}} AS build\nRUN make\nFROM scratch\nCOPY --from=build /a /b\n"
    result = examine(text, "Dockerfile")
    assert result.outcome is Outcome.CLEAN
    assert images(text) == [IMAGE, IMAGE, "scratch"]


@pytest.mark.parametrize(
    "text",
    [
        "FROM evil\n",
        "from evil\n",
        "  FROM   evil\n",
        "FROM evil AS scratch\n",
        "FROM --platform=linux/amd64 evil AS x\n",
        "FROM \\\n  evil\n",
        "FROM \\\n  # comment\n\n  evil\n",
        "# escape=`\nFROM `\nevil\n",
        "FROM 'evil'\n",
        'FROM "evil"\n',
        "ARG X=evil\nFROM $X\n",
        "ARG X=evil\nFROM ${X}\n",
        "FROM ${X:-evil}\n",
        "ARG X=1\nFROM ${X:+evil}\n",
        "ARG X='evil'\nFROM $X\n",
        "ARG A=ev B=il\nFROM $A$B\n",
        "ARG A=evil\nARG B=$A\nFROM $B\n",
        f"{FROM}FROM evil\n",
        f"{FROM}COPY --from=evil / /\n",
        f"{FROM}COPY --chown=1 --from=evil / /\n",
        f"{FROM}ADD --from=evil / /\n",
        f"{FROM}COPY --from=later / /\nFROM {IMAGE} AS later\n",
        f"{FROM}COPY --from=7 / /\n",
        f"{FROM}RUN --mount=type=bind,from=evil,target=/x make\n",
        f"{FROM}RUN --mount=type=cache,target=/y --mount=from=evil,target=/x make\n",
        f'{FROM}RUN --mount=target=/x,"from=evil" make\n',
        f"{FROM}ONBUILD COPY --from=evil / /\n",
        f"FROM {IMAGE} AS stage\nONBUILD COPY --from=stage / /\n",
        f"{FROM}RUN echo \\\\\nFROM evil\n",
        f"{FROM}RUN <<EOF\necho\nEOF\nFROM evil\n",
        f"{FROM}RUN <<A cat <<-B\n1\nA\n2\n\tB\nFROM evil\n",
        f"{FROM}RUN echo '<<EOF'\nFROM evil\n",
        f"{FROM}RUN cat<<EOF\nFROM evil\n",
        f"{FROM}RUN cat <<<EOF\nFROM evil\n",
        f"{FROM}CMD <<EOF\nFROM evil\n",
        f"{FROM}RUN echo \\\n# comment \\\nx\nFROM evil\n",
        f"# syntax=evil\n{FROM}",
        f"#syntax = evil\n{FROM}",
        f"# SYNTAX=evil\n{FROM}",
        f"# escape=\\\n# syntax=evil\n{FROM}",
        f"#!/usr/bin/env x\n# syntax=evil\n{FROM}",
        f"# unknown=1\n# syntax=evil\n{FROM}",
        f'{FROM}RUN echo \\" <<EOF\nx\nEOF\nFROM evil\n',
        f"{FROM}RUN echo '\\' <<EOF\nx\nEOF\nFROM evil\n",
        f"{FROM}COPY --from=ev\\il / /\n",
        f"{FROM}COPY --from='ev'il / /\n",
        f"{FROM}ONBUILD RUN <<EOF\necho\nEOF\nFROM evil\n",
    ],
)
def test_an_unpinned_image_is_found(text: str) -> None:
    result = examine(text, "Dockerfile")
    assert "reference_not_pinned" in result.codes
    assert result.outcome is Outcome.FINDINGS


@pytest.mark.parametrize(
    "text",
    [
        f"{FROM}# syntax=evil\n",
        f"# x\n# syntax=evil\n{FROM}",
        f"\n# syntax=evil\n{FROM}",
        f"{FROM}RUN echo FROM evil\n",
        f"{FROM}RUN echo \\\nFROM evil\n",
        f"{FROM}RUN <<EOF\necho evil\nEOF\n",
        f"{FROM}RUN <<'EOF'\necho evil\nEOF\n",
        f"{FROM}LABEL x=y image=evil\n",
        f"FROM {IMAGE} AS Build\nFROM BUILD\nCOPY --from=build / /\nCOPY --from=0 / /\n",
        f"FROM {IMAGE} AS a\nRUN --mount=from=a,target=/x make\n",
        f"{FROM}COPY a --from=evil\n",
        f"{FROM}ONBUILD RUN <<EOF\nFROMAGE evil\nEOF\n",
        f"{FROM}ONBUILD\n",
    ],
)
def test_what_is_no_image_is_none(text: str) -> None:
    assert codes(text) == set()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("FROM $X\n", "not_examined"),
        ("ARG X\nFROM $X\n", "not_examined"),
        ("FROM $TARGETARCH\n", "not_examined"),
        (f"ARG X={IMAGE}\nARG X=evil\nFROM $X\n", "not_examined"),
        (f"ARG X=\nFROM evil${{X-@{OTHER}}}\n", "not_examined"),
        (f"ARG X=a\nFROM ${{X#a}}evil@{OTHER}\n", "not_examined"),
        (f"{FROM}COPY --from=$X / /\n", "not_examined"),
        (f"{FROM}RUN --mount=from=$X,target=/x make\n", "not_examined"),
        (f"{FROM}RUN cat <<EOF\nFROM evil\nEOF\n", "not_examined"),
        (f"FROM x@{REVOKED}\n", "revoked"),
        ("RUN make\n", "workload_invalid"),
        ("", "workload_invalid"),
        ("# only a comment\n", "workload_invalid"),
        ("FROM a b\n", "workload_invalid"),
        ("FROM\n", "workload_invalid"),
        (f"{FROM}RUN <<EOF\nno end\n", "workload_invalid"),
        (f'{FROM}RUN cat <<EOF "\nFROM evil\nEOF\n', "workload_invalid"),
        (f"# escape=x\n{FROM}", "workload_invalid"),
        (f"# escape=`\n# escape=\\\n{FROM}", "workload_invalid"),
        (f"  # escape=`\n{FROM}", "workload_invalid"),
        (f"#!x\n# escape=`\n{FROM}", "workload_invalid"),
        (f"{FROM}RUN a\u2028FROM evil\n", "workload_invalid"),
        (f"{FROM}RUN a\rFROM evil\n", "workload_invalid"),
        (f'{FROM}RUN --mount="from=evil make\n', "reference_invalid"),
        (f"{FROM}1234\n", "workload_invalid"),
        (f"# unknown=1\n# escape=`\n{FROM}", "workload_invalid"),
    ],
)
def test_what_cannot_be_decided_is_not_allowed(text: str, code: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ENV MODEL_ID=o/m", "model_not_released"),
        ("ENV MODEL_ID o/m", "model_not_released"),
        ("ARG MODEL_ID=o/m", "model_not_released"),
        ('CMD ["vllm", "serve", "o/m"]', "model_not_released"),
        ("CMD vllm serve o/m", "model_not_released"),
        ('ENTRYPOINT ["llama-server", "-hf", "o/m"]', "model_not_released"),
        ('CMD ["--model-id", "o/m"]', "model_not_released"),
        ("RUN ollama serve & ollama pull m", "model_not_released"),
        ("RUN <<EOF\nhf download o/m\nEOF", "model_not_released"),
        ("RUN huggingface-cli download o/m", "model_not_released"),
        ('CMD ["vllm", "serve", "/models/x"]', "not_examined"),
        ("ENV MODEL_ID=/models/x", "not_examined"),
        ("ENV MODEL_ID=$X", "not_examined"),
        (f'CMD ["vllm", "serve", "{MODEL}"]', ""),
        ("ENV PORT=80 HOME=/x", ""),
        ("RUN useradd -m bob && pip install -r x.txt", ""),
        ('HEALTHCHECK CMD ["curl", "-m", "5"]', ""),
    ],
)
def test_models(line: str, code: str) -> None:
    assert codes(f"{FROM}{line}\n") == ({code} if code else set())


def test_lines_are_those_of_the_instruction() -> None:
    instructions = read_dockerfile(b"# c\nFROM a\n\nRUN b \\\n  c\nRUN <<X\ny\nX\nCMD z\n").instructions
    assert [(each.name, each.line) for each in instructions] == [
        ("FROM", 2),
        ("RUN", 4),
        ("RUN", 6),
        ("CMD", 9),
    ]
    assert instructions[1].arguments == "b   c"
    assert instructions[2].heredocs == ("y",)


def test_windows_line_ends_read_the_same() -> None:
    text = f"{FROM}RUN a \\\n  b\nFROM evil\n"
    assert examine(text.replace("\n", "\r\n"), "Dockerfile").told == examine(text, "Dockerfile").told


@pytest.mark.parametrize("raw", [b"FROM \xff\n", b"FROM a\x00\n", b"#" * (1024 * 1024 + 1)])
def test_refuses_other_encodings_and_sizes(raw: bytes) -> None:
    with pytest.raises(DeniedError) as caught:
        read_dockerfile(raw)
    assert caught.value.code == "workload_invalid"


def test_the_text_of_a_subject_is_escaped() -> None:
    assert examine("FROM evil\x1b[2K\n", "Dockerfile").told == [
        Told("image", "evil\\x1b[2K", "reference_invalid")
    ]


def test_a_released_model_may_be_copied_from() -> None:
    assert codes(f"{FROM}COPY --from=registry.example/model@{RELEASED} / /models\n") == set()
