"""Studies on a real local Ray: together, failing, quarantined, retried, stopped by a budget, gone on."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from after_ray.store import Store
from sweeps.cli import app
from sweeps.launching.budget import Limits
from sweeps.launching.launch import Outcome, launch
from sweeps.launching.ray_start import Where, running_ray
from sweeps.launching.sight import Nobody
from sweeps.planning.counting import counts
from sweeps.planning.jobs import Job, jobs_of
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.running.progress import read_progress
from sweeps.running.studies import prepare

STUDY = """\
study: {name}
corpus: {{name: synthetic, speakers: 6, sentences: 3}}
classifier: functionals
strategy: [{strategies}]
schedule: [20, 30, 40, 50, 60]
fold: 0
protocol: {{preset: paper, folds: {{count: 3}}}}
"""
# Fails while the file 'broken' lies beside it, and takes its time where 'slow' does.
MOODY = """\
import time
from pathlib import Path
from after_ray.acquisition import Picked, Strategy

class Moody(Strategy):
    def _select(self, evidence, budget, generator):
        if (Path(__file__).parent / "broken").exists():
            raise RuntimeError("broken on purpose")
        if (Path(__file__).parent / "slow").exists():
            time.sleep(1.5)
        return Picked(generator.permutation(evidence.size)[:budget])
"""

SEEDS = 8

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the strategy, on a Ray whose workers find it."""
    made = tmp_path_factory.mktemp("engine")
    (made / "moody.py").write_text(MOODY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(made), prepend=":")
        patch.setattr(sys, "path", [str(made), *sys.path])
        with running_ray(Where(cpus=2)):
            yield made


@pytest.fixture
def mood(folder: Path) -> Iterator[Path]:
    yield folder
    for name in ("broken", "slow"):
        (folder / name).unlink(missing_ok=True)


def opened(folder: Path, store: Path, name: str, *strategies: str, seeds: int = 1) -> OpenStudy:
    path = folder / f"{name}.yaml"
    path.write_text(STUDY.format(name=name, strategies=", ".join(f"'{word}'" for word in strategies)))
    made = open_study(path, store, [f"seed=0..{seeds - 1}"])
    prepare(made)
    return made


def go(studies: list[OpenStudy], **options: Any) -> Outcome:
    return launch([one.plan for one in studies], studies[0].store, Where(cpus=2), **options)


def left(studies: list[OpenStudy]) -> int:
    return counts([one.plan for one in studies], studies[0].store.ledger.finished())["missing"]


def bits(store: Store) -> dict[str, Any]:
    records = [store.need(key) for key in store.ledger.finished()]
    return {
        record.key: (record.details["acquired"], record.files["predictions.safetensors"].sha256)
        for record in records
        if record.kind == "round"
    }


class UntilASecondRound(Nobody):
    """Two hours pass at once when a trajectory has done a round after round 0."""

    hours = 0.0

    def clock(self) -> float:
        return 3600 * self.hours

    def on_trial(self, job: Job, result: Mapping[str, Any]) -> None:
        if job.kind == "trajectory" and result["rounds"] == 2:
            self.hours = 2.0


class Finished(Nobody):
    """Keeps what is told to be finished."""

    def __init__(self) -> None:
        self.keys: set[str] = set()

    def on_finished(self, keys: Collection[str]) -> None:
        self.keys.update(keys)


