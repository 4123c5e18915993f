"""Syslog messages over TLS: RFC 5424 in the frames of RFC 5425. One connection, opened when needed.

The protocol has no acknowledgement. `send` returns once the other machine's TCP has confirmed every
byte and has not closed the connection; what its program had not read when it died is lost to it, so
a connection that breaks says that the messages before are in doubt too.
"""

import asyncio
import fcntl
import ssl
import struct
import termios
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from gateway.outward.http import OutwardFailed, addresses_of, trust

FACILITY: Final = 13  # "log audit" (RFC 5424 table 1)
_NIL: Final = "-"
_CONFIRMED_SECONDS: Final = 0.005  # between two looks at what is not confirmed yet
_MOST_NAME: Final = 255
_PIECE_BYTES: Final = 16 * 1024  # the least that Linux keeps for sending by default


class Message(NamedTuple):
    """One message; `at` is in Unix milliseconds, `severity` as in RFC 5424 table 2."""

    at: int
    severity: int
    kind: str
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogServer:
    """Where a server is, and whose certificates it may show beside the system's."""

    host: str
    port: int
    ca_file: Path | None
    deadline_seconds: float = 10.0


def frame(message: Message, *, hostname: str, build: str) -> bytes:
    """One message in its frame: its length in bytes, a space, the message (RFC 5425 section 4.3).

    The text is UTF-8 without a byte order mark (MSG-ANY): receivers of CEF and JSON expect none.
    """
    moment = datetime.fromtimestamp(message.at // 1_000, UTC)
    moment = moment.replace(tzinfo=None, microsecond=message.at % 1_000 * 1_000)
    head = (
        f"<{FACILITY * 8 + message.severity}>1 {moment.isoformat(timespec='milliseconds')}Z "
        f"{_printable(hostname, _MOST_NAME)} gwanmun {_NIL} {_printable(message.kind, 32)} "
        f'[origin software="gwanmun" swVersion="{_printable(build, 32)}"] '
    )
    whole = head.encode() + message.text
    return f"{len(whole)} ".encode() + whole


def _printable(text: str, most: int) -> str:
    """As the header's names must be: printable ASCII without spaces, quotes or brackets."""
    kept = "".join(each for each in text if "!" <= each <= "~" and each not in '"\\]')
    return kept[:most] or _NIL


class SyslogClient:
    """Messages to one server; `close` it at the end."""

    def __init__(self, server: SyslogServer) -> None:
        self._server = server
        self._context = trust(server.ca_file)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, frames: Sequence[bytes]) -> None:
        """Sends frames in their order.

        Raises:
            OutwardFailed: they may or may not have arrived; the next call connects anew.
        """
        try:
            async with asyncio.timeout(self._server.deadline_seconds):
                reader, writer = self._streams or await self._connect()
                _require_open(reader)
                for piece in _pieces(frames):
                    writer.write(piece)
                    await writer.drain()
                    await _confirmed(writer)
                    _require_open(reader)
        except TimeoutError:
            self.close()
            raise OutwardFailed("timeout") from None
        except (OSError, ssl.SSLError, EOFError):
            self.close()
            raise OutwardFailed("unreachable") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the connection, if there is one."""
        streams, self._streams = self._streams, None
        if streams:
            streams[1].transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        server = self._server
        error: OSError = ConnectionError()
        for address in await addresses_of(server.host, server.port):
            try:
                streams = await asyncio.open_connection(
                    address, server.port, ssl=self._context, server_hostname=server.host
                )
            except OSError as failed:
                error = failed
                continue
            self._streams = streams
            return streams
        raise error


def _require_open(reader: asyncio.StreamReader) -> None:
    """The server says nothing: whatever it does say is the end of the connection."""
    if reader.at_eof() or reader.exception() is not None:
        raise EOFError


def _pieces(frames: Sequence[bytes]) -> Iterator[bytes]:
    """Whole frames together, in pieces that the kernel takes at once."""
    piece = b""
    for each in frames:
        if piece and len(piece) + len(each) > _PIECE_BYTES:
            yield piece
            piece = b""
        piece += each
    yield piece


async def _confirmed(writer: asyncio.StreamWriter) -> None:
    """Until the other machine has confirmed every byte (Linux: SIOCOUTQ, the same as TIOCOUTQ).

    Twice in a row: in between, the loop hands over to the kernel what it still held itself.
    """
    descriptor = writer.get_extra_info("socket").fileno()
    empty = 0
    while empty < 2:
        await asyncio.sleep(_CONFIRMED_SECONDS)
        empty = 0 if _unconfirmed(descriptor) else empty + 1


def _unconfirmed(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4))[0])
