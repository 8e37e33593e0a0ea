import pytest

from weighlock.core.error import UsageError
from weighlock.source.huggingface.endpoint import parse_endpoint
from weighlock.source.huggingface.name import parse_model
from weighlock.source.huggingface.pattern import Selection, parse_selection
from weighlock.source.interface import SourceSpec

COMMIT = "ab" * 20


def location_of(text: str) -> str:
    return parse_model(SourceSpec("hf", text)).location


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("acme/tiny", "acme/tiny@main"),
        ("acme/tiny@main", "acme/tiny@main"),
        ("acme/tiny@v1.0", "acme/tiny@v1.0"),
        ("acme/tiny@feature/x-1", "acme/tiny@feature/x-1"),
        ("A_b.c/D-e.f_1@" + COMMIT, "A_b.c/D-e.f_1@" + COMMIT),
        ("acme/tiny:*.json", "acme/tiny@main:*.json"),
        ("acme/tiny@v1:*.json,!x/,*.gguf,*.json", "acme/tiny@v1:*.gguf,*.json,!x/"),
        ("acme/tiny@v1:!b,!a", "acme/tiny@v1:!a,!b"),
    ],
)
def test_canonical_form(written: str, canonical: str) -> None:
    assert location_of(written) == canonical
    assert location_of(canonical) == canonical


@pytest.mark.parametrize(
    "written",
    [
        "gpt2",
        "gpt2@main",
        "acme/",
        "/tiny",
        "acme/tiny/more",
        "datasets/tiny",
        "spaces/tiny",
        "api/models",
        "acme/ti--ny",
        "acme/ti..ny",
        "acme/.tiny",
        "acme/tiny.",
        "acme/-tiny",
        "acme/tiny.git",
        "../tiny",
        "acme/..",
        "acme/tïny",
        "acme/ti ny",
        "acme/tiny?x=1",
        "acme/tiny#x",
        "acme/tiny%2e",
        "a" * 50 + "/" + "b" * 50,
        "acme/tiny@",
        "acme/tiny:",
        "acme/tiny@:x",
        "acme/tiny@" + COMMIT.upper(),
        "acme/tiny@refs/pr/1",
        "acme/tiny@refs/heads/main",
        "acme/tiny@../main",
        "acme/tiny@a..b",
        "acme/tiny@a//b",
        "acme/tiny@-x",
        "acme/tiny@/x",
        "acme/tiny@x/",
        "acme/tiny@x.lock",
        "acme/tiny@x/.y",
        "acme/tiny@x.lock/y",
        "acme/tiny@x@{1}",
        "acme/tiny@x y",
        "acme/tiny@x\n",
        "acme/tiny@x?y",
        "acme/tiny@" + "x" * 201,
        "acme/tiny@main:../x",
        "acme/tiny@main:/x",
        "acme/tiny@main:a//b",
        "acme/tiny@main:a/./b",
        "acme/tiny@main:a,,b",
        "acme/tiny@main:a,",
        "acme/tiny@main:!",
        "acme/tiny@main:!!a",
        "acme/tiny@main:a\\b",
        "acme/tiny@main:a:b",
        "acme/tiny@main:a\x00",
        "acme/tiny@main:" + ",".join(f"f{number}" for number in range(65)),
        "acme/tiny@main:" + "x" * 1025,
    ],
)
def test_what_names_no_model_is_refused(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        location_of(written)
    assert caught.value.code == "source_invalid"
    assert caught.value.hint


def test_a_commit_is_told_from_a_branch() -> None:
    assert parse_model(SourceSpec("hf", f"acme/tiny@{COMMIT}")).names_commit
    assert not parse_model(SourceSpec("hf", f"acme/tiny@{COMMIT[:39]}")).names_commit


@pytest.mark.parametrize(
    ("patterns", "taken", "left"),
    [
        ("", ["a.json", "x/y.bin", "README.md"], [".gitattributes", "x/.gitignore"]),
        ("*.json", ["a.json", "x/b.json"], ["a.JSON", "a.json.bak", "a.bin"]),
        ("x/", ["x/a", "x/y/z"], ["x", "xx/a", "y/x/a"]),
        ("x/*.bin", ["x/a.bin", "x/y/b.bin"], ["a.bin"]),
        ("model-?.bin", ["model-1.bin"], ["model-12.bin", "model-.bin"]),
        ("model-[0-2].bin", ["model-1.bin"], ["model-3.bin"]),
        ("model-[!0].bin", ["model-1.bin"], ["model-0.bin"]),
        ("!*.bin", ["a.json"], ["a.bin", ".gitattributes"]),
        ("*.bin,!old/", ["a.bin", "new/a.bin"], ["old/a.bin", "a.json"]),
        (".gitattributes", [".gitattributes"], ["a.json"]),
        ("a.json", ["a.json"], ["aXjson", "x/a.json"]),
    ],
)
def test_patterns_select(patterns: str, taken: list[str], left: list[str]) -> None:
    selection = parse_selection(patterns)
    assert [path for path in [*taken, *left] if selection.takes(path)] == taken


def test_order_of_patterns_means_nothing() -> None:
    assert parse_selection("b,!d,a,!c") == parse_selection("!c,a,!d,b,b") == Selection(("a", "b"), ("c", "d"))


def test_many_stars_take_no_time() -> None:
    selection = parse_selection("*a" * 200)
    assert not selection.takes("a" * 190 + "b")


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("https://huggingface.co", "https://huggingface.co"),
        ("https://HuggingFace.co:443/", "https://huggingface.co"),
        ("https://hub.example:8443/repo/hf/", "https://hub.example:8443/repo/hf"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_endpoints(written: str, base: str) -> None:
    assert parse_endpoint(written, what="hf.origin").base == base


@pytest.mark.parametrize(
    "written",
    [
        "huggingface.co",
        "ftp://huggingface.co",
        "https://me:secret@huggingface.co",
        "https://huggingface.co/?x=1",
        "https://huggingface.co/%2e%2e",
        "https://",
        "https://a b",
        "",
    ],
)
def test_what_is_no_endpoint_is_refused_without_its_password(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_endpoint(written, what="hf.origin")
    assert caught.value.code == "settings_invalid"
    assert "secret" not in str(caught.value)


def test_addresses_are_quoted() -> None:
    endpoint = parse_endpoint("https://hub.example/base", what="hf.origin")
    assert (
        endpoint.api("models", "a/b", "tree", "x/y") == "https://hub.example/base/api/models/a/b/tree/x%2Fy"
    )
    assert (
        endpoint.file("a/b", COMMIT, "x y/ü#?.bin")
        == f"https://hub.example/base/a/b/resolve/{COMMIT}/x%20y/%C3%BC%23%3F.bin"
    )


def test_only_the_official_hub_has_content_hosts() -> None:
    official = parse_endpoint("https://huggingface.co", what="hf.origin")
    assert official.content_hosts.find("us.aws.cdn.hf.co", 443)
    assert not official.content_hosts.find("hf.co.evil.example", 443)
    for other in (
        "http://huggingface.co",
        "https://huggingface.co:8443",
        "https://huggingface.co.evil.example",
    ):
        assert not parse_endpoint(other, what="hf.origin").content_hosts
