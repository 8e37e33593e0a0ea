"""Properties of the readers of workloads, Dockerfiles, package locks and RECORDs."""

import json
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from gate_case import IMAGE, examine
from weighlock.core.error import DeniedError
from weighlock.core.outcome import Outcome
from weighlock.core.package_lock import PackageLock
from weighlock.gate.argv import ScriptError, Word, models_in_command
from weighlock.gate.document import Fields, Items, Value, read_documents
from weighlock.inventory.record import RecordError, read_record

PIECES = ["FROM evil\n", "COPY --from=x / /\n", "RUN <<EOF\n", "EOF\n", "# syntax=x\n", "# escape=`\n", "\\\n", "`\n", "ARG A=b\n", "$A", "${A:-b}", '"', "'", " AS x", "ONBUILD ", "\t", "\r\n", "CMD [", "]"]  # fmt: skip
YAML_PIECES = ["image: evil\n", "spec:\n", "- ", "  ", "&a ", "*a", "<<: ", "{", "}", "[", "]", "kind: Pod\n", "apiVersion: v1\n", "---\n", "|\n", "'", '"', "!x ", "? ", ": ", "#", "containers:\n", "services:\n", "{{ .Values }}"]  # fmt: skip

plain = st.recursive(
    st.text(max_size=8) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=6)).map("".join))
@example("FROM \n")
def test_no_dockerfile_crashes_the_gate(text: str) -> None:
    examine(text.encode("utf-8", "surrogatepass"), "Dockerfile")


@given(st.lists(st.sampled_from(YAML_PIECES) | st.text(max_size=6)).map("".join))
def test_no_yaml_crashes_the_gate(text: str) -> None:
    examine(text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_gate(raw: bytes) -> None:
    assert examine(raw).outcome is not Outcome.CLEAN
    assert examine(raw, "Dockerfile").outcome is not Outcome.CLEAN


def as_read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_read(part) for key, part in value.items()}
    return [as_read(part) for part in value] if isinstance(value, list) else value


def as_ours(value: Value) -> Any:
    if isinstance(value, Fields):
        return {key: as_ours(part) for key, part in value.values.items()}
    return [as_ours(part) for part in value.values] if isinstance(value, Items) else value.text


def texts(value: Any) -> Any:
    """Return ``value`` with every scalar as text, as our reader keeps it."""
    if isinstance(value, dict):
        return {key: texts(part) for key, part in value.items()}
    if isinstance(value, list):
        return [texts(part) for part in value]
    return value if isinstance(value, str) else json.dumps(value)


@given(st.dictionaries(st.text(max_size=6), plain, min_size=1, max_size=4))
def test_what_pyyaml_writes_and_reads_we_read_the_same_or_refuse(value: dict[str, Any]) -> None:
    text = yaml.safe_dump(value, allow_unicode=False)
    try:
        (document,) = read_documents(text.encode()).documents
    except DeniedError as error:
        assert error.code == "workload_invalid"  # noqa: PT017  # reading it is as right
        return
    assert as_ours(document) == texts(as_read(yaml.safe_load(text)))


@given(plain, st.integers(0, 3))
def test_an_unpinned_container_is_denied_wherever_it_is_put(value: Any, depth: int) -> None:
    inner: Any = {"containers": [{"image": "evil"}]}
    for _ in range(depth):
        inner = {"deeper": [inner]}
    document = {"apiVersion": "example.org/v1", "kind": "Thing", "other": value, "spec": inner}
    assert examine(json.dumps(document)).outcome is Outcome.FINDINGS


@given(plain)
def test_no_neighbour_makes_a_pinned_image_unpinned(value: Any) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {"containers": [{"image": IMAGE}]},
        "status": value,
    }
    result = examine(json.dumps(document))
    assert "reference_not_pinned" not in result.codes


@given(st.lists(st.text(max_size=20), max_size=6), st.booleans())
def test_no_command_crashes(texts_: list[str], program: bool) -> None:
    try:
        models_in_command([Word(text, 1) for text in texts_], program=program)
    except ScriptError:
        assert any(any(character.isspace() for character in text) for text in texts_)


@given(st.lists(st.sampled_from(["foo==1 ", f"--hash=sha256:{'a' * 64}", " \\\n", "\n", "# x", "; os_name == 'x' ", "-r x"]) | st.text(max_size=4)).map("".join))  # fmt: skip
def test_a_lock_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        lock = PackageLock.parse(text.encode("utf-8", "surrogatepass"))
    except DeniedError as error:
        assert error.code == "package_lock_invalid"  # noqa: PT017  # reading it is as right
        assert isinstance(error.details["line"], int)  # noqa: PT017  # as above
        return
    assert all(entry.digests for entries in lock.packages.values() for entry in entries)


@given(st.binary(max_size=200) | st.text(alphabet='a/.,"=\n', max_size=60).map(str.encode))
def test_no_record_leads_out(raw: bytes) -> None:
    try:
        files, _ = read_record(raw, folder="lib/site-packages")
    except RecordError:
        return
    for file in files:
        assert not file.path.startswith(("/", "../"))
        assert file.path != ".."
