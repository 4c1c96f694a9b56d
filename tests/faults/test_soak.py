"""Two hundred small cells while a random process is killed every few seconds: the table is the same."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import PREDICTIONS_FILE, Store
from tests.faults.outside import Launch, Study, trials

STUDY = """\
study: soak
corpus: {name: synthetic, speakers: 6, sentences: 3}
classifier: functionals
strategy: [random, entropy, margin, least_confidence]
schedule: [20, 30, 40, 50, 60]
fold: 0
seed: 0..9
protocol: {preset: paper, folds: {count: 3}}
"""
CELLS = 4 * 5 * 10
KILLS_OF_DRIVERS = 2  # each costs the start of a new one
SECONDS_BETWEEN_KILLS = 2.0

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(500)]


class Soak(Study):
    """The study of functionals; it needs no strategy of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path.write_text(STUDY)


def table(store: Store) -> dict[str, Any]:
    records = [store.need(key) for key in store.ledger.finished()]
    return {
        record.key: (dict(record.measures), record.details["acquired"], record.files[PREDICTIONS_FILE].sha256)
        for record in records
        if record.kind == "round"
    }


def test_a_random_process_killed_every_few_seconds_changes_no_number(tmp_path: Path) -> None:
    study = Soak(tmp_path)
    plain = study.launch(tmp_path / "plain", "--cpus", "2")
    assert plain.ends() == 0, plain.output
    expected = table(Store(tmp_path / "plain"))

    seed = int(os.environ.get("AFTER_RAY_SOAK_SEED", "0"))
    killed = kill_until_done(study, tmp_path / "killed", random.Random(seed))
    assert killed["trial"] > 0
    assert killed["driver"] == KILLS_OF_DRIVERS
    assert table(Store(tmp_path / "killed")) == expected
    assert Store(tmp_path / "killed").ledger.failures() == {}


def kill_until_done(study: Study, store: Path, draws: random.Random) -> dict[str, int]:
    """Launch until nothing is missing; how many trials and drivers were killed meanwhile."""
    killed = {"trial": 0, "driver": 0}
    while True:
        launch = study.launch(store, "--cpus", "2")
        driver_dies = killed["driver"] < KILLS_OF_DRIVERS
        while launch.running:
            time.sleep(SECONDS_BETWEEN_KILLS * draws.uniform(0.5, 1.5))
            running = trials(launch)
            if not running:
                continue
            if driver_dies and killed["trial"] > killed["driver"]:
                launch.kill()
                killed["driver"] += 1
            elif kill_one(running, draws):
                killed["trial"] += 1
        if is_done(launch):
            return killed


def kill_one(running: list[Any], draws: random.Random) -> bool:
    """Kill one of the trials; whether it was still there."""
    chosen = draws.choice(running)
    if not chosen.is_running():
        return False
    chosen.kill()
    return True


def is_done(launch: Launch) -> bool:
    """Whether the launch ended in order; one that was killed has not."""
    code = launch.process.returncode
    assert code in (0, -9), launch.output[-3000:]
    return code == 0
