"""The detector for asyncio: a bounded pool of processes, each request with its deadline.

Takes texts, gives their spans. A child that crashes or misses its deadline is ended and replaced
by a fork of the zygote within milliseconds; a dead zygote is started again. Large requests never
keep small ones waiting for long: one child serves small ones alone, the others take turns. Spans of
texts are remembered under a keyed hash, texts never. This module never imports Presidio and never
logs.
"""

import asyncio
import contextlib
import secrets
import socket
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import TracebackType
from typing import Self

import orjson

from redaction.entity import Span
from redaction.errors import DetectionUnavailable, TooManyFindings
from redaction.line import Job, Line
from redaction.vocabulary import Vocabulary
from redaction.wire import LENGTH, ORDER, Order, Setup, decode_spans, encode_setup, encode_texts

_MODULE = "redaction.presidio"
_CHARACTERS_PER_SECOND = 100_000  # of the deadline, beyond `deadline_seconds`
_LONGEST_REMEMBERED = 100_000
_MOST_SPANS_REMEMBERED = 256  # bounds the memory's size, not its use
_MOST_CHARACTERS_SMALL = 20_000  # some tens of milliseconds of a child's time
_FAILURES_UNTIL_NOT_READY = 3
_CANARY_SECONDS = 60.0
_CANARY_SECONDS_NOT_READY = 1.0
_WATCH_SECONDS = 0.25
_START_SECONDS = 60.0
_START_AGAIN_SECONDS = 2.0
_ORDER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """How the pool works; see DetectorSettings for each number."""

    processes: int = 2
    deadline_seconds: float = 2.0
    queue_places: int = 256
    remembered_texts: int = 4096
    packs: tuple[str, ...] = ("kr",)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)


class _Gone(Exception):
    """A process on the other side of a socket is gone or speaks nonsense."""


