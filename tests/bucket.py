"""An object store on loopback that speaks S3 by path: strict about signatures, and faulty where a test says so.

    with ObjectStore() as store:
        bucket = store.create("models", versioned=True)
        bucket.put("tiny/config.json", b"{}")
        store.url(), store.environ             # what a client needs to know

Source: Amazon S3 API reference, ListObjectsV2, GetObject, HeadObject, "Signature Calculations". The
signature is computed here a second time, from what arrived.
"""

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from http_house import Answer, Asked, Handler, House, content

KEY_ID = "AKIAEXAMPLE"
SECRET = "a/secret+access/key"
EPOCH = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
MAX_SKEW = dt.timedelta(minutes=15)
NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)
STATUSES = {
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchVersion": 404,
    "InvalidArgument": 400,
    "AuthorizationHeaderMalformed": 400,
    "ExpiredToken": 400,
    "PreconditionFailed": 412,
    "PermanentRedirect": 301,
    "SlowDown": 503,
    "InvalidRange": 416,
}


@dataclass
class Stored:
    """One version of an object."""

    key: str
    content: bytes
    version: str
    changed_at: dt.datetime
    digest: str | None = None  # base64, or with -N of parts
    digest_type: str = "FULL_OBJECT"
    storage_class: str = "STANDARD"

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


@dataclass
class Bucket:
    """A bucket; the newest version of a key is the last."""

    name: str
    versioned: bool = False
    public: bool = False
    region: str = "us-east-1"
    owner: str | None = "0a1b2c3d"
    objects: dict[str, list[Stored]] = field(default_factory=dict)
    counter: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def put(self, key: str, raw: bytes, *, checked: bool = False, **changes: Any) -> Stored:
        """Store an object; ``checked`` keeps its SHA-256 as a client may ask for."""
        number = next(self.counter)
        version = f"3sL4kqtJlcpXroDTDm{number:03}.x" if self.versioned else "null"
        digest = base64.b64encode(hashlib.sha256(raw).digest()).decode() if checked else None
        made = replace(Stored(key, raw, version, EPOCH + dt.timedelta(hours=number), digest), **changes)
        before = self.objects.get(key, []) if self.versioned else []
        self.objects[key] = [*before, made]
        return made

    def find(self, key: str, version: str | None) -> Stored | None:
        held = self.objects.get(key, [])
        return next((each for each in reversed(held) if version in {None, each.version}), None)


Alter = Callable[[Asked, Answer], Answer]


