"""One agency gets no byte of another's events: by no route, no channel, no command, no export.

Every route of the real app is asked, and every command is placed: one that somebody adds tomorrow
is asked too, or fails here until it is told how.
"""

import base64
import importlib
import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import typer
from exporting import beside, export, order
from keeping import KeptInFile
from line import PHONE, Line, open_line
from people import principal
from recording import AGENCY, OTHER_AGENCY, record, running
from sealing import Pair
from test_audit_subject import look_up
from test_reveal import cpo, officer, post, request
from test_route_authorization import BODY, walked
from typer.main import get_command
from typer.testing import CliRunner

from gateway.api.subjects import KOREA
from gateway.app import public_app
from gateway.cli import COMMANDS
from gateway.commands.audit import app as audit_app
from gateway.demo.engine_script import Script
from gateway.domain import Outcome, Role
from gateway.exports.archive import archive_days
from gateway.exports.archive_folder import FolderPlace
from gateway.exports.formats import Format
from gateway.identity.login import SESSION_COOKIE
from gateway.proofs.entry import event_hash
from redaction.pool import Detector

OURS, THEIRS = "agency-a", "agency-b"
EVERY_ROLE = ["staff", "developer", "agency-officer", "cpo", "auditor", "operator"]
LOG_FILES = ("checkpoint", "rotations", "tile/0/000.p/{}", "tile/entries/000.p/{}", "tile/0/000")
# What a POST is asked with; a POST that is not here has no way to say what it gives out.
BODIES: dict[str, Any] = {
    "/v1/chat/completions": BODY,
    "/v1/redact": {"input": PHONE},
    "/v1/audit/subject": {"identifier": PHONE, "reason": "r", "from": "2026-01-01", "to": "{day}"},
    "/v1/audit/reveals": {"records": ["{record}"], "case": "c", "reason": "r", "hours": 1},
    "/v1/audit/reveals/{request_id}/approve": {},
    "/v1/audit/reveals/{request_id}/open": {},
    "/chat/messages": BODY | {"grade": "S"},
    "/logout": {},
    "/logout/backchannel": {},
}
# Commands that give out something of one agency, and are tried below or through their route.
OF_AN_AGENCY = {
    "audit export": "below",
    "audit export-records": "below",
    "audit review": "test_review: a tally of one agency alone",
    "audit archive": "below: a file for each agency",
    "audit subject": "/v1/audit/subject",
    "reveal request": "/v1/audit/reveals",
    "reveal approve": "/v1/audit/reveals/{request_id}/approve",
    "reveal open": "/v1/audit/reveals/{request_id}/open",
}
# Commands that read the whole ledger with the database's own rights: the operator's, no agency's.
OF_THE_OPERATOR = {
    *("audit show", "audit verify", "audit verify-manifests", "audit prune", "doctor", "serve"),
    "audit reconcile",
    *("up", "backup make", "restore"),
}
FOR_ANYBODY = {"audit export-tiles"}  # below: it holds nothing of anybody
NO_EVENTS = {
    *("redact", "policy check", "policy explain", "policy test", "config check", "healthcheck"),
    *("migrate", "secrets init", "secrets renew", "keys init", "keys rotate", "keys list", "seal"),
    *("witness init", "witness follow", "witness list", "witness serve", "witness sign"),
    *("reveal key", "backup key", "content erase", "demo token", "demo link"),
}


