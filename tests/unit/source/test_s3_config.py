"""Keys, region and endpoint where other tools look for them too."""

from pathlib import Path

import pytest

from weighlock.core.error import UsageError
from weighlock.source.aws_config import MAX_CONFIG_BYTES, AwsConfig

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAVAR", "AWS_SECRET_ACCESS_KEY": "s3cret-var"}
CREDENTIALS = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = s3cret/with%percent=and+more

[work]
aws_access_key_id=AKIAWORK
aws_secret_access_key=s3cret-work
aws_session_token=t0ken
"""
CONFIG = """
# comment
[default]
region = eu-west-1
s3 =
  addressing_style = path

[profile work]
region = eu-north-1
endpoint_url = https://minio.example

[profile sso]
sso_session = corp

[profile process]
credential_process = /bin/false
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(CREDENTIALS)
    (tmp_path / ".aws/config").write_text(CONFIG)
    return tmp_path


def found(environ: dict[str, str]) -> tuple[str, str, str | None] | None:
    key = AwsConfig(environ).find_key()
    if key is None:
        return None
    return key.id, key.secret.reveal(), key.session_token.reveal() if key.session_token else None


def test_without_anything_nobody_is_named(tmp_path: Path) -> None:
    for environ in ({}, {"HOME": str(tmp_path)}):
        config = AwsConfig(environ)
        assert (config.find_key(), config.region, config.endpoint) == (None, None, None)


def test_variables_come_before_profiles(home: Path) -> None:
    environ = {"HOME": str(home), "AWS_PROFILE": "work", **KEYS}
    assert found(environ) == ("AKIAVAR", "s3cret-var", None)
    assert found({**environ, "AWS_SESSION_TOKEN": "x"}) == ("AKIAVAR", "s3cret-var", "x")
    assert AwsConfig(environ).region == "eu-north-1"
    assert AwsConfig({**environ, "AWS_DEFAULT_REGION": "a", "AWS_REGION": "b"}).region == "b"
    assert AwsConfig({**environ, "AWS_DEFAULT_REGION": "a"}).region == "a"


def test_a_profile_is_read_from_both_files(home: Path) -> None:
    assert found({"HOME": str(home)}) == ("AKIADEFAULT", "s3cret/with%percent=and+more", None)
    environ = {"HOME": str(home), "AWS_PROFILE": "work"}
    assert found(environ) == ("AKIAWORK", "s3cret-work", "t0ken")
    assert AwsConfig(environ).endpoint == "https://minio.example"
    assert AwsConfig({"HOME": str(home)}).region == "eu-west-1"
    assert AwsConfig({**environ, "AWS_ENDPOINT_URL": "https://a"}).endpoint == "https://a"
    both = {**environ, "AWS_ENDPOINT_URL": "https://a", "AWS_ENDPOINT_URL_S3": "https://b"}
    assert AwsConfig(both).endpoint == "https://b"


def test_the_files_may_be_elsewhere(home: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("[default]\naws_access_key_id=A\naws_secret_access_key=b\n")
    environ = {"HOME": str(home), "AWS_CONFIG_FILE": "/nonexistent"}
    assert found({**environ, "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "mine")}) == ("A", "b", None)
    assert found({**environ, "AWS_SHARED_CREDENTIALS_FILE": "~/mine"}) == ("A", "b", None)
    assert AwsConfig(environ).region is None


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(UsageError) as caught:
        AwsConfig(environ).find_key()
    assert caught.value.code == "credentials_invalid"
    said = f"{caught.value} {caught.value.hint}"
    assert "s3cret" not in said
    return said


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ACCESS_KEY_ID": "AKIA"},
        {"AWS_SECRET_ACCESS_KEY": "s3cret"},
        {"AWS_ACCESS_KEY_ID": "AKIA\n", "AWS_SECRET_ACCESS_KEY": "s3cret"},
        {"AWS_ACCESS_KEY_ID": "AKIA, x", "AWS_SECRET_ACCESS_KEY": "s3cret"},
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret\r\nHost: x"},
        {**KEYS, "AWS_SESSION_TOKEN": "a\nb"},
        {"AWS_PROFILE": "absent"},
        {"AWS_PROFILE": "absent\x1b[31m"},
    ],
)
def test_half_a_key_and_a_profile_that_is_not_there_are_mistakes(home: Path, environ: dict[str, str]) -> None:
    assert "\x1b" not in refused({"HOME": str(home), **environ})


def test_keys_that_must_be_fetched_are_not(home: Path) -> None:
    assert "sso_session, which is not followed" in refused({"HOME": str(home), "AWS_PROFILE": "sso"})
    assert "credential_process" in refused({"HOME": str(home), "AWS_PROFILE": "process"})


@pytest.mark.parametrize(
    "raw",
    [
        b"s3cret without section\n",
        b"[a\ns3cret=1",
        b"\xff\xfes3cret",
        b"[a]\ns3cret\n",
        b"#" * (MAX_CONFIG_BYTES + 1),
    ],
)
def test_a_file_that_cannot_be_read_is_not_shown(home: Path, raw: bytes) -> None:
    (home / ".aws/credentials").write_bytes(raw)
    assert "credentials cannot be read" in refused({"HOME": str(home)}).replace("' cannot", " cannot")


def test_a_folder_in_a_files_place_is_a_mistake(home: Path) -> None:
    assert "cannot be read (Is a directory)" in refused({"HOME": "/", "AWS_CONFIG_FILE": str(home)})
