"""What the gates decide is on record, denied or allowed, where the log's key is."""

from release_house import (  # noqa: F401  # fixtures are found by name
    NAME,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)

WORKLOAD = (
    "kind: Pod\napiVersion: v1\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'repo:tag'}]}\n"
)


def last(house: House) -> dict[str, str]:
    entries = house.ok("log", "-e", "production")["entries"]
    entry: dict[str, str] = entries[-1]
    return {name: entry[name] for name in ("action", "outcome", "code", "message")}


def test_a_workload_that_was_denied(released: House) -> None:
    (released.root / "pod.yaml").write_text(WORKLOAD)
    assert released.run("check", "pod.yaml").status == 1
    expected = {"action": "check", "outcome": "deny", "code": "reference_not_pinned", "message": "pod.yaml"}
    assert last(released) == expected


def test_a_workload_that_was_allowed(released: House) -> None:
    pinned = WORKLOAD.replace("repo:tag", f"repo@sha256:{'a' * 64}")
    (released.root / "pod.yaml").write_text(pinned)
    assert released.run("check", "pod.yaml").status == 0
    assert last(released)["outcome"] == "allow"


def test_a_file_that_was_not_examined(released: House) -> None:
    (released.root / "odd.yaml").write_text("a: 1\n")
    assert released.run("check", "odd.yaml").status == 3
    assert last(released)["outcome"] == "undecided"


def test_a_release_that_was_verified(released: House) -> None:
    released.ok("release", "verify", NAME)
    assert last(released) == {"action": "verify", "outcome": "allow", "code": "", "message": f"{NAME}@1"}
    released.denied("release_unknown", "release", "verify", "other")
    assert last(released)["code"] == "release_unknown"


def test_without_the_logs_key_a_gate_decides_all_the_same(released: House) -> None:
    (released.root / "keys" / "production-log.pem").unlink()
    settings = released.root / "weighlock.yaml"
    kept = [line for line in settings.read_text().splitlines() if "production-log.pem" not in line]
    settings.write_text("\n".join(kept) + "\n")
    (released.root / "pod.yaml").write_text(WORKLOAD)
    assert released.run("check", "pod.yaml").status == 1
    released.ok("release", "verify", NAME)


def test_a_log_that_was_cut_allows_nothing(released: House) -> None:
    entries = released.root / ".weighlock/production/log/entries.jsonl"
    entries.write_bytes(b"".join(entries.read_bytes().splitlines(keepends=True)[:-1]))
    ran = released.run("release", "verify", NAME)
    assert (ran.status, ran.code) == (1, "log_truncated")
    denied = released.run("release", "verify", "other")
    assert denied.code == "release_unknown"  # the denial stands, and says that it is not on record
    assert "not on record" in denied.facts["error"]["details"]["log"]