def leaves(value: object) -> Iterator[str]:
    """Every text in a JSON value that is long enough to be told from chance."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)


def marks_of(kept: KeptInFile, ours: str, theirs: str) -> set[bytes]:
    """What would betray an event of theirs: its facts that are not ours too, and its secrets."""

    def facts(agency: str) -> set[str]:
        bodies = kept.ask("SELECT body FROM event WHERE agency = ?", agency)
        return {text for (body,) in bodies for text in leaves(json.loads(body)) if len(text) > 5}

    marks = {text.encode() for text in facts(theirs) - facts(ours)}
    rows = kept.ask("SELECT body, salt, signature FROM event WHERE agency = ?", theirs)
    for body, salt, signature in rows:
        for raw in (event_hash(body), salt, signature):
            marks |= {raw, raw.hex().encode(), base64.b64encode(raw)}
    for key, body in kept.ask("SELECT key, body FROM content WHERE agency = ?", theirs):
        marks |= {base64.b64encode(key), base64.b64encode(body)}
    return marks - {b"platform"}


def found(marks: set[bytes], given: bytes) -> list[bytes]:
    return [mark for mark in marks if mark in given]


class Asked:
    """A gateway on which two agencies have worked, and all that it answers to one person."""

    def __init__(self, line: Line, record_id: str, request_id: str) -> None:
        self.line = line
        self.kept = KeptInFile(line.data_dir)
        self.names = {"record_id": record_id, "request_id": request_id, "name": "rehearsal"}

    async def answers(self, agency: str, subject: str) -> dict[str, bytes]:
        """Method and path → all that came back, whatever it was; this person has every role."""
        who = principal(*Role, agency=agency, subject=subject)
        secret = await self.line.house.login._sessions.begin(who, "")
        claims = {"realm_access": {"roles": EVERY_ROLE}, "agency": agency, "sub": subject}
        bearer = {"authorization": f"Bearer {self.line.issuer.token(**claims)}"}
        cookie = {"cookie": f"{SESSION_COOKIE}={secret}", "accept": "text/html"}
        got: dict[str, bytes] = {}
        for method, template in walked(public_app(self.line.house)):
            assert method == "GET" or template in BODIES, f"tell how {method} {template} is asked"
            for path in self.paths(template):
                body = self.body(BODIES[template]) if method == "POST" else None
                for headers in (bearer, cookie):
                    answer = await self.line.client.request(
                        method, path, json=body, headers=headers
                    )
                    head = json.dumps(dict(answer.headers)).encode()
                    got[f"{method} {path}"] = got.get(f"{method} {path}", b"") + head
                    got[f"{method} {path}"] += answer.content
        return got

    def paths(self, template: str) -> list[str]:
        if template.startswith("/log/"):
            size = self.kept.ask("SELECT max(size) FROM checkpoint")[0][0]
            return [f"/log/{name.format(size)}" for name in LOG_FILES]
        filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda hit: self.names[hit[1]], template)
        return [filled]

    def body(self, template: object) -> object:
        text = json.dumps(template).replace("{record}", self.names["record_id"])
        return json.loads(text.replace("{day}", f"{datetime.now(KOREA):%Y-%m-%d}"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(
    detector: Detector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    folder = tmp_path_factory.mktemp("apart")
    for agency in (OURS, THEIRS):
        Pair.made().publish(folder / "public" / agency)
    groups = {
        "content": {"key_dir": folder / "public", "week_key_dir": folder / "weeks"},
        "limits": {"requests_per_minute": 10_000, "characters_per_minute": 10**9},
    }
    async with AsyncExitStack() as stack:
        line = await open_line(stack, detector, folder, Script(), **groups)
        await worked(line, OURS, "our")
        yield Asked(line, *await worked(line, THEIRS, "their"))


async def worked(line: Line, agency: str, name: str) -> tuple[str, str]:
    """All that an agency's people do; the ids of the record and of its revealing."""
    own = {"agency": agency, "department": f"{name} department"}
    clerk = line.issuer.token(sub=f"{name}-clerk-17", **own)
    answer = await line.ask(stream=True, headers={"authorization": f"Bearer {clerk}"})
    record_id = answer.headers["x-gwanmun-audit"]
    line.agency = agency
    await line.ended(Outcome.COMPLETE, record_id)
    looks = officer(line, f"{name}-officer-9", **own)
    await look_up(line, PHONE, looks)
    request_id = (await request(line, record_id, looks)).json()["request_id"]
    granted = await post(line, cpo(line, f"{name}-cpo-3", **own), f"/{request_id}/approve")
    assert granted.status_code == 200, granted.text
    assert (await post(line, looks, f"/{request_id}/open")).status_code == 200
    return record_id, request_id