class ObjectStore(House):
    """The server. ``alter`` sees each answer before it is sent, and may change it."""

    def __init__(self, *, page: int = 1000, **house: Any) -> None:
        super().__init__(**house)
        self.buckets: dict[str, Bucket] = {}
        self.page = page
        self.alter: Alter | None = None
        self.session_token: str | None = None
        self.expired = False
        self.now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)

    def create(self, name: str, **options: Any) -> Bucket:
        """Make a bucket."""
        return self.buckets.setdefault(name, Bucket(name, **options))

    @property
    def environ(self) -> dict[str, str]:
        """The variables of somebody who may ask."""
        named = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        return named if self.session_token is None else {**named, "AWS_SESSION_TOKEN": self.session_token}

    def _next_route(self, target: str) -> Answer | Handler:
        return super()._next_route(target) if target in self._routes else self._answer

    def _answer(self, asked: Asked) -> Answer:
        answer = self._decide(asked)
        return self.alter(asked, answer) if self.alter else answer

    def _decide(self, asked: Asked) -> Answer:
        name, _, key = unquote(asked.path.removeprefix("/")).partition("/")
        bucket = self.buckets.get(name)
        problem = self._objection(asked, bucket)
        if problem or bucket is None:
            return failure(problem or "NoSuchBucket")
        region = _region_of(asked) or bucket.region
        if region != bucket.region:
            return failure("AuthorizationHeaderMalformed", f"<Region>{bucket.region}</Region>")
        if key:
            return self._object(bucket, key, asked)
        if asked.method != "GET" or asked.query.get("list-type") != "2":
            return failure("InvalidArgument")
        return self._listing(bucket, asked.query)

    def _listing(self, bucket: Bucket, query: Mapping[str, str]) -> Answer:
        prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
        keys = sorted((key for key in bucket.objects if key.startswith(prefix)), key=str.encode)
        rest = [key for key in keys if key.encode() > after.encode()]
        count = min(self.page, int(query.get("max-keys", "1000")))
        shown, more = rest[:count], rest[count:]
        owner = bucket.owner if query.get("fetch-owner") == "true" else None
        entries = "".join(_entry(bucket.objects[key][-1], owner) for key in shown)
        token = f"<NextContinuationToken>{escape(shown[-1])}</NextContinuationToken>" if more else ""
        return Answer(
            200,
            (
                f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="{NAMESPACE}">'
                f"<Name>{bucket.name}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(shown)}</KeyCount>"
                f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{entries}</ListBucketResult>"
            ).encode(),
            {"Content-Type": "application/xml"},
        )

    def _object(self, bucket: Bucket, key: str, asked: Asked) -> Answer:
        version = asked.query.get("versionId")
        found = bucket.find(key, version)
        if found is None:
            return failure("NoSuchVersion" if version and key in bucket.objects else "NoSuchKey")
        wanted = asked.headers.get("if-match")
        if wanted not in {None, found.etag}:
            return failure("PreconditionFailed")
        headers = {"Last-Modified": found.changed_at.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        if bucket.versioned:
            headers["x-amz-version-id"] = found.version
        if found.digest and asked.headers.get("x-amz-checksum-mode") == "ENABLED":
            headers["x-amz-checksum-sha256"] = found.digest
            headers["x-amz-checksum-type"] = found.digest_type
        return content(found.content, etag=found.etag, headers=headers)(asked)

    def _objection(self, asked: Asked, bucket: Bucket | None) -> str | None:
        if "authorization" not in asked.headers:
            return None if bucket and bucket.public else "AccessDenied"
        stamp = asked.headers.get("x-amz-date", "")
        moment = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        if abs(moment - self.now()) > MAX_SKEW:
            return "RequestTimeTooSkewed"
        if self.expired or asked.headers.get("x-amz-security-token") != self.session_token:
            return "ExpiredToken" if self.expired else "InvalidToken"
        return _objection_to_signature(asked)


def _objection_to_signature(asked: Asked) -> str | None:
    parts = _AUTHORIZATION.fullmatch(asked.headers["authorization"])
    if parts is None:
        return "InvalidArgument"
    if parts[1] != KEY_ID:
        return "InvalidAccessKeyId"
    return None if hmac.compare_digest(expected_signature(asked), parts[5]) else "SignatureDoesNotMatch"


def expected_signature(asked: Asked) -> str:
    """Return the signature that what arrived must have; headers that must be signed and are not raise."""
    parts = _AUTHORIZATION.fullmatch(asked.headers["authorization"])
    assert parts
    names = parts[4].split(";")
    assert names == sorted(names)
    must = {"host", *(name for name in asked.headers if name.startswith("x-amz-"))}
    assert must <= set(names), must - set(names)
    pairs = sorted(
        (quote(name, safe="-._~"), quote(value, safe="-._~"))
        for name, value in parse_qsl(asked.target.partition("?")[2], keep_blank_values=True)
    )
    payload = asked.headers["x-amz-content-sha256"]
    assert payload == hashlib.sha256(asked.body).hexdigest()
    request = (
        f"{asked.method}\n{quote(unquote(asked.path), safe='/-._~')}\n"
        + "&".join("=".join(pair) for pair in pairs)
        + "\n"
        + "".join(f"{name}:{asked.headers[name]}\n" for name in names)
        + f"\n{parts[4]}\n{payload}"
    )
    scope = f"{parts[2]}/{parts[3]}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{asked.headers['x-amz-date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + SECRET.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def failure(code: str, more: str = "") -> Answer:
    """Return an error as the service says it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message>{more}</Error>"
    return Answer(STATUSES.get(code, 403), body.encode(), {"Content-Type": "application/xml"})


def _region_of(asked: Asked) -> str | None:
    parts = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
    return parts[3] if parts else None


def _entry(stored: Stored, owner: str | None) -> str:
    who = f"<Owner><ID>{owner}</ID></Owner>" if owner else ""
    return (
        f"<Contents><Key>{escape(stored.key)}</Key>"
        f"<LastModified>{stored.changed_at.strftime('%Y-%m-%dT%H:%M:%S.000Z')}</LastModified>"
        f"<ETag>{escape(stored.etag, {chr(34): '&quot;'})}</ETag><Size>{len(stored.content)}</Size>"
        f"{who}<StorageClass>{stored.storage_class}</StorageClass></Contents>"
    )
