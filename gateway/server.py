"""One gateway process: two listeners, the signals, and the way out.

The public listener and an internal one (/metrics, /healthz, /readyz) share one event loop. On
SIGTERM or SIGINT no new calls are taken, running answers may end within the settings' time, and
what still runs then is cut with an error event.
"""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from gateway import os_words
from gateway.api.internal import internal_app
from gateway.app import House, StartRefused, detector_options, open_house, public_app
from gateway.edge.connection import HeadBounds, protocol_with
from gateway.identity.keyfile import KeyFileError
from gateway.ledger.keys import KeysUnusable
from gateway.ledger.sealer import SealingRefused
from gateway.outward.http import TrustUnusable
from gateway.settings import Settings
from gateway.store.errors import StoreError
from redaction.errors import RedactionError
from redaction.pool import Detector

REFUSALS = (
    StoreError,
    KeyFileError,
    KeysUnusable,
    SealingRefused,
    TrustUnusable,
    RedactionError,
)
"""What can stop a start, each with words for the operator."""


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; running answers may end within the settings' time.

    Raises:
        StartRefused: a port is taken, the data directory is in use, the schema does not fit, the
            ledger's head is not what was signed …
    """
    server = settings.server
    with (
        listen(server.host, server.port) as public,
        listen(server.internal_host, server.internal_port) as internal,
    ):
        try:
            async with (
                Detector(detector_options(settings)) as detector,
                open_house(settings, detector) as house,
            ):
                await _serve(house, public, internal)
        except REFUSALS as error:
            raise StartRefused(_words(error)) from None


def _words(error: Exception) -> str:
    if isinstance(error, RedactionError):
        return (
            "개인정보 검출기를 시작하지 못했습니다. `gwanmun doctor`를 실행하십시오.\n"
            "The detector did not start. Run `gwanmun doctor`."
        )
    return str(error) or (
        "데이터베이스를 읽거나 쓸 수 없습니다. 데이터 디렉터리의 권한과 빈 공간을 보십시오.\n"
        "The database cannot be read or written. Look at the data directory's rights and space."
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: `_serve` owns the signals of both listeners."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(house: House, public: socket.socket, internal: socket.socket) -> None:
    """Runs both listeners until a signal, then drains: no new calls, running ones may end."""
    settings, edge = house.settings, house.edge
    limits = settings.bounds
    bounds = HeadBounds(limits.head_seconds, limits.header_bytes, limits.connections)
    outside = _Server(
        uvicorn.Config(
            public_app(house),
            http=protocol_with(bounds),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
        )
    )
    inside = _Server(
        uvicorn.Config(
            internal_app(edge),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
        )
    )
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.create_task(outside.serve([public]))
    watching = asyncio.create_task(inside.serve([internal]))
    edge.observer.log.info("gateway.started", port=public.getsockname()[1])
    try:
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        edge.draining.set()
        outside.should_exit = True
        await asyncio.wait({serving}, timeout=settings.server.shutdown_seconds)
        edge.cut.set()
        await asyncio.wait({serving}, timeout=settings.deadlines.client_stall_seconds)
    finally:
        stopped.cancel()
        outside.force_exit = inside.should_exit = True
        await asyncio.gather(serving, watching)
        edge.observer.log.info("gateway.stopped")


@contextmanager
def listen(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, or StartRefused with the address that is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise StartRefused(
            f"{host}:{port} 주소를 열 수 없습니다 ({os_words.korean(error)}).\n"
            f"Cannot listen on {host}:{port} ({os_words.english(error)})."
        ) from None
    with listener:
        yield listener
