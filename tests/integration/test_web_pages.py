"""The pages and the chat's own surface over real sockets: what browsers get, and what is refused.

A refusal is asserted whole: status and code, an engine that saw nothing, a record, and no word of
the message anywhere in the answer.
"""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from httpx import AsyncClient, Response
from line import NAME, PROMPT, RRN, Line, open_line
from people import principal
from rehearsal import until

from gateway.demo.engine_script import Script
from gateway.domain import Grade, Outcome, Role, SessionSecret
from gateway.identity.login import LOGIN_COOKIE, SESSION_COOKIE
from gateway.web import csrf
from gateway.web.csp import security_headers
from redaction.pool import Detector

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUBLIC_URL = "http://127.0.0.1:8080"  # the settings' default: what these houses believe to be
HTML = {"accept": "text/html"}


@dataclass
class Browser:
    """A logged-in browser: its requests carry what a page of ours would send."""

    line: Line
    secret: str
    headers: dict[str, str]

    @property
    def client(self) -> AsyncClient:
        return self.line.client

    async def send(self, *, headers: dict[str, str] | None = None, **changes: Any) -> Response:
        body = {"model": "rehearsal", "grade": "S", "messages": [said("user", PROMPT)], **changes}
        return await self.client.post(
            "/chat/messages", json=body, headers=self.headers | (headers or {})
        )


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def events(answer: Response) -> list[tuple[str, Any]]:
    found = []
    for block in answer.text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def browser(line: Line, *roles: Role, ceiling: Grade = Grade.S) -> Browser:
    """A browser of a person that nobody was before: refusals of one person are summed up."""
    who = principal(*roles, ceiling=ceiling, agency=line.agency, subject=secrets.token_hex(8))
    secret = await line.house.login._sessions.begin(who, "")
    line.client.headers.pop("authorization", None)
    headers = {
        "cookie": f"{SESSION_COOKIE}={secret}",
        "origin": PUBLIC_URL,
        "sec-fetch-site": "same-origin",
        csrf.HEADER: csrf.token(SessionSecret(secret)),
    }
    return Browser(line, secret, headers)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quiet(
    detector: Detector, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Line]:
    """One gateway for all tests in which no engine may be called; checked at the end."""
    async with AsyncExitStack() as stack:
        line = await open_line(stack, detector, tmp_path_factory.mktemp("quiet"), Script())
        yield line
        assert line.engines[0].seen == []


async def refused(line: Line, answer: Response, code: str) -> dict[str, Any]:
    """The record of exactly this refusal."""
    async with asyncio.timeout(5):
        while True:
            for record in await line.records():
                if record["record_id"] == answer.headers["x-request-id"]:
                    assert record["code"] == code
                    return record
            await asyncio.sleep(0.02)


async def test_turn_streams_what_was_sent_then_the_answer(a_line):
    line = await a_line(Script(pieces=("민원인 [성", "명_1]은 받", "으세요.")))
    clerk = await browser(line)
    answer = await clerk.send()
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    found = events(answer)
    assert found[0][0] == "sent"
    assert {name for name, _ in found[1:-1]} == {"part"}
    sent, done = found[0][1], found[-1]
    assert sent["segments"] == [
        ["민원인 ", ""],
        ["[성명_1]", "성명"],
        ["(", ""],
        ["[주민등록번호_1]", "주민등록번호"],
        [", ", ""],
        ["[전화번호_1]", "전화번호"],
        [")에게 보낼 안내문을 써 줘", ""],
    ]
    assert sorted(sent["counts"]) == [["성명", 1], ["전화번호", 1], ["주민등록번호", 1]]
    assert (sent["grade"], sent["grade_label"]) == ("S", "S 민감")
    assert not any(secret in json.dumps(sent, ensure_ascii=False) for secret in line.secrets)
    text = "".join(data["text"] for name, data in found if name == "part")
    assert text == f"민원인 {NAME}는 받으세요."
    assert done[0] == "done"
    assert done[1]["record"] == sent["record"] == answer.headers["x-gwanmun-audit"]
    (seen,) = line.engines[0].seen
    assert not any(secret in seen.decode() for secret in line.secrets)
    record = await line.ended(Outcome.COMPLETE, sent["record"])
    assert record["surface"] == "chat.app"


