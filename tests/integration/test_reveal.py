"""Content on a whole gateway: sealed with surrogates, opened by two people and nobody else."""

import asyncio
import json
import os
import pty
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from line import NAME, Line
from sealing import PASSWORD, Pair, private_pem

from gateway.cli import main
from gateway.demo.engine_script import Script
from gateway.store.database import database_path
from gateway.store.dialect import guards

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/audit/reveals"
CASE, REASON = "감사 17호", "오답 신고의 확인"
AGENCY = "agency-a"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair.made()
    made.publish(tmp_path / "public" / AGENCY)
    return made


@pytest.fixture
def content(pair: Pair, tmp_path: Path) -> dict[str, Any]:
    return {"key_dir": tmp_path / "public", "week_key_dir": tmp_path / "weeks"}


def officer(line: Line, sub: str = "officer-1", **claims: Any) -> str:
    return line.issuer.token(realm_access={"roles": ["agency-officer"]}, sub=sub, **claims)


def cpo(line: Line, sub: str = "cpo-1", **claims: Any) -> str:
    roles = claims.pop("roles", ["cpo"])
    return line.issuer.token(realm_access={"roles": roles}, sub=sub, **claims)


async def post(line: Line, token: str, path: str, body: Any = None) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    return await line.client.post(PATH + path, json=body or {}, headers=headers)


async def request(line: Line, record: str, token: str | None = None, **changes: Any) -> Any:
    body = {"records": [record], "case": CASE, "reason": REASON, "hours": 1} | changes
    return await post(line, token or officer(line), "", body)


async def recorded(line: Line) -> str:
    """A call whose record is whole, and so is its content."""
    answer = await line.ask(stream=True)
    assert NAME in answer.text, "the caller reads the real name"
    record = str(answer.headers["x-gwanmun-audit"])
    async with asyncio.timeout(10):
        while len(kept(line, record)) != 2:
            await asyncio.sleep(0.02)
    return record


def kept(line: Line, record: str) -> list[tuple[str, bytes]]:
    with closing(sqlite3.connect(database_path(line.data_dir))) as database:
        query = "SELECT part, body FROM content WHERE record_id = ?"
        return database.execute(query, [record]).fetchall()


def events(line: Line, action: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(database_path(line.data_dir))) as database:
        query = "SELECT body FROM event WHERE action = ? ORDER BY position"
        return [json.loads(body) for (body,) in database.execute(query, [action])]


async def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def run(*words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "reveal", *words]
    return subprocess.run(
        command, input=said, capture_output=True, text=True, check=False, timeout=60
    )


