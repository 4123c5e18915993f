"""How well personal data is found, how fast, beside whom: one run, one report.

Run: .venv/bin/python bench/detect.py --dev FOLDER [--rivals] [--failures] [--json FILE]
The work is done by the package bench/detection. A script's own directory stands first on Python's
path: the repository's root takes its place, so that the package is found.
"""

import os
import runpy
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core, as the detectors of the pool
sys.path[0] = str(Path(__file__).resolve().parent.parent)
runpy.run_module("bench.detection", run_name="__main__", alter_sys=True)