async def test_whole_conversation_reaches_the_model_with_steady_surrogates(a_line):
    line = await a_line(Script())
    clerk = await browser(line)
    turns = [said("user", PROMPT), said("assistant", f"{NAME}는 …"), said("user", f"{NAME} 님께")]
    found = events(await clerk.send(messages=turns))
    body = json.loads(line.engines[0].seen[0])
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert all("[성명_1]" in message["content"] for message in body["messages"])
    assert found[0][1]["segments"] == [["[성명_1]", "성명"], [" 님께", ""]]


async def test_value_across_two_messages_reaches_no_model(a_line):
    line = await a_line(Script())
    clerk = await browser(line)
    first, second = RRN[:7], RRN[7:]
    turns = [
        said("user", f"주민번호 {first}"),
        said("assistant", f"{second} 맞나요"),
        said("user", "네"),
    ]
    answer = await clerk.send(messages=turns)
    assert answer.status_code == 200
    (seen,) = line.engines[0].seen
    assert first not in seen.decode()
    assert second not in seen.decode()


async def test_odd_cookie_of_another_application_ends_no_session(a_line):
    line = await a_line(Script())
    clerk = await browser(line)
    cookie = f'odd[="x; {clerk.headers["cookie"]}'
    assert (await clerk.send(headers={"cookie": cookie})).status_code == 200
    page = await line.client.get("/", headers=HTML | {"cookie": cookie})
    assert "로그아웃" in page.text


