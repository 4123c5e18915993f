"""What stands at the marks of patterns: names, nouns, offices, numbers (see offices.toml)."""

import random
import tomllib
from collections import Counter
from itertools import accumulate
from pathlib import Path

from redaction.recognizers.kr.name_words import SURNAMES
from training.names import dictionary
from training.names.dictionary import PLACE, PROPER, VERB
from training.names.people import People

_MATERIAL, _SCENES = (
    tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    for name in ("offices.toml", "scenes.toml")
)
_LISTS: dict[str, list[str]] = {
    "R": _MATERIAL["roles"].split(),
    "T": _MATERIAL["titles"].split(),
    "Y": _MATERIAL["form_words"].split(),
    "E": _MATERIAL["english"].split(),
    "Q": _MATERIAL["labels"].replace("\n", "").split("|"),
    "k": _SCENES["kin"].split(),
    "g": _SCENES["goods"].split(),
}
_OFFICES: list[str] = _MATERIAL["offices"].split()
_DEPARTMENTS: list[str] = _MATERIAL["departments"].split()
_DEPARTMENT_ENDINGS: list[str] = _MATERIAL["department_endings"].split()
_COMPANY_STEMS: list[str] = _MATERIAL["company_stems"].split()
_COMPANY_ENDINGS: list[str] = _MATERIAL["company_endings"].split()
_OFFICE_WORDS: list[str] = _SCENES["office_words"].split()
_LOANS: list[str] = _SCENES["loans"].split()
_LIKE_NAMES = [word for word in _OFFICE_WORDS if word[0] in SURNAMES]
_TAILS: list[str] = _SCENES["tails"].split()
_LATIN: list[str] = _SCENES["western_latin"].split()
_MAILBOXES = ("korea.kr", "naver.com", "example.go.kr", "example.com")

NAMES = "NKGSFLHMUWI"
"""The marks of names; all others stand for what is no person's name."""


