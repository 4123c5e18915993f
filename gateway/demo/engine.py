"""The rehearsal engine: vLLM's exact wire format on loopback, and no model behind it.

It stands where a real engine will stand, so that the whole way can be tried on any machine: it
answers in Korean with what it received, says in every answer that it is no model, and speaks at a
settable pace. Tests start the same engine with a Script. It records nothing unless a Witness is
handed in.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import time
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.demo import engine_answer
from gateway.demo.engine_request import Ask, Wrong, read_ask
from gateway.demo.engine_script import GOOD, MODEL_NAME, Script, Witness
from gateway.demo.engine_words import tokens
from inference.task import JsonObject

DEFAULT_PACE = 40.0
CONTEXT_TOKENS = 32_768
_SHUTDOWN_SECONDS = 2
_COMMENT = b": keep-alive\n\n"


def create_app(
    script: Script = GOOD,
    *,
    pace: float = 0.0,
    model: str = MODEL_NAME,
    witness: Witness | None = None,
) -> Starlette:
    """An engine that serves `model` at `pace` tokens per second and choice; 0 means no pauses."""
    record = witness or Witness()
    started = int(time.time())

    async def chat(request: Request) -> Response:
        body = await request.body()
        if witness is not None:
            witness.seen.append(body)
            witness.heads.append(dict(request.headers))
            witness.peers.append(request.client.port if request.client else 0)
        if script.status != 200:
            return _scripted_error(script)
        try:
            ask = _checked(read_ask(body), model)
        except Wrong as wrong:
            return JSONResponse(wrong.body, wrong.status)
        identity = _identity(request, model)
        return _Answer(ask, script, identity, pace=pace, witness=record)

    async def models(_: Request) -> Response:
        card: JsonObject = {
            "id": model,
            "object": "model",
            "created": started,
            "owned_by": "gwanmun-rehearsal",
            "root": model,
            "parent": None,
            "max_model_len": CONTEXT_TOKENS,
        }
        return JSONResponse({"object": "list", "data": [card]})

    async def health(_: Request) -> Response:
        return Response(status_code=200)

    async def metrics(_: Request) -> Response:
        label = f'{{model_name="{model}",engine="0"}}'
        lines = [
            "# TYPE vllm:num_requests_running gauge",
            f"vllm:num_requests_running{label} {float(record.working)}",
            "# TYPE vllm:num_requests_waiting gauge",
            f"vllm:num_requests_waiting{label} 0.0",
        ]
        return PlainTextResponse("\n".join(lines) + "\n")

    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
            Route("/metrics", metrics),
        ]
    )


def _checked(ask: Ask, model: str) -> Ask:
    if ask.model != model:
        raise Wrong(f"The model `{ask.model}` does not exist.", status=404, param="model")
    length = len(tokens(ask.prompt))
    if length > CONTEXT_TOKENS:
        raise Wrong(
            f"This model's maximum context length is {CONTEXT_TOKENS} tokens. However, your "
            f"request has {length} input tokens. Please reduce the length of the input messages.",
            param="input_tokens",
        )
    return ask


def _identity(request: Request, model: str) -> JsonObject:
    request_id = request.headers.get("x-request-id") or uuid.uuid4().hex
    return {"id": f"chatcmpl-{request_id}", "created": int(time.time()), "model": model}


def _scripted_error(script: Script) -> Response:
    error: JsonObject = {
        "message": script.error_message,
        "type": "BadRequestError" if script.status == 400 else "InternalServerError",
        "param": None,
        "code": script.status,
    }
    return JSONResponse({"error": error}, script.status, headers=dict(script.headers))


class _Answer(Response):
    """Gives one answer until it has ended or the client has gone."""

    background = None

    def __init__(
        self, ask: Ask, script: Script, identity: JsonObject, *, pace: float, witness: Witness
    ) -> None:
        self._ask = ask
        self._script = script
        self._identity = identity
        self._pause = max(1 / pace if pace else 0.0, script.between_seconds)
        self._witness = witness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._witness.working += 1
        giving = asyncio.create_task(self._give(send))
        leaving = asyncio.create_task(_disconnected(receive))
        try:
            if self._script.ignores_departure:
                await giving
            await asyncio.wait({giving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            giving.cancel()
            leaving.cancel()
            await asyncio.gather(giving, leaving, return_exceptions=True)
            self._witness.working -= 1
        if not giving.cancelled():
            giving.result()

    async def _give(self, send: Send) -> None:
        await asyncio.sleep(self._script.first_seconds)
        pieces = self._stream() if self._ask.stream else self._whole()
        async with contextlib.aclosing(pieces):
            first = await anext(pieces)
            await send(self._start())
            await _send(send, first)
            async for piece in pieces:
                await _send(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _start(self) -> dict[str, object]:
        usual = "text/event-stream; charset=utf-8" if self._ask.stream else "application/json"
        headers = [("content-type", self._script.content_type or usual), *self._script.headers]
        raw = [(name.encode(), value.encode()) for name, value in headers]
        return {"type": "http.response.start", "status": 200, "headers": raw}

    async def _whole(self) -> AsyncGenerator[bytes, None]:
        script = self._script
        body = script.whole or engine_answer.whole(self._ask, script, self._identity)
        if script.silent_after is not None:
            await asyncio.Event().wait()
        if script.error_event_after is not None:
            yield _error_body(script)
            return
        if script.resets_after is not None:
            yield body[: len(body) // 2]
            raise ConnectionResetError
        if script.ends_after is not None:
            yield body[: len(body) // 2]
            return
        if self._pause and script.whole is None:
            said = len(engine_answer.speech(self._ask, script).pieces)
            await asyncio.sleep(self._pause * said)
        yield body

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        """The events in the script's manner; the positions count events that say something."""
        script, said = self._script, 0
        for event in self._events():
            if event.counts:
                async for departure in self._depart(said):
                    yield departure
                    if departure != _COMMENT:
                        return
                if script.ends_after == said:
                    return
                said += 1
                await asyncio.sleep(self._pause)
            for piece in _cut(event.data, byte_by_byte=script.byte_by_byte):
                yield piece
            if script.comments:
                yield _COMMENT
        yield engine_answer.DONE

    async def _depart(self, said: int) -> AsyncGenerator[bytes, None]:
        script = self._script
        if script.resets_after == said:
            raise ConnectionResetError
        if script.error_event_after == said:
            yield b"data: " + _error_body(script) + b"\n\n" + engine_answer.DONE
        while script.silent_after == said:
            await asyncio.sleep(0.02 if script.comments_when_silent else 3_600)
            yield _COMMENT

    def _events(self) -> Iterator[engine_answer.Event]:
        if self._script.raw_events is None:
            return engine_answer.events(self._ask, self._script, self._identity)
        return (engine_answer.Event(raw, counts=True) for raw in self._script.raw_events)