@pytest.mark.asyncio(loop_scope="session")
async def test_no_route_gives_a_byte_of_another_agencys_events(asked: Asked) -> None:
    marks = marks_of(asked.kept, OURS, THEIRS)
    asked_for = {value.encode() for value in asked.names.values()}
    for where, given in (await asked.answers(OURS, "our-officer-9")).items():
        assert found(marks - asked_for, given) == [], where


@pytest.mark.asyncio(loop_scope="session")
async def test_the_marks_are_what_the_agency_itself_is_shown(asked: Asked) -> None:
    """Or the test above could not fail."""
    marks = marks_of(asked.kept, OURS, THEIRS)
    given = await asked.answers(THEIRS, "their-officer-9")
    shown = {where for where, answer in given.items() if found(marks, answer)}
    named = asked.names
    assert shown >= {
        "GET /console",
        f"GET /v1/receipts/{named['record_id']}",
        f"GET /records/{named['record_id']}",
        "POST /v1/audit/subject",
        f"POST /v1/audit/reveals/{named['request_id']}/open",
    }


@pytest.mark.asyncio(loop_scope="session")
async def test_the_internal_listener_tells_nothing_of_any_agency(asked: Asked) -> None:
    marks = marks_of(asked.kept, OURS, THEIRS) | {OURS.encode(), THEIRS.encode()}
    for path in ("/metrics", "/readyz", "/healthz"):
        answer = await asked.line.client.get(asked.line.internal_url + path)
        assert answer.status_code == 200
        assert found(marks, answer.content) == []


def commands() -> Iterator[str]:
    """Every command of the command line, as it is typed."""
    for name, place in COMMANDS.items():
        loaded = getattr(importlib.import_module(place.module), place.attribute)
        if isinstance(loaded, typer.Typer) and loaded.registered_commands:
            inner = getattr(get_command(loaded), "commands", None)
            yield from (f"{name} {each}" for each in inner) if inner else [name]
        else:
            yield name


def test_every_command_is_placed() -> None:
    placed = [{*OF_AN_AGENCY}, OF_THE_OPERATOR, FOR_ANYBODY, NO_EVENTS]
    assert set(commands()) == set().union(*placed)
    assert sum(map(len, placed)) == len(set().union(*placed)), "one is placed twice"


async def test_no_export_holds_a_byte_of_another_agencys_events(tmp_path: Path) -> None:
    kept, cli = KeptInFile(tmp_path / "data"), CliRunner()
    async with running(kept, clock=lambda: 1_800_000_000.0) as ledger:
        for agency in (AGENCY, OTHER_AGENCY, AGENCY, OTHER_AGENCY):
            await record(ledger, agency)
    out = tmp_path / "out"
    out.mkdir()
    for form in Format:
        await export(kept, order(form), out / f"export.{form}")
    for words in (
        ["export-records", str(out / "records"), str(kept.data_dir), "--agency", AGENCY],
        ["export-tiles", str(out / "tiles"), str(kept.data_dir)],
    ):
        done = cli.invoke(audit_app, words)
        assert done.exit_code == 0, done.output
    (out / "worm").mkdir()
    async with beside(kept) as database:
        day = date(2027, 1, 15)
        await archive_days(
            database, kept.keys(), FolderPlace(out / "worm"), today=day + timedelta(1)
        )
    marks = marks_of(kept, AGENCY, OTHER_AGENCY)
    tried = 0
    for path in sorted(each for each in out.rglob("*") if each.is_file()):
        held = content(path)
        theirs = found(marks, held)
        if OTHER_AGENCY in path.name:
            assert len(theirs) > 2, "the agency's own file of the archive"
        elif path.name == "manifest.json":
            assert theirs == [OTHER_AGENCY.encode()]  # the name of its file: the operator's
        else:
            assert theirs == [], path
            tried += AGENCY.encode() in held
    assert tried >= 2 * len(Format) + 2, "each export and its slip, the records, the archive"


def content(path: Path) -> bytes:
    """What a file holds, out of its compression if it has any."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as packed:
        return b"".join(packed.read(name) for name in packed.namelist())
