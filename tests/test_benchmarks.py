"""Every benchmark runs, measures both of its sides and prints JSON; what it measures is not judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
# The smallest run of each that still goes through everything, and what its result must have.
SMALL = {
    "baselines": (
        "--only light_sernet w2v2_l_r_12 pseudo_tapt --model tiny --utterances 12 --steps 1 2 --repeats 1 "
        "--transformer-batch 2 --batch-seconds 12",
        ["light_sernet", "w2v2_l_r_12", "pseudo_tapt", "mean_seconds"],
    ),
    "batchbald": (
        "--pool 200 --picks 12 --samples 300 --past 2 --part 60 --reference 3000",
        ["sides", "peer_over_ours", "target"],
    ),
    "chip_rate": (
        "--model tiny --steps 2 --batch-seconds 8 --size 64",
        ["tapt", "fine_tuning", "matrix_tera_operations_per_second"],
    ),
    "coreset_badge": (
        "--pool 400 --width 16 --picks 30 --small-picks 10 --seeds 2 --large 2000 --large-picks 20",
        ["coreset", "badge", "memory"],
    ),
    "elbow": ("--points 200 --width 8", ["seconds"]),
    "engine": (
        "--set strategy=random --set schedule=[20,100] --set fold=0 --set adaptation.steps=12 "
        "--set classifier.fitting.min_updates=2",
        ["ratio", "factors", "same_results"],
    ),
    "finetuning": (
        "--model tiny --steps 1 --repeats 1 --utterances 256 --crop 2",
        ["against_trainer", "against_trainer_grouped"],
    ),
    "finetuning_quality": ("--seeds 2 --speakers 10 --sentences 1 --epochs 1", ["accuracy", "target"]),
    "manifest": ("--utterances 10000", []),
    "memory": ("--utterances 300 --width 32", ["first_round", "next_round", "parts"]),
    "mirror": ("--seeds 1 --folds 2", ["followed", "rebuild_seconds"]),
    "overhead": ("--seeds 1 --set fold=0 --set schedule=[20,100]", ["per_trajectory", "start_up"]),
    "padding": ("--steps 5", ["real_share", "passes_per_step"]),
    "prediction": (
        "--model tiny --files 3 --longest 2 --repeats 1 --commands 1 --threads 1",
        [
            "hours_of_audio_per_hour",
            "hours_of_audio_per_hour_of_a_core",
            "predict_over",
            "largest_difference_of_probabilities",
        ],
    ),
    "report": ("--seeds 1 --set fold=0 --set schedule=[20,100]", ["store", "sqlite", "server"]),
    "scaling": ("--nodes 1 2 --trials 2 --scale 0.05", ["runs", "efficiency", "ideal"]),
    "schedule": ("--draws 1 --gpus 8", ["over_bound", "target"]),
    "scoring": ("--model tiny --pool 8 --repeats 1", ["ratio", "largest_difference_of_log_probabilities"]),
    "selection": ("--pool 2000 --budget 100 --repeats 2", ["milliseconds"]),
    "typical": ("--pool 400 --width 16 --picks 20 --blobs 10", ["typiclust", "probcover"]),
    "trajectory": ("--repeats 1 --speakers 10 --sentences 4 --epochs 1 --min-updates 1", []),
}


def run(name: str, options: str) -> dict[str, Any]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, f"{name}.py", *options.split()]
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name: str) -> None:
    if "from _peers import" in (FOLDER / f"{name}.py").read_text() and not (FOLDER / ".peers").is_dir():
        pytest.skip("missing here: benchmarks/.peers, the libraries measured against; run 'make peers'")
    options, wanted = SMALL[name]
    result = run(name, options)
    assert result
    assert result.keys() >= set(wanted)


def test_no_benchmark_is_forgotten() -> None:
    scripts = {path.stem for path in FOLDER.glob("[a-z]*.py")}
    assert scripts == set(SMALL)
