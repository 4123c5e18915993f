"""The patterns that the name finder learns from: readable, and no copies of what measures it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAMES = ROOT / "training" / "names"
PATTERNS = {
    "offices.toml": ("sentences", "forms", "negatives"),
    "ordinary.toml": ("named", "plain"),
    "scenes.toml": ("talk", "notes", "listed", "plain_talk", "plain_notes"),
}
# As training/names/slots.py reads them; {t} and {n} are a tab and a line break.
OF_NAMES = set("NKGSFLHMUWI")
OTHERS = set("RTQDOCAXBYEJVZgkvspdhmrae9tn")
LONGEST_SHARED = 15


def patterns(file: str, key: str) -> list[str]:
    material = tomllib.loads((NAMES / file).read_text(encoding="utf-8"))
    return material[key].strip().splitlines()


def keys() -> list[tuple[str, str]]:
    return [(file, key) for file, names in PATTERNS.items() for key in names]


@pytest.mark.parametrize(("file", "key"), keys())
def test_every_mark_is_one_that_training_fills(file: str, key: str) -> None:
    lines = patterns(file, key)
    assert len(lines) > 30
    for line in lines:
        marks = re.findall(r"\{([A-Za-z0-9])\}", line)
        assert set(marks) <= OF_NAMES | OTHERS, line
        assert "[/" not in line, line


@pytest.mark.parametrize(
    ("file", "key", "named"),
    [
        ("scenes.toml", "talk", True),
        ("scenes.toml", "notes", True),
        ("scenes.toml", "listed", True),
        ("ordinary.toml", "named", True),
        ("ordinary.toml", "plain", False),
    ],
)
def test_patterns_with_names_hold_one_and_others_none(file: str, key: str, named: bool) -> None:
    others = [
        line
        for line in patterns(file, key)
        if bool(set(re.findall(r"\{([A-Z])\}", line)) & OF_NAMES) is not named
    ]
    assert others == []


def test_no_pattern_is_a_sentence_of_the_texts_that_detection_is_measured_on() -> None:
    bench = ROOT / "bench" / "texts"
    measured = "\n".join(
        path.read_text(encoding="utf-8").replace("\\n", "\n").replace("\\t", "\t")
        for path in sorted(bench.glob("*.jsonl"))
    )
    measured += (NAMES / "offices.txt").read_text(encoding="utf-8")
    # Values and names are other ones in each text: what stands between them counts.
    measured = re.sub(r"\{\{[^}]*\}\}|⟦[^⟧]*⟧", "※", measured)
    assert measured.count("※") > 1_000
    shared = [
        piece
        for file, key in keys()
        for line in patterns(file, key)
        for piece in re.split(r"\{[A-Za-z0-9]\}|\[[^\]]*\]", line)
        if len(piece.strip()) > LONGEST_SHARED and piece.strip() in measured
    ]
    assert shared == []
