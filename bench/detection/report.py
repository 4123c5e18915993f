"""The numbers as Markdown for people and as JSON for programs; the misses for developers."""

import datetime
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.detection.results import Results, SystemResult
from bench.detection.score import Count, Failure, Kind, Score
from bench.detection.texts import KINDS, write_markup

_BEGIN, _END = "<!-- bench/detect.py: begin -->", "<!-- bench/detect.py: end -->"
SETS = {
    "generated": "generated, 18 styles",
    "written": "written by hand",
    "held back": "written by hand, held back",
    "ordinary": "ordinary office texts",
    "ordinary held back": "ordinary office texts, held back",
    "unusual": "unusual names and forms",
    "unusual held back": "unusual names and forms, held back",
    "stress": "stress lines",
    "dev identifiers": "development sample, identifiers",
    "dev news": "development sample, news and reviews",
}
_NAMES = {
    "dev news": "news and reviews, people's annotation",
    "dev news, unseen names": "the same, names that the training part never has",
    "generated": "generated office texts",
    "written": "office texts written by hand",
    "held back": "the same, held back",
    "ordinary": "ordinary office texts",
    "ordinary held back": "ordinary office texts, held back",
    "unusual": "unusual names",
    "unusual held back": "unusual names, held back",
}


def as_markdown(results: Results) -> str:
    """Every table, under a line that says when, where and how."""
    parts = [_where(results), _overview(results), _kinds(results), _names(results), _speed(results)]
    return "\n\n".join(part for part in parts if part)


