"""The generated set: texts of many styles with their gold, the same for the same seed.

A style (bench/texts/styles/*.toml) has sentences or blocks with personal data, neutral ones that
are full of what only looks like it, and what stands between them. Three texts in ten are made of
neutral ones alone: what is found there is a false alarm.
"""

import tomllib
from pathlib import Path
from random import Random

from bench.detection.fill import Filler
from bench.detection.texts import Text, read_markup

STYLES = Path(__file__).resolve().parent.parent / "texts" / "styles"
CLEAN_SHARE = 0.3


def generate(*, count: int, seed: int) -> list[Text]:
    """So many texts, the styles in turn; ids are `gen-<style>-<number>`."""
    random = Random(seed)
    filler = Filler(random)
    styles = [
        (path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
        for path in sorted(STYLES.glob("*.toml"))
    ]
    texts = []
    for number in range(count):
        name, style = styles[number % len(styles)]
        clean = random.random() < CLEAN_SHARE
        most = 2 if style.get("blocks") else 5
        personal = 0 if clean else min(random.randint(1, most), len(style["personal"]))
        neutral = random.randint(1 if clean else 0, most - 1 if style.get("blocks") else most)
        templates = random.sample(style["personal"], personal)
        templates += random.sample(style["neutral"], min(neutral, len(style["neutral"])))
        random.shuffle(templates)
        marked = filler.fill(style["join"].join(templates))
        texts.append(read_markup(marked, name=f"gen-{name}-{number:04}", style=name))
    return texts
