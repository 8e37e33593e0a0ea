"""``https:`` sources: whoever answers, only the bytes that the person named come in."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from http_house import Answer, House, compressed, content, redirect
from pull_project import Project, Ran, project_fixture  # noqa: F401  # the fixture is found by name
from web_authority import Authority
from weighlock.store.layout import LayoutStore

WEIGHTS = bytes(range(256)) * 400
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
FILE = "/models/tiny.gguf"


class Web:
    """A project, and a web server that its settings trust."""

    def __init__(self, project: Project, house: House, authority: Authority) -> None:
        self.project = project
        self.house = house
        self.authority = authority
        self.settings()

    def settings(self, *, allowed: list[str] | None = None, **network: Any) -> None:
        """Trust the server, or ``allowed`` instead; ``network`` adds to the settings of that name."""
        document = {
            "version": 1,
            "sources": {"https": [self.house.host] if allowed is None else allowed},
            "network": {"ca_file": str(self.authority.ca_file), **network},
        }
        (self.project.root / "weighlock.yaml").write_text(json.dumps(document))

    def source(self, path: str = FILE, digest: str = DIGEST) -> str:
        return f"{self.house.url(path)}#sha256={digest}"

    def pull(self, *options: str, path: str = FILE, digest: str = DIGEST) -> Ran:
        return self.project.run("pull", self.source(path, digest), *options)


@pytest.fixture
def web(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("HOME", str(tmp_path))  # where netrc would be
    authority = Authority(tmp_path)
    with House(tls=authority) as house:
        house.put(FILE, WEIGHTS)
        yield Web(project, house, authority)


def entry(project: Project) -> dict[str, Any]:
    (found,) = json.loads(project.lock.read_text())["models"].values()
    return dict(found)


def test_a_file_is_pulled_and_locked_by_the_digest_that_the_person_names(web: Web) -> None:
    ran = web.pull()
    assert ran.status == 0, ran
    locked = entry(web.project)
    assert locked["source"] == web.source()
    assert locked["revision"] == f"sha256:{DIGEST}"
    assert locked["owner"] == {"scheme": "https", "id": "unavailable", "name": web.house.host}
    assert locked["files"] == {"tiny.gguf": {"size": len(WEIGHTS), "sha256": DIGEST}}
    asked = len(web.house.requests)
    assert web.project.run("pull", "--locked").status == 0
    assert len(web.house.requests) == asked


def test_one_spelling_of_an_address_is_locked(web: Web) -> None:
    path = FILE.replace("tiny", "%74iny")
    assert web.pull(path=path).status == 0
    assert entry(web.project)["source"] == web.source()
    assert web.pull(path=path).status == 0


def test_other_bytes_of_the_same_size_are_refused(web: Web) -> None:
    web.house.put(FILE, WEIGHTS[:-1] + b"\0")
    web.pull().denied("digest_mismatch")
    web.project.assert_untouched()


def test_bytes_that_change_after_the_size_was_asked_are_refused(web: Web) -> None:
    web.house.put(FILE, content(WEIGHTS), content(WEIGHTS + b"x"))
    web.pull().denied("size_mismatch")
    web.project.assert_untouched()


def test_an_endless_body_is_cut_off_at_the_size_that_was_said(web: Web) -> None:
    endless = Answer(200, WEIGHTS * 3, length=-1)
    web.house.put(FILE, content(WEIGHTS), endless)
    assert web.pull().denied("size_mismatch")
    web.project.assert_untouched()


def test_a_server_that_says_no_size_is_not_believed(web: Web) -> None:
    web.house.put(FILE, Answer(200, WEIGHTS, chunked=1000))
    ran = web.pull()
    assert (ran.status, "[size_unknown]" in ran.err) == (3, True), ran
    web.house.put(FILE, Answer(206, b"x", {"Content-Range": "bytes 0-0/9999999999999999"}))
    assert "[size_unknown]" in web.pull().err


def test_a_compressed_answer_is_refused(web: Web) -> None:
    web.house.put(FILE, compressed(WEIGHTS))
    web.pull().denied("encoding_refused")


def test_an_archive_in_disguise_is_refused(web: Web) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x", b"x")
    raw = packed.getvalue()
    web.house.put("/models/x.safetensors", raw)
    web.pull(path="/models/x.safetensors", digest=hashlib.sha256(raw).hexdigest()).denied("archive_disguised")
    assert web.project.names() == {}
    assert not web.project.lock.exists()


def test_the_name_is_the_addresss_whatever_the_server_says(web: Web) -> None:
    web.house.put(
        FILE, content(WEIGHTS, headers={"Content-Disposition": 'attachment; filename="../../evil"'})
    )
    assert web.pull().status == 0
    assert list(entry(web.project)["files"]) == ["tiny.gguf"]


@pytest.mark.parametrize(
    "where",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/x",
        "https://127.0.0.1:1/x",
        "https://localhost/x",
        "https://0.0.0.0/x",
        "https://10.0.0.1/x",
        "https://somewhere.example/x",
        "file:///etc/passwd",
        "ftp://somewhere.example/x",
        "//somewhere.example/x",
        "https://me:secret@somewhere.example/x",
    ],
)
def test_a_redirect_that_the_settings_do_not_allow_is_refused(web: Web, where: str) -> None:
    web.house.put(FILE, redirect(where))
    ran = web.pull().denied("redirect_refused")
    assert "secret" not in ran.err
    web.project.assert_untouched()


def test_a_redirect_to_a_link_local_address_is_refused_even_if_allowed(web: Web) -> None:
    web.settings(hosts=["169.254.169.254"])
    web.house.put(FILE, redirect("https://169.254.169.254/x"))
    web.pull().denied("address_refused")


def test_a_redirect_without_tls_is_refused(web: Web) -> None:
    with House() as plain:
        plain.put("/x", WEIGHTS)
        web.house.put(FILE, redirect(plain.url("/x")))
        web.settings(hosts=[plain.host])
        web.pull().denied("redirect_refused")
        assert plain.requests == []


def test_a_redirect_in_a_circle_ends(web: Web) -> None:
    web.house.put(FILE, redirect("/a"))
    web.house.put("/a", redirect(FILE))
    web.pull().denied("redirect_refused")


def test_credentials_do_not_follow_an_allowed_redirect(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with House(tls=web.authority, names=["localhost"]) as other:
        other.put("/x", WEIGHTS)
        web.house.put(FILE, redirect(f"https://localhost:{other.port}/x?signature=abc"))
        web.settings(hosts=[f"localhost:{other.port}"])
        ran = web.pull()
        assert ran.status == 0, ran
        assert other.requests
        assert all("authorization" not in asked.headers for asked in other.requests)
    assert all("authorization" in asked.headers for asked in web.house.requests)
    kept = [file for file in web.project.root.rglob("*") if file.is_file()]
    for text in (ran.out, ran.err, *(file.read_bytes().decode("latin-1") for file in kept)):
        assert "s3cret" not in text
        assert "signature=abc" not in text


def test_plain_http_is_refused_unless_its_host_is_listed(web: Web) -> None:
    with House() as plain:
        plain.put(FILE, WEIGHTS)
        source = f"{plain.url(FILE)}#sha256={DIGEST}"
        web.settings(allowed=[plain.host])
        ran = web.project.run("pull", source).denied("plain_http")
        assert f"network:\n      plain_http:\n        - '{plain.host}'" in ran.err
        assert plain.requests == []
        web.settings(allowed=[plain.host], plain_http=[plain.host])
        assert web.project.run("pull", source).status == 0
        assert entry(web.project)["source"] == source


def test_a_certificate_of_nobody_known_is_refused(web: Web) -> None:
    (web.project.root / "weighlock.yaml").write_text(
        json.dumps({"version": 1, "sources": {"https": [web.house.host]}})
    )
    ran = web.pull()
    assert (ran.status, "[tls_failed]" in ran.err) == (3, True), ran
    assert web.house.requests == []


@pytest.mark.parametrize(
    ("tail", "code", "status"),
    [
        ("", "digest_missing", 1),
        ("#", "digest_missing", 1),
        (f"#sha512={'0' * 128}", "digest_missing", 1),
        (f"#md5={'0' * 32}", "digest_missing", 1),
        (f"#sha256={DIGEST.upper()}", "digest_invalid", 1),
        (f"#sha256={DIGEST[:-1]}", "digest_invalid", 1),
        ("#sha256=../../x", "digest_invalid", 1),
        (f"#sha256={DIGEST}&name=x", "digest_invalid", 1),
        (f"?token=s3cret#sha256={DIGEST}", "source_invalid", 2),
        (f"/%2e%2e/%2e%2e/x#sha256={DIGEST}", "source_invalid", 2),
        (f"/..%2f..%2fx#sha256={DIGEST}", "source_invalid", 2),
        (f"//x#sha256={DIGEST}", "source_invalid", 2),
        (f"/a%00b#sha256={DIGEST}", "source_invalid", 2),
        (f"/CON#sha256={DIGEST}", "path_invalid", 1),
        (f"/a%3Ab#sha256={DIGEST}", "path_invalid", 1),
        (f"/%20a#sha256={DIGEST}", "path_invalid", 1),
    ],
)
def test_what_is_no_file_with_its_digest_is_refused_before_anybody_is_asked(
    web: Web, tail: str, code: str, status: int
) -> None:
    ran = web.project.run("pull", f"{web.house.url(FILE)}{tail}")
    assert (ran.status, f"[{code}]" in ran.err) == (status, True), ran
    assert "s3cret" not in ran.err
    assert web.house.requests == []
    web.project.assert_untouched()


def test_a_password_in_an_address_is_refused_and_not_shown(web: Web) -> None:
    source = web.source().replace("https://", "https://me:s3cret@")
    ran = web.project.run("pull", source)
    assert (ran.status, "[source_invalid]" in ran.err) == (2, True), ran
    assert "s3cret" not in ran.err + ran.out
    assert web.house.requests == []


def test_a_lock_with_another_digest_is_refused(web: Web) -> None:
    assert web.pull().status == 0
    other = hashlib.sha256(b"other").hexdigest()
    web.house.put(FILE, b"other")
    ran = web.pull(digest=other).denied("lock_conflict")
    assert other in ran.err
    # the source in the lock edited, and not the file: the two contradict each other
    text = web.project.lock.read_text()
    web.project.lock.write_text(text.replace(f"#sha256={DIGEST}", f"#sha256={other}"))
    shutil.rmtree(web.project.store_folder)
    LayoutStore.create(web.project.store_folder)
    web.project.run("pull").denied("digest_mismatch")


def test_an_empty_file_is_a_file(web: Web) -> None:
    empty = hashlib.sha256(b"").hexdigest()
    web.house.put("/empty.txt", b"")
    assert web.pull(path="/empty.txt", digest=empty).status == 0
    assert entry(web.project)["files"]["empty.txt"]["size"] == 0
