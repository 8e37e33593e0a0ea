"""Ask an object store: pages of a listing, what it says of one object, and requests for its bytes.

Amazon S3 API reference: ListObjectsV2, HeadObject, GetObject; other services speak the same.
The bucket's name is part of the host for Amazon, and of the path for everybody else and for
names with a dot, which no certificate covers.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final, NamedTuple

from weighlock.core.clock import Clock, system_clock
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.text import shown
from weighlock.source.address import Address
from weighlock.source.aws_config import AwsConfig
from weighlock.source.s3_answer import (
    MAX_PAGE_BYTES,
    Failure,
    Page,
    bare,
    invalid,
    read_digest,
    read_failure,
    read_page,
    read_version,
)
from weighlock.source.sigv4 import AccessKey, quote, quote_query, sign
from weighlock.source.trusted import read_region, read_service
from weighlock.transport.client import Client, Document, Request
from weighlock.transport.credential import Credential
from weighlock.transport.host import Hosts
from weighlock.transport.url import Origin, parse_url

DEFAULT_REGION: Final = "us-east-1"
PAGE_ENTRIES: Final = 1000  # what every service gives at most
_EXPLAINED: Final = frozenset({301, 307, 400, 403, 404, 409})  # answers with a document that says why
_WRONG_KEY: Final = {
    "ExpiredToken": "the session token has expired: fetch keys again",
    "InvalidToken": "the session token is not valid: fetch keys again",
    "TokenRefreshRequired": "the session token has expired: fetch keys again",
    "RequestTimeTooSkewed": "this machine's clock differs from the service's by more than 15 minutes: set it right",
    "RequestExpired": "this machine's clock differs from the service's by more than 15 minutes: set it right",
    "SignatureDoesNotMatch": "the secret access key is wrong, or a proxy changes requests",
    "InvalidAccessKeyId": "the service does not know this access key: check AWS_ACCESS_KEY_ID or the profile",
    "AccessDenied": "check the keys (AWS_ACCESS_KEY_ID or AWS_PROFILE) and that they may list and read the bucket",
}
_ETAG: Final = re.compile(r"[A-Za-z0-9_.+/=-]{1,128}", re.ASCII)  # others are not asked for
_ELSEWHERE: Final = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "IncorrectEndpoint",
    }
)


class Head(NamedTuple):
    """What the service says of one object: its size in bytes, entity tag, version and SHA-256, if kept."""

    size: int
    etag: str
    version: str | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class _Signature(Credential):
    """A signature that is made anew for every attempt, because it grows old."""

    make: Callable[[], Credential] = field(repr=False)

    def headers_for(self, origin: Origin) -> dict[str, str]:
        """Return the headers to send to ``origin``: none unless it is this credential's own."""
        return self.make().headers_for(origin)


