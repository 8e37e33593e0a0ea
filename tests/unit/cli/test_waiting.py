"""What a person reads while a host makes a command wait."""

import json
import sys

import pytest

from http_house import Answer, House
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from registry_server import RegistryServer
from weighlock.cli.output import Output
from weighlock.cli.progress import progress_for
from weighlock.cli.waiting import Waiting
from weighlock.core.digest import Digest

Screen = pytest.CaptureFixture[str]
CONTENT = b"GGUF"
BUSY = Answer(429, headers={"Retry-After": "8"})


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr("weighlock.transport.timing.pause", seconds.append)
    return seconds


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


@pytest.mark.parametrize(
    ("option", "terminal", "told"),
    [((), True, True), ((), False, False), (("--json",), True, False), (("-q",), True, False)],
)
def test_a_pull_that_must_wait(
    project: Project,
    slept: list[float],
    monkeypatch: pytest.MonkeyPatch,
    option: tuple[str, ...],
    terminal: bool,
    told: bool,
) -> None:
    with House() as house:
        house.put("/tiny.gguf", BUSY, Answer(200, CONTENT))
        network = {"plain_http": [house.host]}
        document = {"version": 1, "sources": {"https": [house.host]}, "network": network}
        (project.root / "weighlock.yaml").write_text(json.dumps(document))
        if terminal:
            on_a_terminal(monkeypatch)
        ran = project.run(
            "pull", f"{house.url('/tiny.gguf')}#{str(Digest.of(CONTENT)).replace(':', '=')}", *option
        )
        host = house.host.partition(":")[0]
    assert (ran.status, slept) == (0, [8.0]), ran
    assert (f"waiting 8 s: {host} asks for it (429)\n" in ran.err) is told
    assert ("waiting" in ran.err) is told


def test_a_push_that_must_wait(project: Project, slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    assert project.run("pull", "path:models/m", "--name", "tiny").status == 0
    with RegistryServer() as server:
        network = {"plain_http": [server.name]}
        document = {"version": 1, "push": {"oci": [f"{server.name}/team"]}, "network": network}
        (project.root / "weighlock.yaml").write_text(json.dumps(document))
        server.answer("GET", "/v2/", 503, headers={"Retry-After": "5"})
        on_a_terminal(monkeypatch)
        ran = project.run("push", "tiny", f"oci:{server.name}/team/tiny:v1")
        host = server.name.partition(":")[0]
    assert (ran.status, slept) == (0, [5.0]), ran
    assert f"waiting 5 s: {host} asks for it (503)" in ran.err


def test_many_threads_that_wait_for_one_host_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    on_a_terminal(monkeypatch)
    monkeypatch.setattr("weighlock.cli.waiting.time.monotonic", lambda: 100.0)
    waiting = Waiting(Output())
    for host, seconds in (("a", 8.0), ("a", 8.0), ("a", 3.0), ("b", 3.0), ("a", 20.0), ("c", 0.9)):
        waiting(host, seconds, "is busy")
    assert capsys.readouterr().err.splitlines() == [
        "waiting 8 s: a is busy",
        "waiting 3 s: b is busy",
        "waiting 20 s: a is busy",
    ]


def test_the_line_stands_above_the_bars_and_is_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: Screen
) -> None:
    on_a_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "xterm")
    output = Output()
    with progress_for(output) as progress:
        progress.begin("pulling", 1000)
        Waiting(output)("h\x1b[2J", 8.0, "is busy")
        progress.end()
    drawn = capsys.readouterr().err
    assert "waiting 8 s: h\\x1b[2J is busy\n" in drawn
    assert "\x1b[2J" not in drawn
    assert output.above is None
