"""What an update shows before it changes the lock, and what it refuses: other owners, lost history, too young."""

import datetime as dt
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fake_source import SPEC, FakeSource
from pull_project import Project, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.cli import pull as command
from weighlock.core.clock import system_clock
from weighlock.core.digest import Digest
from weighlock.core.lock import UNAVAILABLE, Lock, LockedModel, Owner
from weighlock.service.pull_task import Preview

TEMPLATE = "{% for m in messages %}\n{{ m.content }}\n{% endfor %}\n"
TOKENIZER = json.dumps({"chat_template": TEMPLATE, "eos_token": "</s>", "model_max_length": 4096}).encode()
WEIGHTS = os.urandom(300_000)
FILES = {
    "README.md": b"# model\n",
    "config.json": b'{"architectures": ["Llama"], "rope": {"theta": 1e4}}',
    "tokenizer_config.json": TOKENIZER,
    "weights.safetensors": WEIGHTS,
}
EVIL = TEMPLATE.replace("{{ m.content }}", "{{ m.content }}\x1b[2J{{ cycler.__init__ }}")


@pytest.fixture
def source(project: Project, monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    """A source that was pulled and locked once, and asks for everything anew from now on."""
    project.settings(hf=["acme"])
    made = FakeSource(FILES).install(monkeypatch)
    made.unsaid = {"README.md", "config.json", "tokenizer_config.json"}
    assert project.run("pull", SPEC).status == 0
    made.asked.clear()
    return made


def locked(project: Project) -> LockedModel:
    return Lock.parse(project.lock.read_bytes()).models["tiny"]


def change(source: FakeSource) -> None:
    """Publish another revision: a template that attacks, other weights, one file more and one less."""
    source.revision = "r2"
    tokenizer = {"chat_template": EVIL, "eos_token": "</s>", "model_max_length": 8192}
    source.files["tokenizer_config.json"] = json.dumps(tokenizer).encode()
    source.files["weights.safetensors"] = WEIGHTS[::-1]
    source.files["added.bin"] = b"added"
    del source.files["README.md"]


def update(project: Project, *flags: str) -> Any:
    ran = project.run("pull", SPEC, "--update", *flags, "--json")
    assert ran.status == 0, ran
    return ran.facts["models"][0]


def test_a_preview_shows_files_sizes_and_texts_and_fetches_only_the_texts(
    project: Project, source: FakeSource
) -> None:
    change(source)
    before = project.lock.read_bytes()
    facts = update(project, "--dry-run")
    assert {each["path"]: each["kind"] for each in facts["changes"]} == {
        "README.md": "removed",
        "added.bin": "added",
        "tokenizer_config.json": "changed",
        "weights.safetensors": "changed",
    }
    (difference,) = facts["differences"]
    assert difference["path"] == "tokenizer_config.json"
    assert difference["lines"] == [
        "  chat_template:",
        "   {% for m in messages %}",
        "  -{{ m.content }}",
        "  +{{ m.content }}\x1b[2J{{ cycler.__init__ }}",
        "   {% endfor %}",
        "- model_max_length: 4096",
        "+ model_max_length: 8192",
    ]
    assert source.asked == [("tokenizer_config.json", 0)]
    assert project.lock.read_bytes() == before
    told = project.run("pull", SPEC, "--update", "--dry-run").out
    assert "  revision    r1 → r2\n" in told
    assert "+{{ m.content }}\\x1b[2J{{ cycler.__init__ }}" in told
    assert "\x1b" not in told


def test_what_was_shown_is_what_is_locked(project: Project, source: FakeSource) -> None:
    change(source)
    previewed = update(project, "--dry-run")
    source.asked.clear()
    facts = update(project)
    assert facts["status"] == "updated"
    for told in ("changes", "differences", "digest", "revision"):
        assert facts[told] == previewed[told]
    assert str(locked(project).manifest) == facts["digest"]
    assert {path for path, _ in source.asked} == {"tokenizer_config.json", "weights.safetensors", "added.bin"}
    assert update(project)["status"] == "unchanged"


def test_a_text_that_is_other_than_the_one_shown_is_not_locked(project: Project, source: FakeSource) -> None:
    change(source)
    before = project.lock.read_bytes()
    source.served["tokenizer_config.json"] = source.files["tokenizer_config.json"].replace(
        b"cycler", b"joiner"
    )
    project.run("pull", SPEC, "--update").denied("git_mismatch")
    source.served = {"weights.safetensors": bytes(len(WEIGHTS))}
    project.run("pull", SPEC, "--update").denied("digest_mismatch")
    assert project.lock.read_bytes() == before


def test_an_old_text_that_is_gone_is_said(project: Project, source: FakeSource) -> None:
    change(source)
    (project.store_folder / "blobs" / "sha256" / Digest.of(TOKENIZER).hex).unlink()
    lines = update(project, "--dry-run")["differences"][0]["lines"]
    assert "-(the old version is not in the store)" in lines


def test_a_file_of_the_same_size_that_nobody_names_may_have_changed(
    project: Project, source: FakeSource
) -> None:
    source.nameless = {"weights.safetensors"}
    assert [each["kind"] for each in update(project, "--dry-run")["changes"]] == ["unknown"]
    assert source.asked == []
    assert update(project)["status"] == "unchanged"


class Person:
    """Somebody at a terminal: sees the preview, answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: bool) -> None:
        self.seen: list[Preview] = []
        self._answers = list(answers)
        monkeypatch.setattr(command, "_confirm", lambda *_: self.answer)

    def answer(self, preview: Preview) -> bool:
        self.seen.append(preview)
        return self._answers.pop(0)


def test_a_declined_update_changes_nothing_and_fetches_little(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(source)
    before, names = project.lock.read_bytes(), project.names()
    person = Person(monkeypatch, False, True)
    ran = project.run("pull", SPEC, "--update")
    assert (ran.status, "declined" in ran.out) == (1, True)
    assert (project.lock.read_bytes(), project.names()) == (before, names)
    assert source.asked == [("tokenizer_config.json", 0)]
    (preview,) = person.seen
    assert (preview.before.revision, preview.revision, len(preview.changes)) == ("r1", "r2", 4)
    assert project.run("pull", SPEC, "--update").status == 0
    assert locked(project).revision == "r2"


def test_nobody_is_asked_about_nothing(
    project: Project, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch, True)
    assert update(project)["status"] == "unchanged"
    assert person.seen == []
    source.revision = "r2"  # of the same files: the lock would change all the same
    assert update(project)["status"] == "updated"
    assert [preview.changes for preview in person.seen] == [[]]


def test_on_a_terminal_the_lock_changes_only_after_a_yes(project: Project) -> None:
    (project.root / "models" / "m" / "config.json").write_text('{"a": 1}')
    assert project.run("pull", "path:models/m").status == 0
    (project.root / "models" / "m" / "config.json").write_text('{"a": 2}')
    before = project.lock.read_bytes()
    for answer, status in (("n", 1), ("y", 0)):
        assert project.lock.read_bytes() == before
        assert at_a_terminal(["pull", "--update"], answer) == status
    assert project.lock.read_bytes() != before
    (project.root / "models" / "m" / "config.json").write_text('{"a": 3}')
    assert at_a_terminal(["pull", "--update", "--yes"], "") == 0


def at_a_terminal(arguments: list[str], answer: str) -> int:
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [sys.executable, "-m", "weighlock", *arguments],
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        return done.returncode
    finally:
        os.close(ours)
        os.close(theirs)


def test_an_owner_whose_id_changed(project: Project, source: FakeSource) -> None:
    source.owner = Owner("hf", "id-2", "acme")
    project.run("pull", SPEC, "--update").denied("owner_changed")
    shutil.rmtree(project.store_folder / "blobs" / "sha256")
    (project.store_folder / "blobs" / "sha256").mkdir()
    project.run("pull", SPEC).denied("owner_changed")
    assert source.asked == []


def test_an_owner_who_is_only_called_otherwise_is_the_same(project: Project, source: FakeSource) -> None:
    source.owner = Owner("hf", "id-1", "acme-labs")
    assert update(project)["owner"]["name"] == "acme-labs"
    assert locked(project).owner == source.owner


def test_an_owner_whom_nobody_confirms_now(project: Project, source: FakeSource) -> None:
    source.owner = Owner("hf", UNAVAILABLE, "acme")
    source.origin_confirmed = False
    project.run("pull", SPEC, "--update").denied("origin_unconfirmed")
    (project.store_folder / "blobs" / "sha256" / Digest.of(WEIGHTS).hex).unlink()
    before = project.lock.read_bytes()
    assert project.run("pull", SPEC).status == 0  # every byte is held against the lock
    assert project.lock.read_bytes() == before


def test_a_revision_that_vanished(project: Project, source: FakeSource) -> None:
    change(source)
    source.vanished = True
    project.run("pull", SPEC, "--update").denied("revision_vanished")
    assert source.asked == []


def test_a_first_pull_that_no_origin_confirms(project: Project, source: FakeSource) -> None:
    source.origin_confirmed = False
    project.run("pull", "hf:acme/other").denied("origin_unconfirmed")
    assert source.asked == []
    assert project.run("--set", "pull.unconfirmed=true", "pull", "hf:acme/other").status == 0
    assert Lock.parse(project.lock.read_bytes()).models["other"].origin_confirmed is False


COOL = ("--set", "pull.cooldown_days=7")


def test_a_revision_younger_than_the_cooldown(project: Project, source: FakeSource) -> None:
    change(source)
    source.changed_at = system_clock() - dt.timedelta(days=6)
    ran = project.run(*COOL, "pull", SPEC, "--update").denied("revision_too_young")
    ready = (source.changed_at + dt.timedelta(days=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"wait until {ready}" in ran.err
    project.run(*COOL, "pull", "hf:acme/other").denied("revision_too_young")
    source.changed_at = system_clock() + dt.timedelta(days=400)
    project.run(*COOL, "pull", "hf:acme/other").denied("revision_too_young")
    assert source.asked == []
    source.changed_at = system_clock() - dt.timedelta(days=8)
    assert project.run(*COOL, "pull", SPEC, "--update").status == 0


def test_a_revision_of_unknown_age(project: Project, source: FakeSource) -> None:
    project.run(*COOL, "pull", "hf:acme/other").denied("age_unknown")
    source.pinned = True
    assert project.run(*COOL, "pull", "hf:acme/other").status == 0


def test_what_is_locked_needs_no_age(project: Project, source: FakeSource) -> None:
    (project.store_folder / "blobs" / "sha256" / Digest.of(WEIGHTS).hex).unlink()
    assert project.run(*COOL, "pull", SPEC).status == 0
    assert project.run(*COOL, "pull", SPEC, "--update").status == 0
    assert source.asked == [("weights.safetensors", 0)]


def test_local_files_have_no_age(project: Project) -> None:
    (project.root / "models" / "m" / "x.bin").write_bytes(b"x")
    assert project.run(*COOL, "pull", "path:models/m").status == 0


def test_a_local_update_shows_texts_too(project: Project) -> None:
    file: Path = project.root / "models" / "m" / "chat_template.jinja"
    file.write_text(TEMPLATE)
    assert project.run("pull", "path:models/m").status == 0
    file.write_text(EVIL)
    for flags in (["--dry-run"], []):
        ran = project.run("pull", "path:models/m", "--update", *flags)
        assert "+{{ m.content }}\\x1b[2J{{ cycler.__init__ }}" in ran.out
