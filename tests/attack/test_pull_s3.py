"""``s3:`` sources: buckets that change, lie, lose versions or belong to somebody else now."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bucket import KEY_ID, SECRET, Bucket, ObjectStore
from http_house import Answer, Asked
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from weighlock.source.s3_service import S3Service
from weighlock.store.layout import LayoutStore

SOURCE = "s3://models/tiny"
CONFIG = b'{"a": 1}'
WEIGHTS = bytes(range(256)) * 40


class House:
    """A project whose settings trust one prefix of one bucket."""

    def __init__(self, project: Project, store: ObjectStore) -> None:
        self.project = project
        self.store = store
        self.settings()

    def settings(self, *, allowed: str = "models/tiny", endpoint: bool = True, **more: Any) -> None:
        document = {
            "version": 1,
            "sources": {"s3": [allowed]},
            "network": {"plain_http": [self.store.host]},
            "pull": {"unconfirmed": True},  # the test service has no TLS
            **({"s3": {"endpoint": self.store.url().rstrip("/")}} if endpoint else {}),
            **more,
        }
        (self.project.root / "weighlock.yaml").write_text(json.dumps(document))

    def fill(self, *, versioned: bool = True, checked: bool = False) -> Bucket:
        bucket = self.store.create("models", versioned=versioned)
        bucket.put("tiny/config.json", CONFIG, checked=checked)
        bucket.put("tiny/sub dir/w+ä.bin", WEIGHTS, checked=checked)
        return bucket

    def pull(self, *options: str, source: str = SOURCE) -> Ran:
        return self.project.run("pull", source, *options)

    def forget_store(self) -> None:
        """Begin with an empty store, as another machine with the same lock."""
        shutil.rmtree(self.project.store_folder)
        LayoutStore.create(self.project.store_folder)
        self.store.requests.clear()

    @property
    def entry(self) -> dict[str, Any]:
        (found,) = json.loads(self.project.lock.read_text())["models"].values()
        return dict(found)

    def listings(self) -> int:
        return sum("list-type" in asked.query for asked in self.store.requests)


@pytest.fixture
def house(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv("HOME", str(tmp_path))
    with ObjectStore() as store:
        for name in (
            "PROFILE",
            "REGION",
            "DEFAULT_REGION",
            "ENDPOINT_URL",
            "ENDPOINT_URL_S3",
            "SESSION_TOKEN",
        ):
            monkeypatch.delenv(f"AWS_{name}", raising=False)
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
        yield House(project, store)


def test_a_prefix_is_pulled_and_locked_with_its_versions(house: House) -> None:
    bucket = house.fill()
    ran = house.pull()
    assert ran.status == 0, ran
    entry = house.entry
    assert entry["source"] == SOURCE
    assert entry["owner"] == {"scheme": "s3", "id": "0a1b2c3d", "name": f"{house.store.host}/models"}
    for path, locked in entry["files"].items():
        assert locked["version_id"] == bucket.objects[f"tiny/{path}"][-1].version
    assert house.pull("--update").status == 0
    assert house.entry == entry


def test_a_lock_is_pulled_by_its_versions_whatever_came_later(house: House) -> None:
    bucket = house.fill()
    assert house.pull().status == 0
    bucket.put("tiny/config.json", b"newer")
    bucket.put("tiny/more.bin", b"x")
    house.forget_store()
    ran = house.project.run("pull", "--locked")
    assert ran.status == 0, ran
    assert house.listings() == 0
    assert all(asked.query.get("versionId") for asked in house.store.requests)


def test_an_update_says_what_changed(house: House) -> None:
    bucket = house.fill()
    assert house.pull().status == 0
    before = house.entry
    bucket.put("tiny/config.json", b'{"a": 2}')
    bucket.put("tiny/more.bin", b"x")
    ran = house.pull("--update", "--yes")
    assert ran.status == 0, ran
    assert "config.json" in ran.out + ran.err
    after = house.entry
    assert set(after["files"]) - set(before["files"]) == {"more.bin"}
    assert after["revision"] != before["revision"]
    assert after["files"]["config.json"]["version_id"] != before["files"]["config.json"]["version_id"]


def test_one_object_is_a_source(house: House) -> None:
    house.fill()
    assert house.pull(source="s3://models/tiny/config.json").status == 0
    assert list(house.entry["files"]) == ["config.json"]
    house.forget_store()
    assert house.project.run("pull", "--locked").status == 0
    assert house.listings() == 0


def body(old: bytes, new: bytes) -> Any:
    """Return what alters the bytes of objects, and says nothing of it."""

    def alter(asked: Asked, answer: Answer) -> Answer:
        if "list-type" in asked.query or asked.method == "HEAD":
            return answer
        return replace(answer, body=bytes(answer.body).replace(old, new))

    return alter


def test_other_bytes_of_the_same_size_are_refused_against_the_lock(house: House) -> None:
    house.fill()
    assert house.pull().status == 0
    house.forget_store()
    house.store.alter = body(CONFIG, b'{"b": 9}')
    house.project.run("pull").denied("digest_mismatch")
    assert house.project.names() == {}


def test_other_bytes_than_the_service_keeps_a_digest_of_are_refused_at_first(house: House) -> None:
    house.fill(checked=True)
    house.store.alter = body(CONFIG, b'{"b": 9}')
    house.pull().denied("digest_mismatch")
    house.project.assert_untouched()
    house.store.alter = None
    assert house.pull().status == 0


@pytest.mark.parametrize("versioned", [True, False])
def test_an_object_that_changes_between_list_and_bytes_is_refused(house: House, versioned: bool) -> None:
    bucket = house.fill(versioned=versioned)

    def change(asked: Asked, answer: Answer) -> Answer:
        if asked.method == "HEAD" and asked.path.endswith("config.json"):
            bucket.put("tiny/config.json", b'{"b": 9}')
        return answer

    house.store.alter = change
    ran = house.pull()
    if versioned:  # the version that was listed is still there
        assert ran.status == 0, ran
        assert (
            house.entry["files"]["config.json"]["version_id"] == bucket.objects["tiny/config.json"][0].version
        )
    else:
        ran.denied("content_changed")
        house.project.assert_untouched()


def test_a_bucket_without_versions_that_changed_is_refused_against_the_lock(house: House) -> None:
    bucket = house.fill(versioned=False)
    assert house.pull().status == 0
    assert all("version_id" not in file for file in house.entry["files"].values())
    house.forget_store()
    bucket.put("tiny/config.json", b'{"b": 9}')
    house.project.run("pull", "--locked").denied("digest_mismatch")
    bucket.put("tiny/config.json", b"longer than it was")
    house.project.run("pull", "--locked").denied("size_mismatch")
    del bucket.objects["tiny/config.json"]
    house.project.run("pull", "--locked").denied("revision_vanished")


def test_a_first_pull_without_tls_confirms_nothing(house: House) -> None:
    house.fill()
    house.settings(pull={})
    house.pull().denied("origin_unconfirmed")
    house.project.assert_untouched()
    house.settings()
    assert house.pull().status == 0
    assert not house.entry["origin_confirmed"]
    house.forget_store()
    house.settings(pull={})
    assert house.project.run("pull", "--locked").status == 0
    house.pull("--update", "--yes").denied("origin_unconfirmed")


def test_a_version_that_vanished_is_said(house: House) -> None:
    bucket = house.fill()
    assert house.pull().status == 0
    house.forget_store()
    bucket.objects["tiny/config.json"].clear()
    bucket.put("tiny/config.json", CONFIG)
    ran = house.project.run("pull", "--locked").denied("revision_vanished")
    assert "tiny/config.json" in ran.err


def test_a_bucket_of_another_owner_is_refused(house: House) -> None:
    bucket = house.fill()
    assert house.pull().status == 0
    bucket.owner = "somebody-else"
    bucket.put("tiny/config.json", b"theirs")
    house.pull("--update", "--yes").denied("owner_changed")
    bucket.owner = None
    house.pull("--update", "--yes").denied("origin_unconfirmed")


def test_an_edited_version_or_revision_in_the_lock_is_refused(house: House) -> None:
    bucket = house.fill()
    first = bucket.objects["tiny/config.json"][0].version
    newer = bucket.put("tiny/config.json", b'{"b": 9}')
    assert house.pull().status == 0
    text = house.project.lock.read_text()
    house.forget_store()
    house.project.lock.write_text(text.replace(newer.version, first))
    house.project.run("pull").denied("digest_mismatch")
    revision = house.entry["revision"]
    house.project.lock.write_text(text.replace(f'"revision": "{revision}"', '"revision": "sha256:0"'))
    house.project.run("pull").denied("lock_conflict")


def test_what_young_revisions_must_wait_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill()
    assert house.project.run("--set", "pull.cooldown_days=1", "pull", SOURCE).denied("age_unknown")
    monkeypatch.setattr(S3Service, "is_authentic", True)  # as if it were asked with TLS
    assert house.project.run("--set", "pull.cooldown_days=1000", "pull", SOURCE).denied("revision_too_young")
    assert house.project.run("--set", "pull.cooldown_days=1", "pull", SOURCE).status == 0


@pytest.mark.parametrize(
    ("allowed", "source"),
    [
        ("models/tiny", "s3://models/tiny-evil"),
        ("models/tiny", "s3://models"),
        ("models/tiny", "s3://modles/tiny"),
        ("other", SOURCE),
    ],
)
def test_what_the_settings_do_not_name_is_not_asked_for(house: House, allowed: str, source: str) -> None:
    house.fill()
    house.settings(allowed=allowed)
    house.pull(source=source).denied("source_not_allowed")
    assert house.store.requests == []


@pytest.mark.parametrize(
    "key",
    [
        "tiny/../../x",
        "tiny//x",
        "tiny/..",
        "tiny/a\\b",
        "tiny/a:b",
        "tiny/sub dir/W+Ä.bin",
        "tiny/config.json/x",
    ],
)
def test_keys_that_are_no_paths_are_refused(house: House, key: str) -> None:
    house.fill().put(key, b"x")
    ran = house.pull()
    assert ran.status == 1, ran
    assert "[path_invalid]" in ran.err or "[path_collision]" in ran.err, ran
    house.project.assert_untouched()


@pytest.mark.parametrize("source", ["s3://models/tiny/../other", "s3://models//tiny", "s3://models/tiny/.."])
def test_a_prefix_cannot_climb(house: House, source: str) -> None:
    house.settings(allowed="models/tiny")
    house.pull(source=source).denied("path_invalid")
    assert house.store.requests == []


def test_ten_thousand_and_one_files_are_refused_without_asking_for_one(house: House) -> None:
    bucket = house.store.create("models")
    for number in range(10_001):
        bucket.put(f"tiny/{number}", b"x")
    house.pull().denied("artifact_too_many_files")
    assert len(house.store.requests) == house.listings() == 11


def test_a_redirect_is_refused_and_the_key_does_not_follow(house: House) -> None:
    house.fill()
    with ObjectStore() as other:
        for where in (other.url("/models/"), "http://169.254.169.254/latest/meta-data/"):
            answer = Answer(302, headers={"Location": where})
            house.store.alter = lambda _asked, _answer, answer=answer: answer
            house.pull().denied("redirect_refused")
        assert other.requests == []


def test_an_endpoint_of_a_variable_is_not_the_origin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.fill()
    house.settings(endpoint=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", house.store.url())
    ran = house.pull().denied("host_not_allowed")
    assert "s3.endpoint" in ran.err
    assert house.store.requests == []


def test_no_key_is_shown_or_written(house: House, tmp_path: Path) -> None:
    house.fill()
    house.store.session_token = None
    said = [house.pull(), house.project.run("config")]
    house.store.alter = lambda _asked, _answer: Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
    said.append(house.pull("--update"))
    assert [ran.status for ran in said] == [0, 0, 3]
    texts = [text for ran in said for text in (ran.out, ran.err)]
    texts += [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    for text in texts:
        assert SECRET not in text
        assert KEY_ID not in text
        assert "AWS4-HMAC" not in text


def test_an_untrusted_text_in_an_answer_is_escaped(house: House) -> None:
    house.fill().put("tiny/\x9b31mred\u202e", b"x")
    ran = house.pull().denied("path_invalid")
    assert "\x9b" not in ran.err
    assert "\u202e" not in ran.err
