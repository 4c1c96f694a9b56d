"""The quickstart's transformer learns: with all labels it is far above chance on held-out speakers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.stages import AudioStage
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import open_study

QUICKSTART = Path(__file__).parents[2] / "sweeps" / "quickstart.yaml"


@pytest.mark.slow
def test_the_quickstarts_transformer_reaches_ua_40_with_all_labels(tmp_path: Path) -> None:
    fix_threads(1)
    only = ["schedule=[100]", "strategy=random", "initialization=random"]
    opened = open_study(QUICKSTART, tmp_path, only)
    (found,), (corpus,) = opened.scans, opened.study.corpus
    prepare_audio(AudioStage(found.manifest.digest, corpus.name), found, corpus, opened.store)
    execution = Execution(str(tmp_path), str(tmp_path / "cache"), device="cpu")
    records = {
        job.key: run(job.stage, execution)
        for job in jobs_of([opened.plan], opened.store.ledger.finished()).values()
    }
    transformer = [t.key for t in opened.plan.trajectories if t.axes.method == "pooled_transformer"]
    assert len(transformer) == 2
    assert np.mean([records[key].measures["ua"] for key in transformer]) >= 0.40
