"""Every study that ships is valid, plans, and says which claim it tests; the paper's plan together."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.paper.claims import declared
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.planning.trajectories import Trajectory
from tests.sweeps.made_up import MadeUpScans, made_up_hub

FOLDER = Path(__file__).parents[2] / "sweeps"
PAPER = sorted((FOLDER / "paper").glob("*.yaml"))
STUDIES = sorted(path for path in FOLDER.rglob("*.yaml"))
SEVEN = {"entropy", "least_confidence", "margin", "alps", "batchbald", "clustering", "random"}
BASELINES = {"glam", "lssed", "rh_emo", "light_sernet", "w2v2_l_r_12"}  # and pseudo_tapt, an adaptation


@pytest.fixture(autouse=True)
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AFTER_RAY_CORPORA", str(tmp_path))
    with made_up_hub(tmp_path / "hub", monkeypatch):
        yield


def opened(path: Path, tmp_path: Path) -> OpenStudy:
    return open_study(path, tmp_path / "store", scans=MadeUpScans())


def paper(name: str, tmp_path: Path) -> tuple[Trajectory, ...]:
    return opened(FOLDER / "paper" / f"{name}.yaml", tmp_path).plan.trajectories


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_every_study_that_ships_plans(path: Path, tmp_path: Path) -> None:
    study = opened(path, tmp_path)
    assert study.plan.cells
    assert study.study.description


def claims_of(path: Path) -> list[str]:
    """The ids after `Claims:` in the comment that a study begins with."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text().splitlines())
    head = " ".join(line.removeprefix("#").strip() for line in lines)
    found = re.search(r"Claims?: ([a-z0-9-]+(?:, [a-z0-9-]+)*)", head)
    return found[1].split(", ") if found else []


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: str(path.relative_to(FOLDER).with_suffix("")))
def test_the_claims_that_a_study_names_are_there(path: Path) -> None:
    ids = {claim.id for claim in declared().claims}
    named = claims_of(path)
    assert set(named) <= ids
    assert named or path.parent.name != "paper", "a study of the paper tests a claim"


def test_every_claim_of_the_paper_is_tested_by_one_of_its_studies() -> None:
    named = {claim for path in STUDIES for claim in claims_of(path)}
    assert {claim.id for claim in declared().claims} == named


def test_figure_2_is_seven_strategies_by_two_initializations_by_fifty_repeats(tmp_path: Path) -> None:
    found = paper("figure2", tmp_path)
    assert len(found) == 7 * 2 * 5 * 10
    assert {one.axes.strategy for one in found} == SEVEN
    assert {one.percents for one in found} == {(1, 5, 10, 15, 20, 30, 40, 60, 80, 100)}


def test_table_3_is_after_and_six_baselines_on_two_corpora(tmp_path: Path) -> None:
    found = paper("table3", tmp_path)
    rows = Counter((one.axes.corpus, _who(one)) for one in found)
    assert set(rows.values()) == {50}
    for corpus in ("iemocap", "merged"):
        assert {who for at, who in rows if at == corpus} == {
            *((name, "none", "none", 100.0) for name in (*BASELINES, "functionals")),
            ("pooled_transformer", "pseudo_tapt", "none", 100.0),
            ("pooled_transformer", "tapt", "none", 100.0),
            ("pooled_transformer", "tapt", "entropy", 20.0),
            ("pooled_transformer", "tapt", "random", 20.0),
        }


def _who(one: Trajectory) -> tuple[str, str, str, float]:
    (reported,) = one.reported
    return one.axes.method, one.axes.adaptation, one.axes.strategy, reported


def test_tables_and_figures_on_merged_share_their_trajectories(tmp_path: Path) -> None:
    """What tables adapt and choose is in the figure's curves; what is not adapted is theirs alone."""
    curves = {stage.key for one in paper("figure2", tmp_path) for stage in one.stages}
    for name in ("table2", "table3", "table4", "figure3"):
        for one in paper(name, tmp_path):
            learned = one.axes.strategy != "none" and one.axes.adaptation == "tapt"
            if learned and one.axes.corpus == "merged":
                assert {stage.key for stage in one.stages} <= curves, (name, one.axes)


def test_all_studies_of_the_paper_ask_for_one_adaptation_per_fold_and_seed(tmp_path: Path) -> None:
    adapted = Counter(
        (one.first.audio.corpus, one.axes.fold, one.axes.seed, one.first.adapted.key)
        for path in PAPER
        for one in opened(path, tmp_path).plan.trajectories
        if one.first.adapted is not None and one.axes.adaptation == "tapt"
    )
    assert len({place[:3] for place in adapted}) == len({place[3] for place in adapted}) == 100


def test_searches_give_every_method_as_many_candidates(tmp_path: Path) -> None:
    searches = [opened(path, tmp_path).study.search for path in (FOLDER / "search").glob("*.yaml")]
    assert len(searches) == 8
    assert {(one.candidates, one.seed) for one in searches if one is not None} == {(20, (100,))}
