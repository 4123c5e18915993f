"""Keys in a PKCS#11 module: a hardware security module, a card, SoftHSM; named by RFC 7512 URIs.

    pkcs11:token=gwanmun;object=sealer?module-path=/usr/lib/libhsm.so&pin-source=file:/run/pin

`id` (percent-encoded) may stand in place of `object` or with it. The PIN comes from a file, never
from the URI. Ed25519 signs by CKM_EDDSA (PKCS #11 3.0 section 2.3.14), P-256 by CKM_ECDSA over
SHA-256 (section 2.3.6).
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pkcs11.exceptions import (
    MultipleObjectsReturned,
    NoSuchKey,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from gateway.ledger.key_files import KeyStoreAway
from gateway.store.private_file import is_private

_COORDINATE_BYTES: Final = 32
_URI: Final = re.compile(r"pkcs11:(?P<path>[^?#\s]+)\?(?P<query>[^#\s]+)")
_PATH: Final = frozenset({"token", "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-source"})
# DER: an octet string around the point; uncompressed for P-256 (SEC 1 section 2.3.3).
_ED25519_POINT: Final = b"\x04\x20"
_P256_POINT: Final = b"\x04\x41\x04"
_PIN_REFUSED: Final = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key is: what its URI says."""

    module: Path
    pin_file: Path
    token: str
    label: str | None
    id: bytes | None

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Reads a URI.

        Raises:
            ValueError: it is none, or does not say which module, PIN file, token and key.
        """
        found = _URI.fullmatch(text)
        if found is None:
            raise ValueError("not a pkcs11 URI with a query")
        path, query = _attributes(found["path"], ";"), _attributes(found["query"], "&")
        unknown = sorted((path.keys() - _PATH) | (query.keys() - _QUERY))
        if unknown:
            raise ValueError(f"unknown attribute {unknown[0]}")
        source = unquote(query.get("pin-source", ""))
        if not source.startswith("file:") or "module-path" not in query or "token" not in path:
            raise ValueError("token, module-path and pin-source=file:… are needed")
        if not path.keys() & {"object", "id"} or path.get("type", "private") != "private":
            raise ValueError("object or id of a private key is needed")
        return cls(
            Path(unquote(query["module-path"])),
            Path(source.removeprefix("file:")),
            unquote(path["token"]),
            unquote(path["object"]) if "object" in path else None,
            unquote_to_bytes(path["id"]) if "id" in path else None,
        )


@dataclass(slots=True)
class ModuleState:
    """What the keys of one module have to know of each other.

    `round` counts how often the module was initialized anew, which ends the sessions of every key;
    their handles are given out again and must not be used, not even to close them. `refused` are
    the PINs that tokens have refused: a token locks itself after a few, so none is tried twice.
    """

    round: int = 0
    refused: dict[str, str] = field(default_factory=dict, repr=False)


class _Session:
    """One key's session, opened when it is needed and again after a failure."""

    def __init__(self, place: Place, shared: ModuleState) -> None:
        self._place = place
        self._shared = shared
        self._round = shared.round
        self._session: pkcs11.Session | None = None
        self._private: Any = None
        self._failed = False

    def point(self) -> bytes:
        """CKA_EC_POINT of the public half."""
        return self._tried(self._read_point)

    def sign(self, data: bytes, mechanism: pkcs11.Mechanism) -> bytes:
        """A signature as the mechanism gives it.

        Raises:
            KeyStoreAway: the module does not sign.
        """

        def sign() -> bytes:
            self._forget_if_ended()
            if self._private is None:
                self._private = self._find(pkcs11.ObjectClass.PRIVATE_KEY)
            return bytes(self._private.sign(data, mechanism=mechanism))

        return self._tried(sign)

    def _tried(self, act: Callable[[], bytes]) -> bytes:
        """What `act` gives; after a failure once more, in a new session."""
        for last in (self._session is None, True):
            try:
                return act()
            except (PKCS11Error, RuntimeError, OSError) as error:
                self._close()
                self._failed = True
                if last:
                    raise KeyStoreAway(self._words(error)) from None
        raise KeyStoreAway(self._place.token)

    def _words(self, error: Exception) -> str:
        """What failed, without the PIN or the module's own words about it."""
        if isinstance(error, OSError):
            return f"{error.filename or self._place.module}: {error.strerror}"
        return f"{self._place.token}: {type(error).__name__}"

    def _close(self) -> None:
        session, self._session, self._private = self._session, None, None
        try:
            if session is not None:
                session.close()
        except PKCS11Error:
            return  # it was gone already

    def _forget_if_ended(self) -> None:
        if self._round != self._shared.round:
            self._session, self._private, self._failed = None, None, False
            self._round = self._shared.round

    def _open(self) -> pkcs11.Session:
        place, shared = self._place, self._shared
        if not is_private(place.pin_file):
            raise OSError(1, "others can read the PIN", str(place.pin_file))
        pin = place.pin_file.read_text(encoding="utf-8").strip()
        if shared.refused.get(place.token) == pin:
            raise PinIncorrect
        module = pkcs11.lib(str(place.module))
        if self._failed:  # it may have lost its device
            shared.round += 1
            self._round = shared.round
            module.reinitialize()
        token = module.get_token(token_label=place.token)
        try:
            return token.open(user_pin=pin)
        except UserAlreadyLoggedIn:  # by another key's session: the login is the process's
            return token.open()
        except _PIN_REFUSED:
            shared.refused[place.token] = pin
            raise

    def _find(self, kind: pkcs11.ObjectClass) -> Any:  # noqa: ANN401 the library's own
        self._forget_if_ended()
        if self._session is None:
            self._session = self._open()
            self._failed = False
        wanted = {
            pkcs11.Attribute.CLASS: kind,
            pkcs11.Attribute.LABEL: self._place.label,
            pkcs11.Attribute.ID: self._place.id,
        }
        asked = {name: value for name, value in wanted.items() if value is not None}
        found = list(self._session.get_objects(asked))  # to its end, or the search stays open
        if len(found) != 1:
            raise NoSuchKey if not found else MultipleObjectsReturned
        return found[0]

    def _read_point(self) -> bytes:
        self._private = self._find(pkcs11.ObjectClass.PRIVATE_KEY)  # is it there at all?
        return bytes(self._find(pkcs11.ObjectClass.PUBLIC_KEY)[pkcs11.Attribute.EC_POINT])


def module_key(
    place: Place, shared: ModuleState
) -> tuple[Ed25519PublicKey | ec.EllipticCurvePublicKey, Callable[[bytes], bytes]]:
    """A key's public half, and what signs with its private one: P-256 over SHA-256, in DER.

    Raises:
        ValueError: it is of another kind.
        KeyStoreAway: the module cannot be used; so does signing.
    """
    session = _Session(place, shared)
    point = session.point()
    if len(point) == len(_ED25519_POINT) + 32 and point.startswith(_ED25519_POINT):
        public = Ed25519PublicKey.from_public_bytes(point.removeprefix(_ED25519_POINT))
        return public, lambda data: session.sign(data, pkcs11.Mechanism.EDDSA)
    if not point.startswith(_P256_POINT):
        raise ValueError("neither an Ed25519 nor a P-256 key")

    def sign(data: bytes) -> bytes:
        raw = session.sign(hashlib.sha256(data).digest(), pkcs11.Mechanism.ECDSA)
        r, s = raw[:_COORDINATE_BYTES], raw[_COORDINATE_BYTES:]
        return utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))

    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point[2:]), sign


def _attributes(text: str, between: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(between):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise ValueError(f"not an attribute: {name}")
        found[name] = value
    return found
