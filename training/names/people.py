"""Names to be put into training text: generated, or taken from the dictionary; of no real case.

Every name has a kind, so that one can stand in another's place: `letter`, `surname`, `korean2`,
`korean3`, `korean4`, `given`, `foreign`, `latin`, `other`.
"""

import random
import re
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

from redaction.recognizers.kr.name_words import COMPOUND_SURNAMES, GIVEN, SURNAMES
from training.names.dictionary import words

_MATERIAL = tomllib.loads((Path(__file__).parent / "people.toml").read_text(encoding="utf-8"))
_COMMON = dict(part.split(":") for part in _MATERIAL["surnames"].split())
_SINGLE_GIVEN: str = _MATERIAL["single_given"]
_LATIN_SURNAMES: list[str] = _MATERIAL["latin_surnames"].split()
_LATIN_GIVEN: list[str] = _MATERIAL["latin_given"].split()
_WESTERN: list[str] = _MATERIAL["western"].split()
_SURNAMES, _MIDDLE, _GIVEN = (
    _MATERIAL[f"vietnamese_{part}"].split() for part in ("surnames", "middle", "given")
)
_WORLD_GIVEN: list[str] = _MATERIAL["world_given"].split()
_WORLD_SURNAMES: list[str] = _MATERIAL["world_surnames"].split()
_OTHERS: list[str] = _MATERIAL["central_asian"].split()
_HANJA_SURNAMES: str = _MATERIAL["hanja_surnames"]
_HANJA_GIVEN: str = _MATERIAL["hanja_given"]
_GIVEN_SYLLABLES = "".join(sorted(GIVEN))
_COMPOUND = sorted(COMPOUND_SURNAMES)


def final_class(word: str) -> int:
    """How a particle sees a word's end: 0 open, 1 closed, 2 closed by ㄹ; digits and Latin: 0."""
    code = ord(word[-1]) - 0xAC00
    if not 0 <= code < 11172 or code % 28 == 0:
        return 0
    return 2 if code % 28 == 8 else 1


def kind(name: str) -> str:
    """The kind of a name as it stands in a text."""
    if re.fullmatch("[A-Za-z]", name):
        return "letter"
    if re.fullmatch("[A-Za-z][A-Za-z .'-]+", name):
        return "latin"
    if not re.fullmatch("[가-힣]+(?: [가-힣]+)*", name):
        return "other"
    if len(name) == 1:
        return "surname" if name in SURNAMES else "other"
    if " " in name:
        return "foreign"
    usual = name[0] in SURNAMES and all(syllable in GIVEN for syllable in name[1:])
    if len(name) == 2:
        return "given" if not usual or name[0] not in _COMMON else "korean2"
    if len(name) == 3 and usual:
        return "korean3"
    if len(name) == 4 and name[:2] in COMPOUND_SURNAMES:
        return "korean4"
    return "foreign"


