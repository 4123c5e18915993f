"""`POST /v1/audit/subject` and `gwanmun audit subject` on a whole gateway."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from line import PHONE, RRN, Line

from gateway.api.subjects import KOREA
from gateway.demo.engine_script import Script
from gateway.store.database import database_path

pytestmark = pytest.mark.asyncio(loop_scope="session")
REASON = "열람 요구 접수 17호"


def officer(line: Line, **claims: Any) -> str:
    claims = {"realm_access": {"roles": ["agency-officer"]}, "sub": "officer-1"} | claims
    return line.issuer.token(**claims)


async def look_up(line: Line, whom: str, token: str | None = None, **changes: Any) -> Any:
    today = datetime.now(KOREA).date().isoformat()
    body = {"identifier": whom, "reason": REASON, "from": today, "to": today} | changes
    headers = {"authorization": f"Bearer {token or officer(line)}"}
    return await line.client.post("/v1/audit/subject", json=body, headers=headers)


async def test_officer_finds_the_record_of_a_call_by_any_spelling(a_line) -> None:
    line = await a_line(Script())
    answer = await line.ask(stream=False)
    for written in (PHONE, PHONE.replace("-", ""), f"+82 {PHONE[1:]}"):
        told = (await look_up(line, written)).json()
        assert [record["record_id"] for record in told["records"]] == [
            answer.headers["x-gwanmun-audit"]
        ]
        assert told["records"][0]["kinds"] == ["phone"]
    assert (await look_up(line, "010-0000-0000")).json()["records"] == []


async def test_resident_number_is_found_only_where_the_settings_name_the_statute(a_line) -> None:
    silent = await a_line(Script())
    await silent.ask(stream=False)
    assert (await look_up(silent, RRN)).json()["records"] == []
    named = await a_line(Script(), subjects={"resident_statute": "가상법 제1조"})
    await named.ask(stream=False)
    assert len((await look_up(named, RRN)).json()["records"]) == 1


async def test_other_agencies_and_other_roles_find_nothing(a_line) -> None:
    line = await a_line(Script())
    await line.ask(stream=False)
    foreign = await look_up(line, PHONE, officer(line, agency="agency-b"))
    assert foreign.json()["records"] == []
    for roles in (["staff"], ["auditor"], ["operator"]):
        refused = await look_up(line, PHONE, officer(line, realm_access={"roles": roles}))
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    await line.refused("permission_denied")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"reason": "  "}, "invalid_parameter", "reason"),
        ({"identifier": "1" * 321}, "invalid_parameter", "identifier"),
        ({"from": "2026-02-30"}, "invalid_parameter", "from"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "invalid_parameter", "to"),
        ({"agency": "agency-b"}, "unsupported_parameter", None),
    ],
    ids=["no reason", "long identifier", "no day", "backwards", "another agency"],
)
async def test_wrong_question_is_refused(a_line, changes, code: str, param: str | None) -> None:
    line = await a_line(Script())
    refused = await look_up(line, PHONE, **changes)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (400, code, param)


async def test_look_ups_above_the_quota_are_429(a_line) -> None:
    line = await a_line(Script(), subjects={"queries_per_day": 1})
    assert (await look_up(line, PHONE)).status_code == 200
    refused = await look_up(line, PHONE, officer(line, sub="officer-2"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "limit_exceeded")


async def test_without_an_index_nothing_is_kept_or_found(a_line) -> None:
    line = await a_line(Script(), subjects={"retention_days": 0})
    await line.ask(stream=False)
    assert (await look_up(line, PHONE)).status_code == 404
    with closing(sqlite3.connect(database_path(line.data_dir))) as database:
        assert database.execute("SELECT count(*) FROM subject").fetchone() == (0,)


async def test_command_asks_with_identifier_and_reason_from_standard_input(
    a_line, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = await a_line(Script())
    answer = await line.ask(stream=False)
    token = tmp_path / "token"
    token.write_text(officer(line), encoding="ascii")
    words = ["--url", str(line.client.base_url), "--token-file", str(token)]
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "audit", "subject"]

    def run(said: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *words, *more], input=said, capture_output=True, text=True, check=False
        )

    found = await asyncio.to_thread(run, f"{PHONE}\n{REASON}\n", "--json")
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert [each["record_id"] for each in told["records"]] == [answer.headers["x-gwanmun-audit"]]
    nobody = await asyncio.to_thread(run, f"010-0000-0000\n{REASON}\n")
    assert nobody.returncode == 1
    without = await asyncio.to_thread(run, f"{PHONE}\n")
    assert without.returncode == 2
    assert PHONE not in found.stdout + found.stderr + without.stderr + capfd.readouterr().err
