"""Another server's log, read file by file for verification (c2sp.org/tlog-tiles)."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway.outward.http import Outward, OutwardFailed, TrustUnusable
from gateway.proofs.reader import LogUnreadable

_MOST_BYTES: Final = 1 << 20
_SECONDS: Final = 30.0
_HERE, _MISSING, _GONE = 200, 404, 410


class LogServer:
    """The log below a URL such as `https://gateway.example.go.kr/log`; a TileSource.

    A context manager with an event loop of its own: for a command, never inside another loop.

    Raises:
        LogUnreadable: on entering, when the file of authorities is no such file.
    """

    def __init__(self, url: str, *, ca_file: Path | None = None) -> None:
        self._base = url.rstrip("/")
        self._outward = Outward(
            [url], private_ca_file=ca_file, total_seconds=_SECONDS, max_bytes=_MOST_BYTES
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._runner = stack.enter_context(asyncio.Runner())
            try:
                self._runner.run(self._outward.__aenter__())
            except TrustUnusable as error:
                raise LogUnreadable(str(error)) from None
            stack.callback(lambda: self._runner.run(self._outward.__aexit__(None, None, None)))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None if the server says that there is none.

        Raises:
            LogUnreadable: it gives no usable answer.
        """
        try:
            answer = self._runner.run(self._outward.get(f"{self._base}/{path}"))
        except OutwardFailed as error:
            raise LogUnreadable(f"{path}: {error.reason}") from None
        if answer.status in (_MISSING, _GONE):
            return None
        if answer.status != _HERE:
            raise LogUnreadable(f"{path}: HTTP {answer.status}")
        return answer.body
