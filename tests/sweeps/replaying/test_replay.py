"""Another classifier labels what the first one chose, in its order, round by round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from after_ray.acquisition import NOT_RECORDED
from after_ray.errors import BrokenInvariant
from after_ray.execution.kept_selections import check_replayed, kept_rows, places_of
from after_ray.stages import SelectionsStage
from sweeps.cost.clips import Corpora
from sweeps.cost.measure import unmeasured
from sweeps.cost.work import Works, choice_of
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.provenance.verify import Again, verify
from tests.sweeps.replaying.recorded import BY_HAND, by_hand, exported, replaying, rewrite
from tests.sweeps.selections.ran import run_here

LIGHT = {"name": "light_sernet", "steps": 2, "evaluations": 1, "batch_size": 8}
TWO = ["random", "clustering"]


def acquired(opened: OpenStudy) -> dict[tuple[str, int], list[str]]:
    """By initialization and fold what the trajectories of entropy, or those that replay it, labelled."""
    found = {}
    for trajectory in opened.plan.trajectories:
        if "entropy" in trajectory.axes.strategy:
            records = [opened.store.need(stage.key) for stage in trajectory.stages]
            names = [name for record in records for name in record.details["acquired"]]
            found[trajectory.axes.initialization, trajectory.axes.fold] = names
    return found


@pytest.mark.parametrize("classifier", ["functionals", LIGHT], ids=["same", "another"])
def test_a_replay_labels_what_was_labelled_in_the_same_order(
    ran: OpenStudy, tmp_path: Path, classifier: object
) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, classifier=classifier, initialization=TWO)
    assert {t.axes.strategy for t in again.plan.trajectories} == {"replay(entropy)"}
    run_here(again)
    assert acquired(again) == acquired(ran)
    for trajectory in again.plan.trajectories:
        first = again.store.need(trajectory.first.key)
        assert "clusters" not in first.details, "no initialization was run"
        assert first.details["acquired_scores"] is None


def test_the_same_classifier_gets_the_same_results(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, fold=1)
    run_here(again)
    (replayed,) = again.plan.trajectories
    first = next(
        t
        for t in ran.plan.trajectories
        if (t.axes.strategy, t.axes.initialization, t.axes.fold) == ("entropy", "random", 1)
    )
    for here, there in zip(replayed.stages, first.stages, strict=True):
        assert here.key != there.key
        told = [store.need(stage.key) for store, stage in ((again.store, here), (ran.store, there))]
        assert dict(told[0].measures) == dict(told[1].measures)


def test_another_schedule_cuts_the_same_order_elsewhere(ran: OpenStudy, tmp_path: Path) -> None:
    rewrite(exported(ran, tmp_path), by_hand, BY_HAND)
    again = replaying(tmp_path, schedule=[15, 25, 30], classifier=LIGHT)
    run_here(again)
    there, sizes = acquired(ran), [stage.size for stage in again.plan.trajectories[0].stages]
    assert sizes == [11, 18, 22]
    for (initialization, fold), names in acquired(again).items():
        assert names == there[initialization, fold][: sizes[-1]]


def test_seconds_of_audio_cut_the_same_order(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    protocol = {"folds": {"count": 3}, "budget": "seconds"}
    again = replaying(tmp_path, schedule=[12, 20, 30], protocol=protocol)
    run_here(again)
    there = acquired(ran)
    for (initialization, fold), names in acquired(again).items():
        assert len(names) >= 12
        assert names == there[initialization, fold][: len(names)]


def test_round_0_alone_is_replayed_too(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, schedule=[30])
    run_here(again)
    assert acquired(again) == {
        (name, fold): names[:22] for (name, fold), names in acquired(ran).items() if name == "random"
    }


def test_others_of_the_study_are_as_without_it(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    entry = {"name": "replay", "over": "entropy", "file": "selections.csv"}
    mixed = replaying(tmp_path, strategy=["random", "entropy", entry], initialization=TWO)
    plain = {t.key for t in ran.plan.trajectories}
    assert {t.key for t in mixed.plan.trajectories if t.axes.strategy != "replay(entropy)"} == plain
    assert mixed.plan.recorded.keys() == mixed.plan.of_kind(SelectionsStage).keys()
    only = open_study(mixed.path, mixed.store.root, ["strategy=random"])
    assert only.plan.recorded == {}


def test_a_recording_is_in_the_store_before_anything_runs_and_below_every_round(
    ran: OpenStudy, tmp_path: Path
) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, fold=0)
    jobs = run_here(again)
    ((key, stage),) = again.plan.of_kind(SelectionsStage).items()
    assert key not in jobs, "no trial makes it"
    assert isinstance(stage, SelectionsStage)
    names = again.scans[0].manifest.table["utterance"].to_numpy()[kept_rows(stage, again.store)]
    assert names.tolist() == acquired(ran)["random", 0]
    for each in again.plan.trajectories[0].stages:
        assert key in again.store.need(each.key).parents


def test_what_a_study_writes_down_of_itself_can_be_read_again(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, {"where": {"restart": "pretrained"}}, fold=0)
    assert "file: selections.csv" in again.resolved_yaml
    values = {name: value for name, value in yaml.safe_load(again.resolved_yaml).items() if value != []}
    assert values["strategy"] == ["replay(entropy)"]
    written = tmp_path / "written.yaml"
    written.write_text(yaml.safe_dump(values))
    assert open_study(written, again.store.root).plan.keys == again.plan.keys


def test_places_are_those_of_train_in_the_recorded_order() -> None:
    train = np.array([9, 2, 4, 7])
    places = places_of(np.array([7, 2, 5]), train)
    assert places.tolist() == [1, NOT_RECORDED, 0, NOT_RECORDED]


def test_a_round_that_left_its_recording_is_not_recorded() -> None:
    rows = np.array([5, 3, 8])
    check_replayed(rows[:2], rows)
    for labelled in ([3, 5], [5, 3, 8, 1], [5, 4]):
        with pytest.raises(BrokenInvariant, match="others than the recording"):
            check_replayed(np.array(labelled), rows)


def test_a_replay_comes_out_again(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, fold=0)
    run_here(again)
    (tmp_path / "apart").mkdir()
    compared = verify(Again(again.store, tmp_path / "apart"), list(again.plan.trajectories))
    assert len(compared) == 3
    assert not any(one.wrong for one in compared)


def test_a_replay_is_planned_as_its_training_alone(ran: OpenStudy, tmp_path: Path) -> None:
    exported(ran, tmp_path)
    again = replaying(tmp_path, initialization="clustering", fold=0)
    manifests = [scan.manifest for scan in again.scans]
    works = Works(Corpora([again.plan], manifests))
    for stage in again.plan.trajectories[0].stages:
        phases = works.of(stage)
        assert choice_of("random") in {phase.group for phase in phases}, "nothing is clustered"
        assert all(phase.operations == 0 for phase in phases if phase.name == "score")
    run_here(again)
    assert unmeasured([again.plan], manifests, again.store, again.store.ledger.finished()) == []