class People:
    """A source of names; the same `random.Random` gives the same names."""

    def __init__(self, chance: random.Random, silver: Counter[str]) -> None:
        self._chance = chance
        rest = sorted(SURNAMES - _COMMON.keys())
        self._surnames = [*_COMMON, *rest]
        self._weights = [float(share) ** 0.75 for share in _COMMON.values()] + [25.0] * len(rest)
        self._pairs: list[str] = []
        self._singles: list[str] = []
        self._words: dict[int, list[str]] = defaultdict(list)
        self._learn(silver)

    def _learn(self, silver: Counter[str]) -> None:
        for word in words():
            if word.kind == "인명" and re.fullmatch("[가-힣]{2,9}", word.text):
                self._learn_word(word.text)
        for name, count in silver.items():
            if kind(name) == "foreign":
                for part in name.split():
                    self._words[len(part)].extend([part] * min(count, 3) * 4)
            elif kind(name) == "given":
                self._singles.append(name)
        self._chains: dict[str, list[str]] = defaultdict(list)
        for names in self._words.values():
            for name in names:
                for before, behind in zip("^" + name, name + "$", strict=True):
                    self._chains[before].append(behind)

    def _learn_word(self, name: str) -> None:
        which = kind(name)
        if which == "korean3":
            self._pairs.append(name[1:])
        elif (which == "foreign" and len(name) < 8) or (len(name) == 2 and name[0] not in SURNAMES):
            self._words[len(name)].append(name)

    def surname(self) -> str:
        """One syllable, as often as people bear it, rare ones more often."""
        if self._chance.random() < 0.12:
            return self._chance.choice(self._surnames)
        return self._chance.choices(self._surnames, self._weights)[0]

    def given(self) -> str:
        """Two syllables: a known pair, parts of two, or any syllables of names."""
        dice = self._chance.random()
        if dice < 0.5:
            return self._chance.choice(self._pairs)
        if dice > 0.82:
            return self._syllable() + self._syllable()
        return self._chance.choice(self._pairs)[0] + self._chance.choice(self._pairs)[1]

    def _syllable(self) -> str:
        """A syllable of given names, rare ones as often as usual ones."""
        return self._chance.choice(_GIVEN_SYLLABLES)

    def korean(self) -> str:
        """A full name: mostly three syllables, some of two and of four."""
        dice = self._chance.random()
        if dice < 0.1:
            return self.korean2()
        if dice < 0.14:
            return self.korean4()
        return self.surname() + self.given()

    def korean2(self) -> str:
        """A surname and one syllable."""
        return self.surname() + self._chance.choice(_SINGLE_GIVEN)

    def korean4(self) -> str:
        """A compound surname and a given name, or a surname and three syllables."""
        dice = self._chance.random()
        if dice < 0.4:
            last = self._syllable() if dice < 0.2 else self._chance.choice(self._pairs)[1]
            return self.surname() + self.given() + last
        compound = self._chance.choice(_COMPOUND)
        return compound + (self.given() if dice < 0.94 else self.given()[0])

    def foreign_word(self, length: int) -> str:
        """One word of a foreign name in Hangul of about this many syllables."""
        if self._chance.random() < 0.35:
            for _ in range(20):
                word, last = "", "^"
                while len(word) < 8:
                    last = self._chance.choice(self._chains[last])
                    if last == "$":
                        break
                    word += last
                if abs(len(word) - length) <= 1 and word:
                    return word
        while not self._words[length]:
            length -= 1
        return self._chance.choice(self._words[length])

    def foreign(self) -> str:
        """A foreign name in Hangul: one to four words."""
        pick, dice = self._chance.choice, self._chance.random()
        if dice < 0.22:
            middle = [pick(_MIDDLE) for _ in range(pick((0, 1, 1, 1, 2)))]
            return pick(("", " ", " ", " ")).join([pick(_SURNAMES), *middle, pick(_GIVEN)])
        if dice < 0.42:
            return self._from_west()
        if dice < 0.52:
            return " ".join(pick(_OTHERS) for _ in range(pick((1, 2, 2))))
        count = self._chance.choices((1, 2, 3), (5, 5, 1))[0]
        lengths = (2, 3, 4, 5)
        return " ".join(
            self.foreign_word(self._chance.choices(lengths, (3, 4, 3, 1))[0]) for _ in range(count)
        )

    def _from_west(self) -> str:
        """Given names and surnames in Hangul: 마리아 김, 김소피아, 안드레스 페레스 로차."""
        pick, dice = self._chance.choice, self._chance.random()
        if dice < 0.15:
            return f"{pick(_WORLD_GIVEN)} {self.surname()}"
        if dice < 0.35:
            return self.surname() + pick(_WORLD_GIVEN)
        count = pick((0, 0, 1, 1, 1, 2, 3))
        family = [pick(_WORLD_SURNAMES) for _ in range(count)]
        return pick((" ", " ", " ", "·", "")).join([pick(_WORLD_GIVEN), *family])

    def latin(self) -> str:
        """A romanised name: Hong Gil-dong, HONG GILDONG, Gil Dong Hong, or a foreign one."""
        pick = self._chance.choice
        if self._chance.random() < 0.3:
            name = " ".join(pick(_WESTERN) for _ in range(pick((2, 2, 3))))
            return name.upper() if self._chance.random() < 0.4 else name
        surname, first, second = pick(_LATIN_SURNAMES), pick(_LATIN_GIVEN), pick(_LATIN_GIVEN)
        given = pick((f"{first}-{second.lower()}", f"{first}{second.lower()}", f"{first} {second}"))
        name = pick((f"{surname} {given}", f"{surname} {given}", f"{given} {surname}"))
        return name.upper() if self._chance.random() < 0.35 else name

    def hanja(self) -> str:
        """Three Hanja."""
        pick = self._chance.choice
        return pick(_HANJA_SURNAMES) + pick(_HANJA_GIVEN) + pick(_HANJA_GIVEN)

    def like(self, name: str) -> str:
        """Another name of the same kind, with the same final sound, so that particles still fit."""
        for _ in range(40):
            other = self._another(name)
            if final_class(other) == final_class(name):
                return other
        return name

    def _another(self, name: str) -> str:
        which = kind(name)
        if which == "letter":
            return self._chance.choice("ABCDEFGHKLMPSY")
        if which == "surname":
            return self.surname()
        if which == "latin" and " " in name:
            return self.latin()
        if which in ("korean3", "korean4"):
            # Sometimes of another kind: a person may have any name.
            dice = self._chance.random()
            if dice < 0.08:
                return self.foreign() if dice < 0.05 else self.korean2()
            return self.korean4() if dice < 0.11 else self.surname() + self.given()
        if which in ("korean2", "given"):
            dice = self._chance.random()
            if dice < 0.35 or (which == "korean2" and dice < 0.6):
                return self.korean2()
            if dice < 0.7:
                return self.given()
            return self._chance.choice(self._singles) if dice < 0.85 else self.foreign_word(2)
        if which == "foreign":
            return " ".join(self.foreign_word(len(part)) for part in name.split())
        return name
