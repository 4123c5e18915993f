"""What people do on the chat page, in a real browser against the whole."""

import re

import pytest
from browsing import ORIGINALS, QUESTION, LogIn, Person, ask, whole_answer
from playwright.sync_api import Route, expect


def test_landing_offers_the_login_and_nothing_else(stranger: Person) -> None:
    stranger.page.goto("/")
    expect(stranger.page.get_by_role("link", name="로그인")).to_be_visible()
    expect(stranger.page.locator("#composer")).to_have_count(0)
    assert stranger.violations() == []


def test_clerk_gets_the_real_name_and_the_model_only_surrogates(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    expect(clerk.page.locator(".who-name")).to_have_text("박민수")
    ask(clerk)
    text = whole_answer(clerk)
    assert "김철수는" in text
    assert "김철수은" not in text
    assert "010-1234-5678로" in text
    assert "900101-1234567" not in text
    assert "〈주민등록번호 가림〉" in text
    clerk.page.locator(".delivered summary").click()
    delivered = clerk.page.locator('[data-part="delivered-text"]')
    expect(delivered).to_have_text(
        "민원인 [성명_1]([주민등록번호_1], [전화번호_1])에게 보낼 안내문을 써 줘"
    )
    expect(delivered.locator(".surrogate")).to_have_count(3)
    for original in ORIGINALS:
        assert original not in clerk.page.locator(".delivered").inner_text()
    expect(clerk.page.locator(".delivered summary")).to_contain_text("3건 가림")
    assert clerk.violations() == []


def test_receipt_of_an_answer_is_kept_and_sealed(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    whole_answer(clerk)
    state = clerk.page.locator('[data-part="receipt-state"]')
    for _ in range(20):
        clerk.page.get_by_role("button", name="기록 확인").click()
        expect(state).to_contain_text(re.compile("봉인"))
        if "봉인됨" in state.inner_text():
            break
        clerk.page.wait_for_timeout(300)
    expect(state).to_contain_text("봉인됨")
    record = clerk.page.locator('[data-part="record"]')
    clerk.page.goto(f"/records/{record.inner_text()}")
    expect(clerk.page.get_by_role("heading", name="기록 확인")).to_be_visible()
    assert clerk.violations() == []


def test_conversation_goes_on_with_what_was_said(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    whole_answer(clerk)
    ask(clerk, "김철수 님에게 보낼 문자로 줄여 줘")
    text = whole_answer(clerk)
    assert "메시지 3개" in text
    assert "김철수" in text
    clerk.page.get_by_role("button", name="새 대화").click()
    expect(clerk.page.locator(".turn")).to_have_count(0)
    ask(clerk, "인사말을 써 줘")
    assert "메시지 3개" not in whole_answer(clerk)


@pytest.mark.parametrize("way", ["button", "escape"])
def test_answer_can_be_stopped_in_the_middle(log_in: LogIn, way: str) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    expect(clerk.page.locator(".answer [data-part=text]")).to_contain_text("리허설")
    if way == "button":
        clerk.page.get_by_role("button", name="중지").click()
    else:
        clerk.page.keyboard.press("Escape")
    text = whole_answer(clerk)
    assert "감사합니다" not in text
    expect(clerk.page.locator(".notice")).to_have_text("여기서 중지했습니다.")
    expect(clerk.page.get_by_role("button", name="보내기")).to_be_visible()
    ask(clerk, "다시 인사말을 써 줘")
    assert "감사합니다" in whole_answer(clerk)


def test_grade_rises_with_what_was_found_and_stays(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    clerk.page.check('input[value="O"]')
    ask(clerk)
    whole_answer(clerk)
    expect(clerk.page.locator('input[value="S"]')).to_be_checked()
    expect(clerk.page.locator('input[value="O"]')).to_be_disabled()
    clerk.page.get_by_role("button", name="새 대화").click()
    expect(clerk.page.locator('input[value="O"]')).to_be_enabled()


def test_person_of_grade_o_is_told_why_personal_data_may_not_pass(log_in: LogIn) -> None:
    clerk = log_in("jiyoung")
    expect(clerk.page.locator('input[name="grade"]')).to_have_count(1)
    ask(clerk)
    whole_answer(clerk)
    notice = clerk.page.locator(".notice")
    expect(notice).to_contain_text("등급")
    expect(notice).to_contain_text("grade_above_ceiling")
    expect(notice).to_contain_text(re.compile("요청 번호 [0-9a-f]{32}"))
    assert clerk.page.input_value("#text") == QUESTION
    clerk.complaints.clear()  # the browser itself complains of the 403


def test_person_of_grade_o_gets_answers_and_begins_anew(log_in: LogIn) -> None:
    clerk = log_in("jiyoung")
    ask(clerk, "인사말을 써 줘")
    assert "인사말을 써 줘" in whole_answer(clerk)
    expect(clerk.page.locator(".notice")).to_be_hidden()
    clerk.page.get_by_role("button", name="새 대화").click()
    expect(clerk.page.locator(".turn")).to_have_count(0)
    expect(clerk.page.locator("#text")).to_be_focused()
    ask(clerk, "다시 인사말을 써 줘")
    assert "메시지 3개" not in whole_answer(clerk)


BROKEN = 'event: sent\ndata: {"record": "0"}\n\n'  # as an older server may answer a newer page


@pytest.mark.parametrize(
    ("answer", "code", "complaint"),
    [
        pytest.param(None, "connection_lost", "console: Failed to load", id="network"),
        pytest.param("", "connection_lost", "", id="ended-early"),
        pytest.param(BROKEN, "page_failed", "script: ", id="own-script"),
        pytest.param("data: {\n\n", "page_failed", "script: ", id="no-json"),
    ],
)
def test_failures_are_called_what_they_are(
    log_in: LogIn, answer: str | None, code: str, complaint: str
) -> None:
    clerk = log_in("minsu")

    def fail(route: Route) -> None:
        if answer is None:
            route.abort("connectionreset")
        else:
            route.fulfill(status=200, content_type="text/event-stream", body=answer)

    clerk.page.route("**/chat/messages", fail)
    ask(clerk)
    whole_answer(clerk)
    expect(clerk.page.locator(".notice")).to_contain_text(f"오류 코드 {code}")
    assert clerk.page.input_value("#text") == QUESTION
    assert [said[: len(complaint)] for said in clerk.complaints] == [complaint] * bool(complaint)
    clerk.complaints.clear()


def test_enter_while_an_answer_runs_says_when_it_can_be_sent(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk)
    expect(clerk.page.locator(".answer [data-part=text]")).to_contain_text("리허설")
    ask(clerk, "다음 글")
    status = clerk.page.locator("#status[role=status]")
    expect(status).to_have_text("답이 끝난 뒤에 보낼 수 있습니다.")
    expect(status).not_to_have_class(re.compile("visually-hidden"))
    assert clerk.page.input_value("#text") == "다음 글"
    whole_answer(clerk)
    expect(clerk.page.locator(".own")).to_have_count(1)
    expect(status).to_have_class(re.compile("visually-hidden"))
    clerk.page.press("#text", "Enter")
    expect(clerk.page.locator(".own")).to_have_count(2)


@pytest.mark.parametrize(("width", "height"), [(360, 700), (360, 480), (1280, 860)])
def test_page_opens_at_its_top_with_the_field_ready(log_in: LogIn, width: int, height: int) -> None:
    clerk = log_in("minsu", viewport={"width": width, "height": height})
    expect(clerk.page.locator("#text")).to_be_focused()
    clerk.page.wait_for_timeout(200)
    assert clerk.page.evaluate("document.scrollingElement.scrollTop") == 0
    if height > 480:  # below, the composer is no longer kept in sight
        expect(clerk.page.locator("#text")).to_be_in_viewport(ratio=1)


def test_markup_in_a_message_stays_text(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    ask(clerk, "<img src=x onerror=alert(1)> <b>굵게</b> 라고 써 줘")
    assert "<img src=x onerror=alert(1)>" in whole_answer(clerk)
    expect(clerk.page.locator("#log img, #log b")).to_have_count(0)
    assert clerk.violations() == []


def test_page_works_with_the_keyboard_alone(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    page = clerk.page
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.insert_text("첫 줄")
    page.keyboard.press("Shift+Enter")
    page.keyboard.insert_text("둘째 줄")
    assert page.input_value("#text") == "첫 줄\n둘째 줄"
    page.keyboard.press("Enter")
    whole_answer(clerk)
    expect(page.locator(".own .bubble")).to_have_text("첫 줄\n둘째 줄")
    page.locator(".delivered summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".delivered-body")).to_be_visible()
    stops = set()
    for _ in range(40):  # round once, wherever the focus stands now
        page.keyboard.press("Tab")
        stops.add(page.evaluate("document.activeElement.textContent.trim()"))
    assert {"본문 바로가기", "로그아웃", "기록 확인", "새 대화", "보내기"} <= stops


def test_logout_ends_the_session(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    clerk.page.get_by_role("button", name="로그아웃").click()
    clerk.page.goto("/")
    expect(clerk.page.get_by_role("link", name="로그인")).to_be_visible()
    assert not [cookie for cookie in clerk.context.cookies() if cookie["name"].endswith("-session")]


def test_session_cookie_is_out_of_reach_of_scripts_and_other_sites(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    cookie = next(c for c in clerk.context.cookies() if c["name"] == "__Host-gwanmun-session")
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    assert "gwanmun" not in clerk.page.evaluate("document.cookie")


def test_page_without_its_token_cannot_send(log_in: LogIn) -> None:
    clerk = log_in("minsu")
    clerk.page.evaluate(
        "document.querySelector('meta[name=gwanmun-csrf]').content = 'x'.repeat(43)"
    )
    answer = clerk.page.evaluate(
        """async () => {
          const response = await fetch("/chat/messages", {
            method: "POST",
            headers: { "content-type": "application/json", "x-gwanmun-csrf": "x".repeat(43) },
            body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "글" }] }),
          });
          return [response.status, (await response.json()).code];
        }"""
    )
    assert answer == [403, "cross_site_request"]
    clerk.complaints.clear()  # the browser itself complains of the 403


@pytest.mark.parametrize(
    ("width", "height"), [(320, 640), (640, 400)], ids=["320px", "1280px-at-200-percent"]
)
def test_page_never_scrolls_sideways(log_in: LogIn, width: int, height: int) -> None:
    clerk = log_in("minsu", viewport={"width": width, "height": height})
    ask(clerk, QUESTION + " " + "가" * 200)
    whole_answer(clerk)
    clerk.page.locator(".delivered summary").click()
    assert clerk.page.evaluate("document.documentElement.scrollWidth") <= width
    expect(clerk.page.get_by_role("button", name="보내기")).to_be_attached()
