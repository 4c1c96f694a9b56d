"""`after-ray plan` says what the candidates of a search take, apart from the study's own cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from after_ray.stages import ancestors
from sweeps.cli import app
from sweeps.cost.estimate import estimate
from sweeps.cost.startup import ASSUMED_SECONDS
from sweeps.scheduling.schedule import Capacity
from sweeps.searching.book import Book
from sweeps.searching.costs import DRAWN, SearchCost, _samples, configuration, search_costs
from sweeps.study.search.space import parameter
from tests.sweeps.searching.toy import STUDY, finish, opened

# Training steps alone are searched, half of them 100 and half of them 300.
STEPS = STUDY.replace("functionals", "{name: light_sernet, steps: 100}").replace(
    """\
    classifier.regularization: {loguniform: [1e-3, 1e3]}
    strategy: {choice: [entropy, margin]}
  candidates: 4
""",
    """\
    classifier.steps: {choice: [100, 300]}
    classifier.learning_rate: {loguniform: [1e-4, 1e-2]}
  candidates: 40
""",
)


def cost(folder: Path, text: str = STEPS, *overrides: str) -> SearchCost:
    (found,) = search_costs([opened(folder, text, *overrides)])
    assert isinstance(found, SearchCost)
    return found


def test_candidates_are_counted_by_their_number_folds_and_seeds(tmp_path: Path) -> None:
    one = cost(tmp_path)
    assert (one.candidates, len(one.each)) == (40, DRAWN)
    assert one.seconds == pytest.approx(one.shared + 40 * sum(one.each) / DRAWN)
    more = cost(tmp_path, STEPS.replace("candidates: 40", "candidates: 400"))
    assert more.seconds == pytest.approx(10 * one.seconds, rel=0.05)
    half = cost(tmp_path, STEPS.replace("seed: [101, 100]", "seed: [101]"))
    assert half.each == pytest.approx([each / 2 for each in one.each], rel=0.02), "the same are drawn"
    assert max(one.each) > 2 * min(one.each), "three times the steps, and the same scorings"
    assert one.shared > 0, "features are made once for all"


def test_what_some_of_the_drawn_ones_share_is_computed_once(tmp_path: Path) -> None:
    """Of two strategies and 100 or 300 steps, 40 candidates need four trajectories on each fold and seed."""
    text = STEPS.replace(
        "classifier.learning_rate: {loguniform: [1e-4, 1e-2]}", "strategy: {choice: [entropy, margin]}"
    )
    few = cost(tmp_path, text.replace("candidates: 40", "candidates: 4"))
    assert few.seconds == pytest.approx(few.shared + sum(few.each))
    assert few.shared > max(few.each), "round 0 of both numbers of steps is shared by two strategies each"


def test_round_0_is_shared_where_only_strategies_are_searched(tmp_path: Path) -> None:
    space = STUDY.replace("    classifier.regularization: {loguniform: [1e-3, 1e3]}\n", "")
    space = space.replace("candidates: 4", "candidates: 2")
    one = cost(tmp_path, space)
    assert len(one.each) == 2
    study = opened(tmp_path, space)
    samples, _ = _samples(Book.open(study))
    both = {stage.key for expanded in samples for stage in ancestors(expanded.stage)}
    plans = [expanded.plan for expanded in samples]
    stages = estimate(plans, [study.scans[0].manifest], study.store, set()).stages
    assert one.seconds == pytest.approx(sum(stages[key].seconds for key in both & stages.keys()))


def test_candidates_that_are_done_are_left_out_and_a_finished_search_says_nothing(tmp_path: Path) -> None:
    study = opened(tmp_path)
    book = Book.open(study)
    for number in range(4):
        finish(study.store, book.add({"classifier.regularization": 1.0 + number, "strategy": "entropy"}), 0.5)
        left = search_costs([study])
        if number < 3:
            assert isinstance(left[0], SearchCost)
            assert left[0].candidates == 3 - number
    assert left == []


def test_a_scheduler_makes_it_an_upper_bound(tmp_path: Path) -> None:
    said = cost(tmp_path).sentence(Capacity(2))
    assert said.startswith("search of small, not in these hours (assumed): at most ")
    assert "for 40 candidates (a scheduler stops some of them earlier), at most " in said
    without = cost(tmp_path, STEPS + "  scheduler: none\n").sentence(Capacity(2))
    assert "at most" not in without
    assert ", about " in without


def test_as_many_run_at_once_as_fit_or_may(tmp_path: Path) -> None:
    one = cost(tmp_path)
    mean = sum(one.each) / len(one.each)
    base = ASSUMED_SECONDS + one.shared
    assert one.wall_seconds(Capacity(4)) == pytest.approx(base + 10 * mean)
    assert one.wall_seconds(Capacity(1000)) == pytest.approx(base + mean)
    limited = cost(tmp_path, STEPS + "  concurrent: 2\n")
    assert limited.wall_seconds(Capacity(4)) == pytest.approx(base + 20 * mean)
    large = cost(tmp_path, STEPS, "resources.cpu=8")
    assert large.wall_seconds(Capacity(4)) is None
    assert "no candidate fits on 4 cores" in large.sentence(Capacity(4))


def test_a_search_of_refused_candidates_says_why_it_is_not_counted(tmp_path: Path) -> None:
    text = STUDY.replace("strategy: {choice: [entropy, margin]}", "schedule: {choice: [[30, 50], [35, 45]]}")
    (found,) = search_costs([opened(tmp_path, text.replace("ratios: [20, 40]\n", ""))])
    assert isinstance(found, str)
    assert "not known, since none could be drawn: It reports at" in found


def test_draws_stay_in_the_space_and_keep_their_kind() -> None:
    space = {
        "a": parameter({"int": [1, 3]}),
        "b": parameter({"int": [1, 1000], "log": True}),
        "c": parameter({"loguniform": [1e-4, 1e-1]}),
        "d": parameter({"choice": ["x", None]}),
    }
    generator = np.random.default_rng(1)
    drawn = [configuration(space, generator) for _ in range(2000)]
    assert {one["a"] for one in drawn} == {1, 2, 3}
    assert all(type(one["b"]) is int and 1 <= one["b"] <= 1000 for one in drawn)
    assert 0.3 < np.mean([one["b"] <= 31 for one in drawn]) < 0.7, "as many below as above, by the logarithm"
    assert all(1e-4 <= one["c"] <= 1e-1 for one in drawn)
    assert {one["d"] for one in drawn} == {"x", None}


def test_plan_tells_a_search_beside_the_studys_own_cells(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    corpus = "corpus: {name: synthetic, speakers: 6, sentences: 5}"
    protocol = "protocol: {preset: paper, folds: {count: 5}}\nfold: 0\n"
    path.write_text(STUDY.replace("corpus: {name: synthetic}", corpus) + protocol)
    arguments = ["plan", str(path), "--store", str(tmp_path / "store"), "--cpus", "2"]
    said = " ".join(CliRunner().invoke(app, arguments).output.split())
    assert "search of small, not in these hours (assumed): at most" in said
    numbers = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert numbers["search_hours"]["small"] > 0
    path.write_text(path.read_text().partition("search:")[0] + protocol)
    assert "search_hours" not in json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert not (tmp_path / "store" / "searches").exists(), "what was drawn to estimate is written nowhere"