def _cut(data: bytes, *, byte_by_byte: bool) -> Iterator[bytes]:
    return (data[n : n + 1] for n in range(len(data))) if byte_by_byte else iter((data,))


def _error_body(script: Script) -> bytes:
    error = {"message": script.error_message, "type": "InternalServerError", "param": None}
    return json.dumps({"error": {**error, "code": script.error_code}}).encode()


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
    # uvicorn's send need not suspend: without this, one answer would hold the loop.
    await asyncio.sleep(0)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process by the signal itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(host: str, port: int, *, pace: float, model: str) -> None:
    """Serves until SIGTERM or SIGINT; running answers are cut after two seconds.

    Raises:
        OSError: the address cannot be bound.
    """
    config = uvicorn.Config(
        create_app(pace=pace, model=model),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = _Server(config)

    def stop() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    with listen(host, port) as listener:
        await server.serve([listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket whose connections send small writes at once; port 0 takes a free one.

    asyncio sets TCP_NODELAY only on sockets that name their protocol. One from
    `socket.create_server` does not, and each short answer then waits 40 ms for a delayed ACK.

    Raises:
        OSError: the address cannot be bound.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m gateway.demo.engine`; exit status 0 after SIGTERM, 1 if it cannot."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.demo.engine",
        description="리허설 엔진: vLLM과 같은 형식으로 답하지만 언어 모델이 아닙니다.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="열 주소 (기본 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="열 포트 (기본 8000)")
    parser.add_argument(
        "--pace", type=float, default=DEFAULT_PACE, help="초당 토큰 수; 0은 쉬지 않음 (기본 40)"
    )
    parser.add_argument("--model", default=MODEL_NAME, help="모델 이름 (기본 rehearsal)")
    options = parser.parse_args(arguments)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(
                serve(options.host, options.port, pace=max(options.pace, 0.0), model=options.model)
            )
    except OSError as error:
        parser.exit(1, f"{options.host}:{options.port}: {error.strerror}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
