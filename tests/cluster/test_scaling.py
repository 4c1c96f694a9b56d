"""A launch keeps a growing cluster busy: eight fake nodes whose trials sleep as long as real ones took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parent.parent.parent / "benchmarks" / "scaling.py"
PER_NODE = 4

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(240)]


def test_eight_nodes_are_busy_for_more_than_nine_tenths_of_a_launch() -> None:
    command = [sys.executable, str(BENCHMARK), "--nodes", "8", "--trials", str(PER_NODE), "--scale", "0.6"]
    root = str(BENCHMARK.parent.parent)
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    ran = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": paths}, check=False
    )
    assert ran.returncode == 0, ran.stderr
    (told,) = json.loads(ran.stdout)["runs"]
    assert (told["trials"], told["on_nodes"]) == (8 * PER_NODE, 8)
    assert told["efficiency"] > 0.9, told
