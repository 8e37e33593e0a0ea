"""One image, one model, from digests alone."""

import pytest

from gate_case import JUDGE, OTHER, RELEASED, REVOKED
from weighlock.gate.judge import Mount
from weighlock.gate.subject import Verdict

HEX = "c" * 64


@pytest.mark.parametrize(
    "text",
    [
        f"nginx@{OTHER}",
        f"nginx:1.27@{OTHER}",
        f"registry.example:5000/a/b:tag@{OTHER}",
        f"localhost/x@{OTHER}",
        f"nginx@sha512:{'c' * 128}",
    ],
)
def test_a_pinned_image_is_allowed(text: str) -> None:
    assert JUDGE.image(text).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nginx", "reference_not_pinned"),
        ("nginx:1.27", "reference_not_pinned"),
        ("nginx:sha256", "reference_not_pinned"),
        (f"nginx:sha256-{HEX}", "reference_not_pinned"),
        (f"nginx/{HEX}", "reference_not_pinned"),
        (f"nginx@sha256:{HEX.upper()}", "reference_invalid"),
        (f"nginx@SHA256:{HEX}", "reference_invalid"),
        (f"nginx@sha256:{HEX[:-1]}", "reference_invalid"),
        (f"nginx@sha256:{HEX}0", "reference_invalid"),
        (f"nginx@sha1:{'c' * 40}", "reference_invalid"),
        (f"nginx@md5:{'c' * 32}", "reference_invalid"),
        ("nginx@sha256:" + "\u0441" * 64, "reference_invalid"),
        (f"ngin\u0445@{OTHER}", "reference_invalid"),
        (f" nginx@{OTHER}", "reference_invalid"),
        (f"nginx@{OTHER} ", "reference_invalid"),
        (f"nginx@{OTHER}\n", "reference_invalid"),
        (f"nginx@{OTHER}@{OTHER}", "reference_invalid"),
        (f"evil:latest#@{OTHER}", "reference_invalid"),
        (f"oci://nginx@{OTHER}", "reference_invalid"),
        ("", "reference_invalid"),
        (f"nginx@{REVOKED}", "revoked"),
        ("${IMAGE}", "not_examined"),
        (f"nginx@${{DIGEST:-{OTHER}}}", "not_examined"),
        ("{{ .Values.image }}", "not_examined"),
    ],
)
def test_any_other_image_is_not(text: str, code: str) -> None:
    judged = JUDGE.image(text)
    assert judged.verdict is not Verdict.ALLOW
    assert judged.code == code
    assert judged.reason


RELEASED_AT = Mount("/models", RELEASED)
ELSEWHERE = Mount("/data", None)


@pytest.mark.parametrize(
    "path", ["/models", "/models/", "/models/x.gguf", "//models/a//b", "/models/./x", "file:///models/x"]
)
def test_a_path_in_a_released_volume_is_allowed(path: str) -> None:
    assert JUDGE.model(path, [RELEASED_AT, ELSEWHERE]).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("path", "mounts"),
    [
        ("/models/x", []),
        ("/modelsx", [RELEASED_AT]),
        ("/data/x", [RELEASED_AT, ELSEWHERE]),
        ("/models/../data/x", [RELEASED_AT, ELSEWHERE]),
        ("/models/x", [Mount("/models", OTHER)]),
        ("/models/x", [Mount("/models", None)]),
        ("/models/x/y", [RELEASED_AT, Mount("/models/x", None)]),
        ("/models/x/y", [RELEASED_AT, Mount("/models/x", OTHER)]),
        ("/models", [RELEASED_AT, Mount("/models/adapter", None)]),
        ("/models/a", [RELEASED_AT, Mount("/models/a/config.json", None)]),
        ("/models/a", [RELEASED_AT, Mount("/models", None)]),
        ("/", [RELEASED_AT]),
        ("/etc", [Mount("/", None), RELEASED_AT]),
    ],
)
def test_any_other_path_is_not(path: str, mounts: list[Mount]) -> None:
    judged = JUDGE.model(path, mounts)
    assert (judged.verdict, judged.code) == (Verdict.DENY, "model_not_released")


def test_a_mount_beside_the_model_does_not_matter() -> None:
    assert JUDGE.model("/models/a", [RELEASED_AT, Mount("/models/ab", None)]).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"registry.example/m@{RELEASED}", ""),
        (f"oci://registry.example/m@{RELEASED}", ""),
        (str(RELEASED), ""),
        (f"registry.example/m@{OTHER}", "model_not_released"),
        (str(OTHER), "model_not_released"),
        (f"registry.example/m@{REVOKED}", "revoked"),
        (str(REVOKED), "revoked"),
        (str(RELEASED).upper(), "model_not_released"),
        ("meta-llama/Llama-3.1-8B", "model_not_released"),
        ("llama3:latest", "model_not_released"),
        ("hf://owner/name", "model_not_released"),
        ("s3://bucket/model", "model_not_released"),
        ("pvc://claim/model", "model_not_released"),
        ("./models", "model_not_released"),
        ("models/x.gguf", "model_not_released"),
        ("~/models", "model_not_released"),
        ("", "model_not_released"),
        ("$MODEL", "not_examined"),
        ("$(MODEL)", "not_examined"),
        ("`cat x`", "not_examined"),
        ("/models/$X", "not_examined"),
    ],
)
def test_a_model_by_name_needs_a_released_digest(text: str, code: str) -> None:
    assert JUDGE.model(text, [RELEASED_AT]).code == code


def test_a_revoked_model_in_a_volume_is_revoked() -> None:
    assert JUDGE.model("/models", [Mount("/models", REVOKED)]).code == "revoked"
    assert JUDGE.model_volume(f"x/m@{REVOKED}").code == "revoked"
    assert JUDGE.model_volume(f"x/m@{OTHER}").code == "model_not_released"
    assert JUDGE.model_volume(f"x/m@{RELEASED}").verdict is Verdict.ALLOW
    assert JUDGE.model_volume("x/m:1").code == "reference_not_pinned"
