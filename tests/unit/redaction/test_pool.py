"""The pool of detector processes: real processes, ended and stopped from outside."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from redaction.entity import Span
from redaction.errors import DetectionUnavailable, TooManyFindings
from redaction.pool import Detector, DetectorOptions

# One pool for most tests: a start imports Presidio, which takes seconds.
pytestmark = pytest.mark.asyncio(loop_scope="module")
DEADLINE_SECONDS = 1.0
QUEUE_PLACES = 8

TEXT = "민원인 김철수(900101-1234567, 010-1234-5678)에게"
EXPECTED = [("PERSON", 4, 7), ("KR_RRN", 8, 22), ("PHONE_NUMBER", 24, 37)]


def places(spans: tuple[Span, ...]) -> list[tuple[str, int, int]]:
    return [(span.entity, span.start, span.end) for span in spans]


def state_of(pid: int) -> str:
    """A process's state letter, or "" if it is gone and reaped."""
    with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
    return ""


async def until(condition, seconds=20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Detector]:
    options = DetectorOptions(
        processes=1,
        deadline_seconds=DEADLINE_SECONDS,
        queue_places=QUEUE_PLACES,
        remembered_texts=2,
    )
    async with Detector(options) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def detector(shared: Detector) -> Detector:
    """The shared pool with a child that serves and nothing of earlier tests in its memory."""
    async with asyncio.timeout(60):
        while True:
            with suppress(DetectionUnavailable):
                await shared.spans(["하나 더", "둘 더"])
                await shared.spans([os.urandom(8).hex()])
                return shared
            await asyncio.sleep(0.1)


async def test_pool_answers_each_text_in_order(detector):
    assert re.match(r"kr-7\.[0-9a-f]{8}\+presidio-", detector.version)
    found = await detector.spans([TEXT, "", "없음", TEXT, "\ud800 " + TEXT])
    assert [places(spans) for spans in found] == [
        EXPECTED,
        [],
        [],
        EXPECTED,
        [(entity, start + 2, end + 2) for entity, start, end in EXPECTED],
    ]
    assert await detector.spans([]) == []


async def test_pool_replaces_a_child_that_hangs(detector):
    replaced = detector.replaced_children
    (hung,) = detector.pids
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(DetectionUnavailable):
        await detector.spans([TEXT])
    assert [places(spans) for spans in await detector.spans([TEXT])] == [EXPECTED]
    assert detector.replaced_children == replaced + 1
    assert hung not in detector.pids
    assert state_of(hung) == ""


async def test_pool_replaces_a_child_that_died_without_failing_a_request(detector):
    replaced = detector.replaced_children
    (dead,) = detector.pids
    os.kill(dead, signal.SIGKILL)
    await until(lambda: state_of(dead) in ("", "Z"))
    assert [places(spans) for spans in await detector.spans([TEXT])] == [EXPECTED]
    assert detector.replaced_children == replaced + 1
    await until(lambda: state_of(dead) == "")


async def test_pool_fails_the_request_whose_child_dies_under_it(detector):
    (child,) = detector.pids
    os.kill(child, signal.SIGSTOP)
    request = asyncio.create_task(detector.spans([TEXT]))
    await asyncio.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(DetectionUnavailable):
        await request
    assert [places(spans) for spans in await detector.spans([TEXT])] == [EXPECTED]


async def test_pool_is_not_ready_after_three_failures_until_a_canary_passes(detector):
    replaced = detector.replaced_children
    hung: set[int] = set()
    for _ in range(3):
        await until(lambda: detector.pids and hung.isdisjoint(detector.pids))
        os.kill(detector.pids[0], signal.SIGSTOP)
        hung.add(detector.pids[0])
        with pytest.raises(DetectionUnavailable):
            await detector.spans([f"글 {len(hung)}"])
    await until(lambda: not detector.ready)
    await until(lambda: detector.ready)
    assert detector.replaced_children == replaced + 3


async def test_pool_refuses_at_once_when_its_queue_is_full(detector):
    os.kill(detector.pids[0], signal.SIGSTOP)
    requests = [asyncio.create_task(detector.spans([f"글 {i}"])) for i in range(20)]
    await asyncio.sleep(0.2)
    assert sum(request.done() for request in requests) == 20 - QUEUE_PLACES
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert all(isinstance(result, DetectionUnavailable) for result in results[QUEUE_PLACES:])


