"""Government text made from patterns: sentences, forms and tables with names, and without any."""

import random
import re
import tomllib
from pathlib import Path

from redaction.recognizers.kr.name_words import SURNAMES
from training.names.corpus import Labelled
from training.names.dictionary import PLACE, nouns
from training.names.people import People, final_class

_MATERIAL = tomllib.loads((Path(__file__).parent / "offices.toml").read_text(encoding="utf-8"))
_SENTENCES, _FORMS, _NEGATIVES = (
    [line.replace("{t}", "\t").replace("{n}", "\n") for line in _MATERIAL[key].strip().splitlines()]
    for key in ("sentences", "forms", "negatives")
)
_LISTS = {
    slot: _MATERIAL[key].split()
    for slot, key in (
        ("R", "roles"),
        ("T", "titles"),
        ("O", "offices"),
        ("D", "departments"),
        ("Y", "form_words"),
        ("E", "english"),
    )
}
_LISTS["Q"] = _MATERIAL["labels"].replace("\n", "").split("|")
_DEPARTMENT_ENDINGS: list[str] = _MATERIAL["department_endings"].split()
_COMPANY_STEMS: list[str] = _MATERIAL["company_stems"].split()
_COMPANY_ENDINGS: list[str] = _MATERIAL["company_endings"].split()
_PARTS = re.compile(r"\{([A-Z9])\}|\[([가-힣]+)/([가-힣]+)\]")
_NAMES = "NKGSFLHM"


class Offices:
    """A source of labelled government text; the same `random.Random` gives the same texts."""

    def __init__(self, chance: random.Random, people: People, masks: dict[str, int]) -> None:
        self._chance = chance
        self._people = people
        self._nouns = nouns(masks)
        self._like_names = [w for w in self._nouns if w[0] in SURNAMES and len(w) <= 3]
        self._places = [w for w, mask in masks.items() if mask & PLACE and len(w) <= 3]

    def text(self) -> Labelled:
        """One to four lines or sentences; about a third of them hold no name."""
        pick = self._chance.choice
        lines: list[str] = []
        for _ in range(self._chance.choices((1, 2, 3, 4), (6, 4, 2, 1))[0]):
            patterns = self._chance.choices((_SENTENCES, _FORMS, _NEGATIVES), (4, 3, 3))[0]
            lines.append(pick(patterns))
            if patterns is _FORMS and self._chance.random() < 0.25:
                # A table or list: the same line again, with other values.
                lines += [lines[-1]] * self._chance.randint(1, 4)
        return self._filled(pick(("\n", "\n", " ")).join(lines))

    def _filled(self, pattern: str) -> Labelled:
        done = ""
        names: list[tuple[int, int]] = []
        at = 0
        for match in _PARTS.finditer(pattern):
            done += pattern[at : match.start()]
            at = match.end()
            slot, closed, opened = match.groups()
            if slot is None:
                sound = final_class(done) if done else 0
                takes_closed = sound == 1 or (sound == 2 and closed != "으로")
                done += closed if takes_closed else opened
                continue
            value = self._value(slot)
            if slot in _NAMES:
                names.append((len(done), len(done) + len(value)))
            done += value
        return Labelled(done + pattern[at:], tuple(names))

    def _value(self, slot: str) -> str:
        pick = self._chance.choice
        if slot in _NAMES:
            return self._name(slot)
        if slot == "9":
            return str(self._chance.randint(1, 10 ** pick((1, 2, 2, 3, 4))))
        if slot == "X":
            return pick(self._nouns)
        if slot == "B":
            return pick(self._like_names if self._chance.random() < 0.7 else self._nouns)
        if slot == "A":
            return pick(self._places)
        if slot == "O":
            return pick(_LISTS["O"]).replace("{A}", pick(self._places))
        if slot == "D":
            stems = "".join(pick(_LISTS["D"]) for _ in range(pick((1, 1, 2))))
            return stems + pick(_DEPARTMENT_ENDINGS)
        if slot == "C":
            name = pick(_COMPANY_STEMS) + pick(_COMPANY_ENDINGS)
            return pick(("", "", "(주)", "㈜", "주식회사 ", "유한회사 ")) + name
        return pick(_LISTS[slot])

    def _name(self, slot: str) -> str:
        people = self._people
        if slot == "N":
            slot = self._chance.choices("KFGLPM", (83, 7, 2, 2, 3, 3))[0]
        if slot == "P":
            return " ".join(people.surname() + people.given())
        if slot == "M":
            return self._masked()
        makers = {
            "K": people.korean,
            "G": people.given,
            "S": people.surname,
            "F": people.foreign,
            "L": people.latin,
            "H": people.hanja,
        }
        return makers[slot]()

    def _masked(self) -> str:
        name = self._people.surname() + self._people.given()
        sign = self._chance.choice("*○OXx*○")
        return name[0] + sign + name[2]
