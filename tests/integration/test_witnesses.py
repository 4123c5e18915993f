"""Outside witnesses on real sockets: what a quorum shows, and what nobody can hide from it."""

import asyncio
import dataclasses
import json
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from keeping import Kept, KeptInFile
from recording import AGENCY, ask, record, running
from tiling import Cosigner, Log
from typer.testing import CliRunner
from witnessing import (
    Running,
    answering,
    make,
    pins,
    policy_of,
    three,
    until,
    whole,
    witnessed_ledger,
)

from gateway.commands.audit import app as audit
from gateway.ledger.sealer import Sealer, Sealing, SealingRefused
from gateway.ledger.witnesses import Witnesses, Witnessing
from gateway.ledger.writer import Ledger, Trouble
from gateway.proofs.policy import Policy
from gateway.store.database import Database

CLI = CliRunner()
GWANMUN = str(Path(sys.executable).with_name("gwanmun"))
NOWHERE = "http://127.0.0.1:9"


async def refused(ledger: Ledger) -> bool:
    return (await ledger.state()).trouble is Trouble.SEALING_REFUSED


def copy_of(data_dir: Path, to: Path) -> Path:
    """The whole directory as it is now, the keys with it: what a thief or a backup has."""
    shutil.copytree(data_dir, to)
    return to


def put_back(copy: Path, data_dir: Path) -> None:
    """An older state in the place of today's: database, counters, and what was remembered."""
    shutil.rmtree(data_dir)
    shutil.copytree(copy, data_dir)


async def test_quorum_signs_what_is_sealed_and_verifiers_with_the_policy_see_it(
    kept: Kept, tmp_path: Path
) -> None:
    async with three(tmp_path / "witnesses", pins(kept)) as witnesses:
        policy = policy_of(witnesses)
        async with witnessed_ledger(kept, policy) as (ledger, _):
            record_id = await record(ledger)
            await until(lambda: whole(ledger))
            served = await ledger.log_file("checkpoint")
            assert served is not None
            assert served.content.count(b"example.go.kr/1 ") >= 2
            receipt = await ledger.receipt(record_id, AGENCY)
            assert receipt is not None
            assert receipt.checkpoint is not None
            assert receipt.checkpoint.count("example.go.kr/1 ") >= 2
            code, answer = await asyncio.to_thread(
                proof, dataclasses.asdict(receipt), witnesses, kept, tmp_path
            )
            assert (code, answer["verified"], len(answer["witnesses"]) >= 2) == (0, True, True)
            early = dataclasses.asdict(receipt) | {"checkpoint": note_of(kept)}
            code, answer = await asyncio.to_thread(proof, early, witnesses, kept, tmp_path)
            assert (code, answer["witnesses"]) == (3, [])
        ((last,),) = ask(kept, "SELECT max(size) FROM checkpoint")
        assert {each.size for each in witnesses} == {last}
    report = kept.verified(policy=policy)
    assert (report.problem, report.size, report.witnessed_size) == (None, last, last)
    assert report.witnesses == tuple(f"{name}.example.go.kr" for name in ("alpha", "beta", "gamma"))
    unasked = kept.verified()
    assert (unasked.problem, unasked.witnessed, unasked.witnesses) == (None, False, ())


def proof(
    receipt: dict[str, object], witnesses: Sequence[Running], kept: Kept, folder: Path
) -> tuple[int, dict[str, Any]]:
    """A receipt alone, with nothing but pins and policy."""
    (folder / "receipt").write_text(json.dumps(receipt))
    group = "group g 2 alpha beta gamma\nquorum g\n"
    (folder / "policy").write_text("".join(each.policy_line for each in witnesses) + group)
    words = ["verify", "--proof", str(folder / "receipt"), "--trust", str(kept.trust_file)]
    done = CLI.invoke(audit, [*words, "--policy", str(folder / "policy"), "--json"])
    return done.exit_code, json.loads(done.output)


