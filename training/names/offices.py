"""Government text made from patterns: sentences, forms and tables with names, and without any."""

import random
import re
import tomllib
from collections import Counter
from pathlib import Path

from training.names.corpus import Labelled
from training.names.people import People, final_class
from training.names.slots import NAMES, Slots

_FOLDER = Path(__file__).parent


def _patterns(name: str, *keys: str) -> list[list[str]]:
    """The patterns of each key of a file, one a line."""
    material = tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
    return [
        [line.replace("{t}", "\t").replace("{n}", "\n") for line in lines.strip().splitlines()]
        for lines in (material[key] for key in keys)
    ]


_SENTENCES, _FORMS, _NEGATIVES = _patterns("offices.toml", "sentences", "forms", "negatives")
_TALK, _NOTES, _LISTED, _PLAIN_TALK, _PLAIN_NOTES = _patterns(
    "scenes.toml", "talk", "notes", "listed", "plain_talk", "plain_notes"
)
_NAMED, _PLAIN = _patterns("ordinary.toml", "named", "plain")
_POOLS = (
    *(_SENTENCES, _FORMS, _NEGATIVES, _TALK, _NOTES, _LISTED, _PLAIN_TALK, _PLAIN_NOTES),
    *(_NAMED, _PLAIN),
)
_OFTEN = (4, 2, 2, 3, 3, 2, 3, 4, 8, 11)
# Of texts, how many are records: fields, some of them with a name.
_RECORDS = 0.2
_FIELDS, _NAMED_FIELDS = (
    " ".join(lines).split() for lines in _patterns("scenes.toml", "fields", "named_fields")
)
_BORDERS = (", ", ",", "\t", " / ", " | ", "; ", "\n", "\n", "  ", " ")
_BEHIND_LABELS = (": ", ": ", " : ", ":", " ", " ", "=", "\t", " - ")
_PARTS = re.compile(r"\{([A-Za-z9])\}|\[([가-힣]+)/([가-힣]*)\]")


class Offices:
    """A source of labelled government text; the same `random.Random` gives the same texts.

    `said` counts the beginnings of words in real text, so that usual nouns stand in patterns, too.
    """

    def __init__(
        self, chance: random.Random, people: People, masks: dict[str, int], said: Counter[str]
    ) -> None:
        self._chance = chance
        self._slots = Slots(chance, people, masks, said)

    def text(self) -> Labelled:
        """A record, or one to four lines or sentences; about half of them hold no name."""
        if self._chance.random() < _RECORDS:
            return self._filled(self._record())
        pick = self._chance.choice
        lines: list[str] = []
        for _ in range(self._chance.choices((1, 2, 3, 4), (6, 4, 2, 1))[0]):
            patterns = self._chance.choices(_POOLS, _OFTEN)[0]
            lines.append(pick(patterns))
            if patterns in (_FORMS, _LISTED) and self._chance.random() < 0.25:
                # A table or list: the same line again, with other values.
                lines += [lines[-1]] * self._chance.randint(1, 4)
        return self._filled(pick(("\n", "\n", " ")).join(lines))

    def _record(self) -> str:
        """The pattern of a record of fields, or of a table of them, with names or without."""
        pick, named = self._chance.choice, self._chance.random() < 0.5
        border = pick(_BORDERS)
        fields = [pick(_FIELDS) for _ in range(self._chance.randint(1, 5))]
        for _ in range(self._chance.choices((0, 1, 2), (0, 4, 1))[0] if named else 0):
            fields.insert(self._chance.randint(0, len(fields)), pick(_NAMED_FIELDS))
        row = border.join(fields).replace("_", " ").replace("~", pick(_BEHIND_LABELS))
        return "\n".join([row] * (pick((1, 1, 1, 2, 3)) if border != "\n" else 1))

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
            value = self._slots.value(slot)
            if slot in NAMES:
                names.append((len(done), len(done) + len(value)))
            done += value
        return Labelled(done + pattern[at:], tuple(names))
