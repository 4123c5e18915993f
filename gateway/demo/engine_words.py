"""What the rehearsal engine says: fixed Korean sentences around the marks that it received.

It knows neither redaction nor an original. Like a model it sees `[성명_1]` as text, uses it again,
and puts the particle behind it that it guesses, as if every mark ended in a consonant: whether the
gateway mends `[성명_1]은` to "김철수는" is then plain to see.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

NOTICE = "※ 리허설 엔진입니다. 언어 모델이 아니며, 받은 글을 되돌려 보여 줍니다."
_MARK = re.compile(r"\[([가-힣A-Za-z]{1,20})_\d{1,4}[a-z]{0,2}\]")
_LONGEST_ECHO = 4_000
_MOST_NAMED = 8
_PEOPLE = ("성명", "Name")
_CONTACTS = ("전화번호", "이메일", "Phone", "Email")
_IDENTIFIERS = ("주민등록번호", "외국인등록번호", "여권번호", "운전면허번호")
# One or two syllables, up to four letters, one digit or one sign: about what tokenizers of Korean
# models make, and it cuts a mark into pieces as they do.
_TOKEN = re.compile(r" ?(?:[가-힣]{1,2}|[A-Za-z]{1,4}|[^\s가-힣A-Za-z])|\s", re.DOTALL)


class Message(NamedTuple):
    """One message of the prompt, its text parts joined."""

    role: str
    text: str


def tokens(text: str) -> list[str]:
    """Cuts `text` into what counts as tokens here; joined they are `text` again."""
    return _TOKEN.findall(text)


def marks(text: str) -> list[str]:
    """The different surrogate-like marks in `text`, in order."""
    return list(dict.fromkeys(found.group() for found in _MARK.finditer(text)))


def answer(messages: Sequence[Message]) -> str:
    """The whole answer to a prompt, in plain text: the chat page shows what it gets as it is."""
    last = messages[-1] if messages else Message("user", "")
    found = marks(last.text) or marks("\n".join(message.text for message in messages))
    intro = "도구가 돌려준 글은 다음과 같습니다." if last.role == "tool" else "받은 글입니다."
    paragraphs = [NOTICE, intro, _quoted(last.text)]
    if len(messages) > 1:
        paragraphs.append(f"이 대화에서 메시지 {len(messages)}개를 받았습니다.")
    paragraphs += _notice(found) if found else ["받은 글에는 가려진 개인정보가 없습니다."]
    return "\n\n".join(paragraphs)


def _quoted(text: str) -> str:
    shown = text
    if len(text) > _LONGEST_ECHO:
        # Never cut inside a mark: half of one could not become a value again.
        cut = max(text.rfind(" ", 0, _LONGEST_ECHO), text.rfind("\n", 0, _LONGEST_ECHO))
        shown = text[: cut if cut > 0 else _LONGEST_ECHO]
        shown += f"\n… (이하 {len(text) - len(shown):,}자 생략)"
    return f"“{shown}”"


def _notice(found: Sequence[str]) -> list[str]:
    """A polite notice that uses each mark, most of them with a particle behind."""
    people = _labelled(found, _PEOPLE)
    contacts = _labelled(found, _CONTACTS)
    identifiers = _labelled(found, _IDENTIFIERS)
    others = [mark for mark in found if mark not in {*people, *contacts, *identifiers}]
    sentences = ["안내문 예시", "안녕하십니까. 문의하신 일의 처리 절차를 안내해 드립니다."]
    for person in people[:_MOST_NAMED]:
        sentences.append(
            f"{person}은 이번 안내를 받으실 분입니다. 담당자가 {person}과 먼저 통화하고, "
            f"필요한 서류는 {person}이 직접 확인하실 수 있도록 {person}에게 보내 드립니다."
        )
    sentences += [f"연락은 {mark}으로 드립니다." for mark in contacts[:_MOST_NAMED]]
    sentences += [f"{mark}은 본인 확인에만 쓰입니다." for mark in identifiers[:_MOST_NAMED]]
    sentences += [f"{mark}을 확인했습니다." for mark in others[:_MOST_NAMED]]
    return [*sentences, "궁금하신 점은 담당 부서로 문의해 주시기 바랍니다. 감사합니다."]


def _labelled(found: Sequence[str], labels: Sequence[str]) -> list[str]:
    return [mark for mark in found if mark[1:].rpartition("_")[0] in labels]