class Slots:
    """A source of values; the same `random.Random` gives the same ones."""

    def __init__(
        self, chance: random.Random, people: People, masks: dict[str, int], said: Counter[str]
    ) -> None:
        self._chance = chance
        self._people = people
        usual = dictionary.usual(masks)
        spoken = [word for word in usual if said[word] > 1]
        self._spoken = (spoken, list(accumulate(said[word] ** 0.5 for word in spoken)))
        self._nouns = (usual, dictionary.nouns(masks))
        self._like_names = tuple(
            [w for w in words if w[0] in SURNAMES and len(w) <= 3] for words in self._nouns
        )
        self._heads = [w for w in usual if w[0] in SURNAMES and len(w) == 2]
        self._places = [w for w, mask in masks.items() if mask & PLACE and len(w) <= 3]
        self._verbs = [w for w, mask in masks.items() if mask == VERB and len(w) < 5]
        self._proper = [w for w, mask in masks.items() if mask == PROPER and len(w) < 6]

    def value(self, slot: str) -> str:
        """A value for a pattern's mark."""
        if slot in NAMES:
            return self._name(slot)
        if slot in _LISTS:
            return self._chance.choice(_LISTS[slot])
        return self._word(slot) or self._body(slot) or self._number(slot)

    def _word(self, slot: str) -> str:
        """A noun (X, B, J, V, s), a proper name (Z), a verb (v), a place (A), or nothing."""
        pick = self._chance.choice
        if slot == "X":
            return self._noun()
        if slot == "B":
            return self._like_name() if self._chance.random() < 0.7 else self._noun()
        if slot == "J":
            head = pick(self._heads) if self._chance.random() < 0.7 else self._noun()
            return head + (pick(_TAILS) if self._chance.random() < 0.55 else self._noun())
        if slot == "V":
            return pick(self._heads)[0] + self._noun()[0]
        if slot == "s":
            return " ".join(pick(_OFFICE_WORDS) + pick(("", "", pick(_OFFICE_WORDS))))
        lists = {"v": self._verbs, "Z": self._proper, "A": self._places}
        return pick(lists[slot]) if slot in lists else ""

    def _noun(self) -> str:
        """A noun: one of offices, a loan word, one that people say, or any of a dictionary."""
        dice = self._chance.random()
        if dice < 0.3:
            return self._chance.choice(_OFFICE_WORDS if dice < 0.22 else _LOANS)
        if dice < 0.6:
            words, weights = self._spoken
            return self._chance.choices(words, cum_weights=weights)[0]
        return self._chance.choice(self._nouns[dice > 0.85])

    def _like_name(self) -> str:
        """A noun that begins like a name."""
        if self._chance.random() < 0.3:
            return self._chance.choice(_LIKE_NAMES)
        return self._chance.choice(self._like_names[self._chance.random() > 0.6])

    def _body(self, slot: str) -> str:
        """An office (O), a department (D), a company (C), or nothing."""
        pick = self._chance.choice
        if slot == "O":
            return pick(_OFFICES).replace("{A}", pick(self._places))
        if slot == "D":
            stems = "".join(pick(_DEPARTMENTS) for _ in range(pick((1, 1, 2))))
            return stems + pick(_DEPARTMENT_ENDINGS)
        if slot != "C":
            return ""
        dice = self._chance.random()
        stem = pick(_COMPANY_STEMS) if dice < 0.5 else self._noun()
        stem = self._people.given() if dice > 0.8 else stem
        before = pick(("", "", "(주)", "㈜", "주식회사 ", "유한회사 "))
        return before + stem + pick(_COMPANY_ENDINGS)

    def _number(self, slot: str) -> str:
        """What stands beside names in lists: a telephone (p), a date (d), and so on."""
        pick, number = self._chance.choice, self._chance.randint
        if slot == "p":
            gap = pick("---- .")
            first = pick(("010", "010", "010", "02", "031", "044", "062"))
            return f"{first}{gap}{number(2000, 9999)}{gap}{number(0, 9999):04}"
        if slot == "d":
            return self._date()
        if slot == "h":
            return pick((f"{number(0, 23)}:{number(0, 59):02}", f"{number(1, 12)}시"))
        if slot == "m":
            small = number(0, 3) > 0
            return (
                f"{number(1, 999)},{number(0, 9) * 100:03}원" if small else f"{number(1, 90)}만원"
            )
        if slot == "r":
            born = f"{number(40, 99)}{number(1, 12):02}{number(1, 28):02}"
            return f"{born}-{number(1, 4)}{number(0, 999999):06}"
        if slot == "e":
            letters = "".join(pick("abcdeghijkmnoprstuy") for _ in range(number(4, 9)))
            return f"{letters}@{pick(_MAILBOXES)}"
        if slot == "a":
            return self._address()
        return str(number(1, 10 ** pick((1, 2, 2, 3, 4))))

    def _date(self) -> str:
        number = self._chance.randint
        year, month, day = number(1940, 2026), number(1, 12), number(1, 28)
        return self._chance.choice(
            (
                f"{year}. {month}. {day}.",
                f"{year}-{month:02}-{day:02}",
                f"{year}.{month:02}.{day:02}",
                f"{month}/{day}",
                f"{month}월 {day}일",
                f"{year % 100:02}{month:02}{day:02}",
            )
        )

    def _address(self) -> str:
        pick, number = self._chance.choice, self._chance.randint
        city = pick(self._places) + pick(("시", "군", "구", ""))
        road = pick(self._places) + pick(("로", "길", "동", "읍", "면"))
        flat = f"{number(101, 120)}동 {number(1, 20)}0{number(1, 6)}호"
        parts = [city, road, str(number(1, 400)), pick((flat, f"{number(1, 9)}층", "", ""))]
        return " ".join(filter(None, parts[pick((0, 0, 1)) :]))

    def _name(self, slot: str) -> str:
        people = self._people
        if slot == "N":
            slot = self._chance.choices("KFGLPM", (83, 7, 2, 2, 3, 3))[0]
        elif slot == "U":
            slot = self._chance.choices("KWFGPM", (58, 20, 11, 5, 3, 3))[0]
        makers = {
            "K": people.korean,
            "G": people.given,
            "S": people.surname,
            "F": people.foreign,
            "L": people.latin,
            "H": people.hanja,
            "P": self._spaced,
            "M": self._masked,
            "W": self._named_word,
            "I": lambda: self._chance.choice(_LATIN),
        }
        return makers[slot]()

    def _spaced(self) -> str:
        name = self._people.surname() + self._people.given()
        return " ".join(name if self._chance.random() < 0.7 else (name[0], name[1:]))

    def _masked(self) -> str:
        name = self._people.surname() + self._people.given()
        sign = self._chance.choice("*○OXx*○")
        return name[0] + sign + name[2]

    def _named_word(self) -> str:
        """A name that is a word: 이슬, 나무, 한바다."""
        dice = self._chance.random()
        if dice < 0.35:
            return self._chance.choice(self._like_names[self._chance.random() > 0.6])
        noun = self._chance.choice(self._nouns[0])
        if dice < 0.6 and len(noun) < 4:
            return noun
        return self._people.surname() + (noun if len(noun) < 4 else noun[:2])
