"""Asking an object store, and what a place in it holds."""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from bucket import Bucket, ObjectStore, failure
from http_house import Answer, Asked, ManualTime
from weighlock.core.error import WeighlockError
from weighlock.core.limit import MAX_FILES
from weighlock.core.outcome import Outcome
from weighlock.source.s3_listing import MAX_PAGES, Place, list_place
from weighlock.source.s3_service import S3Service
from weighlock.transport.client import Client, Network
from weighlock.transport.host import Hosts

MODEL = {"tiny/config.json": b"{}", "tiny/weights/\u00e4 +&.bin": b"weights"}


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as made:
        yield made


@pytest.fixture
def bucket(store: ObjectStore) -> Bucket:
    made = store.create("models")
    for key, raw in MODEL.items():
        made.put(key, raw)
    return made


@pytest.fixture
def service(store: ObjectStore) -> Iterator[Callable[..., S3Service]]:
    """Return what makes a service: ``service(region="…")``; it asks the store and waits for nothing."""
    client = Client(Network(plain_http=Hosts.of([store.host])), timing=ManualTime().timing())

    def make(**options: Any) -> S3Service:
        given = {"environ": store.environ, "endpoint": store.url().rstrip("/"), **options}
        return S3Service(client, **given)

    with client:
        yield make


def refused(code: str, act: Callable[[], object]) -> WeighlockError:
    with pytest.raises(WeighlockError) as caught:
        act()
    assert caught.value.code == code, caught.value
    return caught.value


TINY = Place("models", "tiny")


def test_a_prefix_is_a_folder_of_files(bucket: Bucket, service: Callable[..., S3Service]) -> None:
    bucket.put("tiny-evil/x", b"x")
    bucket.put("tinyx", b"x")
    bucket.put("tiny/", b"")
    bucket.put("tiny/weights/", b"")
    found = list_place(service(), TINY)
    assert [(item.path, item.size, item.promised, item.version_id) for item in found.items] == [
        ("config.json", 2, None, None),
        ("weights/\u00e4 +&.bin", 7, None, None),
    ]
    assert (found.owner, found.single) == ("0a1b2c3d", False)
    assert found.changed_at == max(
        held[-1].changed_at for key, held in bucket.objects.items() if key in MODEL
    )


