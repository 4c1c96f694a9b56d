"""Two hundred small cells while a random process is killed every few seconds: the table is the same."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from after_ray.store import PREDICTIONS_FILE, Store
from tests.faults.outside import Study, trials

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
KILLS_OF_DRIVERS = 2  # at most: each costs the start of a new one
SECONDS_BETWEEN_KILLS = 5.0
MOST_KILLS = 15  # of trials; a process takes some seconds to start, and the work has to end

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
    assert killed["driver"] > 0
    assert table(Store(tmp_path / "killed")) == expected
    assert Store(tmp_path / "killed").ledger.failures() == {}


def kill_until_done(study: Study, store: Path, draws: random.Random) -> dict[str, int]:
    """Launch until nothing is missing; how many trials and drivers were killed meanwhile.

    What was killed so often that it is passed over is run again as its user would: with `retry`.
    """
    killed, verb = {"trial": 0, "driver": 0}, "run"
    while True:
        launch = study.launch(store, "--cpus", "2", verb=verb)
        while launch.running:
            # On a fast machine the work would be over before long: the first of each is killed at once.
            owed = 0 in killed.values()
            time.sleep(0.1 if owed else SECONDS_BETWEEN_KILLS * draws.uniform(0.5, 1.5))
            running = trials(launch) if has_rounds(store) and killed["trial"] < MOST_KILLS else []
            if running and killed["driver"] < min(KILLS_OF_DRIVERS, killed["trial"]):
                launch.kill()
                killed["driver"] += 1
            elif running and kill_one(running, draws):
                killed["trial"] += 1
        if verb == "run" and launch.process.returncode == 0:
            return killed
        passed_over = any(note.quarantined for note in Store(store).ledger.failures().values())
        assert launch.process.returncode in (0, -9) or passed_over, launch.output[-3000:]
        verb = "retry" if passed_over else "run"


def has_rounds(store: Path) -> bool:
    """Whether rounds are being made: what comes before is one job, and nothing else could go on."""
    return any(Store(store).need(key).kind == "round" for key in Store(store).ledger.finished())


def kill_one(running: list[Any], draws: random.Random) -> bool:
    """Kill one of the trials; whether it was still there."""
    chosen = draws.choice(running)
    if not chosen.is_running():
        return False
    chosen.kill()
    return True
