"""One gateway process: two listeners, the signals, and the way out.

The public listener and an internal one (/metrics, /healthz, /readyz) share one event loop. On
SIGTERM or SIGINT /readyz says 503 and answers close their connections; new calls are still taken
for `server.drain_delay_seconds`, so that load balancers notice. Then the listener closes, running
answers may end within the settings' time, and what still runs then is cut with an error event.
"""

import asyncio
import select
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import uvicorn
from fastapi import FastAPI

from gateway import os_words
from gateway.api.internal import internal_app, sealer_app
from gateway.api.witness import witness_app
from gateway.app import House, detector_options, open_house, policy_document, public_app
from gateway.app_ledger import StartRefused, open_sealer
from gateway.edge.connection import HeadBounds, protocol_with
from gateway.exports.destinations import SecretUnusable
from gateway.identity.keyfile import KeyFileError
from gateway.ledger.keys import KeysUnusable
from gateway.ledger.sealed_state import StateUnusable
from gateway.ledger.sealer import SealingRefused
from gateway.ledger.witness import Witness
from gateway.outward.http import TrustUnusable
from gateway.settings import Settings
from gateway.store.errors import StoreError
from gateway.telemetry import Metrics, make_log
from redaction.errors import RedactionError
from redaction.policy_words import PolicyRefused
from redaction.pool import Detector

REFUSALS = (
    StoreError,
    KeyFileError,
    KeysUnusable,
    SealingRefused,
    StateUnusable,
    TrustUnusable,
    PolicyRefused,
    SecretUnusable,
    RedactionError,
)
"""What can stop a start, each with words for the operator."""


KEEP_ALIVE_SECONDS: Final = 75  # longer than proxies keep a connection that nobody uses (nginx: 60)
QUEUE_SECONDS: Final = 1.0


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; running answers may end within the settings' time.

    Raises:
        StartRefused: a port is taken, the data directory is in use, the schema does not fit, the
            ledger's head is not what was signed, the policy document does not hold …
    """
    server = settings.server
    with (
        listen(server.host, server.port) as public,
        listen(server.internal_host, server.internal_port) as internal,
    ):
        try:
            document = policy_document(settings)
            async with (
                Detector(detector_options(settings, document)) as detector,
                open_house(settings, detector, document) as house,
            ):
                await _serve(house, public, internal)
        except REFUSALS as error:
            raise StartRefused(_words(error)) from None


async def run_sealer(settings: Settings) -> None:
    """Seals until SIGTERM or SIGINT, and then what is left; answers on the internal listener only.

    Raises:
        StartRefused: the port is taken, the schema does not fit, the keys are not there, the
            ledger's head is not what was signed …
    """
    log = make_log(settings.log.level)
    with listen(settings.server.internal_host, settings.server.internal_port) as internal:
        try:
            async with open_sealer(settings) as sealer:
                inside = _internal(sealer_app(sealer, Metrics()))
                watching = asyncio.create_task(inside.serve([internal]))
                sealing = asyncio.create_task(sealer.run(), name="ledger sealer")
                stopped = asyncio.create_task(_signalled().wait())
                log.info("sealer.started", port=internal.getsockname()[1])
                try:
                    # Refused sealing ends the task and not the process: somebody has to look, and
                    # until then /readyz and the metric say so.
                    await asyncio.wait({stopped, watching}, return_when=asyncio.FIRST_COMPLETED)
                    sealer.stop()
                    await asyncio.wait({sealing}, timeout=settings.server.shutdown_seconds)
                finally:
                    sealing.cancel()
                    stopped.cancel()
                    inside.should_exit = True
                    await asyncio.gather(sealing, watching, return_exceptions=True)
                    log.info("sealer.stopped", size=sealer.size)
        except REFUSALS as error:
            raise StartRefused(_words(error)) from None


async def run_witness(witness: Witness, host: str, port: int) -> None:
    """Answers as a witness until SIGTERM or SIGINT.

    Raises:
        StartRefused: the port is taken.
    """
    log = make_log("info")
    with listen(host, port) as listener:
        inside = _internal(witness_app(witness, log))
        serving = asyncio.create_task(inside.serve([listener]))
        stopped = asyncio.create_task(_signalled().wait())
        log.info("witness.started", port=listener.getsockname()[1], witness=witness.key.name)
        try:
            await asyncio.wait({stopped, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            inside.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
            log.info("witness.stopped")


def _words(error: Exception) -> str:
    if isinstance(error, RedactionError):
        return (
            "개인정보 검출기를 시작하지 못했습니다. `gwanmun doctor`를 실행하십시오.\n"
            "The detector did not start. Run `gwanmun doctor`."
        )
    return str(error) or (
        "데이터베이스를 읽거나 쓸 수 없습니다. 데이터 디렉터리의 권한과 빈 공간을, PostgreSQL이면 "
        "서버의 상태를 보십시오 (`gwanmun doctor`).\n"
        "The database cannot be read or written. Look at the data directory's rights and space, or "
        "at the PostgreSQL server (`gwanmun doctor`)."
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: `_serve` owns the signals of both listeners."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _PublicServer(_Server):
    """A listener that leaves nobody behind: closing it would reset who waits to be accepted."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts who stands in the queue, for a moment, and closes in the breath after."""
        loop = asyncio.get_running_loop()
        last = loop.time() + QUEUE_SECONDS
        while _somebody_waits(sockets or ()) and loop.time() < last:  # noqa: ASYNC110 the kernel's
            await asyncio.sleep(0)
        await super().shutdown(sockets)


def _somebody_waits(listeners: Sequence[socket.socket]) -> bool:
    queue = select.poll()
    for listener in listeners:
        queue.register(listener, select.POLLIN)
    return bool(queue.poll(0))


async def _serve(house: House, public: socket.socket, internal: socket.socket) -> None:
    """Runs both listeners until a signal, then drains: see above."""
    settings, edge = house.settings, house.edge
    limits = settings.bounds
    bounds = HeadBounds(limits.head_seconds, limits.header_bytes, limits.connections)
    outside = _PublicServer(
        uvicorn.Config(
            public_app(house),
            http=protocol_with(bounds),
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )
    inside = _internal(internal_app(edge))
    stop = _signalled()
    serving = asyncio.create_task(outside.serve([public]))
    watching = asyncio.create_task(inside.serve([internal]))
    edge.observer.log.info("gateway.started", port=public.getsockname()[1])
    try:
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, watching, stopped}, return_when=asyncio.FIRST_COMPLETED)
        edge.draining.set()
        edge.observer.log.info("gateway.draining")
        await asyncio.wait({serving, watching}, timeout=settings.server.drain_delay_seconds)
        outside.should_exit = True
        await asyncio.wait({serving}, timeout=settings.server.shutdown_seconds)
        edge.cut.set()
        await asyncio.wait({serving}, timeout=settings.deadlines.client_stall_seconds)
    finally:
        stopped.cancel()
        outside.force_exit = inside.should_exit = True
        await asyncio.gather(serving, watching)
        edge.observer.log.info("gateway.stopped")


def _internal(app: FastAPI) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
        )
    )


def _signalled() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets from now on."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


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
