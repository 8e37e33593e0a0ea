"""What people read on the release path: facts in words, hints, and nothing that a file name smuggles in."""

import pytest

from release_house import (  # noqa: F401  # fixtures are found by name
    NAME,
    House,
    released_fixture,
    requested_fixture,
    stages_fixture,
)


def said(house: House, *arguments: str, status: int = 0) -> str:
    ran = house.run(*arguments, json_output=False)
    assert ran.status == status, ran
    return str(ran.facts) + ran.err


def test_the_way_of_a_candidate(requested: House) -> None:
    candidate = requested.candidate
    told = said(requested, "promote", candidate, status=1)
    assert "denied: tiny is not released" in told
    assert "0 of 2 people have approved [approvals_missing]\n    hint: `weighlock approve" in told
    assert "[sbom_not_reviewed]" in told
    assert "would be denied" in said(requested, "promote", candidate, "--dry-run", status=1)
    key = ("--key", requested.key("ana"))
    assert "ana accepted the bill of materials of tiny" in said(requested, "sbom", "review", candidate, *key)
    waive = ("evidence", "waive", candidate, "--reason", "tiny", "--key", requested.key("ben"))
    assert "ben waived the evaluation of tiny" in said(requested, *waive)
    assert f"ana approved tiny, {candidate}" in said(requested, "approve", candidate, "--yes", *key)
    requested.approve(candidate, "ben")
    assert "would be allowed" in said(requested, "promote", candidate, "--dry-run")
    assert "nothing is released yet" in said(requested, "release", "show")
    assert "released tiny@1, sha256:" in said(requested, "promote", candidate)


def test_what_is_released(released: House) -> None:
    told = said(released, "release", "show")
    assert told.startswith("state 2 of production, fresh until ")
    assert "tiny@1" in told
    told = said(released, "release", "verify", NAME)
    assert told.startswith("may run")
    assert "approved by  ana, ben" in told
    assert "state 3 of production is fresh until" in said(released, "renew")


def test_what_was_revoked(released: House) -> None:
    digest = str(released.file_digest())
    assert "nothing was revoked" in said(released, "revoke", "--list")
    other = "sha256:" + "0" * 64
    told = said(released, "revoke", other, "--reason", "x", "--key", released.key("ana"))
    assert "no release contains it" in told
    told = said(released, "revoke", digest, "--reason", "\x1b[31mbad", "--key", released.key("ana"))
    assert "denied now: tiny@1 (revoked)" in told
    told = said(released, "revoke", "--list")
    assert digest in told
    assert "\x1b" not in told
    assert "no: tiny@1 contains" in said(released, "release", "show")
    assert "hint: " in said(released, "release", "verify", NAME, status=1)


def test_a_revocation_where_the_service_key_is_not(released: House) -> None:
    (released.root / "keys" / "production.pem").unlink()
    digest = str(released.file_digest())
    told = said(released, "revoke", digest, "--reason", "x", "--key", released.key("ana"))
    assert "the state was not signed" in told
    assert "[key_missing]; run `weighlock renew` where its key is" in told


def test_what_is_known(released: House) -> None:
    told = said(released, "evidence", "ls", f"production:{released.candidate}")
    for kind in ("request", "sbom", "review", "waiver", "approval"):
        assert kind in told


@pytest.mark.parametrize(
    "command",
    [
        ("revoke",),
        ("revoke", "sha256:" + "0" * 64),
        ("revoke", "--reason", "x"),
        ("reject", NAME),
        ("run", NAME, "--listen", "nowhere"),
        ("run", NAME, "--listen", "127.0.0.1:65536"),
        ("run", NAME, "--minimum", "none"),
        ("request", NAME, "--name", NAME, "--env", "NOVALUE", "--key", "keys/cem.pem", "--", "x"),
    ],
)
def test_wrong_usage(released: House, command: tuple[str, ...]) -> None:
    assert released.run(*command).status == 2


def test_the_approver_reads_every_variable_whole(requested: House) -> None:
    """A long value does not push the one that matters out of sight, and none forges a line."""
    hidden = ("--env", f"A={'x' * 5000}", "--env", "B=1\n  - C=2\x1b[1A", "--env", "LD_PRELOAD=/tmp/evil.so")
    told = said(requested, "approve", requested.request(*hidden), "--show")
    lines = told.splitlines()
    assert f"  - A={'x' * 5000}" in lines
    assert "  - LD_PRELOAD=/tmp/evil.so" in lines
    assert "  - C=2" not in lines
    assert "\x1b" not in told
