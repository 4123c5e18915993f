"""An engine's own count against the records: a request beside the gateway is found, and honest
traffic, with failures, retries, losses and restarts, never looks like one."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from exporting import beside
from keeping import Kept, KeptInFile
from recording import AGENCY, OTHER_AGENCY, Clock, closed, opened, running
from serve import write_config
from typer.testing import CliRunner

from gateway.commands.audit import app
from gateway.domain import Outcome
from gateway.exports.reconcile import (
    CountersUnreadable,
    Reading,
    Reconciled,
    ReplicaUnknown,
    read_counters,
    reconcile,
)
from gateway.ledger.writer import Ledger
from inference.task import Usage

CLI = CliRunner()
START = 1_800_000_000.0
LATER = START + 3_600


def metrics(served: int, started: float = START, name: str = "vllm:request_params_n_count") -> str:
    return (
        "# HELP vllm:request_params_n Histogram of the n request parameter.\n"
        f'{name}{{engine="0",model_name="a}}b"}} {float(served)}\n'
        f'{name}{{engine="1",model_name="c"}} 0.0\n'
        'vllm:request_success_total{finished_reason="stop"} 99.0\n'
        f"process_start_time_seconds {started!r}\n"
    )


async def call(ledger: Ledger, *attempts: str, agency: str = AGENCY, **changes: Any) -> None:
    """One whole record of a request that was tried on these replicas."""
    opening = ledger.open(opened(agency))
    await opening.durable
    usage = Usage(attempts=list(attempts))
    ledger.close(opening, closed(opening.record_id, usage=usage, **changes))


async def compared(kept: Kept, served: int, started: float = START) -> Reconciled:
    async with beside(kept) as database:
        return await reconcile(database, ["one"], Reading(served, started), known=["one"])


async def test_request_beside_the_gateway_is_found(kept: Kept) -> None:
    async with running(kept, clock=Clock(START)) as ledger:
        await call(ledger, "one")
        await call(ledger, "one", agency=OTHER_AGENCY)
        await call(ledger, "two")
    assert (await compared(kept, 2)).unaccounted == 0
    assert (await compared(kept, 3)).unaccounted == 1


async def test_records_of_several_gateways_and_of_every_ending_are_added(kept: Kept) -> None:
    async with running(kept, clock=Clock(START)) as ledger:
        await call(ledger, "two", "one")
        await call(ledger, "one", outcome=Outcome.LEFT)
        await call(ledger, "one", outcome=Outcome.ENGINE_DIED)
        await call(ledger, outcome=Outcome.PREVIEWED)
    async with running(kept, clock=Clock(LATER)) as ledger:
        await call(ledger, "one")
    found = await compared(kept, 4)
    assert found == Reconciled(served=4, recorded=4, in_doubt=0)


async def test_records_before_the_engine_s_start_count_for_nothing(kept: Kept) -> None:
    async with running(kept, clock=Clock(START)) as ledger:
        await call(ledger, "one")
    async with running(kept, clock=Clock(LATER)) as ledger:
        await call(ledger, "one")
    assert (await compared(kept, 2, LATER)).unaccounted == 1
    assert (await compared(kept, 1, LATER)).unaccounted == 0
    assert (await compared(kept, 0, LATER)).unaccounted == 0


async def test_request_that_is_still_open_may_be_the_engine_s(kept: Kept) -> None:
    async with running(kept, clock=Clock(START)) as ledger:
        opening = ledger.open(opened())
        await opening.durable
        assert await compared(kept, 1) == Reconciled(served=1, recorded=0, in_doubt=1)
        assert (await compared(kept, 2)).unaccounted == 1
        ledger.close(opening, closed(opening.record_id))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", "vllm:request_params_n_count"),
        ("<html>\x00", "vllm:request_params_n_count"),
        ("vllm:request_params_n_count 1.0\n", "process_start_time_seconds"),
        (metrics(1).replace("1.0\n", "NaN\n"), "vllm:request_params_n_count"),
        (metrics(1).replace("1.0\n", "-1\n"), "vllm:request_params_n_count"),
        (metrics(1).replace("1.0\n", "many\n"), "vllm:request_params_n_count"),
        (metrics(1, name="vllm:request_params_n_counter"), "vllm:request_params_n_count"),
        (
            metrics(1).replace("1.0\n", "1e308\n") + 'vllm:request_params_n_count{m="d"} 1e308\n',
            "vllm:request_params_n_count",
        ),
        (
            metrics(1) + 'process_start_time_seconds{pid="2"} 1800000000\n',
            "process_start_time_seconds",
        ),
    ],
    ids=["empty", "page", "no-start", "nan", "negative", "word", "other-name", "sum", "two-starts"],
)
def test_metrics_without_the_numbers_are_refused(text: str, missing: str) -> None:
    with pytest.raises(CountersUnreadable, match=missing):
        read_counters(text)


def test_counters_of_several_models_are_added() -> None:
    text = metrics(3) + 'vllm:request_params_n_count{model_name="d"} 4 1800000000000\n'
    assert read_counters(text) == Reading(7, START)


def test_command_says_how_many_and_ends_with_1(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")

    async def write() -> None:
        async with running(kept, clock=Clock(START)) as ledger:
            await call(ledger, "one")

    asyncio.run(write())
    words = ["reconcile", "-", "--replica", "one", "--data", str(kept.data_dir)]
    good = CLI.invoke(app, words, input=metrics(1))
    assert (good.exit_code, "none found" in good.output) == (0, True)
    bad = CLI.invoke(app, words, input=metrics(3))
    assert (bad.exit_code, "적어도 2개" in bad.output) == (1, True)
    unread = CLI.invoke(app, words, input="other 1\n")
    assert (unread.exit_code, "vllm:request_params_n_count" in unread.output) == (2, True)
    gone = CLI.invoke(app, ["reconcile", str(tmp_path / "none"), *words[2:]])
    assert (gone.exit_code, "cannot be read" in gone.output) == (2, True)


async def test_name_that_nothing_knows_raises_no_alarm(kept: Kept) -> None:
    async with running(kept, clock=Clock(START)) as ledger:
        await call(ledger, "one")
    async with beside(kept) as database:
        for names in (["typo"], ["one", "typo"]):
            with pytest.raises(ReplicaUnknown, match="typo"):
                await reconcile(database, names, Reading(2, START))
            assert (await reconcile(database, names, Reading(2, START), known=["typo"])).served == 2
        late = await reconcile(database, ["one"], Reading(2, LATER))  # known by an older record
    assert late.unaccounted == 2


def test_command_knows_the_names_of_the_settings_and_of_the_records(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")

    async def write() -> None:
        async with running(kept, clock=Clock(START)) as ledger:
            await call(ledger, "one")

    asyncio.run(write())
    config = write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2")  # of "r0"
    env = {"GWANMUN_CONFIG": str(config)}
    for given in ([], ["--data", str(kept.data_dir)]):
        for name, code in (("one", 0), ("r0", 1), ("typo", 2)):
            words = ["reconcile", "-", "--replica", name, *given]
            done = CliRunner(env=env).invoke(app, words, input=metrics(1))
            assert (done.exit_code, "knows this name" in done.output) == (code, name == "typo")


@pytest.mark.parametrize(
    ("own", "days", "code"),
    [
        (None, 364, 0),
        (None, 366, 2),
        ({}, 729, 0),
        ({}, 731, 2),
        ({"request_days_c": 400}, 399, 0),
        ({"request_days_c": 400}, 401, 2),
    ],
)
def test_engine_older_than_the_records_is_not_compared(
    tmp_path: Path, own: dict[str, int] | None, days: int, code: int
) -> None:
    kept = KeptInFile(tmp_path / "data")

    async def write() -> None:
        async with running(kept) as ledger:
            await call(ledger, "one")

    asyncio.run(write())
    env = {}
    if own is not None:
        config = write_config(tmp_path, "http://127.0.0.1:1", "http://127.0.0.1:2", retention=own)
        env = {"GWANMUN_CONFIG": str(config)}
    words = ["reconcile", "-", "--replica", "one", "--data", str(kept.data_dir)]
    text = metrics(1, time.time() - days * 86_400)
    done = CliRunner(env=env).invoke(app, words, input=text)
    assert (done.exit_code, "be pruned" in done.output.replace("\n", " ")) == (code, code == 2)