class S3Service:
    """One service. Keys and region are looked for when something is asked for first.

    Args:
        endpoint: from the settings: the host in it is one that a person named.
        region: from the settings.
        environ: the variables that other tools read, too (see ``AwsConfig``).
        hosts: further hosts that the settings trust; an endpoint that only the variables or the
            profile name must be among them, because whoever answers there decides what a first pull locks.
    """

    def __init__(
        self,
        client: Client,
        *,
        environ: Mapping[str, str],
        endpoint: str | None = None,
        region: str | None = None,
        hosts: Hosts | None = None,
        clock: Clock = system_clock,
    ) -> None:
        self._client = client
        self._environ = environ
        self._written = endpoint
        self._written_region = region
        self._further = hosts or Hosts()
        self._clock = clock

    @property
    def name(self) -> str:
        """Who the service is: its host, and port if it is an unusual one."""
        return self._endpoint.origin.authority if self._endpoint else f"amazonaws.com{self._ending}"

    @property
    def is_authentic(self) -> bool:
        """Whether the service proves by TLS that it is the one that was named."""
        return self._endpoint is None or self._endpoint.origin.scheme == "https"

    def list_page(self, bucket: str, prefix: str, token: str | None) -> Page:
        """Return one page of the objects whose keys begin with ``prefix``.

        Raises UsageError ``source_missing``, ``bucket_elsewhere``; DeniedError ``listing_invalid``;
        UndecidedError ``access_refused``, ``request_refused``; and as ``Client``.
        """
        query = {"list-type": "2", "max-keys": str(PAGE_ENTRIES), "prefix": prefix, "fetch-owner": "true"}
        if token:
            query["continuation-token"] = token
        request = self._request("GET", bucket, "", query=query, accept={200, *_EXPLAINED})
        document = self._client.document(request, limit_bytes=MAX_PAGE_BYTES)
        if document.status != 200:
            raise self._refusal(bucket, document)
        return read_page(document.raw)

    def head(self, bucket: str, key: str) -> Head | None:
        """Return what the service says of one object, or None if there is none.

        Raises DeniedError ``listing_invalid``; and as ``Client``.
        """
        headers = {"x-amz-checksum-mode": "ENABLED"}
        request = self._request("HEAD", bucket, key, headers=headers, accept={200, 404})
        with self._client.open(request) as answer:
            if answer.status == 404:
                return None
            said = answer.headers
        size = said.get("content-length", "")
        if not (size.isascii() and size.isdecimal() and len(size) < 16):
            raise invalid(f"the size of {shown(repr(key))} is not said")
        return Head(int(size), said.get("etag", ""), read_version(said), read_digest(said))

    def request_bytes(self, bucket: str, key: str, *, version: str | None, etag: str | None) -> Request:
        """Return the request for an object's bytes: of that version, or as long as it has that entity tag."""
        query = {"versionId": version} if version else {}
        headers = (
            {"if-match": f'"{bare(etag)}"'} if etag and not version and _ETAG.fullmatch(bare(etag)) else {}
        )
        return self._request("GET", bucket, key, query=query, headers=headers)

    def _request(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: set[int] | None = None,
    ) -> Request:
        base, hosts = self._locate(bucket)
        text = f"{base}/{quote(key, slash=True)}" + (f"?{quote_query(query)}" if query else "")
        credential = None
        if self._key:
            url = parse_url(text)
            make = partial(self._sign, method, text, headers or {}, self._key)
            credential = _Signature(url.origin, {}, make)
        return Request(
            method, text, hosts, headers or {}, credential=credential, accept=frozenset(accept or {200})
        )

    def _sign(self, method: str, url: str, headers: Mapping[str, str], key: AccessKey) -> Credential:
        return sign(method, parse_url(url), headers, key, region=self._region, moment=self._clock())

    def _locate(self, bucket: str) -> tuple[str, Hosts]:
        """Return where a bucket is, and who may be asked there."""
        if self._endpoint:
            named = Hosts.of([self._endpoint.origin.authority])
            return f"{self._endpoint.url}/{bucket}", named if self._written else self._further
        service = f"s3.{self._region}.amazonaws.com{self._ending}"
        host = service if "." in bucket else f"{bucket}.{service}"
        hosts = Hosts.of([], builtin=[host]) | self._further
        return f"https://{host}" + (f"/{bucket}" if "." in bucket else ""), hosts

    @cached_property
    def _config(self) -> AwsConfig:
        return AwsConfig(self._environ)

    @cached_property
    def _key(self) -> AccessKey | None:
        return self._config.find_key()

    @cached_property
    def _region(self) -> str:
        region = self._written_region or self._config.region or DEFAULT_REGION
        try:
            return read_region(region)
        except ValueError as error:
            raise UsageError("settings_invalid", f"the region of s3: sources is none: {error}") from error

    @property
    def _ending(self) -> str:
        return ".cn" if self._region.startswith("cn-") else ""  # Amazon's separate partition in China

    @cached_property
    def _endpoint(self) -> Address | None:
        written = self._written or self._config.endpoint
        if not written:
            return None
        try:
            address = read_service(written)
        except ValueError as error:
            raise UsageError("settings_invalid", f"the endpoint of s3: sources is none: {error}") from error
        rule = self._further.find(address.origin.host, address.origin.port)
        if not self._written and not (rule and rule.explicit):
            host = shown(address.origin.authority)
            raise DeniedError(
                "host_not_allowed",
                f"a variable or ~/.aws names {host} as the service of s3: sources, and the settings do not",
                hint=f"if it is yours, write `s3.endpoint: {address.origin}` in weighlock.yaml; otherwise unset it",
                details={"host": address.origin.host},
            )
        return address

    def _refusal(self, bucket: str, document: Document) -> WeighlockError:
        failure = read_failure(document.raw)
        where = f"the bucket {shown(repr(bucket))} at {shown(self.name)}"
        details = {"status": document.status, "reason": shown(failure.code)}
        if failure.code == "NoSuchBucket":
            return UsageError("source_missing", f"there is no {where.removeprefix('the ')}", details=details)
        if failure.code in _ELSEWHERE or document.status in {301, 307}:
            return UsageError(
                "bucket_elsewhere",
                f"{where} is elsewhere",
                hint=_region_hint(failure, document),
                details=details,
            )
        if failure.code in _WRONG_KEY or document.status == 403:
            hint = _WRONG_KEY.get(failure.code, _WRONG_KEY["AccessDenied"])
            if self._key is None:
                hint = "no keys were found, so nobody was named: set AWS_PROFILE or AWS_ACCESS_KEY_ID"
            said = shown(failure.code) or str(document.status)
            return UndecidedError(
                "access_refused", f"{where} refuses access: {said}", hint=hint, details=details
            )
        said = f"answered {document.status} {shown(failure.code)}".rstrip()
        return UndecidedError(
            "request_refused",
            f"{where} {said}",
            hint="check `s3.endpoint` and the bucket's name",
            details=details,
        )


def _region_hint(failure: Failure, document: Document) -> str:
    region = failure.region or document.headers.get("x-amz-bucket-region", "")
    try:
        return f"set `s3.region: {read_region(region)}` if you expect it there"
    except ValueError:
        return "find out its region and set `s3.region`, or its service and set `s3.endpoint`"