async def _receive(connection: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    parts = bytearray()
    while len(parts) < size:
        part = await loop.sock_recv(connection, min(size - len(parts), 1 << 20))
        if not part:
            raise _Gone
        parts += part
    return bytes(parts)


async def _receive_frame(connection: socket.socket) -> bytes:
    (length,) = LENGTH.unpack(await _receive(connection, LENGTH.size))
    return await _receive(connection, length)


@dataclass(slots=True)
class _Child:
    """One detector process, forked by one zygote."""

    pid: int
    connection: socket.socket
    zygote: "_Zygote"

    def gone(self) -> bool:
        """Whether an idle child has hung up. It never speaks unasked, so any byte is nonsense."""
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    async def spans(self, request: bytes) -> list[tuple[Span, ...]]:
        try:
            await asyncio.get_running_loop().sock_sendall(self.connection, request)
            return decode_spans(await _receive_frame(self.connection))
        except (OSError, ValueError):
            raise _Gone from None


class _Zygote:
    """The process that has imported Presidio and forks the detectors."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        self._turn = asyncio.Lock()
        self.version = ""
        self.canaries: list[tuple[str, str, str]] = []
        # Each detector is one process of many: arithmetic in further threads only keeps it waiting.
        command = ["/usr/bin/env", "OPENBLAS_NUM_THREADS=1", sys.executable, "-m", _MODULE]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module, no shell
                [*command, "--control", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    async def hello(self) -> None:
        """Says what to load; waits until it has built its analyzer and found its canaries."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(self._control, encode_setup(self._setup))
                said = orjson.loads(await _receive_frame(self._control))
        except (_Gone, OSError, ValueError, TimeoutError, asyncio.CancelledError) as error:
            self.kill()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise _Gone from None
        self.version = said["version"]
        self.canaries = [(entity, text, value) for entity, text, value in said["canaries"]]

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def fork(self) -> _Child:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                pid = await self._order(Order.FORK, 0, theirs)
        except BaseException:
            ours.close()
            raise
        return _Child(pid, ours, self)

    async def end(self, child: _Child) -> None:
        """Ends a child whatever it is doing; with the zygote gone its children are gone too."""
        child.connection.close()
        with contextlib.suppress(_Gone):
            await self._order(Order.END, child.pid)

    async def _order(self, kind: Order, pid: int, passed: socket.socket | None = None) -> int:
        async with self._turn:
            try:
                async with asyncio.timeout(_ORDER_SECONDS):
                    # Five bytes always find room: the zygote answers each order before the next.
                    order = [ORDER.pack(kind, pid)]
                    if passed is None:
                        self._control.send(order[0])
                    else:
                        socket.send_fds(self._control, order, [passed.fileno()])
                    answer = await _receive(self._control, ORDER.size)
            except (_Gone, OSError, TimeoutError, asyncio.CancelledError) as error:
                # An order without its answer leaves the next one without sense.
                self.kill()
                if isinstance(error, asyncio.CancelledError):
                    raise
                raise _Gone from None
        return int(ORDER.unpack(answer)[1])

    def kill(self) -> None:
        """Ends the zygote and with it all its children; safe to repeat."""
        self._process.kill()
        self._process.wait()
        self._control.close()

    async def close(self) -> None:
        """Hangs up, so that it ends its children and itself; then makes sure."""
        self._control.close()
        for _ in range(100):
            if not self.alive:
                break
            await asyncio.sleep(0.01)
        self.kill()


class _Memory:
    """Spans of the texts seen last, under a hash keyed for this process alone."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._key = secrets.token_bytes(32)
        self._spans: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()

    def name(self, text: str) -> bytes | None:
        """The key of a text, or None if texts of this length are not remembered."""
        if not self._places or len(text) > _LONGEST_REMEMBERED:
            return None
        raw = text.encode("utf-8", "surrogatepass")
        return blake2b(raw, key=self._key, digest_size=16).digest()

    def recall(self, name: bytes) -> tuple[Span, ...] | None:
        spans = self._spans.get(name)
        if spans is not None:
            self._spans.move_to_end(name)
        return spans

    def keep(self, name: bytes, spans: tuple[Span, ...]) -> None:
        if len(spans) > _MOST_SPANS_REMEMBERED:
            return
        self._spans[name] = spans
        if len(self._spans) > self._places:
            self._spans.popitem(last=False)


class Detector:
    """An async context manager; entering starts the processes and finds every canary.

    Raises:
        DetectionUnavailable: on entering, if no detector came up or it missed a canary.
    """

    def __init__(self, options: DetectorOptions) -> None:
        self._options = options
        vocabulary = options.vocabulary
        self._setup = Setup(options.packs, b"" if vocabulary.empty else vocabulary.encode())
        self._memory = _Memory(options.remembered_texts)
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._line = Line(options.queue_places)
        self._children: list[_Child | None] = [None] * options.processes
        self._tasks: list[asyncio.Task[None]] = []
        self._failures = 0
        self._replaced = 0
        self._ready = False
        self._version = ""

    async def __aenter__(self) -> Self:
        try:
            zygote = await self._living_zygote()
            self._version = zygote.version
            for place in range(self._options.processes):
                self._children[place] = await zygote.fork()
            self._tasks = [
                asyncio.create_task(self._work(place), name=f"detector-{place}")
                for place in range(self._options.processes)
            ]
            if not await self._canaries_found():
                raise DetectionUnavailable
            self._ready = True
            self._tasks.append(asyncio.create_task(self._watch(), name="detector-watch"))
        except _Gone:
            await self._close()
            raise DetectionUnavailable from None
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def version(self) -> str:
        """The packs' and Presidio's versions: equal versions give equal spans."""
        return self._version

    @property
    def ready(self) -> bool:
        """False after three failures in a row, or a missed canary, until a canary is found."""
        return self._ready

    @property
    def replaced_children(self) -> int:
        """Children that crashed or missed their deadline since the start."""
        return self._replaced

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the children that serve now."""
        return tuple(child.pid for child in self._children if child is not None)

    async def spans(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        """The spans of each text, ascending and disjoint, in one round trip.

        The answer to a text depends on that text and on `version` alone. A child takes at most
        `deadline_seconds` and one second per 100,000 characters; the texts wait at most as long
        again for a child.

        Raises:
            DetectionUnavailable: a deadline passed, the child crashed, or the queue is full.
            TooManyFindings: more spans than any request may have.
        """
        names = [self._memory.name(text) for text in texts]
        known = [None if name is None else self._memory.recall(name) for name in names]
        asked = {text: () for text, spans in zip(texts, known, strict=True) if spans is None}
        found: dict[str, tuple[Span, ...]] = dict(asked)
        if asked:
            answers = await self._ask(list(asked))
            found.update(zip(asked, answers, strict=True))
        for name, text, spans in zip(names, texts, known, strict=True):
            if name is not None and spans is None:
                self._memory.keep(name, found[text])
        return [
            found[text] if spans is None else spans
            for text, spans in zip(texts, known, strict=True)
        ]

    async def _ask(self, texts: Sequence[str]) -> list[tuple[Span, ...]]:
        loop = asyncio.get_running_loop()
        characters = sum(len(text) for text in texts)
        seconds = self._options.deadline_seconds + characters / _CHARACTERS_PER_SECOND
        small = characters <= _MOST_CHARACTERS_SMALL
        job = Job(encode_texts(texts), seconds, small, loop.create_future())
        self._line.put(job)
        # A cancelled caller cancels the future: the worker then drops the answer.
        timer = loop.call_later(seconds, job.fail_unless_started)
        try:
            answers = await job.answer
        finally:
            timer.cancel()
        if len(answers) != len(texts):
            raise DetectionUnavailable
        return answers

    async def _work(self, place: int) -> None:
        """One child's keeper: takes jobs in order, and replaces the child when it fails one."""
        only_small = place == 0 and self._options.processes > 1
        while True:
            job = await self._line.take(only_small=only_small)
            try:
                await self._serve(job, place)
            except (_Gone, TimeoutError):
                self._failed()
                job.fail()
                await self._replace_if_possible(place)
            finally:
                job.fail()  # the pool is closing; nothing if it has its answer

    async def _serve(self, job: Job, place: int) -> None:
        child = self._children[place]
        if child is None or child.gone():
            child = await self._replace(place)
        if job.answer.done():
            return
        job.started = True
        # Waiting in the line is no part of it: a busy pool must not end innocent children.
        async with asyncio.timeout(job.seconds):
            try:
                spans = await child.spans(job.request)
            except TooManyFindings:
                job.refuse()
            else:
                job.succeed(spans)
        if self._ready:
            self._failures = 0

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _FAILURES_UNTIL_NOT_READY:
            self._ready = False

    async def _replace(self, place: int) -> _Child:
        """Ends the child of a place and forks another.

        Raises:
            _Gone: not even a new zygote could fork one.
        """
        old, self._children[place] = self._children[place], None
        if old is not None:
            self._replaced += 1
            await old.zygote.end(old)
        try:
            child = await (await self._living_zygote()).fork()
        except _Gone:
            child = await (await self._living_zygote()).fork()
        self._children[place] = child
        return child

    async def _replace_if_possible(self, place: int) -> None:
        with contextlib.suppress(_Gone):
            await self._replace(place)

    async def _living_zygote(self) -> _Zygote:
        async with self._starting:
            if self._zygote is None or not self._zygote.alive:
                if self._zygote is not None:
                    self._zygote.kill()
                self._zygote = _Zygote(self._setup)
                await self._zygote.hello()
            return self._zygote

    async def _canaries_found(self) -> bool:
        """Whether a loaded detector finds every kind's sentence now; memory is not asked."""
        zygote = self._zygote
        if zygote is None:
            return False
        try:
            found = await self._ask([text for _, text, _ in zygote.canaries])
        except DetectionUnavailable:
            return False
        return all(
            any(span.entity == entity and text[span.start : span.end] == value for span in spans)
            for (entity, text, value), spans in zip(zygote.canaries, found, strict=True)
        )

    async def _watch(self) -> None:
        """Starts a dead zygote again, and asks for the canaries while the pool lives."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                await self._living_zygote()
            except _Gone:
                self._ready = False
                await asyncio.sleep(_START_AGAIN_SECONDS)
            pause = _CANARY_SECONDS if self._ready else _CANARY_SECONDS_NOT_READY
            if loop.time() - last >= pause:
                self._ready = await self._canaries_found()
                self._failures = 0 if self._ready else self._failures
                last = loop.time()

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._ready = False
        self._line.fail_all()
        for child in self._children:
            if child is not None:
                child.connection.close()
        self._children = [None] * self._options.processes
        if self._zygote is not None:
            await self._zygote.close()
            self._zygote = None