def _where(results: Results) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    versions = ", ".join(f"{name} {system.version}" for name, system in results.systems.items())
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return (
        f"- {today}, {_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"load average {os.getloadavg()[0]:.1f}, commit `{commit}`\n"
        f"- `python bench/detect.py {results.command}`; {versions}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _overview(results: Results) -> str:
    lines = [
        "### Over all kinds",
        "",
        "| set | detector | entities | with an uncovered character | the same, critical kinds | "
        "other characters redacted | false-alarm texts | ",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    lines[2] = lines[2].rstrip()
    for name in next(iter(results.systems.values())).scores:
        for system, result in results.systems.items():
            lines.append(_overview_row(SETS.get(name, name), system, result.scores[name]))
    return "\n".join(lines)


def _overview_row(name: str, system: str, score: Score) -> str:
    leaked, known = score.leak()
    return (
        f"| {name} | {system} | {known:,} | {_share(leaked, known)} | "
        f"{_share(*score.critical_leak)} | "
        f"{_share(score.redacted_others, score.other_characters)} | "
        f"{_share(score.alarmed_texts, score.clean_texts)} |"
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _kinds(results: Results) -> str:
    """Our own detector by kind, on the sets that nobody could learn from."""
    name, result = next(iter(results.systems.items()))
    chosen = [
        scores
        for key, scores in result.scores.items()
        if key in ("generated", "written", "held back")
    ]
    if not chosen:
        return ""
    stress = result.scores.get("stress", Score()).kinds
    lines = [
        f"### {name} by kind, generated and written texts together",
        "",
        "| kind | entities | uncovered | precision | recall | F1 strict | F1 by character | "
        "uncovered in stress lines |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, label in KINDS.items():
        total = _sum([scores.kinds[kind] for scores in chosen if kind in scores.kinds])
        hard = stress.get(kind, Kind())
        lines.append(
            f"| {label} `{kind}` | {total.known} | {_share(total.leaked, total.known)} | "
            f"{total.strict.precision:.3f} | {total.strict.recall:.3f} | {total.strict.f1:.3f} | "
            f"{total.characters.f1:.3f} | {_share(hard.leaked, hard.known)} |"
        )
    return "\n".join(lines)


def _sum(kinds: list[Kind]) -> Kind:
    total = Kind()
    for kind in kinds:
        total.known += kind.known
        total.leaked += kind.leaked
        for mine, other in ((total.strict, kind.strict), (total.characters, kind.characters)):
            mine.right += other.right
            mine.found += other.found
            mine.known += other.known
    return total


def _names(results: Results) -> str:
    lines = [
        "### Names alone, strict",
        "",
        "| texts | detector | names | precision | recall | F1 |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name in next(iter(results.systems.values())).names:
        for system, result in results.systems.items():
            count = result.names[name]
            lines.append(
                f"| {_NAMES.get(name, name)} | {system} | {count.known} | {count.precision:.3f} | "
                f"{count.recall:.3f} | {count.f1:.3f} |"
            )
    return "\n".join(lines)


def _speed(results: Results) -> str:
    rows = [
        f"| {timing.what} | {system} | {timing.passages} | {timing.median:.2f} ms | "
        f"{timing.p99:.2f} ms |"
        for system, result in results.systems.items()
        for timing in result.timings
    ]
    if not rows:
        return ""
    lines = [
        "### Processor time on one core",
        "",
        "| text | detector | passages | median | p99 |",
        "|---|---|---:|---:|---:|",
        *rows,
    ]
    if load := results.load:
        lines += [
            "",
            f"Ready to answer: Presidio's own engine takes {load.presidio_seconds:.2f} s and "
            f"{load.presidio_mib:.0f} MiB; our packs add {load.added_seconds:.2f} s and "
            f"{load.added_mib:.0f} MiB.",
        ]
    return "\n".join(lines)


def as_json(results: Results) -> dict[str, object]:
    """All numbers; shares and F1 are left to whoever reads the counts."""
    return {
        "command": results.command,
        "load": results.load._asdict() if results.load else None,
        "systems": {name: _system(result) for name, result in results.systems.items()},
    }


def _system(result: SystemResult) -> dict[str, object]:
    return {
        "version": result.version,
        "sets": {name: _score(score) for name, score in result.scores.items()},
        "names": {name: _count(count) for name, count in result.names.items()},
        "timings": [timing._asdict() for timing in result.timings],
    }


def _score(score: Score) -> dict[str, object]:
    leaked, known = score.leak()
    critical_leaked, critical_known = score.critical_leak
    return {
        "entities": known,
        "leaked": leaked,
        "critical_entities": critical_known,
        "critical_leaked": critical_leaked,
        "other_characters": score.other_characters,
        "redacted_others": score.redacted_others,
        "clean_texts": score.clean_texts,
        "alarmed_texts": score.alarmed_texts,
        "kinds": {
            name: {
                "entities": kind.known,
                "leaked": kind.leaked,
                "strict": _count(kind.strict),
                "characters": _count(kind.characters),
            }
            for name, kind in sorted(score.kinds.items())
        },
        "styles_leaked": _styles(score),
    }


def _count(count: Count) -> dict[str, float]:
    return {
        "right": count.right,
        "found": count.found,
        "known": count.known,
        "precision": round(count.precision, 4),
        "recall": round(count.recall, 4),
        "f1": round(count.f1, 4),
    }


def _styles(score: Score) -> dict[str, int]:
    styles: dict[str, int] = {}
    for failure in score.failures:
        if failure.leaked:
            style = failure.text.style
            styles[style] = styles.get(style, 0) + len(failure.leaked)
    return styles


def show_failures(scores: Mapping[str, Score], *, kind: str = "") -> None:
    """Prints what was missed (`⟦KIND|…⟧` in its text) and what was found beside the truth."""
    for name, score in scores.items():
        for failure in score.failures:
            for line in _failure(name, failure, kind):
                print(line)


def _failure(name: str, failure: Failure, kind: str) -> Iterator[str]:
    text = failure.text
    missed = [gold for gold in failure.leaked if kind in ("", gold.kind)]
    if missed:
        kinds = ",".join(sorted({gold.kind for gold in missed}))
        yield f"MISSED {kinds} [{name}/{text.style}] {write_markup(text, missed)!r}"
    for span in failure.beside:
        if kind in ("", span.entity):
            value = text.text[span.start : span.end]
            around = text.text[max(0, span.start - 25) : span.end + 25]
            where = f"{span.entity} [{name}/{text.style}]"
            yield f"BESIDE {where} {value!r} by {span.rule} in {around!r}"


def replace_section(page: Path, section: str) -> None:
    """Puts the tables between the page's two marks.

    Raises:
        ValueError: the page has no such marks.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{page}: no place for the tables")
    page.write_text(f"{before}{_BEGIN}\n{section}\n{_END}{after}", encoding="utf-8")
