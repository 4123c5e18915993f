"""Every column and every row of the ledger's tables, changed by a superuser one after the other.

Each table of the schema either is what `audit verify` proves, or stands in OUTSIDE with the reason;
a new one must be placed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from keeping import Kept
from recording import AGENCY, OTHER_AGENCY, ask, record, running, tamper
from tiling import Cosigner
from typer.testing import CliRunner

from gateway.commands.audit import app as audit_app
from gateway.commands.keys import app as keys_app
from gateway.proofs.policy import Policy
from gateway.proofs.trust import Trust
from gateway.proofs.verify import Report
from gateway.store.tables import METADATA

CLI = CliRunner()

PROVEN: dict[str, tuple[str, ...]] = {
    "event": ("position",),
    "leaf": ("leaf_index",),
    "checkpoint": ("size",),
    "tree_head": ("id",),
    "cosignature": ("size", "witness"),
    "key_rotation": ("number",),
    "agency_head": ("size", "agency"),
}
"""Table → its key."""

ELSEWHERE = {
    "subtree": "needs 256 leaves: test_proofs_hold_in_a_tree_that_is_larger_than_a_tile",
    "pruned": "needs records that are due: test_pruning, unit/proofs/test_pruned",
}
OUTSIDE = {
    "writer": "who lives and who is silent; every writer's life is in its signed events",
    "session": "browser sessions, each row with a tag of its own: test_identity_sessions",
    "subject": "the index of persons: deleted by retention, so that a missing row proves nothing",
    "content": "bound to its signed event when it is opened: test_sealed_text_of_another_place",
    "principal": "what rights were last seen, by which new ones are told; the events tell them",
    "forwarding": "how far receivers have been told; they see gaps by the writers' numbers",
}
UNSIGNED = {
    ("checkpoint", "sealed_at"): "when; the witnesses' cosignatures hold a signed time",
    ("cosignature", "signed_at"): "repeats the signed line",
    ("cosignature", "witness"): "repeats the signed line",
}


class Log:
    """A ledger of two agencies and two writers, with rotated keys, and cosigned by two of two."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.pins = Trust.read(kept.trust_file)
        self._witnesses = [Cosigner(f"{name}.example.go.kr/1") for name in ("alpha", "beta")]
        lines = "".join(f"witness {each.name[:4]} {each.key}\n" for each in self._witnesses)
        self._policy = Policy.parse(f"{lines}group g 2 alph beta\nquorum g\n")

    @classmethod
    async def written(cls, kept: Kept) -> "Log":
        kept.prepare()
        kept.keys()
        log = cls(kept)
        for _ in range(2):
            async with running(kept, silence_seconds=0) as ledger:
                for agency in (AGENCY, OTHER_AGENCY, AGENCY):
                    await record(ledger, agency)
            done = CLI.invoke(keys_app, ["rotate", str(kept.trust_file.parent)])
            assert done.exit_code == 0, done.output
        async with running(kept, silence_seconds=0) as ledger:
            await record(ledger)
        for size, note in ask(kept, "SELECT size, note FROM checkpoint"):
            for each in log._witnesses:
                values = (size, str(each.key), 1_800_000_000, each.line(note))
                tamper(kept, ("INSERT INTO cosignature VALUES (?, ?, ?, ?)", values))
        return log

    def report(self) -> Report:
        """As whoever pinned the first keys, and knows the witnesses, sees it."""
        return self.kept.verified(self.pins, self._policy)

    def is_right(self) -> bool:
        report = self.report()
        return report.problem is None and report.witnessed_size == report.size


@pytest.fixture
async def log(kept: Kept) -> Log:
    return await Log.written(kept)


def test_every_table_is_proven_or_stands_outside_with_a_reason() -> None:
    assert set(METADATA.tables) == {*PROVEN, *ELSEWHERE, *OUTSIDE}
    for table, key in PROVEN.items():
        assert tuple(METADATA.tables[table].primary_key.columns.keys()) == key


