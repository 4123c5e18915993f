"""One key of the transit engine of HashiCorp Vault or OpenBao, by their common HTTP API.

The API is described as "Transit secrets engine (API)" in both servers' documentation.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import hvac
import requests
from hvac.exceptions import VaultError

_SECONDS: Final = 4.0  # for the server to connect, and again for it to answer
_SIGNATURE_PARTS: Final = 3  # vault:v1:BASE64


class TransitAway(Exception):
    """The server is away, or does not do what it was asked; without its own words, or a token."""


@dataclass(frozen=True, slots=True)
class TransitKey:
    """A key's server, engine and name; `ca_file` holds the CAs to trust in place of the usual."""

    url: str
    mount: str
    name: str
    ca_file: Path | None
    namespace: str | None

    def describe(self, token: str) -> dict[str, Any]:
        """The server's description of the key, JSON.

        Raises:
            TransitAway: there is none, or the token may not read it.
        """
        found = self._ask(
            token, lambda transit: transit.read_key(self.name, mount_point=self.mount)
        )
        if not isinstance(found, dict):
            raise TransitAway(f"{self.name}: not a key")
        return found

    def sign(self, token: str, data: bytes, version: int) -> bytes:
        """A version's signature: Ed25519 as RFC 8032 says; ECDSA over SHA-256, in DER.

        Raises:
            TransitAway: the server does not sign.
        """
        answer = self._ask(
            token,
            lambda transit: transit.sign_data(
                self.name,
                hash_input=base64.b64encode(data).decode(),
                key_version=version,
                hash_algorithm="sha2-256",
                marshaling_algorithm="asn1",
                mount_point=self.mount,
            ),
        )
        try:
            _, _, signature = str(answer["signature"]).split(":", _SIGNATURE_PARTS - 1)
            return base64.b64decode(signature, validate=True)
        except (LookupError, TypeError, ValueError):
            raise TransitAway(f"{self.name}: not a signature") from None

    def _ask(self, token: str, act: Callable[[Any], Any]) -> Any:  # noqa: ANN401 JSON
        with requests.Session() as session:
            session.trust_env = False  # no proxy, .netrc or CA of the environment
            session.verify = str(self.ca_file) if self.ca_file else True
            try:
                client = hvac.Client(
                    url=self.url,
                    token=token,
                    timeout=_SECONDS,
                    namespace=self.namespace,
                    session=session,
                    allow_redirects=False,  # a token goes nowhere else
                )
                return act(client.secrets.transit)["data"]
            except OSError as error:  # of requests, or of the CA's file
                raise TransitAway(f"{self.url}: {type(error).__name__}") from None
            except (VaultError, LookupError, TypeError, ValueError) as error:
                raise TransitAway(f"{self.name}: {type(error).__name__}") from None