def test_two_studies_run_together_and_leave_nothing_for_either(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    one = opened(folder, store, "one", "random", "entropy")
    other = opened(folder, store, "other", "entropy", "margin")
    expected = len(jobs_of([one.plan, other.plan], one.store.ledger.finished()))
    assert expected == 1 + 1 + 3
    assert go([one, other]).ran == expected
    assert left([one, other]) == 0
    seen = Finished()
    assert go([one], following=seen) == go([other]) == Outcome(0)
    assert {cell.key for cell in one.plan.cells} <= seen.keys, "who follows is told what there was"


def test_a_budget_stops_between_rounds_and_the_next_launch_ends_with_the_same_bits(
    mood: Path, tmp_path: Path
) -> None:
    whole = opened(mood, tmp_path / "whole", "whole", "moody:Moody", seeds=SEEDS)
    assert go([whole]).stopped is None
    part = opened(mood, tmp_path / "part", "whole", "moody:Moody", seeds=SEEDS)
    (mood / "slow").touch()
    seen = UntilASecondRound()
    stopped = go([part], following=seen, limits=Limits(hours=1), clock=seen.clock)
    assert "--max-hours 1 is reached (2.00 hours)" in str(stopped.stopped)
    assert stopped.failed == {}
    later = len(part.plan.cells) - SEEDS  # rounds after round 0
    assert later - 4 <= left([part]) < later, (
        "two trials ran, and the others that were handed out begin nothing"
    )
    assert part.store.ledger.failures() == {}
    (mood / "slow").unlink()
    assert go([part]).stopped is None
    assert left([part]) == 0
    assert bits(part.store) == bits(whole.store)


def test_a_budget_of_nothing_runs_nothing(folder: Path, tmp_path: Path) -> None:
    study = opened(folder, tmp_path / "store", "one", "random")
    outcome = go([study], limits=Limits(hours=0.0))
    assert outcome.ran == 0
    assert "--max-hours 0 is reached" in str(outcome.stopped)


def test_what_failed_three_times_is_passed_over_until_it_is_retried(mood: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    study = opened(mood, store, "failing", "random", "moody:Moody")
    arguments = [str(study.path), "--store", str(store), "--cpus", "2", "--no-report"]
    (mood / "broken").touch()
    for attempt in (1, 2, 3):
        outcome = go([study])
        assert [sentence for sentence in outcome.failed.values()] == ["RuntimeError: broken on purpose"]
        (failure,) = study.store.ledger.failures().values()
        assert failure.attempts == attempt
        assert failure.quarantined == (attempt == 3)
    passed_over = go([study])
    assert (passed_over.ran, passed_over.quarantined) == (0, 1)

    said = CliRunner().invoke(app, ["status", *arguments[:3]]).output
    assert "1 stage failed (3 attempts), 4 cells missing: RuntimeError: broken on purpose" in said
    assert f"after-ray retry {study.path}" in said
    assert f"trace: {store / failure.log}" in said

    (mood / "broken").unlink()
    again = CliRunner().invoke(app, ["retry", *arguments])
    assert again.exit_code == 0, again.output
    assert "1 trials ran, 0 failed" in again.output
    assert left([study]) == 0
    assert study.store.ledger.failures() == {}
    assert "nothing failed" in CliRunner().invoke(app, ["retry", *arguments]).output

    progress = read_progress(study.store, "failing")
    assert progress is not None
    assert (progress.done, progress.ended) == (10, "nothing more to run"), "of the whole study"


def branches(folder: Path, store: Path) -> tuple[OpenStudy, OpenStudy]:
    """Two studies of the same path, the second of which leaves it after its second round."""
    made = []
    for name, schedule in (("path", "[20,30,40]"), ("branch", "[20,30,50]")):
        path = folder / f"{name}.yaml"
        path.write_text(STUDY.format(name=name, strategies="'moody:Moody'"))
        one = open_study(path, store, [f"schedule={schedule}"])
        path.write_text(path.read_text().replace("[20, 30, 40, 50, 60]", schedule))
        prepare(one)
        made.append(one)
    return made[0], made[1]


def test_a_branch_waits_for_a_quarantined_path_and_runs_when_that_is_retried(
    mood: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    path, branch = branches(mood, store)
    (mood / "broken").touch()
    for _ in range(3):
        assert len(go([path, branch]).failed) == 1
    barred = go([path, branch])
    assert (barred.ran, barred.quarantined) == (0, 2)
    (mood / "broken").unlink()
    assert go([path, branch]).ran == 0, "nobody forgave the path"

    files = [str(path.path), str(branch.path), "--store", str(store)]
    said = CliRunner().invoke(app, ["status", *files]).output
    failed, waits = (one.plan.trajectories[0].key[:8] for one in (path, branch))
    assert (
        f"trajectory {waits} waits for {failed}, which failed too often: 'after-ray retry' runs both" in said
    )
    assert f"after-ray retry {path.path} {branch.path} --store" in said.replace("\n", "")

    again = CliRunner().invoke(app, ["retry", *files, "--cpus", "2", "--no-report"])
    assert again.exit_code == 0, again.output
    assert "2 trials ran, 0 failed" in again.output
    assert left([path, branch]) == 0
    assert path.store.ledger.failures() == {}


def test_files_that_are_gone_are_computed_again_to_the_same_bits(folder: Path, tmp_path: Path) -> None:
    study = opened(folder, tmp_path / "store", "one", "random", "entropy")
    arguments = ["run", str(study.path), "--store", str(tmp_path / "store"), "--cpus", "2", "--no-report"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    before = bits(study.store)
    middle = study.store.need(study.plan.trajectories[0].stages[2].key)
    study.store.path(middle, "predictions.safetensors").unlink()
    features = study.store.need(study.plan.trajectories[0].first.features.key)
    study.store.path(features, "features.values.npy").unlink()
    audio = study.store.need(study.plan.trajectories[0].first.audio.key)
    study.store.path(audio, "manifest.csv").unlink()
    (cache := tmp_path / "store" / "cache").rename(tmp_path / "away")
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "2 trials ran, 0 failed" in done.output, "the features, and one round"
    assert cache.is_dir()
    assert left([study]) == 0
    assert bits(study.store) == before
    assert "0 trials ran" in CliRunner().invoke(app, arguments).output
