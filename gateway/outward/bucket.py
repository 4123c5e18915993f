"""A bucket with object lock (S3's API): listed by versions, read by version, and only added to.

boto3 takes no key, profile, address, authority or proxy from the environment or the home directory.
It follows no redirect: a region that a server names changes the signature, never the address. Every
object goes in one PUT with its SHA-256, which the server has to confirm, and never over another.
Semantics: Amazon S3 User Guide, "How S3 Object Lock works" and "Conditional writes".
"""

import base64
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

MOST_BYTES: Final = 5 << 30  # of one PUT (Amazon S3 User Guide, "Uploading objects")
_PIECE_BYTES: Final = 1 << 20
_CONNECT_SECONDS: Final = 5
_READ_SECONDS: Final = 60
_TRIES: Final = 3
_CREDENTIALS: Final = {
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "ExpiredToken"),
    *("InvalidToken", "AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "401", "403"),
}
_NO_LOCK: Final = {"ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"}
_CODE: Final = re.compile(r"[A-Za-z0-9]{1,64}")


class BucketFailed(Exception):
    """The bucket gave no usable answer; the message is in Korean and English, with no other text.

    A code of S3's API may stand in it, if it has the form of one.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketServer:
    """Where the API is, and who asks; without `ca_file` botocore's public authorities count."""

    endpoint_url: str
    region: str
    ca_file: Path | None
    key_id: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lock:
    """`COMPLIANCE` or `GOVERNANCE`, and until when (with a time zone)."""

    mode: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What a key holds: its first version (empty if none is left), and what came after it."""

    first: str
    versions: int
    markers: int


class Reading:
    """An object's version that is being read: its lock and metadata, and its bytes once."""

    def __init__(self, answer: dict[str, Any]) -> None:
        mode, until = answer.get("ObjectLockMode"), answer.get("ObjectLockRetainUntilDate")
        self.lock = Lock(str(mode), until) if mode and isinstance(until, datetime) else None
        self.metadata: dict[str, str] = dict(answer.get("Metadata") or {})
        self._body = answer["Body"]

    def pieces(self) -> Iterator[bytes]:
        """The bytes, a MiB at a time.

        Raises:
            BucketFailed: they did not all come.
        """
        with _told():
            while piece := self._body.read(_PIECE_BYTES):
                yield piece

    def close(self) -> None:
        """Ends the answer, read or not."""
        self._body.close()


