"""Credentials in Docker's files: which entry counts, which helper is asked, and that no secret is shown."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from weighlock.core.error import UndecidedError, UsageError
from weighlock.transport.credential import Secret
from weighlock.transport.registry.credential_helper import MAX_ANSWER_BYTES, ask_helper
from weighlock.transport.registry.docker_config import DockerConfig, Login

HELPER = """#!/bin/sh
[ "$1" = get ] || exit 9
server=$(cat)
echo "$server" >>"$0.asked"
%s
"""


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def login(user: str, password: str) -> Login:
    return Login(user, Secret(password))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def find(
    path: Path, document: Any, registry: str = "reg.example", repository: str = "team/model"
) -> Login | None:
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return DockerConfig((path,), {"PATH": str(path.parent)}).find(registry, repository)


def put_helper(folder: Path, name: str, script: str) -> Path:
    program = folder / f"docker-credential-{name}"
    program.write_text(HELPER % script)
    program.chmod(0o755)
    return program


@pytest.fixture
def helper_path(tmp_path: Path) -> dict[str, str]:
    return {"PATH": f"{tmp_path}:/usr/bin:/bin"}


def test_the_login_of_a_registry(config: Path) -> None:
    assert find(config, {"auths": {"reg.example": auth("me", "a:b")}}) == login("me", "a:b")


@pytest.mark.parametrize(
    "key", ["https://reg.example/v1/", "https://reg.example/v2/", "http://reg.example", "reg.example/"]
)
def test_keys_as_old_programs_wrote_them(config: Path, key: str) -> None:
    assert find(config, {"auths": {key: auth("me", "x")}}) == login("me", "x")


@pytest.mark.parametrize(
    "key", ["reg.example:443", "evilreg.example", "reg.example.evil", "example", "reg.example/team/mod", "reg.example/team/model/x"]
)  # fmt: skip
def test_other_keys_do_not_count(config: Path, key: str) -> None:
    assert find(config, {"auths": {key: auth("me", "x")}}) is None


def test_the_most_specific_key_wins(config: Path) -> None:
    auths = {
        "reg.example": auth("host", "1"),
        "reg.example/team": auth("team", "2"),
        "reg.example/team/model": auth("model", "3"),
    }
    assert find(config, {"auths": auths}) == login("model", "3")
    assert find(config, {"auths": auths}, repository="team/other") == login("team", "2")
    assert find(config, {"auths": auths}, repository="other/model") == login("host", "1")


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
def test_docker_hub_by_all_its_names(config: Path, key: str) -> None:
    found = find(config, {"auths": {key: auth("me", "x")}}, registry="docker.io", repository="library/x")
    assert found == login("me", "x")


def test_an_identity_token(config: Path) -> None:
    entry = {**auth("00000000-0000-0000-0000-000000000000", ""), "identitytoken": "t0k"}
    found = find(config, {"auths": {"reg.example": entry}})
    assert found is not None
    assert found.identity_token == Secret("t0k")


def test_plain_user_and_password(config: Path) -> None:
    assert find(config, {"auths": {"reg.example": {"username": "me", "password": "x"}}}) == login("me", "x")


@pytest.mark.parametrize("document", [{}, {"auths": {}}, {"auths": {"reg.example": {}}}, "", "\n"])
def test_nothing_is_nobody(config: Path, document: Any) -> None:
    assert find(config, document) is None


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "[]",
        '{"auths": {}, "auths": {}}',
        {"auths": []},
        {"credHelpers": "x"},
        {"auths": {"reg.example": "x"}},
        {"auths": {"reg.example": {"auth": "s3cr3t%"}}},
        {"auths": {"reg.example": {"auth": 7}}},
        {"auths": {"reg.example": {"auth": base64.b64encode(b"s3cr3t").decode()}}},
        {"auths": {"reg.example": {"auth": base64.b64encode(b"\xff:\xff").decode()}}},
        {"auths": {"reg.example": {"username": "me", "password": 7}}},
        {"auths": {"reg.example": {"identitytoken": ["s3cr3t"]}}},
        {"credsStore": 7},
        {"credHelpers": {"reg.example": None}},
        {"credsStore": "../../bin/sh"},
        {"credsStore": ""},
        {"credsStore": "a b"},
        {"credsStore": "x\n"},
        {"credsStore": "a" * 65},
        '{"auths": {"reg.example": {"auth": "s3cr3t"} s3cr3t',
    ],
)
def test_malformed_files_are_refused_without_showing_them(config: Path, document: Any) -> None:
    with pytest.raises(UsageError) as caught:
        find(config, document)
    assert caught.value.code == "credentials_invalid"
    assert "s3cr3t" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"
    assert base64.b64encode(b"s3cr3t").decode() not in str(caught.value)


def test_secrets_do_not_show_in_a_login() -> None:
    assert "p4ss" not in repr(Login("me", Secret("p4ss"), Secret("p4ss")))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "config.json"
    folder.mkdir()
    with pytest.raises(UndecidedError) as caught:
        DockerConfig((folder,), {}).find("reg.example", "x")
    assert caught.value.code == "io_failed"


def test_which_files_are_read(tmp_path: Path) -> None:
    named = {"DOCKER_CONFIG": "/d", "REGISTRY_AUTH_FILE": "/r.json", "XDG_RUNTIME_DIR": "/run"}
    assert DockerConfig.of(named, tmp_path).paths == (Path("/d/config.json"), Path("/r.json"))
    usual = (Path("/run/containers/auth.json"), tmp_path / ".docker" / "config.json")
    assert DockerConfig.of({"XDG_RUNTIME_DIR": "/run"}, tmp_path).paths == usual
    assert DockerConfig.of({}, tmp_path).paths == usual[1:]


def test_the_first_file_with_a_login_counts(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("missing", "other", "one", "two")]
    paths[1].write_text(json.dumps({"auths": {"other.example": auth("x", "0")}}))
    paths[2].write_text(json.dumps({"auths": {"reg.example": auth("one", "1")}}))
    paths[3].write_text("broken, and never read")
    assert DockerConfig(tuple(paths), {}).find("reg.example", "x") == login("one", "1")


def test_a_helper_for_one_registry(config: Path, helper_path: dict[str, str]) -> None:
    program = put_helper(config.parent, "vault", """echo '{"Username":"me","Secret":"s"}'""")
    document = {"credHelpers": {"reg.example": "vault"}, "auths": {"reg.example": auth("old", "0")}}
    config.write_text(json.dumps(document))
    assert DockerConfig((config,), helper_path).find("reg.example", "a/b") == login("me", "s")
    assert Path(f"{program}.asked").read_text() == "reg.example\n"


def test_a_helper_gives_an_identity_token(config: Path, helper_path: dict[str, str]) -> None:
    program = put_helper(config.parent, "store", """echo '{"Username":"<token>","Secret":"s"}'""")
    config.write_text(json.dumps({"credsStore": "store"}))
    found = DockerConfig((config,), helper_path).find("docker.io", "library/x")
    assert found is not None
    assert found.identity_token == Secret("s")
    assert Path(f"{program}.asked").read_text() == "https://index.docker.io/v1/\n"


def test_a_store_that_knows_nothing_is_not_the_last_word(config: Path, helper_path: dict[str, str]) -> None:
    program = put_helper(config.parent, "store", "echo credentials not found in native keychain; exit 1")
    config.write_text(json.dumps({"credsStore": "store", "auths": {"reg.example": auth("me", "x")}}))
    assert DockerConfig((config,), helper_path).find("reg.example", "a") == login("me", "x")
    assert Path(f"{program}.asked").read_text() == "reg.example\n"
    assert DockerConfig((config,), helper_path).find("other.example", "a") is None


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo s3cr3t; exit 1", "status 1"),
        ("echo s3cr3t", "JSON"),
        ("echo '[]'", "JSON"),
        ("""echo '{"Username":"me"}'""", "no user and secret"),
        ("""echo '{"Username":"me","Secret":""}'""", "no user and secret"),
        ("""echo '{"Username":"me","Secret":["s3cr3t"]}'""", "no user and secret"),
        (f"head -c {MAX_ANSWER_BYTES + 1} /dev/zero", "more than"),
        ("cat /dev/zero", "more than"),
    ],
)
def test_a_helper_that_fails(tmp_path: Path, helper_path: dict[str, str], script: str, why: str) -> None:
    put_helper(tmp_path, "bad", script)
    with pytest.raises(UndecidedError, match=why) as caught:
        ask_helper("bad", "reg.example", helper_path)
    assert caught.value.code == "credential_helper_failed"
    assert "s3cr3t" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize("script", ["exec sleep 5", "sleep 5 & exit 0", "exec >&-; exec sleep 5"])
def test_a_helper_that_hangs(tmp_path: Path, helper_path: dict[str, str], script: str) -> None:
    put_helper(tmp_path, "slow", script)
    with pytest.raises(UndecidedError) as caught:
        ask_helper("slow", "reg.example", helper_path, timeout_s=0.1)
    assert caught.value.code == "credential_helper_failed"


def test_a_helper_that_does_not_read(tmp_path: Path, helper_path: dict[str, str]) -> None:
    program = tmp_path / "docker-credential-deaf"
    program.write_text("""#!/bin/sh\nexec <&-\necho '{"Username":"me","Secret":"s"}'\n""")
    program.chmod(0o755)
    found = ask_helper("deaf", "reg.example", helper_path)
    assert found is not None
    assert found.user == "me"


def test_a_helper_that_is_missing_or_no_program(tmp_path: Path, helper_path: dict[str, str]) -> None:
    with pytest.raises(UndecidedError, match="not on PATH") as caught:
        ask_helper("nowhere", "reg.example", helper_path)
    assert caught.value.code == "credential_helper_failed"
    (tmp_path / "docker-credential-junk").write_bytes(b"\x7fELF junk")
    (tmp_path / "docker-credential-junk").chmod(0o755)
    with pytest.raises(UndecidedError, match="started") as caught:
        ask_helper("junk", "reg.example", helper_path)
    assert caught.value.code == "credential_helper_failed"


def test_the_helper_sees_the_environment_as_it_is(tmp_path: Path, helper_path: dict[str, str]) -> None:
    put_helper(tmp_path, "env", """printf '{"Username":"%s","Secret":"s"}' "$AWS_PROFILE" """)
    found = ask_helper("env", "reg.example", {**helper_path, "AWS_PROFILE": "work"})
    assert found is not None
    assert found.user == "work"
