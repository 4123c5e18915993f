"""What single values of the settings must look like; wrong ones raise one of our `Problem`s."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

from gateway.settings_words import problem


class Group(BaseModel):
    """Settings of one owner: closed, frozen, and silent about their values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _filled(text: str) -> str:
    if not text.strip():
        raise problem("empty")
    return text


def _http_url(text: str) -> str:
    if not _is_http_url(text):
        raise problem("http_url")
    return text


def _engine_url(text: str) -> str:
    socket = urlsplit(text).path if text.startswith("unix://") else ""
    if not (socket.startswith("/") or _is_http_url(text)):
        raise problem("engine_url")
    return text


def https_url(text: str) -> str:
    """Nothing, or an `https://` URL; plain HTTP never leaves this machine."""
    if text and not (_is_http_url(text) and text.startswith("https://")):
        raise problem("https_url")
    return text


def https_or_loopback_url(text: str) -> str:
    """As `https_url`, and plain HTTP to this machine itself, by its address or as `localhost`."""
    if not text.startswith("http://"):
        return https_url(text)
    host = urlsplit(text).hostname if _is_http_url(text) else None
    if host is None or not (host == "localhost" or _is_loopback(host)):
        raise problem("https_or_loopback_url")
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_http_url(text: str) -> bool:
    """Whether paths can be written behind it: a scheme and a host, no user, query or fragment."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        whole = bool(parts.hostname) and parts.port != 0  # reading the port checks it
    except ValueError:
        return False
    return whole and parts.scheme in ("http", "https") and not set("@?#") & set(text)


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise problem("network") from None
    return text


def different(names: Iterable[tuple[str, str]]) -> None:
    """Refuses the second place that holds a name; each item is a place and its name."""
    places: dict[str, str] = {}
    for place, name in names:
        if name in places:
            raise problem("same_name", first=places[name], second=place)
        places[name] = place


def _valkey_url(text: str) -> str:
    """A host, a port, a database's number, perhaps a user; a password has its own file."""
    if not text:
        return text
    try:
        parts = urlsplit(text)
        right = bool(parts.hostname) and parts.port != 0 and parts.password is None
    except ValueError:
        right = False
    database = parts.path.removeprefix("/") if right else ""
    if not (
        right
        and text.isascii()
        and parts.scheme in ("valkey", "valkeys")
        and (database.isdecimal() or not database)
        and not set("?#") & set(text)
    ):
        raise problem("valkey_url")
    return text


Name = Annotated[str, AfterValidator(_filled)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
EngineUrl = Annotated[str, AfterValidator(_engine_url)]
ValkeyUrl = Annotated[str, AfterValidator(_valkey_url)]
Network = Annotated[str, AfterValidator(_network)]