async def test_pool_survives_callers_that_leave(detector):
    replaced = detector.replaced_children
    for i in range(QUEUE_PLACES // 2):
        request = asyncio.create_task(detector.spans([f"{i} {TEXT * 500}"]))
        await asyncio.sleep(0.005)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    async with asyncio.timeout(20):
        while True:
            with suppress(DetectionUnavailable):  # the left ones are still being read
                assert [places(spans) for spans in await detector.spans([TEXT])] == [EXPECTED]
                break
    assert detector.replaced_children == replaced


async def test_pool_remembers_spans_and_needs_no_child_for_them(detector):
    await detector.spans([TEXT, "둘"])
    os.kill(detector.pids[0], signal.SIGSTOP)
    assert places((await detector.spans([TEXT]))[0]) == EXPECTED
    with pytest.raises(DetectionUnavailable):
        await detector.spans(["셋"])


async def test_pool_starts_a_dead_zygote_again(detector):
    (child,) = detector.pids
    with open(f"/proc/{child}/stat") as file:
        zygote = int(file.read().rpartition(")")[2].split()[1])
    os.kill(zygote, signal.SIGKILL)
    await until(lambda: state_of(child) in ("", "Z"))
    async with asyncio.timeout(60):
        while True:
            with suppress(DetectionUnavailable):
                assert [places(spans) for spans in await detector.spans([TEXT])] == [EXPECTED]
                break
            await asyncio.sleep(0.1)
    assert child not in detector.pids


async def test_pool_serves_with_two_children_holds_no_text_and_leaves_nothing_behind():
    marked = "민원인 홍길동(010-9876-5432)"
    before = set(os.listdir("/proc/self/fd"))
    running = asyncio.all_tasks()
    async with Detector(DetectorOptions(processes=2)) as detector:
        many = await asyncio.gather(*(detector.spans([f"{i} {marked}"]) for i in range(50)))
        assert all(len(spans) == 2 for [spans] in many)
        pids = detector.pids
        assert len(pids) == 2
        held = [*vars(detector).values(), detector.__dict__]
        assert marked not in repr(held) + repr(vars(detector._memory))
    assert all(state_of(pid) == "" for pid in pids)
    assert set(os.listdir("/proc/self/fd")) <= before
    assert not [task for task in asyncio.all_tasks() - running if not task.done()]


async def test_pool_serves_short_texts_beside_long_ones():
    long = "국민 여러분께 안내드립니다. " * 20_000
    async with Detector(DetectorOptions(processes=2, remembered_texts=0)) as detector:
        hold = [asyncio.create_task(detector.spans([f"{i} {long}"])) for i in range(3)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(DEADLINE_SECONDS):
            for i in range(10):
                assert places((await detector.spans([f"{TEXT} {i}"]))[0]) == EXPECTED
        assert not any(task.done() for task in hold)
        await asyncio.gather(*hold)
        assert detector.replaced_children == 0


async def test_pool_counts_no_waiting_against_a_childs_deadline(detector):
    replaced = detector.replaced_children
    os.kill(detector.pids[0], signal.SIGSTOP)
    held = asyncio.create_task(detector.spans(["하나"]))
    await asyncio.sleep(DEADLINE_SECONDS * 0.7)
    behind = asyncio.create_task(detector.spans([f"{TEXT} 뒤"]))
    with pytest.raises(DetectionUnavailable):
        await held
    assert places((await behind)[0]) == EXPECTED
    assert detector.replaced_children == replaced + 1


async def test_pool_fails_what_waits_too_long_for_a_child(detector):
    os.kill(detector.pids[0], signal.SIGSTOP)
    # A long text's child has longer than the others may wait for it.
    held = asyncio.create_task(detector.spans(["가" * 150_000]))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(DEADLINE_SECONDS * 1.8):
        with pytest.raises(DetectionUnavailable):
            await detector.spans(["기다림"])
    assert not held.done()
    with pytest.raises(DetectionUnavailable):
        await held


async def test_pool_keeps_places_for_short_texts(detector):
    os.kill(detector.pids[0], signal.SIGSTOP)
    tasks = [asyncio.create_task(detector.spans([f"{i}" * 30_000])) for i in range(QUEUE_PLACES)]
    await asyncio.sleep(0.2)
    assert sum(task.done() for task in tasks) == QUEUE_PLACES // 2
    short = asyncio.create_task(detector.spans([TEXT + " 짧음"]))
    await asyncio.sleep(0.1)
    assert not short.done()
    for task in (*tasks, short):
        task.cancel()
    await asyncio.gather(*tasks, short, return_exceptions=True)


async def test_pool_says_when_a_text_holds_too_much_and_keeps_its_child(detector):
    replaced, pids = detector.replaced_children, detector.pids
    for text in (" ".join(f"a{i}@b.co" for i in range(20_001)), "김철수 씨 " + "김철수" * 20_001):
        with pytest.raises(TooManyFindings):
            await detector.spans([text])
    assert places((await detector.spans([TEXT]))[0]) == EXPECTED
    assert (detector.replaced_children, detector.pids) == (replaced, pids)


async def test_pool_says_so_when_no_detector_comes_up():
    with pytest.raises(DetectionUnavailable):
        async with Detector(DetectorOptions(packs=("nowhere",))):
            pass


async def test_children_die_when_their_pool_is_killed():
    source = (
        "import asyncio, os\n"
        "from redaction.pool import Detector, DetectorOptions\n"
        "async def main():\n"
        "    async with Detector(DetectorOptions()) as detector:\n"
        "        print(*detector.pids, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    children = [int(pid) for pid in (await owner.stdout.readline()).split()]
    assert len(children) == DetectorOptions().processes
    owner.kill()
    await owner.wait()
    await until(lambda: all(state_of(child) in ("", "Z") for child in children))