def note_of(kept: Kept) -> str:
    """The newest checkpoint as the log alone has signed it."""
    return str(ask(kept, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")[0][0])


async def test_one_of_three_may_be_away_and_two_away_are_an_alarm_that_stops_nothing(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    folder = tmp_path / "witnesses"
    async with answering(folder / "alpha", "alpha", pins(kept)) as alpha:
        async with answering(folder / "beta", "beta", pins(kept)) as beta:
            gone = Running("gamma", NOWHERE, folder, make(folder / "gamma", "gamma"))
            policy = policy_of([alpha, beta, gone])
            async with witnessed_ledger(kept, policy) as (ledger, _):
                await record(ledger)
                await until(lambda: whole(ledger))
        async with witnessed_ledger(kept, policy, stale_seconds=0.2) as (ledger, witnesses):

            async def stale() -> bool:
                return (await ledger.state()).witnesses_stale

            assert not witnesses.stale
            await record(ledger)
            await until(stale)
            await record(ledger)
            state = await ledger.state()
            assert (state.healthy, state.trouble) == (True, Trouble.NONE)
            assert 0 < state.witnessed_size < state.size
            served = await ledger.log_file("checkpoint")
            assert served is not None
            assert f"\n{state.witnessed_size}\n".encode() in served.content
    async with three(folder) as witnesses, witnessed_ledger(kept, policy_of(witnesses)) as (_, now):
        await until(lambda: later(now))
        assert not now.stale


async def later(witnesses: Witnesses) -> bool:
    return witnesses.witnessed is not None


async def test_an_older_database_put_back_with_all_that_it_remembers_is_refused(
    tmp_path: Path,
) -> None:
    """A cut tail that the database, its counters and our own state deny: the witnesses know."""
    kept = KeptInFile(tmp_path / "data")
    async with three(tmp_path / "witnesses", pins(kept)) as witnesses:
        policy = policy_of(witnesses)
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
        copy = copy_of(kept.data_dir, tmp_path / "copy")
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
            await until(lambda: whole(ledger))
        put_back(copy, kept.data_dir)
        assert kept.verified(policy=policy).problem is None  # nobody sees it in the database
        before = ask(kept, "SELECT max(size) FROM checkpoint")
        async with witnessed_ledger(kept, policy) as (ledger, found):
            await until(lambda: refused(ledger))
            assert found.differs is not None
            assert found.differs.size is not None
            assert found.differs.size > before[0][0]
        assert ask(kept, "SELECT max(size) FROM checkpoint") == before  # nothing was signed


async def test_a_log_written_anew_with_the_stolen_keys_is_refused_by_whoever_saw_the_old(
    tmp_path: Path,
) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with three(tmp_path / "witnesses", pins(kept)) as witnesses:
        policy = policy_of(witnesses)
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
            await until(lambda: whole(ledger))
        for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm", "sealed"):
            (kept.data_dir / name).unlink(missing_ok=True)
        async with running(kept) as ledger:  # the same keys, larger than it was, all in order
            for _ in range(9):
                await record(ledger)
        assert kept.verified().problem is None
        async with witnessed_ledger(kept, policy) as (ledger, found):
            await until(lambda: refused(ledger))
            assert found.differs is not None
            assert found.differs.size is None  # not larger: another tree
        assert not kept.verified(policy=policy).witnessed


async def test_one_of_three_witnesses_that_colludes_makes_no_quorum_for_a_forged_log(
    tmp_path: Path,
) -> None:
    """It signs whatever it is shown; the honest ones do not, and a quorum is two."""
    kept = KeptInFile(tmp_path / "data")
    colluder = Cosigner("alpha.example.go.kr/1")
    folder = tmp_path / "witnesses"
    async with (
        answering(folder / "beta", "beta", pins(kept)) as beta,
        answering(folder / "gamma", "gamma", pins(kept)) as gamma,
    ):
        policy = Policy.parse(
            f"witness alpha {colluder.key}\n{beta.policy_line}{gamma.policy_line}"
            "group g 2 alpha beta gamma\nquorum g\n"
        )
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
            await until(lambda: whole(ledger))
        assert kept.verified(policy=policy).witnessed
        for name in ("gwanmun.db", "gwanmun.db-wal", "gwanmun.db-shm", "sealed"):
            (kept.data_dir / name).unlink(missing_ok=True)
        async with running(kept) as ledger:
            for _ in range(5):
                await record(ledger)
        for size, note in ask(kept, "SELECT size, note FROM checkpoint"):
            kept.tamper(
                (
                    "INSERT INTO cosignature VALUES (?, ?, ?, ?)",
                    (size, "alpha", 1_800_000_000, colluder.line(note)),
                )
            )
        report = kept.verified(policy=policy)
        assert (report.problem, report.witnessed) == (None, False)
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await until(lambda: refused(ledger))
        assert not kept.verified(policy=policy).witnessed


async def test_of_two_sealers_one_that_was_stopped_across_a_failover_signs_nothing_more(
    tmp_path: Path,
) -> None:
    """A stands still while B seals; the database fails over to a copy from before B's work."""
    kept = KeptInFile(tmp_path / "data")
    async with three(tmp_path / "witnesses", pins(kept)) as witnesses:
        policy = policy_of(witnesses)
        async with running(kept, seal_seconds=60) as ledger:
            await record(ledger)
        async with kept.database() as database, two(database, kept, policy, tmp_path) as (one, _):
            await one.look()  # all that A ever saw
        copy = copy_of(kept.data_dir, tmp_path / "copy")
        async with running(kept, seal_seconds=60, seals=False) as ledger:
            await record(ledger)
        async with kept.database() as database, two(database, kept, policy, tmp_path) as (_, other):
            await other.look()
            assert await other.seal() > 0
            other.stop()
            await other.run()
        put_back(copy, kept.data_dir)
        async with running(kept, seal_seconds=60, seals=False) as ledger:
            await record(ledger)
            await record(ledger)
        before = ask(kept, "SELECT max(size) FROM checkpoint")
        async with kept.database() as database, two(database, kept, policy, tmp_path) as pair:
            await pair[0].look()
            await pair[0].run()
            assert not pair[0].sound
            with pytest.raises(SealingRefused, match="older than what was sealed"):
                await pair[1].look()
        assert ask(kept, "SELECT max(size) FROM checkpoint") == before


@asynccontextmanager
async def two(
    database: Database, kept: KeptInFile, policy: Policy, home: Path
) -> AsyncIterator[tuple[Sealer, Sealer]]:
    """Two sealers of one database, each with a memory of its own, and the same witnesses."""
    async with (
        Witnesses(database, Witnessing(policy=policy, round_seconds=0.05)) as first,
        Witnesses(database, Witnessing(policy=policy, round_seconds=0.05)) as second,
    ):
        sealers = [
            Sealer(
                database,
                kept.keys(),
                Sealing(seal_seconds=0.01, state_file=home / f"{name}.sealed"),
                witnesses=witnesses,
            )
            for name, witnesses in (("a", first), ("b", second))
        ]
        yield sealers[0], sealers[1]


async def test_cut_tail_is_found_by_asking_the_witnesses_and_by_nobody_else(
    tmp_path: Path,
) -> None:
    """Of a copy without its end every file is right; only the witnesses know of more."""
    kept, copies = KeptInFile(tmp_path / "data"), tmp_path / "copy"
    async with three(tmp_path / "witnesses", pins(kept)) as witnesses:
        policy = policy_of(witnesses)
        (tmp_path / "policy").write_text(
            "".join(each.policy_line for each in witnesses)
            + "group g 2 alpha beta gamma\nquorum g\n"
        )
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
            await until(lambda: whole(ledger))
        copy_of(kept.data_dir, copies)
        tiles = tmp_path / "tiles"
        words = ["export-tiles", str(tiles), str(copies), "--policy", str(tmp_path / "policy")]
        assert CLI.invoke(audit, words).exit_code == 0
        options = ["--trust", str(kept.trust_file), "--policy", str(tmp_path / "policy")]

        async def verify(place: Path, *more: str) -> tuple[int, str]:
            words = ["verify", str(place), *options, *more]
            done = await asyncio.to_thread(CLI.invoke, audit, words)
            return done.exit_code, done.output

        for place in (copies, tiles):
            assert (await verify(place, "--ask"))[0] == 0
        async with witnessed_ledger(kept, policy) as (ledger, _):
            await record(ledger)
            await until(lambda: whole(ledger))
        for place in (copies, tiles):
            code, words = await verify(place)
            assert (code, "검증 완료" in words, "witnessed" in words) == (0, True, True)
            code, words = await verify(place, "--ask")
            assert (code, "tail_missing" in words) == (1, True)
        assert (await verify(kept.data_dir, "--ask"))[0] == 0
    code, words = await verify(copies, "--ask")
    assert (code, "no witness answered" in words) == (2, True)


async def test_policy_without_its_quorum_ends_with_a_status_of_its_own(tmp_path: Path) -> None:
    kept = KeptInFile(tmp_path / "data")
    async with running(kept) as ledger:
        await record(ledger)
    cosigner = Cosigner("alpha.example.go.kr/1")
    (tmp_path / "policy").write_text(f"witness alpha {cosigner.key}\nquorum alpha\n")
    (tmp_path / "foreign").write_text(f"log {Log([]).trust.keys[0]}\nquorum none\n")
    words = ["verify", str(kept.data_dir), "--trust", str(kept.trust_file)]
    for more, code, said in [
        ([], 0, "unwitnessed"),
        (["--policy", str(tmp_path / "policy")], 3, "unwitnessed"),
        (["--policy", str(tmp_path / "foreign")], 2, "another log"),
        (["--policy", str(tmp_path / "nothing")], 2, "cannot be read"),
    ]:
        done = CLI.invoke(audit, [*words, *more])
        assert (done.exit_code, said in done.output) == (code, True), done.output
