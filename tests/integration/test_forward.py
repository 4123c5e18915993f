"""Forwarding to real TLS servers: at least once, through everything that goes wrong, and aside."""

import asyncio
import contextlib
import io
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from exporting import BUILD, beside
from keeping import Kept, KeptInFile
from receivers import HOST, KEY, SyslogReceiver, WebhookReceiver, tls
from recording import OTHER_AGENCY, record, running, tamper

from gateway.exports.destinations import Destination, Syslog, Webhook
from gateway.exports.formats import Format
from gateway.exports.forward import Forwarder, Forwarding
from gateway.outward.http import Outward
from gateway.outward.syslog import SyslogServer
from gateway.telemetry import Metrics, make_log

FAST: dict[str, Any] = {
    "batch_events": 3,
    "look_seconds": 0.02,
    "first_pause_seconds": 0.02,
    "longest_pause_seconds": 0.1,
}


class Run:
    """A forwarder that runs, its metrics and its log."""

    def __init__(self, kept: Kept, destination: Destination, clock: Callable[[], float]) -> None:
        self.kept, self.destination, self.clock = kept, destination, clock
        self.metrics, self.log = Metrics(), io.StringIO()

    @contextlib.asynccontextmanager
    async def forwarding(self) -> AsyncIterator[None]:
        options = Forwarding(**FAST, clock=self.clock)
        log = make_log("info", self.log)
        async with beside(self.kept) as database:
            forwarder = Forwarder(database, self.destination, options, self.metrics, log)
            task = asyncio.create_task(forwarder.run())
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def metric(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(
            f"gateway_forward{name}", {"destination": self.destination.name}
        )


def syslog(receiver: SyslogReceiver, authority: Path, form: Format = Format.JSON_LINES) -> Syslog:
    server = SyslogServer(host=HOST, port=receiver.port, ca_file=authority, deadline_seconds=2.0)
    return Syslog(server, form, BUILD)


@contextlib.asynccontextmanager
async def webhook(
    kept: Kept, receiver: WebhookReceiver, authority: Path, clock: Callable[[], float] = time.time
) -> AsyncIterator[Run]:
    async with Outward([receiver.url], private_ca_file=authority, total_seconds=0.5) as outward:
        yield Run(kept, Webhook(outward, receiver.url, KEY, ocsf=False, build=BUILD), clock)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def filled(kept: Kept, records: int = 4) -> list[int]:
    """A ledger of some records of two agencies; returns its events' positions."""
    async with running(kept) as ledger:
        for number in range(records):
            await record(ledger, OTHER_AGENCY if number % 2 else "1741000")
    return [position for (position,) in kept.ask("SELECT position FROM event ORDER BY position")]


def cursor(kept: Kept) -> int:
    rows = kept.ask("SELECT position FROM forwarding")
    return int(rows[0][0]) if rows else 0


def said(message: bytes) -> bytes:
    """The text behind an RFC 5424 header, whose form is checked."""
    head = (
        rb"<1(?:08|09|10)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]+ gwanmun - [a-z.]+ "
        rb'\[origin software="gwanmun" swVersion="0\.1\.0"\] '
    )
    found = re.match(head, message)
    assert found, message
    return message[found.end() :]


async def test_syslog_gets_every_event_in_order_and_the_cursor_stays_behind_it(
    kept: Kept, tmp_path: Path
) -> None:
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    receiver = SyslogReceiver(context)
    run = Run(kept, syslog(receiver, authority), time.time)
    async with receiver.listening(), run.forwarding():
        await until(lambda: cursor(kept) == positions[-1])
        await until(lambda: run.metric("_lag_events") == 0)
    bodies = [bytes(body) for (body,) in kept.ask("SELECT body FROM event ORDER BY position")]
    assert [said(message) for message in receiver.messages] == bodies
    assert run.metric("ed_events_total") == len(bodies)
    assert run.metric("_failing") == 0
    assert receiver.connections == 1


async def test_syslog_events_go_on_as_they_happen(kept: Kept, tmp_path: Path) -> None:
    authority, context = tls(tmp_path)
    receiver = SyslogReceiver(context)
    run = Run(kept, syslog(receiver, authority, Format.CEF), time.time)
    async with receiver.listening(), running(kept) as ledger, run.forwarding():
        await until(lambda: len(receiver.messages) == 1)
        mine = await record(ledger)
        await until(lambda: len(receiver.messages) == 3)
    texts = [said(message).decode() for message in receiver.messages]
    assert all(text.startswith("CEF:0|Gwanmun|") for text in texts)
    assert all(f"externalId={mine}" in text for text in texts[1:3])


async def test_syslog_server_that_breaks_and_comes_back_misses_nothing(
    kept: Kept, tmp_path: Path
) -> None:
    authority, context = tls(tmp_path)
    positions = await filled(kept, 6)
    receiver = SyslogReceiver(context, cuts=4)  # in the midst of the second batch
    run = Run(kept, syslog(receiver, authority), time.time)
    async with run.forwarding():
        await until(lambda: run.metric("_failing") == 1)
        assert cursor(kept) == 0
        async with receiver.listening():
            await until(lambda: cursor(kept) == positions[-1])
    bodies = [bytes(body) for (body,) in kept.ask("SELECT body FROM event ORDER BY position")]
    got = [said(message) for message in receiver.messages]
    assert set(got) == set(bodies)
    assert receiver.connections == 2
    assert got.count(bodies[0]) == 2  # the batch before the break was in doubt too
    events = [json.loads(line)["event"] for line in run.log.getvalue().splitlines()]
    assert events.count("forward.failing") <= 3  # once per change, not once per try
    assert events[-1] == "forward.working"


async def test_syslog_server_of_another_authority_gets_no_byte(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    await filled(kept, 1)
    (tmp_path / "other").mkdir()
    authority, _ = tls(tmp_path)
    _, foreign = tls(tmp_path / "other")
    receiver = SyslogReceiver(foreign)
    run = Run(kept, syslog(receiver, authority), time.time)
    async with receiver.listening(), run.forwarding():
        await until(lambda: run.metric("_failing") == 1)
        await asyncio.sleep(0.2)
    assert receiver.messages == []
    assert cursor(kept) == 0


async def test_webhook_gets_signed_batches_of_every_event(kept: Kept, tmp_path: Path) -> None:
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    receiver = WebhookReceiver(context)
    async with receiver.listening(), webhook(kept, receiver, authority) as run, run.forwarding():
        await until(lambda: cursor(kept) == positions[-1])
    assert [position for hook in receiver.hooks for position in hook.positions] == positions
    assert all(hook.signed and len(hook.positions) <= 3 for hook in receiver.hooks)
    assert receiver.hooks[0].name == "gwanmun-1-3"
    event = receiver.hooks[0].body["data"]["events"][1]
    ((body,),) = kept.ask("SELECT body FROM event WHERE position = 2")
    assert event["event"] == json.loads(bytes(body))


async def test_webhook_that_fails_and_answers_late_gets_the_same_batch_again(
    kept: Kept, tmp_path: Path
) -> None:
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    receiver = WebhookReceiver(context, answers=[(503, 0.0), (301, 0.0), (204, 5.0), (204, 0.0)])
    async with receiver.listening(), webhook(kept, receiver, authority) as run, run.forwarding():
        await until(lambda: run.metric("_failing") == 1)
        assert (run.metric("_lag_seconds") or 0) > 0
        await until(lambda: cursor(kept) == positions[-1])
        await until(lambda: run.metric("_failing") == 0)
    names = [hook.name for hook in receiver.hooks]
    assert names[:4] == ["gwanmun-1-3"] * 4
    assert len(set(names[3:])) == len(names[3:])


async def test_event_that_cannot_be_read_is_named_and_none_behind_it_is_sent(
    kept: Kept, tmp_path: Path
) -> None:
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    bad = positions[4]
    tamper(kept, ("UPDATE event SET body = ? WHERE position = ?", (b"no JSON", bad)))
    receiver = WebhookReceiver(context)
    async with receiver.listening(), webhook(kept, receiver, authority) as run, run.forwarding():
        await until(lambda: run.metric("_failing") == 1)
    told = [json.loads(line) for line in run.log.getvalue().splitlines()]
    failing = [line for line in told if line["event"] == "forward.failing"]
    assert [(line["reason"], line["position"]) for line in failing] == [("unreadable_record", bad)]
    assert cursor(kept) < bad


async def test_batch_whose_cursor_was_not_written_is_sent_again_by_the_next_process(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    receiver = WebhookReceiver(context, answers=[(503, 0.0)] * 3)
    later = time.time() + 60  # the first one's hold is over by then
    async with receiver.listening():
        async with webhook(kept, receiver, authority) as first:
            with contextlib.ExitStack() as stack:
                async with first.forwarding():
                    await until(lambda: len(receiver.hooks) > 0)
                    stack.enter_context(kept.hold_writes())
                    await until(lambda: len(receiver.taken) > 0)
        assert cursor(kept) == 0  # taken, and never noted
        async with (
            webhook(kept, receiver, authority, lambda: later) as second,
            second.forwarding(),
        ):
            await until(lambda: cursor(kept) == positions[-1])
    assert [hook.name for hook in receiver.taken].count("gwanmun-1-3") >= 2
    assert {each for hook in receiver.taken for each in hook.positions} == set(positions)


async def test_only_one_of_two_processes_forwards_and_the_other_takes_over(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    authority, context = tls(tmp_path)
    positions = await filled(kept)
    receiver = WebhookReceiver(context)
    now = [time.time()]
    async with (
        receiver.listening(),
        webhook(kept, receiver, authority, lambda: now[0]) as second,
        webhook(kept, receiver, authority, lambda: now[0]) as first,
    ):
        async with first.forwarding():
            await until(lambda: cursor(kept) == positions[-1])
            async with second.forwarding():
                await until(lambda: second.metric("_lag_events") == 0)
                assert second.metric("ed_events_total") is None
        more = await filled(kept, 1)
        async with second.forwarding():
            await until(lambda: (second.metric("_lag_events") or 0) > 0)
            assert cursor(kept) == positions[-1]  # the first may only be slow
            now[0] += 31
            await until(lambda: cursor(kept) == more[-1])
    got = [position for hook in receiver.taken for position in hook.positions]
    assert sorted(set(got)) == more


async def test_requests_are_recorded_while_every_destination_is_away(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    authority, context = tls(tmp_path)
    run = Run(kept, syslog(SyslogReceiver(context), authority), time.time)
    async with running(kept) as ledger, run.forwarding():
        await until(lambda: run.metric("_failing") == 1)
        for _ in range(3):
            await record(ledger)
        assert (await ledger.state()).healthy
        await until(lambda: (run.metric("_lag_events") or 0) >= 6)


async def test_empty_ledger_sends_nothing(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    kept.prepare()
    authority, context = tls(tmp_path)
    receiver = WebhookReceiver(context)
    async with receiver.listening(), webhook(kept, receiver, authority) as run, run.forwarding():
        await until(lambda: run.metric("_lag_events") == 0)
        await asyncio.sleep(0.1)
    assert receiver.hooks == []
