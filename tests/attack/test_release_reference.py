"""What a person names is what is used: names that move meanwhile, and environments that are not meant."""

from pathlib import Path

import click
import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    ARGV,
    NAME,
    House,
    requested_fixture,
    stages_fixture,
)


class Terminal:
    def isatty(self) -> bool:
        return True


def test_a_name_that_moves_while_the_approver_reads(
    requested: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = requested.candidate
    with requested.store("experimentation") as store:
        [name] = next(each.names for each in store.entries() if str(each.descriptor.digest) == shown)
    other = requested.request(argv=(*ARGV, "--other"))

    def confirm(*_: object, **__: object) -> bool:
        with requested.store("experimentation") as store:
            store.tag(store.resolve(other).digest, name)
        return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(click, "confirm", confirm)
    ran = requested.run("approve", name, "--key", requested.key("ana"))
    assert (ran.status, ran.facts["candidate"]) == (0, shown)
    assert shown in ran.err


def test_a_model_of_another_environment_is_not_requested(requested: House) -> None:
    bound = ("--installation", str(requested.installation), "--package-lock", str(requested.package_lock))
    wish = ("request", f"production:{NAME}", "--name", NAME, *bound, "--key", requested.key("cem"))
    requested.denied("artifact_unknown", *wish, "--", *ARGV, status=2)


def test_a_model_of_another_environment_is_not_evaluated(requested: House, tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    result.write_text('{"passed": true}', encoding="utf-8")
    key = requested.key("cem")
    requested.denied(
        "artifact_unknown",
        "evidence",
        "evaluation",
        f"production:{NAME}",
        str(result),
        "--key",
        key,
        status=2,
    )


@pytest.mark.parametrize("text", ['{"passed": "yes"}', '{"passed": 1}', "{}"])
def test_an_evaluation_that_does_not_say_whether_it_passed(
    requested: House, tmp_path: Path, text: str
) -> None:
    result = tmp_path / "result.json"
    result.write_text(text, encoding="utf-8")
    key = requested.key("cem")
    requested.denied(
        "evaluation_invalid", "evidence", "evaluation", NAME, str(result), "--key", key, status=2
    )
