"""Secrets (SECRET): passwords, keys and tokens, by their own form or behind their label.

Forms: RFC 7519 section 3 (JWT), RFC 7468 section 2 (private keys in PEM), RFC 6750 section 2.1
(Bearer), RFC 7617 (Basic), RFC 3986 section 3.2.1 (user information of a URL: the whole URL is
covered, since it opens what it names); the published prefixes of AWS, GitHub, GitLab, Slack,
Google, OpenAI, Hugging Face, npm and PyPI. A password has no form: what stands behind its label and
is no word is one.
"""

import re
from collections.abc import Iterator

from redaction.entity import Span
from redaction.recognizers.kr.words import WORDS
from redaction.recognizers.labels import read_table
from redaction.recognizers.recognizer import Canary, Reading, Recognizer

# Each alternative begins with a letter of its own, so that the search steps over other text.
_TOKEN = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,4000}(?:\.[A-Za-z0-9_-]{4,2000})?"
    r"|A(?:KIA|SIA|ROA|IDA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|g(?:h[opsru]_[A-Za-z0-9]{30,255}|ithub_pat_[A-Za-z0-9_]{22,255}|lpat-[A-Za-z0-9_-]{20,64})"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}"
    r"|sk-[A-Za-z0-9_-]{20,200}|sk_(?:live|test)_[A-Za-z0-9]{16,128}"
    r"|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,500}"
    r"|hf_[A-Za-z0-9]{30,64}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}"
)
_WITHIN_WORD = re.compile("[0-9A-Za-z_]")
_KEY = "-----BEGIN "
_KEY_BLOCK = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{0,24}PRIVATE KEY)(?: BLOCK)?-----"
    r"(?:[^-]{1,20000}-----END (?P=kind)(?: BLOCK)?-----|[^-]{1,20000})"
)
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/:@\"'<>가-힣]{0,64}:[^\s/@\"'<>]{1,128}@[^\s\"'<>가-힣]{1,200}"
)
_ORACLE = re.compile(
    r"jdbc:oracle:[a-z0-9]{2,5}:[^\s/@:\"']{1,64}/[^\s@/\"']{1,128}@[^\s\"'<>가-힣]{1,200}"
)
_SCHEME_REACH = 31
_URL_ENDS = ".,;:!?)]}"
# Between the label and the value: 비밀번호는, password =, "token": ", --password, Bearer.
_BETWEEN = re.compile(
    r"(?:[ ]?\([^()\n]{1,12}\))?[A-Za-z0-9_]{0,24}(?:은|는|이|가|을|를)?[ \t\"']{0,3}"
    r"(?P<mark>\r?\n|[:=→|]{1,2}|</t[hd]>[ ]?<td>|[ ])?[ \t]{0,3}(?:Bearer |Basic )?"
)
# `&` ends a value only where a query's next member follows it.
_VALUE = r"(?:[^\s\"'`<>,;}&가-힣]|&(?!(?:amp;)?[A-Za-z0-9_.-]{1,40}=)){4,200}"
_QUOTED = re.compile(r"(?P<quote>[\"'`])(?P<value>[^\"'`\n]{4,200})(?P=quote)")
_BARE = re.compile(rf"[(\[\"'`]?(?P<value>{_VALUE})")
# 비번 바뀌었어요 Hk7!example 으로: some words later only what looks like nothing else.
_LATER = re.compile(
    rf"(?P<words>(?:[ ]?[가-힣]{{1,8}}[ ,.:]{{1,2}}){{1,9}})[\"'`]?(?P<value>{_VALUE})"
)
# 암호 뭐예요? [오전 9:14] gusan!26x 입니다: an answer, perhaps on the next line.
_SAID = re.compile(
    r"(?<![!-~])(?P<value>(?=[!-~]{0,20}[!#$%^*~?+])[!-~]{6,40}?)"
    r"[\"'`]?[ ]?(?:입니다|이에요|예요|이요|이고요|이라고)"
)
_SAID_REACH = 60
# A mailbox, an address, a path of menus, an algorithm.
_NO_SECRET = re.compile(
    r"[^@]+@[^@]+[.][A-Za-z]{2,}$|.*(?:://|>)|/|(?:AES|ARIA|HMAC|LEA|RSA|SEED|SHA)(?![a-z])"
)
_NEAR_WORDS = 3
_STRANGE = re.compile(r"[!#$%^*~?+=]")
_TRAILING = ".:)]|"
_SHORTEST = 4
# Types, examples of nothing, variables: what stands in the place of a secret.
_PLACEHOLDER = re.compile(
    r"[A-Za-z_.]*$|\$|\{|<|%|\*+$|x+$|X+$|\.+$|-+$|[A-Za-z_.]+[(\[]|os\.|env\.|process\.|https?://"
    r"|[A-Za-z_]+\.[A-Za-z_.]+$"
)
# Versions, and what secrets are made with: no secrets without a sign that says so.
_NAMED = re.compile(
    r"[vV]?[0-9]{1,3}(?:\.[0-9]{1,3}){1,3}$"
    r"|(?:3?DES|AES|ARIA|HMAC|LEA|MD|RSA|SEED|SHA|SSL|TLS|WPA)[-_/]?[0-9.]{0,4}"
    r"(?:[-_/](?:[0-9]{1,4}|[A-Z]{3}))*$"
)
_ORDINAL = re.compile(
    r"(?:19|20)[0-9]{2}[-./](?:0[1-9]|1[0-2])[-./](?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
    r"|[0-9]+(?:자|번|회|개|년|월|일|분|초|~)|[0-9]{1,2}$|[0-9]+-[0-9]+자"
)
# token_count, password_length: how many and how long, not which.
_MEASURE = re.compile(
    r"[_-]?(?:count|counts|limit|size|length|len|usage|budget|type|ttl|policy|min|max)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)
_LETTER, _DIGIT, _SYMBOL = re.compile("[A-Za-z]"), re.compile("[0-9]"), re.compile("[^A-Za-z0-9]")


def _tokens(text: str) -> Iterator[Span]:
    for match in _TOKEN.finditer(text):
        if not _WITHIN_WORD.match(text[match.start() - 1 : match.start()] or " "):
            yield Span(*match.span(), "SECRET", 0.95, "secret.token")
    if _KEY in text:
        for match in _KEY_BLOCK.finditer(text):
            yield Span(*match.span(), "SECRET", 0.95, "secret.key")


def _urls(text: str) -> Iterator[Span]:
    at = text.find("://")
    while at >= 0:
        start = at
        while start > max(0, at - _SCHEME_REACH) and text[start - 1].isascii():
            if not (text[start - 1].isalnum() or text[start - 1] in "+.-"):
                break
            start -= 1
        match = _URL.match(text, start)
        if match is not None:
            end = match.end() - len(match[0]) + len(match[0].rstrip(_URL_ENDS))
            yield Span(start, end, "SECRET", 0.95, "secret.url")
        at = text.find("://", at + 3)
    for match in _ORACLE.finditer(text) if "jdbc:oracle:" in text else ():
        yield Span(*match.span(), "SECRET", 0.95, "secret.url")


# What a program's own option takes: mysql -pValue, sshpass -p Value, redis-cli -a Value.
_COMMAND = re.compile(
    r"(?:mysql(?:dump|admin|import|check)?|mariadb(?:-dump|-admin)?)[ ](?:[^\n|;]{0,160}?[ ])?-p"
    r"|sshpass[ ]{1,2}-p[ ]{0,2}|redis-cli[ ](?:[^\n|;]{0,160}?[ ])?-a[ ]{1,2}"
    r"|curl[ ](?:[^\n|;]{0,160}?[ ])?(?:-u|--user)[ =]{0,2}['\"]?[^\s:'\"]{1,64}:"
)
_ARGUMENT = re.compile(
    r"(?P<quote>['\"])(?P<quoted>[^'\"\n]{4,128})(?P=quote)|(?P<bare>[^\s'\"|;&]{4,128})"
)


def _commands(text: str) -> Iterator[Span]:
    for match in _COMMAND.finditer(text) if " -" in text else ():
        value = _ARGUMENT.match(text, match.end())
        if value is not None and not _PLACEHOLDER.match(value["quoted"] or value["bare"]):
            yield Span(*value.span(value.lastgroup or 0), "SECRET", 0.85, "secret.command")


def _labelled(reading: Reading) -> Iterator[Span]:
    text, ends = reading.text, list(_labels(reading))
    headers: list[int] = []
    for end in ends:
        between = _BETWEEN.match(text, end)
        start, mark = (between.end(), between["mark"] or "") if between else (end, "")
        match = _QUOTED.match(text, start) or _BARE.match(text, start)
        value = _trimmed(match) if match else ""
        if match is None or not _is_secret(value, mark, text[match.end() : match.end() + 2]):
            match = _later(text, end)
            if match is None:
                headers.append(end - 1)
                continue
            value = _trimmed(match)
        counted = value.isdecimal() and len(value) <= _MOST_TOKENS
        if counted and _TOKENS.search(text, max(0, end - 5), end):
            continue
        stop = match.start("value") + len(value)
        yield Span(match.start("value"), stop, *_LABELLED)
        yield from _second(text, end, stop)
    if not headers:
        return
    for start, stop in reading.shared(read_table).below(headers):
        cell = _BARE.search(text, start, stop)
        if cell is not None and _is_secret(_trimmed(cell), "|", ""):
            yield Span(cell.start("value"), cell.start("value") + len(_trimmed(cell)), *_LABELLED)


_LABELLED = ("SECRET", 0.8, "secret.label")


# How many tokens, behind a word that also names a secret: 토큰 8192, max_token=4096.
_TOKENS = re.compile("(?:토큰|token)$", re.IGNORECASE)
_MOST_TOKENS = 5
# 아이디/비밀번호 hong85 / Hk7!example: the second one is the secret.
_PAIR_BEFORE = re.compile(
    r"(?:아이디|계정|(?<![A-Za-z])ID)[ ]?[/,][ ]?[가-힣A-Za-z]{2,8}$", re.IGNORECASE
)
_PAIR = re.compile(rf"[ ]?[/,][ ]?(?P<value>{_VALUE})")


def _second(text: str, label: int, end: int) -> Iterator[Span]:
    if _PAIR_BEFORE.search(text, max(0, label - 16), label) is None:
        return
    pair = _PAIR.match(text, end)
    if pair is not None and _is_secret(_trimmed(pair), "/", ""):
        start = pair.start("value")
        yield Span(start, start + len(_trimmed(pair)), *_LABELLED)


def _trimmed(match: re.Match[str]) -> str:
    value = match["value"]
    return value.rstrip(_TRAILING) if "quote" not in match.groupdict() else value


def _mixed(value: str) -> bool:
    kinds = (_LETTER, _DIGIT, _SYMBOL)
    return all(kind.search(value) for kind in kinds) and not _NAMED.match(value)


def _later(text: str, label: int) -> re.Match[str] | None:
    """A value some words behind its label, or in the answer to a question for it."""
    for match in (_LATER.match(text, label), _SAID.search(text, label, label + _SAID_REACH)):
        value = _trimmed(match) if match else ""
        if match is None or not _mixed(value) or _NO_SECRET.match(value):
            continue
        words = match.groupdict().get("words")
        if words is None or _near_or_strange(words, value):
            return match
    return None


def _near_or_strange(words: str, value: str) -> bool:
    """More than a few words behind the label a code with a hyphen may be anything's."""
    return len(words.split()) <= _NEAR_WORDS or bool(_STRANGE.search(value))


_KEY_OF = re.compile(
    r"(?:api|access|secret|private|auth|service|encryption|client|account|인증|서비스|접근"
    r"|비밀)[_ -]?$",
    re.IGNORECASE,
)


def _labels(reading: Reading) -> Iterator[int]:
    """Where labels of secrets end: api_key is one, key alone is none."""
    for _, end in WORDS.of(reading, "secret"):
        if not _MEASURE.match(reading.text, end):
            yield end
    for start, end in WORDS.of(reading, "key"):
        if _KEY_OF.search(reading.text, max(0, start - 12), start):
            yield end


def _is_secret(value: str, mark: str, behind: str) -> bool:
    if len(value) < _SHORTEST or _PLACEHOLDER.match(value) or _ORDINAL.match(value + behind):
        return False
    if not mark.strip(" ") and _NAMED.match(value):
        return False
    # Without a sign between them the word before may only speak of secrets.
    return bool(mark.strip(" ")) or value.isdigit() or bool(_DIGIT.search(value))


def _find(reading: Reading) -> Iterator[Span]:
    text = reading.text
    yield from _tokens(text)
    yield from _urls(text)
    yield from _commands(text)
    yield from _labelled(reading)


SECRET = Recognizer(
    "SECRET",
    _find,
    Canary("SECRET", "비밀번호는 Hk7!example#21입니다.", "Hk7!example#21"),
    numeric=False,
)
