"""Signing keys that stay where they are: in a PKCS#11 module, or in Vault's or OpenBao's transit.

A file in place of `sealer.pem` names them, one URI to a line: an Ed25519 key, and perhaps a P-256
key behind it (`held_pkcs11`, `held_transit` say how such a URI is written). The keys pass for
`cryptography`'s own: whoever signs need not know. Each signature is checked against the public half
that was found at the start, so that a key that was changed in its place never signs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
)
from cryptography.utils import Buffer

from gateway.ledger.held_pkcs11 import ModuleState, module_key
from gateway.ledger.held_pkcs11 import Place as InModule
from gateway.ledger.held_transit import Place as InTransit
from gateway.ledger.held_transit import transit_key
from gateway.ledger.key_files import KeyStoreAway, KeysUnusable
from gateway.proofs.note import PrivateKey

_MOST_KEYS: Final = 2


def read_held(path: Path) -> tuple[PrivateKey, ...]:
    """The keys that a file names; where they are is asked for the public halves.

    Raises:
        KeysUnusable: the file is not of this form, or a key cannot be reached.
        OSError: the file cannot be read.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    uris = [line for line in lines if line and not line.startswith("#")]
    module = ModuleState()
    try:
        keys = [_key(uri, module) for uri in uris]
    except (ValueError, KeyStoreAway) as error:
        raise KeysUnusable(
            path,
            f"적힌 봉인 키를 쓸 수 없습니다 ({error}).",
            f"a sealer's key named here cannot be used ({error}).",
        ) from None
    kinds = [isinstance(key, Ed25519PrivateKey) for key in keys]
    if not 0 < len(keys) <= _MOST_KEYS or kinds != [True, False][: len(keys)]:
        raise KeysUnusable(
            path,
            "Ed25519 키 하나, 그 뒤에 P-256 키 하나까지 적으십시오.",
            "an Ed25519 key is needed, and at most a P-256 key behind it.",
        )
    return tuple(keys)


def _key(uri: str, module: ModuleState) -> PrivateKey:
    scheme = uri.partition(":")[0]
    if scheme == "pkcs11":
        public, sign = module_key(InModule.parse(uri), module)
    elif scheme == "transit":
        public, sign = transit_key(InTransit.parse(uri))
    else:
        raise ValueError("neither a pkcs11 nor a transit URI")
    if isinstance(public, Ed25519PublicKey):
        return HeldEd25519(sign, public)
    return HeldP256(sign, public)


@contextmanager
def _other_key_told() -> Iterator[None]:
    try:
        yield
    except InvalidSignature:
        raise KeyStoreAway("signed by another key than at the start") from None


def _stays() -> NoReturn:
    raise TypeError("this key stays where it is")


class _Held:
    """What no held key does, and how it is copied: not at all."""

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002 the name in cryptography
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Not possible."""
        _stays()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self


class HeldEd25519(_Held, Ed25519PrivateKey):
    """An Ed25519 key that is somewhere else."""

    def __init__(self, sign: Callable[[bytes], bytes], public: Ed25519PublicKey) -> None:
        self._sign = sign
        self._public = public

    def public_key(self) -> Ed25519PublicKey:
        """Its public half, as it was when the key was found."""
        return self._public

    def sign(self, data: Buffer) -> bytes:
        """Signs; raises KeyStoreAway."""
        signature = self._sign(bytes(data))
        with _other_key_told():
            self._public.verify(signature, data)
        return signature

    def private_bytes_raw(self) -> bytes:
        """Not possible."""
        _stays()


class HeldP256(_Held, ec.EllipticCurvePrivateKey):
    """A P-256 key that is somewhere else."""

    def __init__(self, sign: Callable[[bytes], bytes], public: ec.EllipticCurvePublicKey) -> None:
        self._sign = sign
        self._public = public

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """Its public half, as it was when the key was found."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """256 bits."""
        return self._public.key_size

    def sign(self, data: Buffer, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Signs with ECDSA and SHA-256, in DER; raises KeyStoreAway."""
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise ValueError("this key signs with SHA-256")
        signature = self._sign(bytes(data))
        with _other_key_told():
            self._public.verify(signature, data, signature_algorithm)
        return signature

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        """Not possible."""
        _stays()

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Not possible."""
        _stays()
