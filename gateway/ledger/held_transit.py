"""Keys in the transit engine of HashiCorp Vault or OpenBao, which signs and gives no key away.

    transit:https://bao.internal:8200/transit/sealer?version=1&token-source=file:/run/token

The address, the engine's mount, the key's name and its version: another version is another key.
`ca-file=file:…` names the CA of the server, `namespace=…` the namespace. The token comes from a
file and is read anew for each signature, so that an agent may renew it.
"""

import base64
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gateway.ledger.key_files import KeyStoreAway
from gateway.outward.transit import TransitAway, TransitKey
from gateway.store.private_file import is_private

_QUERY: Final = frozenset({"version", "token-source", "ca-file", "namespace"})
_FILE: Final = "file:"
_NEEDED: Final = "https address, mount, key, version and token-source=file:… are needed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is, which version of it is meant, and where the token lies."""

    key: TransitKey
    version: int
    token_file: Path

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Reads a URI.

        Raises:
            ValueError: it is none, or does not say which server, key, version and token file.
        """
        parts = urlsplit(text.removeprefix("transit:"))
        pairs = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
        query = dict(pairs)
        mount, _, name = parts.path.strip("/").rpartition("/")
        source, version = query.get("token-source", ""), query.get("version", "")
        if len(query) != len(pairs) or query.keys() - _QUERY or parts.fragment or parts.username:
            raise ValueError("unknown or repeated parts in a transit URI")
        right = mount and name and version.isascii() and version.isdigit() and int(version) > 0
        safe = _is_safe(parts.scheme, parts.hostname)
        if not right or not safe or not source.startswith(_FILE):
            raise ValueError(_NEEDED)
        ca_file = query.get("ca-file")
        key = TransitKey(
            url=f"{parts.scheme}://{parts.netloc}",
            mount=mount,
            name=name,
            ca_file=Path(ca_file.removeprefix(_FILE)) if ca_file else None,
            namespace=query.get("namespace"),
        )
        return cls(key, int(version), Path(source.removeprefix(_FILE)))


def transit_key(
    place: Place,
) -> tuple[Ed25519PublicKey | ec.EllipticCurvePublicKey, Callable[[bytes], bytes]]:
    """A key's public half, and what signs with its private one: P-256 over SHA-256, in DER.

    Raises:
        ValueError: it is of another kind, or not one that has to stay there.
        KeyStoreAway: the server cannot be used; so does signing.
    """

    def sign(data: bytes) -> bytes:
        token = _token(place)
        try:
            return place.key.sign(token, data, place.version)
        except TransitAway as error:
            raise KeyStoreAway(str(error)) from None

    try:
        found = place.key.describe(_token(place))
    except TransitAway as error:
        raise KeyStoreAway(str(error)) from None
    return _public(found, place.version), sign


def _token(place: Place) -> str:
    path = place.token_file
    try:
        if not is_private(path):
            raise KeyStoreAway(f"{path}: others can read the token")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KeyStoreAway(f"{path}: {error.strerror}") from None


def _public(found: dict[str, Any], version: int) -> Ed25519PublicKey | ec.EllipticCurvePublicKey:
    """The public half of a version in the server's description of a key."""
    try:
        kind, text = found["type"], found["keys"][str(version)]["public_key"]
        if found["exportable"] or found["allow_plaintext_backup"]:
            raise ValueError("the key may leave its place (exportable or backed up in plaintext)")
        if kind == "ed25519" and not found["derived"]:
            return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
        public = load_pem_public_key(text.encode()) if kind == "ecdsa-p256" else None
    except (LookupError, TypeError, AttributeError):
        raise ValueError("there is no such version of the key") from None
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("neither an Ed25519 nor a P-256 key")
    return public


def _is_safe(scheme: str, host: str | None) -> bool:
    """Whether a token may go there: by TLS, or to this machine."""
    if scheme == "https" and host:
        return True
    try:
        return scheme == "http" and ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