@pytest.mark.parametrize(
    ("changes", "headers", "status", "code"),
    [
        pytest.param({}, {"cookie": ""}, 401, "invalid_token", id="no-session"),
        pytest.param({}, {"cookie": f"{SESSION_COOKIE}=x"}, 401, "invalid_token", id="invented"),
        pytest.param(
            {}, {"cookie": "", "authorization": "Bearer x"}, 401, "invalid_token", id="token"
        ),
        pytest.param({}, {csrf.HEADER: ""}, 403, "cross_site_request", id="no-csrf-token"),
        pytest.param({}, {csrf.HEADER: "x" * 43}, 403, "cross_site_request", id="wrong-csrf-token"),
        pytest.param(
            {}, {"sec-fetch-site": "cross-site"}, 403, "cross_site_request", id="cross-site"
        ),
        pytest.param(
            {}, {"origin": "https://evil.example"}, 403, "cross_site_request", id="foreign-origin"
        ),
        pytest.param({}, {"content-type": "text/plain"}, 415, "wrong_media_type", id="simple-form"),
        pytest.param({"system": "x"}, {}, 400, "invalid_parameter", id="unknown-field"),
        pytest.param({"messages": []}, {}, 400, "invalid_parameter", id="nothing-said"),
        pytest.param(
            {"messages": [said("assistant", PROMPT)]},
            {},
            400,
            "invalid_parameter",
            id="no-question",
        ),
        pytest.param(
            {"messages": [said("system", PROMPT)]}, {}, 400, "invalid_parameter", id="system-role"
        ),
        pytest.param({"grade": "Z"}, {}, 400, "invalid_parameter", id="no-such-grade"),
        pytest.param({"grade": "C"}, {}, 403, "grade_above_ceiling", id="above-the-ceiling"),
        pytest.param({"model": "none"}, {}, 404, "model_not_found", id="no-such-model"),
        pytest.param(
            {"messages": [said("user", PROMPT)] * 2_001}, {}, 400, "too_complex", id="2001-texts"
        ),
    ],
)
async def test_refused_turn_reaches_no_engine(quiet, changes, headers, status, code):
    clerk = await browser(quiet)
    answer = await clerk.send(headers=headers, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert re.search("[가-힣]", answer.json()["title"])
    assert answer.json()["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
    assert not any(secret in answer.text for secret in quiet.secrets)
    if status != 401:  # of strangers only the sum of a minute is kept
        await refused(quiet, answer, code)


async def test_officer_may_not_use_the_chat_surface(quiet):
    officer = await browser(quiet, Role.AGENCY_OFFICER)
    answer = await officer.send()
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert quiet.engines[0].seen == []


async def test_engine_that_dies_ends_in_an_error_event_and_no_done(a_line):
    line = await a_line(Script(pieces=("하나 ", "둘 ", "셋 "), resets_after=2))
    clerk = await browser(line)
    found = events(await clerk.send())
    assert found[-1][0] == "error"
    assert found[-1][1]["code"] == "engine_failed"
    assert re.search("[가-힣]", found[-1][1]["message"])
    assert "done" not in [name for name, _ in found]
    await line.ended(Outcome.ENGINE_DIED)


async def test_stopping_frees_the_engine_and_is_recorded(a_line):
    line = await a_line(Script(endless=True, between_seconds=0.01))
    clerk = await browser(line)
    body = {"model": "rehearsal", "messages": [said("user", PROMPT)]}
    async with line.client.stream(
        "POST", "/chat/messages", json=body, headers=clerk.headers
    ) as answer:
        async for piece in answer.aiter_text():
            if "event: part" in piece:
                break
    await until(lambda: not line.engines[0].working)
    await line.ended(Outcome.LEFT)


async def test_chat_page_holds_the_token_and_the_grades_of_the_person(quiet):
    clerk = await browser(quiet)
    page = await quiet.client.get("/", headers=clerk.headers | HTML)
    assert page.status_code == 200
    assert f'content="{csrf.token(SessionSecret(clerk.secret))}"' in page.text
    assert 'value="S" checked' in page.text
    assert 'value="C"' not in page.text
    assert clerk.secret not in page.text
    for name, value in security_headers().items():
        assert page.headers[name] == value
    assert page.headers["cache-control"] == "no-store"


async def test_person_of_grade_o_is_offered_grade_o_alone(quiet):
    clerk = await browser(quiet, ceiling=Grade.O)
    page = await quiet.client.get("/", headers=clerk.headers | HTML)
    assert re.findall(r'name="grade" value="(\w)"( checked)?', page.text) == [("O", " checked")]


async def test_pages_by_role(quiet):
    officer = await browser(quiet, Role.AGENCY_OFFICER)
    home = await quiet.client.get("/", headers=officer.headers | HTML)
    assert (home.status_code, home.headers["location"]) == (303, "/console")
    console = await quiet.client.get("/console", headers=officer.headers | HTML)
    assert console.status_code == 200
    assert "기록부의 상태" in console.text
    operator = await browser(quiet, Role.OPERATOR)
    home = await quiet.client.get("/", headers=operator.headers | HTML)
    assert "대화를 할 수 없습니다" in home.text


async def test_console_names_no_grade_of_what_no_model_got(quiet):
    clerk = await browser(quiet)
    answer = await clerk.send(model="none")
    await refused(quiet, answer, "model_not_found")
    officer = await browser(quiet, Role.AGENCY_OFFICER)
    console = await quiet.client.get("/console", headers=officer.headers | HTML)
    record_id = answer.headers["x-request-id"]
    (row,) = [row for row in console.text.split("<tr>") if record_id in row]
    assert "model_not_found" in row
    assert "모델에는" not in row


async def test_clerk_is_refused_the_console_and_that_is_recorded(quiet):
    clerk = await browser(quiet)
    page = await quiet.client.get("/console", headers=clerk.headers | HTML)
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
    assert "permission_denied" in page.text
    assert page.headers["x-request-id"] in page.text
    record = await refused(quiet, page, "permission_denied")
    assert record["surface"] == "web.page"


@pytest.mark.parametrize("record_id", ["0" * 32, "x", "../../etc/passwd", "%00", "0" * 33])
async def test_unknown_record_is_not_found(quiet, record_id):
    officer = await browser(quiet, Role.CPO)
    page = await quiet.client.get(f"/records/{record_id}", headers=officer.headers | HTML)
    assert page.status_code == 404


async def test_receipt_is_for_its_owner_and_the_officers(a_line):
    line = await a_line(Script())
    clerk = await browser(line)
    record_id = (await clerk.send()).headers["x-gwanmun-audit"]
    await line.ended(Outcome.COMPLETE, record_id)
    own = await line.client.get(f"/records/{record_id}", headers=clerk.headers | HTML)
    assert own.status_code == 200
    assert "요청을 받음" in own.text
    other = principal(Role.STAFF, subject="u-2", agency=line.agency)
    secret = await line.house.login._sessions.begin(other, "")
    page = await line.client.get(
        f"/records/{record_id}", headers=HTML | {"cookie": f"{SESSION_COOKIE}={secret}"}
    )
    assert page.status_code == 404


async def test_static_files_are_kept_for_ever_and_nothing_else_is_served(quiet):
    landing = await quiet.client.get("/", headers=HTML)
    (address,) = re.findall(r'href="(/static/\w+/app\.css)"', landing.text)
    style = await quiet.client.get(address)
    assert style.status_code == 200
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert style.headers["x-content-type-options"] == "nosniff"
    folder = address.rpartition("/")[0]
    for path in (
        "/static/",
        "/static/app.css",
        f"{folder}/../pages.py",
        f"{folder}/vendor/krds/README.md",
    ):
        assert (await quiet.client.get(path)).status_code == 404


async def test_login_sets_a_cookie_for_this_host_and_the_way_back_alone(quiet):
    host = {"host": PUBLIC_URL.removeprefix("http://")}
    answer = await quiet.client.get("/login?return=/console", headers=HTML | host)
    assert answer.status_code == 303
    assert "/protocol/openid-connect/auth?" in answer.headers["location"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{LOGIN_COOKIE}=")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_login_under_another_name_starts_over_at_the_public_address(quiet):
    answer = await quiet.client.get("/login", headers=HTML | {"host": "other.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PUBLIC_URL}/login")
    assert "set-cookie" not in answer.headers


async def test_callback_that_nobody_began_is_refused_as_a_page(quiet):
    answer = await quiet.client.get("/login/callback?code=x&state=y", headers=HTML)
    assert answer.status_code == 401
    assert "다시 로그인" in answer.text
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        pytest.param({}, {}, id="no-token"),
        pytest.param({"csrf": "x" * 43}, {}, id="wrong-token"),
        pytest.param(None, {"sec-fetch-site": "cross-site"}, id="other-site"),
        pytest.param(None, {"sec-fetch-site": "", "origin": "null"}, id="unknown-site"),
    ],
)
async def test_logout_from_elsewhere_leaves_the_session_alone(quiet, form, headers):
    clerk = await browser(quiet)
    right = {"csrf": csrf.token(SessionSecret(clerk.secret))}
    answer = await quiet.client.post(
        "/logout", data=right if form is None else form, headers=clerk.headers | HTML | headers
    )
    assert answer.status_code == 403
    assert "로그아웃" in (await quiet.client.get("/", headers=clerk.headers | HTML)).text


async def test_logout_ends_the_session_here_and_leads_to_the_issuer(quiet):
    clerk = await browser(quiet)
    form = {"csrf": csrf.token(SessionSecret(clerk.secret))}
    answer = await quiet.client.post("/logout", data=form, headers=clerk.headers | HTML)
    assert answer.status_code == 200
    assert answer.headers["refresh"].startswith("0; url=http://127.0.0.1:")
    assert f"{SESSION_COOKIE}=" in answer.headers["set-cookie"]
    again = await quiet.client.get("/", headers=clerk.headers | HTML)
    assert 'href="/login"' in again.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/logout", 405, "method_not_allowed"),
        ("GET", "/console", 401, "invalid_token"),
    ],
)
async def test_browsers_are_told_in_html_and_programs_in_json(quiet, method, path, status, code):
    page = await quiet.client.request(method, path, headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert code in page.text
    assert page.headers["x-request-id"] in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    document = await quiet.client.request(method, path)
    assert document.headers["content-type"] == "application/problem+json"
    assert (document.status_code, document.json()["code"]) == (status, code)
