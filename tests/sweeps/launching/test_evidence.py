"""Strategies that ask for summaries or frame losses get them through a local Ray, with and without TAPT."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from after_ray.stages import FrameLossesStage, NextRoundStage
from after_ray.store import Store
from sweeps.planning.opening import open_study
from tests.after_ray.execution.asking import SUMMARIES
from tests.after_ray.tiny import TINY

STUDY = f"""\
study: asking
corpus: {{name: synthetic, speakers: 6, sentences: 3}}
classifier:
  name: pooled_transformer
  fitting: {{max_epochs: 1, min_updates: 1, evaluations_per_epoch: 1, batch_size: 8}}
backbone: {{config: {json.dumps(TINY)}}}
adaptation: [none, {{name: tapt, steps: 4, batch_seconds: 8, negatives: 5}}]
strategy: [alps, '{SUMMARIES}']
schedule: [20, 40, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.timeout(300)
def test_what_strategies_ask_for_is_made_once_and_before_they_pick(tmp_path: Path) -> None:
    path, store = tmp_path / "asking.yaml", tmp_path / "store"
    path.write_text(STUDY)
    done = after_ray("run", path, "--store", store, "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(after_ray("plan", path, "--store", store, "--json").stdout)
    assert (counts["cells"], counts["missing"]) == (12, 0)
    assert (counts["frame_losses"], counts["frame_losses_done"]) == (2, 2)
    kept, plan = Store(store), open_study(path, store).plan
    for stage in plan.of_kind(FrameLossesStage).values():
        made = kept.need(stage.key)
        for trajectory in plan.trajectories:
            last = trajectory.last
            assert isinstance(last, NextRoundStage)
            if stage in last.evidence.values():
                second = kept.need(trajectory.stages[1].key)
                assert made.finished <= second.started
                assert second.details["acquisition"]["clusters"] > 0
    used = after_ray("store", "du", "--store", store).stdout
    assert "frame_losses" in used, used


def after_ray(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweeps.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)
