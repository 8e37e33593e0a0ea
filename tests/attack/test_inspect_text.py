"""Texts that a program reads in another way than their names or first bytes let expect."""

import pytest

from model_file import examine, rules_of, zip_of
from weighlock.core.outcome import Outcome

ZIP = zip_of({"data.pkl": b"cposix\nsystem\n(Vtouch marker\ntR."})


@pytest.mark.parametrize(
    "text",
    [
        'name: "m" backend: "python"\n',
        "backend:\n  'pyt'\n  \"hon\"\n",
        'backend # "tensorrt"\n : "python"\n',
        'default_model_filename: "model.py"\n',
    ],
)
def test_a_backend_of_triton_that_is_python(text: str) -> None:
    assert rules_of(examine("config.pbtxt", text.encode())) == {"package-triton-python"}


@pytest.mark.parametrize("text", ['backend: "\\x70ython"\n', 'backend: "house"\n', 'platform: "house"\n'])
def test_a_backend_that_nobody_knows(text: str) -> None:
    assert examine("config.pbtxt", text.encode()).outcome is Outcome.UNDECIDED


def test_ordinary_backends_are_clean() -> None:
    text = b'name: "m"  # backend: "python"\nplatform: "onnxruntime_onnx"\ninput [ { name: "backend" } ]\n'
    assert examine("config.pbtxt", text).outcome is Outcome.CLEAN


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("--pre -i http://localhost/", "config-requirement-index"),
        ("-ihttp://localhost/", "config-requirement-index"),
        ("--index-ur http://localhost/", "config-requirement-index"),
        ("--extra-index=http://localhost/", "config-requirement-index"),
        ("--index\\\r\n-url http://localhost/", "config-requirement-index"),
        ("-r http://localhost/more.txt", "config-requirement-source"),
        ("-e.", "config-requirement-source"),
        ("x@http://localhost/x", "config-requirement-source"),
        ("x @ ssh://localhost/x", "config-requirement-source"),
        (".", "config-requirement-source"),
        ("sub/x-1-py3-none-any.whl", "config-requirement-source"),
        ("x-1-py3-none-any.whl", "config-requirement-source"),
    ],
)
def test_requirements_from_elsewhere(line: str, rule: str) -> None:
    assert rule in rules_of(examine("Requirements.txt", f"numpy==1.26.0\n{line}\n".encode()))


def test_ordinary_requirements_are_clean() -> None:
    text = b"a[x]==1 ; python_version > '3' # by a@b\n--require-hashes\nb==2 --hash=sha256:00 \\\n  --hash=sha256:01\n"
    assert (
        examine("requirements.txt", text + b"-r more.txt\n-c constraints.txt\n--pre\n").outcome
        is Outcome.CLEAN
    )


@pytest.mark.parametrize("name", ["CMakeLists.txt", "x.cmake", "Snakefile"])
def test_build_files_are_scripts(name: str) -> None:
    assert "script" in rules_of(examine(name, b"execute_process(COMMAND touch marker)\n"))


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.ini", "x.toml"])
def test_an_archive_behind_a_long_text(name: str) -> None:
    begin = b"<svg>" if name[2] in "sh" else b"a = 1\n"
    examined = examine(name, begin + b"\n" * 70_000 + ZIP)
    assert examined.outcome is not Outcome.CLEAN
    assert examined.not_examined


@pytest.mark.parametrize("name", ["x", "x.pmml", "x.xsl", "x.csproj", "pmml.xml"])
def test_markup_that_a_program_runs(name: str) -> None:
    assert examine(name, b"<?xml version='1.0'?><PMML/>").outcome is Outcome.UNDECIDED


@pytest.mark.parametrize(
    "text",
    [
        "<html><img src=x onerror=alert(1)>",
        "<svg><a/onclick=alert(1)>",
        "<html><meta http-equiv=refresh content='0;url=http://localhost'>",
    ],
)
def test_active_markup(text: str) -> None:
    assert rules_of(examine("x.html", text.encode())) == {"script-in-markup"}


@pytest.mark.parametrize(
    "text",
    [
        "[formatters]\nkeys=f\n[formatter_f]\nclass=evil.Formatter\n",
        "[a]\nb\n c\n[formatters]\nkeys=f\n[handlers]\nkeys=h\n",
    ],
)
def test_logging_is_configured_by_less_than_all_sections(text: str) -> None:
    assert "config-logging" in rules_of(examine("logging.ini", text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "filters": {"f": {"()": "os.system", "command": "touch marker"}}}',
        '{"version": 1, "handlers": {"h": {"class": "subprocess.Popen", "args": ["touch", "marker"]}}}',
    ],
)
def test_logging_is_configured_by_a_dictionary(text: str) -> None:
    for name in ("log.json", "log.yaml"):
        assert "config-target-dangerous" in rules_of(examine(name, text.encode()))
