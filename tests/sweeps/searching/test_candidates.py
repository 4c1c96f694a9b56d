"""A candidate is a configuration as the rounds it is judged by: the same blocks in the same order for all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.candidate import CandidateStage, RungRule
from sweeps.planning.plan import Plan, make_plan
from sweeps.searching.candidates import BadRungs, Expanded, Expander
from sweeps.searching.shared import shared_jobs
from sweeps.study.study_file import StudyError
from tests.sweeps.searching.toy import STUDY, book, configuration, opened

# Within one block all folds are one too many, whatever the corpus; the file alone does not tell.
ALONE = STUDY.replace("fold: [3, 1]\n  seed: [101, 100]", "fold: all\n  seed: 100\n  rungs: ratios")


def expanded(folder: Path, text: str = STUDY, **settings: object) -> Expanded:
    return Expander(opened(folder, text)).expand({**configuration(2.0, "margin"), **settings})


def places(asked: Expanded) -> list[tuple[int, int, float]]:
    """Fold, seed and percent of each rung."""
    found = {
        stage.key: (trajectory.axes.fold, trajectory.axes.seed, percent)
        for trajectory in asked.plan.trajectories
        for percent, stage in zip(trajectory.percents, trajectory.stages, strict=True)
    }
    return [found[stage.key] for stage in asked.stage.rounds]


def test_rungs_of_blocks_go_seed_by_seed_through_the_folds_at_the_last_reported_ratio(tmp_path: Path) -> None:
    assert places(expanded(tmp_path)) == [(3, 101, 40), (1, 101, 40), (3, 100, 40), (1, 100, 40)]


def test_rungs_of_ratios_are_the_reported_points_of_one_block(tmp_path: Path) -> None:
    text = STUDY.replace("fold: [3, 1]\n  seed: [101, 100]", "fold: 2\n  seed: 100\n  rungs: ratios")
    assert places(expanded(tmp_path, text)) == [(2, 100, 20), (2, 100, 40)]


def test_all_folds_of_a_corpus_make_as_many_blocks(tmp_path: Path) -> None:
    text = STUDY.replace("fold: [3, 1]", "fold: all")
    assert len(expanded(tmp_path, text).stage.rounds) == Expander(opened(tmp_path, text)).rungs == 10


def test_a_corpus_with_too_few_blocks_to_stop_candidates_is_refused(tmp_path: Path) -> None:
    text = STUDY.replace("fold: [3, 1]", "fold: protocol").replace("seed: [101, 100]", "seed: 100")
    text = text.replace("ratios:", "protocol: {fold: [0]}\nratios:")
    with pytest.raises(StudyError, match="only one rung"):
        opened(tmp_path, text)
    with pytest.raises(BadRungs, match="make 5; name one fold"):
        _ = Expander(opened(tmp_path, ALONE)).rungs


def test_a_value_is_the_mean_over_blocks_or_the_newest_ratio() -> None:
    assert CandidateStage((), RungRule("blocks")).value((0.5, 0.7)) == pytest.approx(0.6)
    assert CandidateStage((), RungRule("ratios")).value((0.5, 0.7)) == 0.7


def test_a_candidates_key_is_what_its_rounds_mean_and_how_candidates_are_stopped(tmp_path: Path) -> None:
    stage = expanded(tmp_path).stage
    assert expanded(tmp_path, STUDY.replace("seed: 0..2", "seed: 7")).stage.key == stage.key
    assert expanded(tmp_path, STUDY.replace("study: small", "study: other")).stage.key == stage.key
    assert replace(stage, rounds=stage.rounds[::-1]).key != stage.key
    assert replace(stage, rule=replace(stage.rule, scheduler="none")).key != stage.key


def test_a_grid_and_a_search_share_their_stages(tmp_path: Path) -> None:
    grid = "\n".join(line for line in STUDY.split("search:")[0].splitlines() if "seed" not in line)
    grid = grid.replace("classifier: functionals", "classifier: {name: functionals, regularization: 2.0}")
    text = grid.replace("strategy: entropy", "strategy: margin") + "\nfold: [1, 3]\nseed: [100, 101]\n"
    plan: Plan = opened(tmp_path, text).plan
    assert {stage.key for stage in expanded(tmp_path).stage.rounds} <= plan.keys


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("strategy", "margn", "unknown strategy 'margn'"),
        ("strategy", ["margin", "entropy"], "2 trajectories per fold and seed"),
        ("schedule", [20, 30], "ratios 40 are not points of the schedule"),
        ("schedule", [1, 2, 40, 60], "ratios 20 are not points"),
    ],
)
def test_a_configuration_that_is_no_study_is_refused_and_the_others_are_not(
    tmp_path: Path, path: str, value: object, said: str
) -> None:
    expander = Expander(opened(tmp_path))
    refused = expander.candidate(1, {**configuration(2.0), path: value})
    assert refused.key is None
    assert said in str(refused.asks)
    assert expander.candidate(2, configuration(2.0)).key is not None


def test_a_block_is_put_in_before_what_is_in_it(tmp_path: Path) -> None:
    asked = Expander(opened(tmp_path)).expand({"classifier.regularization": 7.0, "classifier": "functionals"})
    assert asked.plan.study.classifier[0].model_dump()["regularization"] == 7.0


def test_a_schedule_that_reports_elsewhere_cannot_be_compared(tmp_path: Path) -> None:
    text = STUDY.replace("ratios: [20, 40]\n", "")
    refused = Expander(opened(tmp_path, text)).candidate(1, {**configuration(1.0), "schedule": [20, 50]})
    assert "reports at 50 %, but candidates are compared at 60 %" in str(refused.asks)


def test_only_what_no_searched_setting_touches_is_shared_by_all(tmp_path: Path) -> None:
    jobs = shared_jobs(Expander(opened(tmp_path)), set())
    assert [job.kind for job in jobs.values()] == ["features"]
    head, _, tail = STUDY.partition("    classifier.regularization: {loguniform: [1e-3, 1e3]}\n")
    strategies_only = Expander(opened(tmp_path, head + tail.replace("candidates: 4", "candidates: 2")))
    kinds = [job.kind for job in shared_jobs(strategies_only, set()).values()]
    assert kinds == ["features", *["first_round"] * 4], "strategies share round 0 of each block"


def test_what_is_shared_is_done_once(tmp_path: Path) -> None:
    expander = Expander(opened(tmp_path))
    done = set(shared_jobs(expander, set()))
    assert shared_jobs(expander, done) == {}


def test_the_folds_and_seeds_of_the_study_itself_are_not_those_of_its_candidates(tmp_path: Path) -> None:
    study = opened(tmp_path)
    own = make_plan(study.study, [scan.manifest for scan in study.scans]).keys
    assert not {stage.key for stage in expanded(tmp_path).stage.rounds} & own


def test_a_candidate_is_numbered_and_found_again_in_the_book(tmp_path: Path) -> None:
    first = book(tmp_path)
    first.add(configuration(1.0))
    first.add(configuration(2.0))
    again = book(tmp_path)
    assert [one.number for one in again.candidates] == [1, 2]
    assert [one.key for one in again.candidates] == [one.key for one in first.candidates]