def changed(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        return bytes([raw[0] ^ 1]) + raw[1:]
    if isinstance(value, str):
        return f"{value[:-1]}{'0' if value[-1:] != '0' else '1'}" if value else "x"
    return value + 1_000_000


def chosen(kept: Kept, table: str) -> Iterator[dict[str, Any]]:
    """The first, the middle and the last row."""
    columns = list(METADATA.tables[table].columns.keys())
    order = ", ".join(PROVEN[table])
    rows = ask(kept, f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")
    assert rows
    for at in sorted({0, len(rows) // 2, len(rows) - 1}):
        yield dict(zip(columns, rows[at], strict=True))


def where(table: str, row: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    key = PROVEN[table]
    return " AND ".join(f"{name} = ?" for name in key), tuple(row[name] for name in key)


@pytest.mark.parametrize("table", PROVEN)
async def test_every_changed_column_is_found(log: Log, table: str) -> None:
    assert log.is_right()
    for row in chosen(log.kept, table):
        for column, value in row.items():
            other = row | {column: changed(value)}
            there, key = where(table, row)
            back, other_key = where(table, other)
            tamper(
                log.kept, (f"UPDATE {table} SET {column} = ? WHERE {there}", (other[column], *key))
            )
            found = not log.is_right()
            assert found is ((table, column) not in UNSIGNED), (table, column, row)
            tamper(log.kept, (f"UPDATE {table} SET {column} = ? WHERE {back}", (value, *other_key)))
    assert log.is_right()


@pytest.mark.parametrize("table", sorted(PROVEN.keys() - {"agency_head"}))
async def test_every_deleted_row_is_found(log: Log, table: str) -> None:
    """Of cosignatures only the newest count: a missing older one takes no proof away."""
    for row in chosen(log.kept, table):
        if table == "cosignature" and row["size"] < log.report().size:
            continue
        there, key = where(table, row)
        columns = ", ".join(row)
        marks = ", ".join("?" * len(row))
        tamper(log.kept, (f"DELETE FROM {table} WHERE {there}", key))
        assert not log.is_right(), (table, row)
        tamper(log.kept, (f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values())))
    assert log.is_right()


async def test_missing_head_of_an_agency_is_seen_by_the_agency_alone(
    log: Log, tmp_path: Path
) -> None:
    """The limit that docs/limits.md states: what only it counted is said to be uncounted then."""
    before = told_to_agency(log, tmp_path / "before")
    assert before["covered"] == before["records"]
    tamper(
        log.kept,
        ("DELETE FROM agency_head WHERE agency = ? AND size > ?", (AGENCY, log.report().size // 2)),
    )
    assert log.is_right()
    after = told_to_agency(log, tmp_path / "after")
    assert after["problem"] is None
    assert after["records"] == before["records"]
    assert 0 < after["covered"] < after["records"]


def told_to_agency(log: Log, folder: Path) -> dict[str, Any]:
    """What the agency's own verification says of its export."""
    folder.mkdir()
    (folder / "pins.json").write_text(log.pins.text())
    words = [word for word in log.kept.words if word not in ("--trust", str(log.kept.trust_file))]
    CLI.invoke(audit_app, ["export-records", str(folder / "mine"), *words, "--agency", AGENCY])
    pins = ["--trust", str(folder / "pins.json"), "--json"]
    done = CLI.invoke(audit_app, ["verify", *words, "--agency", str(folder / "mine"), *pins])
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


@pytest.mark.parametrize("table", PROVEN)
async def test_every_row_slipped_in_is_found(log: Log, table: str) -> None:
    """A copy of a row under a key of its own; of cosignatures one that nobody has signed."""
    for row in chosen(log.kept, table):
        key = PROVEN[table][0]
        copy = row | {key: changed(row[key])}
        if table == "event":  # below all others: behind them a gap would be left for ever
            copy |= {"position": -5, "sequence": changed(row["sequence"])}
        elif table == "leaf":
            copy |= {name: changed(row[name]) for name in ("position", "agency_number")}
        columns, marks = ", ".join(copy), ", ".join("?" * len(copy))
        values = tuple(copy.values())
        tamper(log.kept, (f"INSERT INTO {table} ({columns}) VALUES ({marks})", values))
        found = not log.is_right()
        assert found is (table != "tree_head"), (table, row)  # only one row of it is ever read
        there, own = where(table, copy)
        tamper(log.kept, (f"DELETE FROM {table} WHERE {there}", own))
    assert log.is_right()