class Bucket:
    """One bucket; each call is one request or a few, on connections that `close` ends."""

    def __init__(self, server: BucketServer, name: str) -> None:
        self._name = name
        with _told():
            self._client: Any = _client(server)

    def close(self) -> None:
        """Ends the connections."""
        self._client.close()

    def require_lock(self) -> None:
        """Object lock and versioning are on.

        Raises:
            BucketFailed: they are not, or nobody can say.
        """
        try:
            with _told():
                found = self._client.get_object_lock_configuration(Bucket=self._name)
                versioned = self._client.get_bucket_versioning(Bucket=self._name)
        except ClientError as error:
            if _code(error) not in _NO_LOCK:
                raise _failed(error) from None
            found = versioned = {}
        enabled = found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"
        if not enabled or versioned.get("Status") != "Enabled":
            raise BucketFailed(
                "버킷에 객체 잠금(object lock)이나 버전 관리가 켜져 있지 않습니다. 잠기지 않는 "
                "곳에는 담지 않습니다.\n"
                "The bucket has object lock or versioning off: nothing is archived unlocked."
            )

    def folders(self, prefix: str) -> Iterator[str]:
        """The names up to the next slash behind a prefix, of whatever version, deleted or not.

        Raises:
            BucketFailed: the bucket cannot be listed.
        """
        for page in self._pages(prefix, Delimiter="/"):
            for each in page.get("CommonPrefixes", ()):
                yield str(each["Prefix"]).removeprefix(prefix).removesuffix("/")

    def held(self, prefix: str) -> dict[str, Held]:
        """What the keys behind a prefix hold, by what of the key stands behind it.

        Raises:
            BucketFailed: the bucket cannot be listed.
        """
        found: dict[str, Held] = {}
        for page in self._pages(prefix):
            for each in page.get("Versions", ()):  # of a key the newest come first
                name = str(each["Key"]).removeprefix(prefix)
                before = found.get(name, Held("", 0, 0))
                found[name] = Held(str(each["VersionId"]), before.versions + 1, before.markers)
            for each in page.get("DeleteMarkers", ()):
                name = str(each["Key"]).removeprefix(prefix)
                before = found.get(name, Held("", 0, 0))
                found[name] = Held(before.first, before.versions, before.markers + 1)
        return found

    @contextmanager
    def reading(self, key: str, version: str) -> Iterator[Reading]:
        """One version of an object.

        Raises:
            FileNotFoundError: it is not there.
            BucketFailed: it cannot be read.
        """
        try:
            with _told():
                answer = self._client.get_object(Bucket=self._name, Key=key, VersionId=version)
        except ClientError as error:
            if _code(error) in ("NoSuchKey", "NoSuchVersion", "404"):
                raise FileNotFoundError(key) from None
            raise _failed(error) from None
        reading = Reading(answer)
        try:
            yield reading
        finally:
            reading.close()

    def add(self, key: str, path: Path, sha256: bytes, lock: Lock, note: tuple[str, str]) -> bool:
        """Puts a file under a key that holds nothing, locked; False if it holds something already.

        `note` is the name and value of the object's metadata.

        Raises:
            BucketFailed: the server did not take it, or did not confirm its SHA-256.
            OSError: the file cannot be read.
        """
        digest = base64.b64encode(sha256).decode()
        try:
            with path.open("rb") as file, _told():
                answer = self._client.put_object(
                    Bucket=self._name,
                    Key=key,
                    Body=file,
                    ContentLength=path.stat().st_size,
                    ChecksumSHA256=digest,
                    IfNoneMatch="*",
                    ObjectLockMode=lock.mode,
                    ObjectLockRetainUntilDate=lock.until,
                    Metadata=dict([note]),
                )
        except ClientError as error:
            if _code(error) in ("PreconditionFailed", "412"):
                return False
            raise _failed(error) from None
        if answer.get("ChecksumSHA256") != digest:
            raise BucketFailed(
                f"{key}: 서버가 SHA-256을 확인하지 않았습니다.\n"
                f"{key}: the server did not confirm the SHA-256."
            )
        return True

    def _pages(self, prefix: str, **options: str) -> Iterator[dict[str, Any]]:
        lister = self._client.get_paginator("list_object_versions")
        try:
            with _told():
                yield from lister.paginate(Bucket=self._name, Prefix=prefix, **options)
        except ClientError as error:
            raise _failed(error) from None


def _client(server: BucketServer) -> Any:  # noqa: ANN401 boto3 makes the class as it runs
    """A client that takes nothing from the environment or from files of boto3's own."""
    variables = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        variables[name] = (None, None, os.devnull, None)
    session = boto3.session.Session(botocore_session=Session(session_vars=variables))
    return session.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.key_id,
        aws_secret_access_key=server.secret,
        verify=str(server.ca_file) if server.ca_file else True,
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _TRIES},
            proxies={},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",  # what was changed is for us to name
            s3={"addressing_style": "path", "payload_signing_enabled": True},
        ),
    )


@contextmanager
def _told() -> Iterator[None]:
    """What went wrong on the way, in our words; what the server answered stays a ClientError."""
    try:
        yield
    except (BotoCoreError, ResponseParserError) as error:
        kind = type(error).__name__
        raise BucketFailed(
            f"S3 서버에 닿지 못했습니다 ({kind}). archive.endpoint_url과 ca_file을 보십시오.\n"
            f"The S3 server cannot be reached ({kind}): see archive.endpoint_url and ca_file."
        ) from None


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else "?"


def _failed(error: ClientError) -> BucketFailed:
    code = _code(error)
    if code in _CREDENTIALS:
        return BucketFailed(
            f"S3 서버가 접근 키를 거절했습니다 ({code}). 키의 파일과 계정의 권한을 보십시오.\n"
            f"The S3 server refused the credentials ({code}): see their files and permissions."
        )
    if code == "NoSuchBucket":
        return BucketFailed("그런 버킷이 없습니다.\nThere is no such bucket.")
    return BucketFailed(
        f"S3 서버가 요청을 받지 않았습니다 ({code}).\nThe S3 server refused the request ({code})."
    )