def on_a_terminal(*words: str, said: str) -> tuple[int, str]:
    """What a command shows on a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "reveal", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        assert running.stdin is not None
        running.stdin.write(said.encode())
        running.stdin.close()
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65_536)
            except OSError:  # the terminal's other side is closed
                break
    os.close(ours)
    return running.returncode, shown.decode()


def stored(folder: Path, name: str, content: bytes | str) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.timeout(300)  # three commands, each a process of its own
async def test_two_people_open_a_record_and_see_surrogates_alone(
    a_line, pair: Pair, content, tmp_path: Path
) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    url = ("--url", str(line.client.base_url))
    asked, granted = str(tmp_path / "asked.json"), str(tmp_path / "granted.json")

    def who(name: str, token: str, key: EllipticCurvePrivateKey) -> tuple[str, ...]:
        mine = stored(tmp_path, f"{name}.pem", private_pem(key))
        return ("--key", mine, "--token-file", stored(tmp_path, f"{name}.token", token), *url)

    first = who("officer", officer(line), pair.officers)
    second = who("cpo", cpo(line), pair.cpo)
    done = await asyncio.to_thread(
        run, "request", asked, "--record", record, *first[2:], said=f"{CASE}\n{REASON}\n"
    )
    assert done.returncode == 0, done.stderr
    done = await asyncio.to_thread(
        run, "approve", asked, granted, *second, said=f"승인\n{PASSWORD}\n"
    )
    assert done.returncode == 0, done.stderr
    assert REASON in done.stdout
    status, shown = await asyncio.to_thread(
        on_a_terminal, "open", granted, *first, said=f"{PASSWORD}\n"
    )
    assert status == 0, shown
    for word in ("prompt", "answer", "[성명_1]"):
        assert word in shown
    for secret in line.secrets:
        assert secret not in shown
    steps = ("content.reveal.requested", "content.reveal.approved", "content.reveal.opened")
    found = [event for step in steps for event in events(line, step)]
    assert [event["actor"]["sub"] for event in found] == ["officer-1", "cpo-1", "officer-1"]
    assert all(event["records"] == [record] for event in found)
    for word in (CASE, REASON):
        assert word not in json.dumps(found, ensure_ascii=False)


async def test_content_is_shown_on_a_terminal_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--key", "k", "--token-file", "t", "--url", "http://127.0.0.1:9"]
    with pytest.raises(SystemExit) as ended:
        main(["reveal", "open", str(tmp_path / "granted.json"), *words])
    assert ended.value.code == 2
    assert capsys.readouterr().out == ""


async def test_what_the_database_keeps_shows_neither_texts_nor_reasons(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    assert (await request(line, record)).status_code == 200
    files = b"".join(path.read_bytes() for path in line.data_dir.rglob("*.db*"))
    for word in (*line.secrets, "안내문을 써", "[성명_1]", CASE, REASON):
        assert word.encode() not in files


async def test_steps_follow_each_other_by_the_right_people(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    asked = (await request(line, record)).json()["request_id"]
    here, refused = f"/{asked}", (403, "reveal_refused")
    assert await code(await post(line, officer(line), f"{here}/open")) == refused
    both = cpo(line, sub="officer-1", roles=["cpo", "agency-officer"])
    assert await code(await post(line, both, f"{here}/approve")) == refused
    denied = (403, "permission_denied")
    assert await code(await post(line, officer(line, "officer-2"), f"{here}/approve")) == denied
    assert (await post(line, cpo(line), f"{here}/approve")).status_code == 200
    assert await code(await post(line, officer(line, "officer-2"), f"{here}/open")) == refused
    assert await code(await post(line, cpo(line), f"{here}/open")) == denied
    assert (await post(line, officer(line), f"{here}/open")).status_code == 200
    assert len(events(line, "content.reveal.opened")) == 1


async def test_other_agencies_find_neither_record_nor_request(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    nothing = (404, "not_found")
    foreign = officer(line, agency="agency-b")
    assert await code(await request(line, record, foreign)) == nothing
    asked = (await request(line, record)).json()["request_id"]
    assert await code(await post(line, foreign, f"/{asked}/open")) == nothing
    assert (
        await code(await post(line, cpo(line, agency="agency-b"), f"/{asked}/approve")) == nothing
    )
    assert await code(await request(line, "0" * 32)) == nothing


async def test_a_request_ends_with_its_hours(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    asked = (await request(line, record)).json()["request_id"]
    assert (await post(line, cpo(line), f"/{asked}/approve")).status_code == 200
    ledger = line.house.edge.services.ledger
    now = ledger._options.clock
    object.__setattr__(ledger._options, "clock", lambda: now() + 3_601)
    refused = (403, "reveal_refused")
    assert await code(await post(line, officer(line), f"/{asked}/open")) == refused
    assert await code(await post(line, cpo(line), f"/{asked}/approve")) == refused


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"records": []}, "records"),
        ({"records": ["0" * 32] * 2}, "records"),
        ({"records": [f"{n:032x}" for n in range(21)]}, "records"),
        ({"case": ""}, "case"),
        ({"reason": "가" * 2_001}, "reason"),
        ({"hours": 73}, "hours"),
        ({"hours": True}, "hours"),
    ],
    ids=["none", "twice", "too many", "no case", "long reason", "too long", "no number"],
)
async def test_wrong_request_is_refused(a_line, content, changes, param: str) -> None:
    line = await a_line(Script(), content=content)
    refused = await request(line, "0" * 32, **changes)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, "invalid_parameter", param)


async def test_call_whose_content_cannot_be_sealed_reaches_no_engine(
    a_line, content, tmp_path: Path
) -> None:
    line = await a_line(Script(), content=content)
    (tmp_path / "weeks").write_text("no folder", encoding="ascii")
    answer = await line.ask(stream=True)
    assert (answer.status, answer.code) == (503, "audit_unavailable")
    assert line.engines[0].seen == []
    await line.refused("audit_unavailable")


async def test_without_the_setting_nothing_is_kept(a_line) -> None:
    line = await a_line(Script())
    answer = await line.ask(stream=True)
    record = str(answer.headers["x-gwanmun-audit"])
    await line.ended("complete", record)
    assert kept(line, record) == []
    assert await code(await request(line, record)) == (404, "not_found")


def forge(line: Line, statement: str, *values: object) -> None:
    """What whoever may write to the database can do."""
    with closing(sqlite3.connect(database_path(line.data_dir))) as database, database:
        for name in guards():
            database.execute(f"DROP TRIGGER {name}")
        changed = database.execute(statement, values).rowcount
        for guard in guards().values():
            database.execute(guard)
    assert changed == 1


async def test_approval_that_no_writer_has_signed_opens_nothing(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    asked = (await request(line, record)).json()["request_id"]
    approval = json.dumps({"action": "content.reveal.approved", "id": asked})
    forge(
        line,
        "INSERT INTO event SELECT (SELECT max(position) + 1 FROM event), writer, 1000000,"
        " record_id, 'content.reveal.approved', agency, ?, salt, signature FROM event"
        " WHERE record_id = ?",
        approval.encode(),
        asked,
    )
    answer = await post(line, officer(line), f"/{asked}/open")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "records_untrusted")
    assert events(line, "content.reveal.opened") == []


async def test_approval_of_another_request_is_not_lent(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    first, second = [(await request(line, record)).json()["request_id"] for _ in range(2)]
    assert (await post(line, cpo(line), f"/{first}/approve")).status_code == 200
    forge(
        line,
        "UPDATE event SET record_id = ? WHERE record_id = ? AND action = 'content.reveal.approved'",
        second,
        first,
    )
    answer = await post(line, officer(line), f"/{second}/open")
    assert answer.json()["error"]["code"] == "records_untrusted"


async def test_commitment_that_was_changed_opens_nothing(a_line, content) -> None:
    line = await a_line(Script(), content=content)
    record = await recorded(line)
    asked = (await request(line, record)).json()["request_id"]
    assert (await post(line, cpo(line), f"/{asked}/approve")).status_code == 200
    forge(
        line,
        'UPDATE event SET body = CAST(replace(body, \'"content":"\', \'"content":"0\') AS BLOB)'
        " WHERE record_id = ? AND action = 'request.opened'",
        record,
    )
    answer = await post(line, officer(line), f"/{asked}/open")
    assert answer.json()["error"]["code"] == "records_untrusted"
