"""Texts whose personal data is known: the type, the markup they are written in, and their files.

In markup `{{PERSON|김철수}}` is a datum that must be found; `{{?PERSON|김철수}}` one that may be
found or left, because people themselves would not agree. Offsets count code points, end exclusive.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

KINDS: dict[str, str] = {
    "KR_RRN": "주민등록번호",
    "KR_FRN": "외국인등록번호·국내거소신고번호",
    "KR_PASSPORT": "여권번호",
    "KR_DRIVER_LICENSE": "운전면허번호",
    "CREDIT_CARD": "카드번호",
    "KR_BANK_ACCOUNT": "계좌번호",
    "PHONE_NUMBER": "전화번호",
    "EMAIL_ADDRESS": "이메일",
    "PERSON": "성명",
    "KR_ADDRESS": "주소",
    "KR_BIRTH_DATE": "생년월일",
    "KR_BRN": "사업자등록번호",
    "KR_CRN": "법인등록번호",
    "KR_HEALTH_INSURANCE": "건강보험증번호",
    "KR_CUSTOMS_CODE": "개인통관고유부호",
    "KR_MILITARY_NUMBER": "군번",
    "KR_MEMBER_NUMBER": "공무원·사원·학번",
    "KR_VEHICLE_PLATE": "차량번호",
    "IP_ADDRESS": "IP 주소",
    "MAC_ADDRESS": "MAC 주소",
    "SECRET": "비밀번호·토큰",
    "COORDINATES": "좌표",
}
"""Every kind that is scored, by the entity's name, with its Korean label."""

CRITICAL = frozenset(
    {
        "KR_RRN",
        "KR_FRN",
        "KR_PASSPORT",
        "KR_DRIVER_LICENSE",
        "CREDIT_CARD",
        "KR_BANK_ACCOUNT",
    }
)
"""고유식별정보 (개인정보 보호법 시행령 제19조), cards and accounts: the stricter aim."""

_TEXTS = Path(__file__).resolve().parent.parent / "texts"
WRITTEN = _TEXTS / "handwritten.jsonl"
HELD_BACK = _TEXTS / "held_back.jsonl"
ORDINARY = _TEXTS / "ordinary.jsonl"
ORDINARY_HELD_BACK = _TEXTS / "ordinary_held_back.jsonl"
UNUSUAL = _TEXTS / "unusual.jsonl"
UNUSUAL_HELD_BACK = _TEXTS / "unusual_held_back.jsonl"
_MARK = re.compile(r"\{\{(\??)([A-Z_]+)\|((?:(?!\}\}).)+)\}\}", re.DOTALL)
_DEV_LABELS = {
    "RRN": "KR_RRN",
    "FRN": "KR_FRN",
    "PASSPORT": "KR_PASSPORT",
    "DRIVER_LICENSE": "KR_DRIVER_LICENSE",
    "CARD": "CREDIT_CARD",
    "ACCOUNT": "KR_BANK_ACCOUNT",
    "PHONE": "PHONE_NUMBER",
    "BRN": "KR_BRN",
    "CRN": "KR_CRN",
    "VEHICLE": "KR_VEHICLE_PLATE",
    "DOB": "KR_BIRTH_DATE",
    "IP": "IP_ADDRESS",
    "CUSTOMS_ID": "KR_CUSTOMS_CODE",
    "HEALTH_INS": "KR_HEALTH_INSURANCE",
    "MILITARY_ID": "KR_MILITARY_NUMBER",
}


class Gold(NamedTuple):
    """One known datum; an `optional` one counts neither as missed nor as redacted too much."""

    start: int
    end: int
    kind: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """One text with its known data, ascending and disjoint. `style` groups texts in reports."""

    id: str
    style: str
    text: str = field(repr=False)
    gold: tuple[Gold, ...]

    @property
    def personal(self) -> bool:
        """Whether anything must be found here."""
        return any(not gold.optional for gold in self.gold)


def mark(kind: str, value: str) -> str:
    """A value in markup."""
    return f"{{{{{kind}|{value}}}}}"


def read_markup(marked: str, *, name: str, style: str) -> Text:
    """The text and gold of a marked-up text.

    Raises:
        ValueError: a kind that nobody scores, or braces that close no mark.
    """
    pieces: list[str] = []
    gold: list[Gold] = []
    length = 0
    end = 0
    for found in _MARK.finditer(marked):
        optional, kind, value = found.groups()
        if kind not in KINDS:
            raise ValueError(f"{name}: unknown kind {kind}")
        pieces += (marked[end : found.start()], value)
        start = length + found.start() - end
        length = start + len(value)
        gold.append(Gold(start, length, kind, bool(optional)))
        end = found.end()
    pieces.append(marked[end:])
    text = "".join(pieces)
    if "{{" in text and "|" in text[text.index("{{") :]:
        raise ValueError(f"{name}: a mark is not closed")
    return Text(name, style, text, tuple(gold))


def write_markup(text: Text, missed: Iterable[Gold] = ()) -> str:
    """The text with its gold in markup; what was missed stands in `⟦…⟧` for people to see."""
    lost = set(missed)
    pieces: list[str] = []
    end = 0
    for gold in text.gold:
        value = text.text[gold.start : gold.end]
        open_, close = ("⟦", "⟧") if gold in lost else ("{{", "}}")
        pieces += (text.text[end : gold.start], f"{open_}{gold.kind}|{value}{close}")
        end = gold.end
    return "".join([*pieces, text.text[end:]])


def read_written(path: Path) -> list[Text]:
    """The texts written by hand: lines `{"id", "style", "marked"}`."""
    return [
        read_markup(line["marked"], name=line["id"], style=line["style"]) for line in _lines(path)
    ]


def read_dev(path: Path) -> list[Text]:
    """A file like the development sample's: lines `{"id", "text", "spans", "category"}`.

    A span is `{"start", "end", "label"}`, with `"opt": true` where it may be found or left; labels
    are the sample's own (RRN, PHONE …) or the entities' names, others are passed over.

    A place (LOC) may be found or left.
    """
    texts = []
    for line in _lines(path):
        gold = []
        for span in line["spans"]:
            place = span["label"] == "LOC"
            kind = "KR_ADDRESS" if place else _DEV_LABELS.get(span["label"], span["label"])
            if kind in KINDS:
                optional = place or bool(span.get("opt", False))
                gold.append(Gold(span["start"], span["end"], kind, optional))
        texts.append(Text(line["id"], line.get("category", ""), line["text"], tuple(sorted(gold))))
    return texts


def _lines(path: Path) -> Iterator[dict]:  # type: ignore[type-arg]
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)
