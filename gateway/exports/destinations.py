"""Where events are forwarded: a syslog server over TLS, or a webhook. Each takes a batch or fails.

The webhook follows Standard Webhooks (standardwebhooks.com): one POST of JSON, with `webhook-id`
(the same for the same events, so that a receiver can drop what comes twice), `webhook-timestamp`
and `webhook-signature`, "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".
"""

import base64
import binascii
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from gateway.exports.formats import Format, line_of
from gateway.exports.ocsf import api_activity, severity_id
from gateway.exports.record import Record
from gateway.outward.http import Outward, OutwardFailed
from gateway.outward.syslog import Message, SyslogClient, SyslogServer, frame
from inference.task import JsonObject, JsonValue

_SEVERITIES: Final = {1: 6, 2: 5, 3: 4}  # OCSF's ids → informational, notice, warning of RFC 5424
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 the standard's, in front of the base64
_LEAST_SECRET_BYTES: Final = 24  # the standard's own bound


class SecretUnusable(Exception):
    """The webhook's secret is not one; the message says why, for the operator."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: 웹훅의 비밀이 아닙니다. 24바이트 이상을 base64로 적으십시오.\n"
            f"{path}: not a webhook's secret: 24 bytes or more, in base64."
        )


class Destination(Protocol):
    """What takes events. `confirms` says that a batch that was sent has been taken for certain."""

    name: str
    confirms: bool

    async def send(self, records: Sequence[Record]) -> None:
        """Hands over a batch.

        Raises:
            OutwardFailed: it may or may not have arrived.
        """

    def close(self) -> None:
        """Ends what is open."""


class Syslog:
    """One message per event, in the format of lines that the settings name."""

    name = "syslog"
    confirms = False

    def __init__(self, server: SyslogServer, form: Format, build: str) -> None:
        self._client = SyslogClient(server)
        self._line = line_of(form, build)
        self._build = build
        self._hostname = socket.gethostname()

    async def send(self, records: Sequence[Record]) -> None:
        """See Destination."""
        await self._client.send([self._frame(record) for record in records])

    def close(self) -> None:
        """See Destination."""
        self._client.close()

    def _frame(self, record: Record) -> bytes:
        text = self._line(record).removesuffix(b"\n")
        severity = _SEVERITIES[severity_id(record)]
        message = Message(record.at, severity, record.action, text)
        return frame(message, hostname=self._hostname, build=self._build)


class Webhook:
    """One signed POST per batch; only a status of 2xx is an answer."""

    name = "webhook"
    confirms = True

    def __init__(self, outward: Outward, url: str, key: bytes, *, ocsf: bool, build: str) -> None:
        self._outward = outward
        self._url = url
        self._key = key
        self._event: Callable[[Record], JsonObject] = (
            (lambda record: api_activity(record, build)) if ocsf else _plain
        )

    async def send(self, records: Sequence[Record]) -> None:
        """See Destination."""
        events: list[JsonValue] = [self._event(record) for record in records]
        tree = {"type": "ledger.events", "data": {"events": events}}
        body = json.dumps(tree, ensure_ascii=False).encode()
        name, at = f"gwanmun-{records[0].position}-{records[-1].position}", str(int(time.time()))
        answer = await self._outward.post(
            self._url,
            body,
            {
                "content-type": "application/json",
                "webhook-id": name,
                "webhook-timestamp": at,
                "webhook-signature": signature(self._key, name, at, body),
            },
        )
        if not 200 <= answer.status < 300:
            raise OutwardFailed("refused")

    def close(self) -> None:
        """See Destination."""


def signature(key: bytes, name: str, at: str, body: bytes) -> str:
    """The header's value for one message; `at` is in Unix seconds."""
    digest = hmac.digest(key, f"{name}.{at}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"


def webhook_key(path: Path) -> bytes:
    """The key in a secret's file: base64, perhaps behind `whsec_`.

    Raises:
        SecretUnusable: it cannot be read, or holds less.
    """
    try:
        text = path.read_text(encoding="ascii").strip().removeprefix(_SECRET_PREFIX)
        key = base64.b64decode(text, validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error):
        raise SecretUnusable(path) from None
    if len(key) < _LEAST_SECRET_BYTES:
        raise SecretUnusable(path)
    return key


def _plain(record: Record) -> JsonObject:
    return {
        "position": record.position,
        "writer": record.writer,
        "sequence": record.sequence,
        "event_sha256": record.hash,
        "event": record.facts,
    }
