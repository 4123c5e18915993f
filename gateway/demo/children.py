"""The supervisor's children: started on a leash, waited for, watched, stopped.

Each child has a log of its own and a session of its own, so that Ctrl-C in the terminal reaches the
supervisor alone and the order of stopping is ours.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from gateway import os_words
from gateway.outward.http import Outward, OutwardFailed

_TAIL_LINES: Final = 15
_TAIL_BYTES: Final = 16 * 1024
_POLL_SECONDS: Final = 0.05
_OK: Final = 200
_PATIENT_SECONDS: Final = 3.0  # nobody needs to read why a start takes this long
_LINE_CHARACTERS: Final = 200
# What /readyz names, and what people can do about it.
_MENDS: Final = {
    "ledger": "기록을 쓸 수 없습니다. 데이터 디렉터리가 있는 디스크의 빈 공간을 보십시오. ",
    "detector": "개인정보 검출기가 아직 답하지 않습니다. ",
}


class UpFailed(Exception):
    """`gwanmun up` cannot go on; the message says why in Korean and English."""

    @classmethod
    def of(cls, path: Path, error: OSError) -> Self:
        """A file that cannot be written."""
        return cls(
            f"{path}: 쓸 수 없습니다 ({os_words.korean(error)}).\n"
            f"{path}: cannot be written ({os_words.english(error)})."
        )


class Child:
    """One running child."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def death(self) -> UpFailed:
        """What to tell people about a child that has ended."""
        status = self.process.returncode or 0
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        lines = "\n".join(f"  | {line}" for line in _tail(self.log))
        return UpFailed(
            f"{self.name} 프로세스가 끝났습니다 ({how}). 나머지도 모두 멈춥니다.\n"
            f"The {self.name} process has ended ({how}); everything is being stopped.\n"
            f"{self.log}:\n{lines}"
        )


class Children:
    """All children of one supervisor; an async context manager that stops them in reverse order.

    `hurry` set means: do not wait for graceful ends.
    """

    def __init__(self, logs: Path, grace_seconds: float, hurry: asyncio.Event) -> None:
        self._logs = logs
        self._grace_seconds = grace_seconds
        self._hurry = hurry
        self._running: list[Child] = []

    async def __aenter__(self) -> Self:
        try:
            self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UpFailed.of(self._logs, error) from None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in reversed(self._running):
            await self._stop(child)

    async def start(self, name: str, command: Sequence[str]) -> Child:
        """Starts `python COMMAND` as `start_program` does."""
        # -P: the directory that the user happens to stand in is no place for modules.
        return await self.start_program(name, [sys.executable, "-P", *command])

    async def start_program(
        self, name: str, argv: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> Child:
        """Starts a program on a leash; the log of the run before stays beside as `.old`.

        `argv` begins with the program's whole path. `environ` is all that it finds in its
        environment; without it, that is the supervisor's own.
        """
        log = self._logs / f"{name}.log"
        try:
            if log.exists():
                log.replace(log.with_suffix(".log.old"))
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise UpFailed.of(log, error) from None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "gateway.demo.leash",
                str(os.getpid()),
                *argv,
                stdin=DEVNULL,
                stdout=handle,
                stderr=handle,
                env=environ,
                start_new_session=True,
            )
        finally:
            os.close(handle)
        child = Child(name, process, log)
        self._running.append(child)
        return child

    async def complete(self, name: str, command: Sequence[str]) -> None:
        """Runs `python COMMAND` to its end.

        Raises:
            UpFailed: it ended with another status than 0.
        """
        await self._complete(await self.start(name, command))

    async def complete_program(
        self, name: str, argv: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> None:
        """Runs a program to its end; its arguments are those of `start_program`.

        Raises:
            UpFailed: it ended with another status than 0.
        """
        await self._complete(await self.start_program(name, argv, environ))

    async def _complete(self, child: Child) -> None:
        if await child.process.wait() != 0:
            raise child.death()
        self._running.remove(child)

    async def ready(
        self, child: Child, url: str, deadline_seconds: float, say: Callable[[str], None]
    ) -> None:
        """Waits until a child really answers 200; `say` hears why one that is slow does not.

        Raises:
            UpFailed: it ended, or did not answer in time.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        heard = said = ""
        async with Outward([url], total_seconds=2.0) as outward:
            while loop.time() < began + deadline_seconds:
                if child.process.returncode is not None:
                    raise child.death()
                with suppress(OutwardFailed):
                    answer = await outward.get(url)
                    if answer.status == _OK:
                        return
                    heard = _first_line(answer.body)
                if heard != said and loop.time() > began + _PATIENT_SECONDS:
                    said = heard
                    say(f"  {_waiting(child.name, heard)}")
                await asyncio.sleep(_POLL_SECONDS)
        raise UpFailed(
            f"{child.name} 프로세스가 {deadline_seconds:.0f}초 안에 준비되지 않았습니다.\n"
            f"The {child.name} process was not ready within {deadline_seconds:.0f} seconds.\n"
            + (f"{_waiting(child.name, heard)}\n" if heard else "")
            + f"{child.log}:\n"
            + "\n".join(f"  | {line}" for line in _tail(child.log))
        )

    async def all_ready(self, waits: Iterable[Coroutine[None, None, None]]) -> None:
        """Awaits several `ready` at once.

        Raises:
            UpFailed: the first that failed.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for wait in waits:
                    group.create_task(wait)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def first_death(self) -> UpFailed:
        """Waits until any child has ended, and says which."""
        ends = {asyncio.create_task(child.process.wait()): child for child in self._running}
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
        return ends[next(iter(done))].death()

    async def _stop(self, child: Child) -> None:
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                child.process.terminate()
            ended = asyncio.create_task(child.process.wait())
            hurried = asyncio.create_task(self._hurry.wait())
            await asyncio.wait(
                {ended, hurried},
                timeout=self._grace_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            hurried.cancel()
            if not ended.done():
                with suppress(ProcessLookupError):
                    child.process.kill()
            await ended
        # What a killed child had started itself goes with it: the group is the child's own.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)


def _first_line(body: bytes) -> str:
    line = next(iter(body.decode("utf-8", "replace").splitlines()), "")[:_LINE_CHARACTERS]
    return "".join(character for character in line if character.isprintable())


def _waiting(name: str, heard: str) -> str:
    mend = next((words for part, words in _MENDS.items() if part in heard), "")
    return f"{name}: 아직 준비되지 않았습니다. {mend}({heard})"


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-_TAIL_LINES:]
