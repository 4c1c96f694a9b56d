"""`after-ray verify` computes a share of finished results again, compares, and only reads the store."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from after_ray.environment import Execution, fix_threads
from after_ray.errors import DivergedTraining
from after_ray.execution import run
from after_ray.sources import source_of
from after_ray.stages import PretrainingStage, Stage
from after_ray.store import FileEntry, Record, Store
from after_ray.store.ledger import FORMAT
from sweeps.cli import app
from sweeps.planning.jobs import jobs_of
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.provenance.verify import Again, BadSample, NothingFinished, sample, share_of, verify
from sweeps.running.studies import prepare
from tests.after_ray.execution.chains import TRANSFORMER, first_round, prepared, run_needs
from tests.after_ray.execution.test_pretraining import SUPERVISED, pretraining_of, round_0, run_all
from tests.after_ray.store.filled import everything
from tests.sweeps.small import small_study

STUDY = """\
study: small
corpus: {name: synthetic, speakers: 6, sentences: 3}
classifier: functionals
strategy: [random, entropy]
schedule: [20, 40, 60]
fold: 0
seed: 0..SEEDS
protocol: {preset: paper, folds: {count: 3}}
"""


def opened(folder: Path, seeds: int = 1) -> OpenStudy:
    (folder / "study.yaml").write_text(STUDY.replace("SEEDS", str(seeds - 1)))
    return open_study(folder / "study.yaml", folder / "store")


def recorded(stage: Stage, **changes: Any) -> Record:
    """A record as if the stage had been run on one thread of some processor."""
    environment = {"device": "cpu", "threads": 1, "source": source_of(stage)}
    record = Record(
        stage.key, stage.kind, stage.meaning(), measures={"ua": 0.5}, environment=environment,
        details={"acquired": ["a"]}, files={"predictions": FileEntry("00", 0)},
    )  # fmt: skip
    return replace(record, **changes)


class Answering(Again):
    """Answers with records that were prepared instead of computing; else with what stands."""

    answers: dict[str, Record | Exception]

    def _run(self, stage: Stage, record: Record, scratch: Store) -> Record:
        self.asked = [*getattr(self, "asked", []), stage.key]
        answer = self.answers.get(stage.key, record)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def study(tmp_path: Path) -> OpenStudy:
    """A study that is finished, for all that its ledger says."""
    made = opened(tmp_path)
    for stage in (*made.plan.shared.values(), *(s for t in made.plan.trajectories for s in t.stages)):
        made.store.ledger.add(recorded(stage))
    return made


def again(study: OpenStudy, folder: Path, **answers: Record | Exception) -> Answering:
    made = Answering(study.store, folder)
    made.answers = answers
    return made


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("100%", 1.0), ("0.5%", 0.005)])
def test_a_share_is_a_percentage(text: str, share: float) -> None:
    assert share_of(text) == share


@pytest.mark.parametrize("text", ["0%", "101%", "-1%", "2", "two%", "2%%", "", "%", "nan%", "inf%"])
def test_a_share_of_nothing_or_of_more_than_all_is_refused(text: str) -> None:
    with pytest.raises(BadSample, match="above 0 and up to 100"):
        share_of(text)


def test_a_sample_is_that_share_rounded_up_the_same_for_the_same_seed(tmp_path: Path) -> None:
    study = opened(tmp_path, seeds=10)  # 20 trajectories
    for trajectory in study.plan.trajectories[:-4]:
        for stage in trajectory.stages:
            study.store.ledger.add(recorded(stage))
    finished = {each.key for each in study.plan.trajectories[:-4]}
    chosen, count = sample(study.plan, study.store, 0.1, seed=0)
    assert (len(chosen), count) == (2, 16)
    assert {each.key for each in chosen} <= finished
    assert sample(study.plan, study.store, 0.1, seed=0)[0] == chosen
    others = [sample(study.plan, study.store, 0.1, seed)[0] for seed in range(1, 5)]
    assert any(other != chosen for other in others)
    assert len(sample(study.plan, study.store, 0.001, seed=0)[0]) == 1, "at least one"
    assert len(sample(study.plan, study.store, 1.0, seed=0)[0]) == 16


def test_where_nothing_is_finished_there_is_nothing_to_verify(tmp_path: Path) -> None:
    study = opened(tmp_path)
    with pytest.raises(NothingFinished, match="'small'"):
        sample(study.plan, study.store, 1.0, 0)


def test_every_round_is_computed_once_and_each_that_differs_is_named(
    study: OpenStudy, tmp_path: Path
) -> None:
    first, second = study.plan.trajectories
    changed = recorded(second.last, measures={"ua": 0.6})
    runner = again(study, tmp_path / "scratch", **{second.key: changed})
    compared = verify(runner, [first, second])
    assert sorted(runner.asked) == sorted({s.key for t in (first, second) for s in t.stages})
    assert len(compared) == 5, "round 0 is one for both"
    (wrong,) = [one for one in compared if one.wrong]
    assert wrong.sentence.startswith(f"round {second.key[:12]}: differs in ua (promised: equal bits")


def test_stored_files_whose_bits_flipped_are_named(study: OpenStudy, tmp_path: Path) -> None:
    trajectory = study.plan.trajectories[0]
    record = study.store.need(trajectory.key)
    assert study.store.ledger.set_aside(record)
    with study.store.workspace(record.key) as folder:
        (folder / "predictions.safetensors").write_bytes(b"12345")
        stored = study.store.commit(recorded(trajectory.last), folder)
    answers = {record.key: stored}
    assert not any(one.wrong for one in verify(again(study, tmp_path / "a", **answers), [trajectory]))
    study.store.path(stored, "predictions.safetensors").write_bytes(b"12346")
    *_, flipped = verify(again(study, tmp_path / "b", **answers), [trajectory])
    assert flipped.wrong == ("the stored file predictions.safetensors",)


def test_rounds_after_another_selection_are_not_compared(study: OpenStudy, tmp_path: Path) -> None:
    trajectory = study.plan.trajectories[0]
    middle = trajectory.stages[1]
    changed = recorded(middle, details={"acquired": ["another"]})
    compared = verify(again(study, tmp_path / "scratch", **{middle.key: changed}), [trajectory])
    assert [one.wrong for one in compared] == [(), ("the selection",)]


def test_a_result_that_cannot_be_computed_any_more_differs(study: OpenStudy, tmp_path: Path) -> None:
    trajectory, other = study.plan.trajectories
    error = DivergedTraining("loss", float("nan"), 3)
    compared = verify(again(study, tmp_path / "scratch", **{trajectory.key: error}), [trajectory, other])
    assert [one.wrong for one in compared if one.wrong] == [(str(error),)]
    assert len(compared) == 5, "the others are compared all the same"


def finished(tmp_path: Path, **changed: Any) -> OpenStudy:
    made = small_study(tmp_path, strategy="random", **changed)
    for stage in (*made.plan.shared.values(), *(s for t in made.plan.trajectories for s in t.stages)):
        made.store.ledger.add(recorded(stage))
    return made


@pytest.mark.parametrize(
    ("changed", "learned"),
    [
        ({"classifier": "rh_emo", "schedule": [100]}, ["reconstruction", "emotion"]),
        ({"classifier": {"name": "rh_emo", "supervised": False}}, ["reconstruction"]),
        ({"classifier": "pooled_transformer", "backbone": {"config": {}}, "adaptation": "tapt"}, ["tapt"]),
        ({}, []),
    ],
)
def test_what_is_learned_before_round_0_is_computed_again_on_request(
    changed: dict[str, Any], learned: list[str], tmp_path: Path
) -> None:
    study = finished(tmp_path, seed=[0, 1], **changed)
    rounds = {stage.key for t in study.plan.trajectories for stage in t.stages}
    without = verify(again(study, tmp_path / "a"), study.plan.trajectories)
    assert {one.stage.key for one in without} == rounds
    steps: list[tuple[int, int]] = []
    runner = again(study, tmp_path / "b")
    compared = verify(runner, study.plan.trajectories, True, lambda *step: steps.append(step))
    before = [one.stage for one in compared if one.stage.key not in rounds]
    names = [s.step.name if isinstance(s, PretrainingStage) else s.adaptation.name for s in before]  # type: ignore[attr-defined]
    assert names == learned, "shared by both seeds, and a step after the one that it rests on"
    assert runner.asked[: len(before)] == [stage.key for stage in before]
    assert steps[-1] == (len(learned) + 2, len(learned) + 2)


def test_results_of_other_code_are_said_to_be_so(study: OpenStudy, tmp_path: Path) -> None:
    trajectory = study.plan.trajectories[0]
    last = trajectory.last
    path = study.store.root / "ledger" / last.key[:2] / f"{last.key}.json"
    record = recorded(last, environment={"source": "of before"})
    path.write_text(json.dumps({"format": FORMAT, **asdict(record)}))
    changed = replace(record, measures={"ua": 0.1})
    compared = verify(again(study, tmp_path / "scratch", **{last.key: changed}), [trajectory])
    assert ": made by other code than today's, differs in ua" in compared[-1].sentence


def ask(study: OpenStudy, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", str(study.path), "--store", str(study.store.root), *arguments])
    return done.exit_code, done.output


def test_a_bad_sample_is_one_sentence(study: OpenStudy) -> None:
    code, said = ask(study, "--sample", "0%")
    assert code == 1
    assert said.startswith("error: --sample '0%': allowed is a percentage")


@pytest.mark.slow
def test_results_come_out_again_to_the_bit_and_a_changed_one_is_found(tmp_path: Path) -> None:
    study = opened(tmp_path)
    prepare(study)
    fix_threads(1)
    execution = Execution(str(study.store.root), str(tmp_path / "cache"))
    for job in jobs_of([study.plan], study.store.ledger.finished()).values():
        run(job.stage, execution)
    before = everything(study.store.root)
    code, said = ask(study, "--sample", "100%")
    assert code == 0, said
    assert "2 of 2 finished trajectories ran again" in said
    assert "checked: equal bits (same threads, versions and processor): 5 of 5 results" in said
    assert everything(study.store.root) == before, "the store is only read"

    record = study.store.need(study.plan.trajectories[0].key)
    path = study.store.root / "ledger" / record.key[:2] / f"{record.key}.json"
    told = json.loads(path.read_text())
    told["measures"]["ua"] += 0.001
    path.write_text(json.dumps(told))
    code, said = ask(study, "--sample", "100%")
    assert code == 1
    assert "4 of 5 results" in said
    assert f"round {record.key[:12]}: differs in ua (promised: equal bits" in said
    told["environment"]["packages"]["torch"] = "1.0"
    path.write_text(json.dumps(told))
    code, said = ask(study, "--sample", "100%")
    assert code == 0, said
    assert "because of another torch: 1 of 1 results" in said


@pytest.mark.slow
def test_an_adaptation_comes_out_again_to_the_bit_from_the_audio(tmp_path: Path) -> None:
    execution = Execution(str(tmp_path / "store"), str(tmp_path / "cache"))
    fix_threads(1)
    first = first_round(prepared(execution), TRANSFORMER)
    run_needs(first, execution)
    assert first.adapted is not None
    runner = Again(Store(execution.store), tmp_path / "scratch")
    compared = runner.learned(first.adapted)
    assert compared.wrong == ()
    made = Store(tmp_path / "scratch" / f"adaptation-{first.adapted.key}").need(first.adapted.key)
    assert made.finished > Store(execution.store).need(first.adapted.key).finished, "it was computed anew"


@pytest.mark.slow
def test_both_steps_of_a_pretraining_come_out_again_to_the_bit(tmp_path: Path) -> None:
    execution = Execution(str(tmp_path / "store"), str(tmp_path / "cache"))
    fix_threads(1)
    first = round_0(execution, SUPERVISED)
    last = pretraining_of(first)
    assert last.previous is not None
    run_all(last, execution)
    store = Store(execution.store)
    runner = Again(store, tmp_path / "scratch")
    for stage in (last.previous, last):
        assert runner.learned(stage).wrong == ()
        made = Store(tmp_path / "scratch" / f"pretraining-{stage.key}").need(stage.key)
        assert made.finished > store.need(stage.key).finished, "it was computed anew"
        assert made.measures["labels_revealed"] == store.need(stage.key).measures["labels_revealed"]
