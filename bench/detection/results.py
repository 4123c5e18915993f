"""What one run found out, before anybody formats it."""

from dataclasses import dataclass, field

from bench.detection.score import Count, Score
from bench.detection.speed import Load, Timing


@dataclass(slots=True)
class SystemResult:
    """One system: a score for each set, names alone for each set, and its timings."""

    version: str
    scores: dict[str, Score]
    names: dict[str, Count]
    timings: list[Timing]


@dataclass(slots=True)
class Results:
    """All systems in one run; `load` is None where timings were left out."""

    command: str
    load: Load | None = None
    systems: dict[str, SystemResult] = field(default_factory=dict)