def test_a_bucket_is_a_folder_and_a_key_is_one_file(
    bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    assert [item.path for item in list_place(service(), Place("models", "")).items] == sorted(bucket.objects)
    bucket.put("tiny/config.json.bak", b"x")
    found = list_place(service(), Place("models", "tiny/config.json"))
    assert ([item.path for item in found.items], found.single) == (["config.json"], True)


def test_versions_and_whole_digests_are_told(store: ObjectStore, service: Callable[..., S3Service]) -> None:
    bucket = store.create("kept", versioned=True)
    bucket.put("m/a", b"old")
    new = bucket.put("m/a", b"new", checked=True)
    parts = base64.b64encode(hashlib.sha256(b"of parts").digest()).decode()
    bucket.put("m/b", b"x", digest=f"{parts}-2", digest_type="COMPOSITE")
    one, two = list_place(service(), Place("kept", "m")).items
    assert (one.version_id, one.size) == (new.version, 3)
    assert one.promised
    assert one.promised.hex == hashlib.sha256(b"new").hexdigest()
    assert two.promised is None


def test_the_revision_is_of_names_versions_tags_and_sizes(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    before = list_place(service(), TINY).revision
    assert before.startswith("sha256:")
    bucket.put("other", b"x")
    bucket.put("tiny/config.json", b"{}")  # written again, the same bytes
    assert list_place(service(), TINY).revision == before
    bucket.put("tiny/config.json", b"[]")
    assert list_place(service(), TINY).revision != before
    kept = store.create("kept", versioned=True)
    kept.put("m/a", b"x")
    first = list_place(service(), Place("kept", "m")).revision
    kept.put("m/a", b"x")
    assert list_place(service(), Place("kept", "m")).revision != first


def test_an_owner_is_told_if_all_objects_have_the_same(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    first = b"<ID>0a1b2c3d"
    store.alter = lambda _asked, answer: replace(
        answer, body=bytes(answer.body).replace(first, b"<ID>somebody", 1)
    )
    assert list_place(service(), TINY).owner == ""
    store.alter = None
    bucket.owner = None
    assert list_place(service(), TINY).owner == ""


def test_a_long_list_comes_in_pages(store: ObjectStore, service: Callable[..., S3Service]) -> None:
    bucket = store.create("many")
    store.page = 7
    for number in range(30):
        bucket.put(f"m/{number:02}", b"x")
    assert len(list_place(service(), Place("many", "m")).items) == 30
    assert sum("list-type" in asked.query for asked in store.requests) == 5


def test_public_buckets_need_no_key(store: ObjectStore, service: Callable[..., S3Service]) -> None:
    store.create("open", public=True).put("m/a", b"x")
    assert len(list_place(service(environ={}), Place("open", "m")).items) == 1
    assert not any("authorization" in asked.headers for asked in store.requests)


def test_each_attempt_is_signed_anew(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    assert bucket.objects
    moments = iter(range(100))
    now = dt.datetime.now(dt.UTC)
    failed = iter([True, False])
    store.alter = lambda _asked, answer: failure("SlowDown") if next(failed, False) else answer
    clocked = service(clock=lambda: now + dt.timedelta(seconds=next(moments)))
    list_place(clocked, TINY)
    first, second = (asked.headers["x-amz-date"] for asked in store.requests[:2])
    assert first != second


def say(code: str, more: str = "", status: int | None = None) -> Callable[[Asked, Answer], Answer]:
    answer = failure(code, more)
    return answering(replace(answer, status=status or answer.status))


def answering(answer: Answer) -> Callable[[Asked, Answer], Answer]:
    return lambda _asked, _answer: answer


@pytest.mark.parametrize(
    ("alter", "code", "hint"),
    [
        (say("NoSuchBucket"), "source_missing", ""),
        (say("AccessDenied"), "access_refused", "AWS_PROFILE"),
        (say("InvalidAccessKeyId"), "access_refused", "does not know this access key"),
        (say("SignatureDoesNotMatch"), "access_refused", "secret access key is wrong"),
        (say("ExpiredToken"), "access_refused", "expired"),
        (say("RequestTimeTooSkewed"), "access_refused", "clock"),
        (say("SomethingNew", status=403), "access_refused", "AWS_PROFILE"),
        (say("PermanentRedirect"), "bucket_elsewhere", "find out its region"),
        (
            say("PermanentRedirect", "<Region>eu-west-1</Region>"),
            "bucket_elsewhere",
            "`s3.region: eu-west-1`",
        ),
        (say("x", "<Region>evil.example/</Region>", 301), "bucket_elsewhere", "find out its region"),
        (say("TemporaryRedirect", status=307), "bucket_elsewhere", "find out"),
        (say("InvalidArgument"), "request_refused", "s3.endpoint"),
        (say("SlowDown"), "server_failed", "again"),
        (answering(Answer(404, b"<html>")), "request_refused", "s3.endpoint"),
        (answering(Answer(200, b"<html></html>")), "listing_invalid", "no object store"),
    ],
)
def test_what_a_service_refuses_is_explained(
    store: ObjectStore,
    bucket: Bucket,
    service: Callable[..., S3Service],
    alter: Callable[[Asked, Answer], Answer],
    code: str,
    hint: str,
) -> None:
    assert bucket.objects
    store.alter = alter
    assert hint in refused(code, lambda: list_place(service(), TINY)).hint


def test_the_real_reasons_are_found(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    def ask(**options: Any) -> Callable[[], object]:
        return lambda: list_place(service(**options), TINY)

    wrong = {**store.environ, "AWS_SECRET_ACCESS_KEY": "wrong-secret"}
    assert "wrong" in refused("access_refused", ask(environ=wrong)).hint
    assert "no keys were found" in refused("access_refused", ask(environ={})).hint
    late = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    assert "clock" in refused("access_refused", ask(clock=lambda: late)).hint
    assert "us-east-1" in refused("bucket_elsewhere", ask(region="eu-west-1")).hint
    store.session_token = "t0ken"
    list_place(service(), TINY)
    store.expired = True
    error = refused("access_refused", ask())
    assert "expired" in error.hint
    assert error.outcome is Outcome.UNDECIDED
    refused(
        "access_refused", lambda: list_place(service(), Place("absent", ""))
    )  # as Amazon: nothing is told
    assert bucket.objects


def test_nothing_there_is_said(bucket: Bucket, service: Callable[..., S3Service]) -> None:
    for place in (Place("models", "absent"), Place("models", "tin"), Place("models", "tiny/config.jso")):
        refused("source_missing", partial(list_place, service(), place))
    bucket.objects.clear()
    bucket.put("tiny/", b"")
    refused("source_missing", lambda: list_place(service(), TINY))
    refused("source_missing", lambda: list_place(service(), Place("models", "")))


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (["tiny/../../x"], "path_invalid"),
        (["tiny//x"], "path_invalid"),
        (["tiny/a\\b"], "path_invalid"),
        (["tiny/./x"], "path_invalid"),
        (["tiny/a\u202eb"], "path_invalid"),
        (["tiny/CON"], "path_invalid"),
        (["tiny/a", "tiny/A"], "path_collision"),
        (["tiny/\u00e9", "tiny/e\u0301"], "path_collision"),
        (["tiny/a", "tiny/a/b"], "path_collision"),
    ],
)
def test_keys_that_are_no_paths_are_refused_before_any_is_asked_for(
    store: ObjectStore, service: Callable[..., S3Service], keys: list[str], code: str
) -> None:
    bucket = store.create("models")
    for key in keys:
        bucket.put(key, b"x")
    refused(code, lambda: list_place(service(), TINY))
    assert len(store.requests) == 1


def test_a_marker_with_content_is_no_marker(bucket: Bucket, service: Callable[..., S3Service]) -> None:
    bucket.put("tiny/weights/", b"x")
    refused("path_invalid", lambda: list_place(service(), TINY))


def altered(old: bytes, new: bytes) -> Callable[[Asked, Answer], Answer]:
    return lambda _asked, answer: replace(answer, body=bytes(answer.body).replace(old, new))


@pytest.mark.parametrize(
    "alter",
    [
        altered(b"tiny/weights", b"elsewhere/x"),
        altered(b"<Contents>", b"<Contents><Key>tiny/config.json</Key>"),
        altered(b"\xc3\xa4 +&amp;.bin", b"../x"),
        altered(b"tiny/weights/\xc3\xa4 +&amp;.bin", b"tiny/config.json"),
        altered(b"<IsTruncated>false</IsTruncated>", b"<IsTruncated>true</IsTruncated>"),
        altered(
            b"<IsTruncated>false</IsTruncated>",
            b"<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>",
        ),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(
    store: ObjectStore,
    bucket: Bucket,
    service: Callable[..., S3Service],
    alter: Callable[[Asked, Answer], Answer],
) -> None:
    assert bucket.objects
    store.alter = alter
    with pytest.raises(WeighlockError) as caught:
        list_place(service(), TINY)
    assert caught.value.code in {"listing_invalid", "path_invalid"}


def test_a_list_without_end_is_cut_off(store: ObjectStore, service: Callable[..., S3Service]) -> None:
    store.create("models").put("tiny/a", b"x")
    count = iter(range(10_000))

    def more(asked: Asked, answer: Answer) -> Answer:
        if "list-type" not in asked.query:
            return answer
        token = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{next(count)}</NextContinuationToken>"
        body = bytes(answer.body).replace(b"<IsTruncated>false</IsTruncated>", token.encode())
        return replace(answer, body=body.replace(b"tiny/a", f"tiny/{next(count)}".encode()))

    store.alter = more
    refused("listing_invalid", lambda: list_place(service(), TINY))
    assert len(store.requests) == MAX_PAGES


def test_a_list_that_goes_round_in_a_circle_is_refused(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    assert bucket.objects
    more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"

    def circle(asked: Asked, answer: Answer) -> Answer:
        if "continuation-token" in asked.query:
            return replace(answer, body=b"<ListBucketResult>" + more + b"</ListBucketResult>")
        return replace(answer, body=bytes(answer.body).replace(b"<IsTruncated>false</IsTruncated>", more))

    store.alter = circle
    assert "circle" in str(refused("listing_invalid", lambda: list_place(service(), TINY)))
    assert len(store.requests) == 2


def test_more_files_than_a_model_has_are_refused(
    store: ObjectStore, service: Callable[..., S3Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_FILES == 10_000
    monkeypatch.setattr("weighlock.source.s3_listing.MAX_FILES", 3)
    bucket = store.create("models")
    for number in range(4):
        bucket.put(f"tiny/{number}", b"x")
    refused("artifact_too_many_files", lambda: list_place(service(), TINY))
    assert len(store.requests) == 1
    del bucket.objects["tiny/3"]
    assert len(list_place(service(), TINY).items) == 3


def test_an_object_that_changes_while_it_is_listed_is_noticed(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    def change(asked: Asked, answer: Answer) -> Answer:
        if "list-type" in asked.query:
            bucket.put("tiny/config.json", b"[]")
        return answer

    store.alter = change
    refused("content_changed", lambda: list_place(service(), TINY))
    bucket.put("tiny/config.json", b"{}")

    def remove(asked: Asked, answer: Answer) -> Answer:
        if "list-type" in asked.query:
            bucket.objects.pop("tiny/config.json", None)
        return answer

    store.alter = remove
    refused("content_changed", lambda: list_place(service(), TINY))


def test_what_lies_in_an_archive_is_said(bucket: Bucket, service: Callable[..., S3Service]) -> None:
    bucket.put("tiny/old.bin", b"x", storage_class="GLACIER")
    refused("object_archived", lambda: list_place(service(), TINY))


def test_a_redirect_is_not_followed(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    assert bucket.objects
    for where in ("http://169.254.169.254/latest/", "http://127.0.0.1:1/x", "file:///etc/passwd"):
        store.requests.clear()
        store.alter = answering(Answer(302, headers={"Location": where}))
        refused("redirect_refused", lambda: list_place(service(), TINY))
        assert len(store.requests) == 1


def test_an_endpoint_that_only_a_variable_names_must_be_in_the_settings(
    store: ObjectStore, bucket: Bucket, service: Callable[..., S3Service]
) -> None:
    assert bucket.objects
    environ = {**store.environ, "AWS_ENDPOINT_URL": store.url()}

    def ask(hosts: list[str], builtin: tuple[str, ...] = ()) -> Callable[[], object]:
        named = Hosts.of(hosts, builtin=builtin)
        return lambda: list_place(service(endpoint=None, environ=environ, hosts=named), TINY)

    for denied in (ask([]), ask(["127.0.0.1"]), ask(["*.example.org"]), ask([], (store.host,))):
        error = refused("host_not_allowed", denied)
        assert f"s3.endpoint: {store.url().rstrip('/')}" in error.hint
    assert store.requests == []
    ask([store.host])()
    assert len(store.requests) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"endpoint": "https://me:secret@h"},
        {"environ": {"AWS_ENDPOINT_URL": "ftp://h"}, "endpoint": None},
        {"environ": {"AWS_REGION": "a.evil.example/"}, "endpoint": None},
    ],
)
def test_an_endpoint_or_region_that_is_none_is_a_mistake(
    service: Callable[..., S3Service], options: dict[str, Any]
) -> None:
    error = refused("settings_invalid", lambda: service(**options).list_page("models", "", None))
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    ("bucket_name", "region", "url"),
    [
        ("models", "eu-west-1", "https://models.s3.eu-west-1.amazonaws.com/a%20b"),
        ("my.models", "us-east-1", "https://s3.us-east-1.amazonaws.com/my.models/a%20b"),
        ("models", "cn-north-1", "https://models.s3.cn-north-1.amazonaws.com.cn/a%20b"),
    ],
)
def test_amazons_buckets_are_hosts_of_their_own(
    service: Callable[..., S3Service], bucket_name: str, region: str, url: str
) -> None:
    made = service(endpoint=None, region=region)
    request = made.request_bytes(bucket_name, "a b", version=None, etag='"e"')
    assert (request.url, dict(request.headers)) == (url, {"if-match": '"e"'})
    (rule,) = request.hosts.rules
    assert rule.builtin
    assert made.name == ("amazonaws.com.cn" if region.startswith("cn") else "amazonaws.com")


def test_bytes_are_asked_for_by_version_else_by_tag(service: Callable[..., S3Service]) -> None:
    made = service()
    versioned = made.request_bytes("models", "k", version="a/b+", etag='"e"')
    assert versioned.url.endswith("/models/k?versionId=a%2Fb%2B")
    assert dict(versioned.headers) == {}
    assert dict(made.request_bytes("models", "k", version=None, etag="e").headers) == {"if-match": '"e"'}
    assert dict(made.request_bytes("models", "k", version=None, etag="e\r\nx: y").headers) == {}
    for secret in ("a/secret", "AWS4-HMAC", "Secret("):
        assert secret not in repr(versioned)


@pytest.mark.parametrize(
    ("endpoint", "authentic"), [(None, True), ("https://s3.example", True), ("http://s3.example:9000", False)]
)
def test_only_tls_proves_which_service_it_is(endpoint: str | None, authentic: bool) -> None:
    with Client(Network()) as client:
        assert S3Service(client, environ={}, endpoint=endpoint).is_authentic is authentic
