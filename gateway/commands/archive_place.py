"""Where `gwanmun audit` finds the daily archive: a folder, or `s3://BUCKET/PREFIX` by the settings.

The bucket's client is loaded only where one is named. Its keys come from files that only their
owner can read.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway import os_words
from gateway.commands.officer import refused
from gateway.commands.place import existing
from gateway.exports.archive import ArchiveUnusable, Place
from gateway.exports.archive_folder import FolderPlace
from gateway.outward.http import TrustUnusable, trust
from gateway.settings import SettingsError, read_kept_settings
from gateway.store.private_file import is_private

_SCHEME: Final = "s3://"
# Amazon S3 User Guide, "General purpose bucket naming rules"; a prefix of safe characters.
_URL: Final = re.compile(
    r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}){0,8})/?"
)
_KEY: Final = re.compile(r"[!-~]{1,256}")
_FILES: Final = ("archive.access_key_id_file", "archive.secret_access_key_file")

PlaceArgument = Annotated[
    str,
    typer.Argument(
        metavar="폴더|s3://버킷/앞이름", help="날짜별 폴더가 놓이는 곳. s3://는 설정 archive.*로."
    ),
]


@contextmanager
def archive_place(where: str, *, drafts: Path | None = None) -> Iterator[Place]:
    """The place, open; `drafts` is where days are made before they go to a bucket.

    Raises:
        typer.Exit: there is no such place, or the settings or the bucket are not usable; standard
            error says so.
    """
    if not where.startswith(_SCHEME):
        yield FolderPlace(existing(Path(where)))
        return
    named = _URL.fullmatch(where)
    if named is None:
        raise refused(f"{where}: s3://버킷/앞이름이 아닙니다. (not s3://BUCKET/PREFIX)")
    prefix = named[2].removeprefix("/")
    with in_place_words(), _bucket(named[1], f"{prefix}/" if prefix else "", drafts) as place:
        yield place


@contextmanager
def in_place_words() -> Iterator[None]:
    """Says why a place cannot take or show days, and ends the command."""
    try:
        yield
    except ArchiveUnusable as error:
        raise refused(str(error)) from None


@contextmanager
def _bucket(name: str, prefix: str, drafts: Path | None) -> Iterator[Place]:
    from gateway.exports.archive_bucket import BucketPlace, Keeping
    from gateway.outward.bucket import BucketServer

    try:
        settings = read_kept_settings().archive
        trust(settings.ca_file)
    except (SettingsError, TrustUnusable) as error:
        raise refused(f"설정이 올바르지 않습니다. (The settings are wrong.)\n{error}") from None
    if not settings.endpoint_url:
        raise refused(
            "archive.endpoint_url: s3://에는 S3 서버의 주소가 있어야 합니다. "
            "(s3:// needs the server's URL.)"
        )
    files = (settings.access_key_id_file, settings.secret_access_key_file)
    key_id, secret = (_secret(*each) for each in zip(_FILES, files, strict=True))
    server = BucketServer(
        endpoint_url=settings.endpoint_url,
        region=settings.region,
        ca_file=settings.ca_file,
        key_id=key_id,
        secret=secret,
    )
    keeping = Keeping(settings.retention_mode, settings.retention_days)
    with BucketPlace(server, (name, prefix), keeping, drafts=drafts) as place:
        yield place


def _secret(setting: str, path: Path | None) -> str:
    if path is None:
        raise refused(f"{setting}: s3://에는 접근 키의 파일이 있어야 합니다. (s3:// needs it.)")
    try:
        private = is_private(path)
        text = path.read_text(encoding="ascii").strip() if private else ""
    except OSError as error:
        raise refused(
            f"{setting}: {path}: {os_words.korean(error)}. ({os_words.english(error)}.)"
        ) from None
    except UnicodeDecodeError:
        text, private = "", True
    if not private:
        raise refused(
            f"{setting}: {path}: 다른 사용자가 읽을 수 있습니다. `chmod 600 {path}`를 "
            f"실행하십시오.\n{setting}: {path}: others may read it; chmod 600 {path}."
        )
    if not _KEY.fullmatch(text):
        raise refused(f"{setting}: {path}: 접근 키가 아닙니다. (Not an access key.)")
    return text
