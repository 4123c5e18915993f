"""The demo provider's few pages, in Korean and without scripts; every value is escaped."""

from collections.abc import Iterable
from html import escape
from typing import Final

from gateway.demo.people import Account

STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.6 "Pretendard GOV", "Noto Sans KR", system-ui, sans-serif;
       max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
.note { border-left: 4px solid #256ef4; padding: .5rem 1rem; }
ul { list-style: none; padding: 0; display: grid; gap: .5rem; }
button { width: 100%; text-align: left; font: inherit; padding: .75rem 1rem; cursor: pointer;
         border: 1px solid #6d7882; border-radius: 6px; background: transparent; color: inherit; }
button:hover, button:focus-visible { outline: 3px solid #256ef4; outline-offset: 1px; }
button strong { display: block; }
code { font-size: 1rem; }
"""


def choose_person(
    people: Iterable[Account], *, action: str, style: str, request: str, client: str
) -> str:
    """The page on which one of the demo's people is chosen."""
    entries = "".join(
        f'<li><button name="person" value="{escape(person.key)}">'
        f"<strong>{escape(person.name)} · {escape(person.duty)}</strong>"
        f"{escape(person.agency.name)} {escape(person.department)} · "
        f"다룰 수 있는 등급 {escape(person.ceiling.name)}까지</button></li>"
        for person in people
    )
    return _page(
        "시연용 로그인",
        style,
        '<p class="note">시연용 인증 서버입니다. 아래 사람과 기관은 모두 지어낸 것이며, '
        "비밀번호가 없습니다. 이 컴퓨터에서만 열립니다.</p>"
        f"<p><b>{escape(client)}</b>에 누구로 로그인할까요?</p>"
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="request" value="{escape(request)}"><ul>{entries}</ul></form>',
    )


def refusal(title: str, words: str, *, style: str) -> str:
    """A page that says no, and what to do."""
    return _page(title, style, f"<p>{escape(words)}</p>")


def _page(title: str, style: str, content: str) -> str:
    return (
        '<!doctype html><html lang="ko"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} · 관문</title><link rel="stylesheet" href="{escape(style)}">'
        f"</head><body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    )
