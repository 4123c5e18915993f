"""One run: every system on every set, the names alone, the speed; a table for people, or JSON."""

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path

from bench.detection.generate import generate
from bench.detection.report import as_json, as_markdown, replace_section, show_failures
from bench.detection.results import Results, SystemResult
from bench.detection.score import Count, Score, names_alone, score
from bench.detection.speed import MESSAGE, PASSAGE, Timing, load, messages, passages, timing
from bench.detection.stress import stress
from bench.detection.systems import System, ko_pii, ours, presidio
from bench.detection.texts import (
    HELD_BACK,
    ORDINARY,
    ORDINARY_HELD_BACK,
    UNUSUAL,
    UNUSUAL_HELD_BACK,
    WRITTEN,
    Text,
    read_dev,
    read_written,
)

SEED = 20261127
COUNT = 960
_OFFICE = (
    "petition",
    "letter",
    "minutes",
    "hr",
    "welfare",
    "tax",
    "court",
    "health",
    "procurement",
)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/detect.py", description=__doc__)
    parser.add_argument("--dev", type=Path, metavar="FOLDER", help="the development sample")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", action="append", default=[], help="your own texts"
    )
    parser.add_argument("--rivals", action="store_true", help="also Presidio and ko-pii")
    parser.add_argument("--packs", default="kr", help="names, separated by commas")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT, help="generated texts")
    parser.add_argument("--sets", default="", help="only these sets, separated by commas")
    parser.add_argument("--no-speed", action="store_true", help="leave the timings out")
    parser.add_argument("--failures", action="store_true", help="print what our detector missed")
    parser.add_argument("--kind", default="", help="with --failures: only this kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers here")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this page")
    return parser.parse_args(arguments)


def _command(options: argparse.Namespace) -> str:
    """What makes the numbers what they are, without this machine's paths."""
    words = ["--rivals"] * options.rivals + ["--dev FOLDER"] * bool(options.dev)
    words += ["--texts FILE"] * len(options.texts)
    return " ".join(
        [*words, f"--packs {options.packs} --seed {options.seed} --count {options.count}"]
    )


def _sets(options: argparse.Namespace) -> dict[str, list[Text]]:
    sets = {
        "generated": generate(count=options.count, seed=options.seed),
        "written": read_written(WRITTEN),
        "held back": read_written(HELD_BACK),
        "ordinary": read_written(ORDINARY),
        "ordinary held back": read_written(ORDINARY_HELD_BACK),
        "unusual": read_written(UNUSUAL),
        "unusual held back": read_written(UNUSUAL_HELD_BACK),
        "stress": stress(seed=options.seed),
    }
    if options.dev:
        sets["dev identifiers"] = read_dev(options.dev / "id_examples.jsonl")
        sets["dev news"] = read_dev(options.dev / "klue_ner_train_gold.jsonl")
    sets |= {path.stem: read_dev(path) for path in options.texts}
    wanted = [name for name in options.sets.split(",") if name]
    return {name: sets[name] for name in wanted or sets}


def _names(system: System, sets: dict[str, list[Text]], dev: Path | None) -> dict[str, Count]:
    """Names alone: on news, on news with names that the silver part never has, on office text."""
    counts: dict[str, Count] = {
        name: names_alone(texts, system.find)
        for name, texts in sets.items()
        if name not in ("stress", "dev identifiers")
    }
    if dev and "dev news" in sets:
        silver = read_dev(dev / "klue_ner_train_silver.jsonl")
        known = frozenset(
            text.text[gold.start : gold.end]
            for text in silver
            for gold in text.gold
            if gold.kind == "PERSON"
        )
        counts["dev news, unseen names"] = names_alone(sets["dev news"], system.find, known)
    return counts


def _timings(system: System, sets: dict[str, list[Text]]) -> list[Timing]:
    generated = sets.get("generated", [])
    office = [text for text in generated if text.style in _OFFICE]
    groups = {
        "news": [text.text for text in sets.get("dev news", [])],
        "office": [text.text for text in office],
        "dense with identifiers": [text.text for text in sets.get("stress", [])],
    }
    timings = [
        timing(f"{what}, {PASSAGE:,} characters", system.find, joined, nominal=PASSAGE)
        for what, texts in groups.items()
        if len(joined := passages(texts)) > 10
    ]
    if len(short := messages(office)) > 10:
        timings.append(
            timing(f"message of {MESSAGE} characters", system.find, short, nominal=MESSAGE)
        )
    return timings


def main(arguments: list[str]) -> int:
    """Exit code 0 however bad the numbers are: they are a report, not a test."""
    options = _options(arguments)
    packs = options.packs.split(",")
    systems = [ours(packs), *((presidio(), ko_pii()) if options.rivals else ())]
    sets = _sets(options)
    results = Results(_command(options))
    scores: dict[str, dict[str, Score]] = defaultdict(dict)
    for system in systems:
        for name, texts in sets.items():
            scores[system.name][name] = score(texts, system.find)
        results.systems[system.name] = SystemResult(
            version=system.version,
            scores=scores[system.name],
            names=_names(system, sets, options.dev),
            timings=[] if options.no_speed else _timings(system, sets),
        )
    if not options.no_speed:
        results.load = load(packs)
    if options.failures:
        show_failures(scores[systems[0].name], kind=options.kind)
    print(as_markdown(results))
    if options.json:
        options.json.write_text(json.dumps(as_json(results), ensure_ascii=False, indent=1) + "\n")
    if options.write:
        replace_section(options.write, as_markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
