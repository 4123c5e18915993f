"""Runs the properties of replacement, scanning and restoration for as long as one likes.

Each property in turn draws new random examples, a few hundred at a time (fewer where one takes
long), until the time is over. A failure ends the run with Hypothesis' smallest example, which then
belongs into the property's test as an `@example`.

Run: PYTHONPATH=tests:tests/property nice .venv/bin/python tests/fuzz/restoration.py [--minutes 10]
Prints how often each property was gone through.
"""

import argparse
import importlib
import itertools
import time
from collections import Counter

from hypothesis import HealthCheck, settings

MODULES = (
    *("test_restoration", "test_replacement", "test_scanning", "test_conversations"),
    *("test_restoration_step", "test_hiding", "test_answer_schemas"),
)
AT_ONCE = 300


def main(minutes: float) -> None:
    """Goes through the properties in turn until the time is over."""
    settings.register_profile(
        "fuzz",
        max_examples=AT_ONCE,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("fuzz")
    tests = {
        f"{name}.{test}": item
        for name in MODULES
        for test, item in vars(importlib.import_module(name)).items()
        if test.startswith("test_") and hasattr(item, "hypothesis")
    }
    rounds: Counter[str] = Counter()
    end = time.monotonic() + 60 * minutes
    for name in itertools.cycle(tests):
        if time.monotonic() > end:
            break
        tests[name]()
        rounds[name] += 1
    print(f"{minutes:g} minutes, no failure; rounds of {AT_ONCE} examples (conversations: 15)")
    for name, count in rounds.items():
        print(f"{count:>6}  {name}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    main(parser.parse_args().minutes)
