import json
from pathlib import Path
from typing import Any

import pytest

from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError
from weighlock.source.pip import Offer, _largest_wheel, asks_safely, diagnose, read_report

DIGEST = Digest.of(b"wheel")
URL = "https://files.invalid/a/tiny_model-1.0%2Blocal-py3-none-any.whl"


def report(**changes: Any) -> bytes:
    info = {"url": URL, "archive_info": {"hashes": {"sha256": DIGEST.hex}}} | changes
    return json.dumps({"version": "1", "install": [{"download_info": info}]}).encode()


def test_a_report_offers_a_wheel_by_name_and_digest() -> None:
    assert read_report(report()) == Offer("tiny_model-1.0+local-py3-none-any.whl", DIGEST, confirmed=True)


@pytest.mark.parametrize(
    ("scheme", "confirmed"), [("https", True), ("file", True), ("http", False), ("ftp", False), ("", False)]
)
def test_only_the_origin_itself_confirms_a_digest(scheme: str, confirmed: bool) -> None:
    assert read_report(report(url=f"{scheme}://files.invalid/x.whl")).confirmed is confirmed


@pytest.mark.parametrize(
    ("configuration", "safe"),
    [
        ("", True),
        ("global.index-url='https://index.invalid/simple'\nglobal.timeout='60'", True),
        ("global.index-url='http://index.invalid/simple'", False),
        ("global.extra-index-url='\\nhttps://a.invalid\\nHTTP://b.invalid'", False),
        ("install.find-links='/wheels http://a.invalid/'", False),
        ("global.find-links='/wheels file:///wheels'", True),
        (":env:.index-url='https://a.invalid'\nglobal.index-url='http://b.invalid'", True),
        ("global.index-url='https://a.invalid'\ninstall.index-url='http://b.invalid'", False),
        ("download.index-url='http://b.invalid'", True),
        ("global.trusted-host='A.invalid:443 b.invalid'\nglobal.index-url='https://a.invalid/simple'", False),
        ("global.trusted-host='a.invalid'", False),
        ("global.trusted-host='b.invalid'\nglobal.index-url='https://a.invalid/simple'", True),
        ('global.index-url="http://it\'s.invalid"', False),
    ],
)
def test_places_that_prove_who_they_are(configuration: str, safe: bool) -> None:
    assert asks_safely(configuration) is safe


@pytest.mark.parametrize(
    "archive",
    [
        {"archive_info": None},
        {"archive_info": {}},
        {"archive_info": {"hashes": {"md5": "0"}}},
        {"vcs_info": {}, "archive_info": {}},
    ],
)
def test_an_offer_without_a_digest_is_unconfirmed(archive: dict[str, Any]) -> None:
    with pytest.raises(DeniedError) as caught:
        read_report(report(**archive))
    assert caught.value.code == "origin_unconfirmed"


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[]",
        b"not json",
        json.dumps({"version": "2", "install": []}).encode(),
        json.dumps({"version": "1", "install": []}).encode(),
        json.dumps({"version": "1", "install": [{}, {}]}).encode(),
        json.dumps({"version": "1", "install": [1]}).encode(),
        report(url="https://["),
        report(archive_info={"hashes": 1}),
    ],
)
def test_reports_that_are_not_as_documented(raw: bytes) -> None:
    with pytest.raises((UndecidedError, DeniedError)) as caught:
        read_report(raw)
    assert caught.value.code == "index_failed"


def test_a_digest_in_upper_case_is_no_digest() -> None:
    with pytest.raises(DeniedError) as caught:
        read_report(report(archive_info={"hashes": {"sha256": DIGEST.hex.upper()}}))
    assert caught.value.code == "digest_invalid"


def test_a_mismatch_names_both_digests() -> None:
    other = Digest.of(b"other")
    said = f"ERROR: THESE PACKAGES DO NOT MATCH\n  x==1:\n   Expected sha256 {DIGEST.hex}\n        Got        {other.hex}\n"
    error = diagnose(said, "x==1")
    assert error.code == "digest_mismatch"
    assert error.details == {"file": "x==1", "expected": str(DIGEST), "found": str(other)}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("/usr/bin/python3: No module named pip\n", "pip_missing"),
        ("ERROR: Could not install: [Errno 28] No space left on device\n", "io_failed"),
        ("ERROR: No matching distribution found for x==1\n", "index_failed"),
        ("Traceback\nboom\n", "index_failed"),
        ("", "index_failed"),
    ],
)
def test_what_pip_says_becomes_a_code(said: str, code: str) -> None:
    assert diagnose(said, "x==1").code == code


def test_an_index_out_of_reach_is_told_from_a_version_that_does_not_exist() -> None:
    missing = "ERROR: No matching distribution found for x==1\n"
    cut_off = f"WARNING: Retrying (Retry(total=0)) after connection broken by 'E': /simple/x/\n{missing}"
    assert "could not be reached" in diagnose(cut_off, "x==1").message
    assert "could not be reached" not in diagnose(missing, "x==1").message


def test_no_address_and_no_credential_is_repeated() -> None:
    error = diagnose(
        "ERROR: 404 for https://user:secret@index.invalid/simple?token=secret now\x1b[31m\n", "x==1"
    )
    assert "secret" not in error.message
    assert "index.invalid" not in error.message
    assert "\x1b" not in error.message
    assert "404 for <address> now" in error.message


def test_the_largest_wheel_is_the_progress(tmp_path: Path) -> None:
    assert _largest_wheel(tmp_path) == 0
    for name, size in (("a.whl", 3), ("sub/b.whl", 5), ("sub/metadata", 9)):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * size)
    assert _largest_wheel(tmp_path) == 5
