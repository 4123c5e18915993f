"""이메일 (EMAIL_ADDRESS): dot-atom addresses, and the written forms that people use to hide them.

Form: RFC 5321 section 4.5.3.1 (lengths), RFC 5322 section 3.4.1 (dot-atom); domains also below
.한국 (RFC 5890). Searched from the at sign outwards, so that a text without one costs nothing.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.recognizer import Canary, Recognizer

_SIGN = re.compile("[ ]?@[ ]?")
_WORD = re.compile(r"[ ]?(?:[(\[{<]\s?(?:at|@|앳|골뱅이)\s?[)\]}>]|골뱅이)[ ]?", re.IGNORECASE)
_DOMAIN = re.compile(
    r"[A-Za-z0-9-]{1,63}(?:(?:\.|[ ]?[(\[]\s?(?:dot|\.|닷|점)\s?[)\]][ ]?)[A-Za-z0-9-]{1,63}){0,8}"
    r"(?:\.|[ ]?[(\[]\s?(?:dot|\.|닷|점)\s?[)\]][ ]?)(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59})"
    r"|[가-힣A-Za-z0-9-]{1,63}\.한국",
    re.IGNORECASE,
)
_LOCAL = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-"
)
_LONGEST_LOCAL = 64
# Punctuation of the sentence, of URLs and of forms that may stand directly before an address.
_LEADING = "./=?&'#|*`{}~^!-"


def _signs(text: str) -> Iterator[re.Match[str]]:
    if "@" in text:
        yield from _SIGN.finditer(text)
    yield from _WORD.finditer(text)


def _find(text: str) -> Iterator[Span]:
    for at in _signs(text):
        floor = max(0, at.start() - _LONGEST_LOCAL)
        start = at.start()
        while start > floor and text[start - 1] in _LOCAL:
            start -= 1
        # Of a URL or a path only the last segment is the address.
        start += max(text[start : at.start()].rfind(mark) for mark in "/=|?&") + 1
        while start < at.start() and text[start] in _LEADING:
            start += 1
        domain = _DOMAIN.match(text, at.end())
        if start == at.start() or domain is None:
            continue
        plain = at[0] == "@"
        yield Span(
            start,
            domain.end(),
            "EMAIL_ADDRESS",
            0.95 if plain else 0.75,
            "email" if plain else "email.hidden",
        )


EMAIL = Recognizer(
    "EMAIL_ADDRESS",
    _find,
    Canary("EMAIL_ADDRESS", "메일은 minwon.kim@example.com으로 주세요.", "minwon.kim@example.com"),
    numeric=False,
)
