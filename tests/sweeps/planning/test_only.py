"""`--only` chooses trajectories by axis, and refuses what would choose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.planning.only import EVERYTHING, BadSelection, Keys, Only
from sweeps.planning.plan import Plan
from tests.sweeps.small import small_study


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    strategies = ["random", "entropy", "margin"]
    folder = tmp_path_factory.mktemp("study")
    return small_study(folder, strategy=strategies, schedule=[10, 20], fold=[0, 1], seed="0..4").plan


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("strategy=entropy", 10),
        ("strategy=entropy|margin,fold=1", 10),
        ("seed=0..2", 18),
        (" strategy = random , seed = 1|3..4 ", 6),
    ],
)
def test_the_trajectories_that_are_named_are_chosen(plan: Plan, text: str, count: int) -> None:
    chosen = Only.parse(text).of(plan)
    assert len(chosen.trajectories) == count
    assert chosen.study == plan.study
    assert len(chosen.cells) == 2 * count


def test_nothing_named_is_everything(plan: Plan) -> None:
    assert EVERYTHING.of(plan) is plan


def test_by_key_none_may_be_chosen(plan: Plan) -> None:
    one = plan.trajectories[3].key
    assert [t.key for t in Keys(frozenset({one})).of(plan).trajectories] == [one]
    assert Keys(frozenset()).of(plan).trajectories == ()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("strategy", "'strategy' is not of the form axis=value"),
        ("strategy=", "'strategy=' is not of the form axis=value"),
        ("", "it names nothing"),
        ("ratio=20", "'ratio' is no axis of a trajectory; allowed: corpus, method"),
        ("fold=0,fold=1", r"'fold' is there twice; allowed: fold=one\|another"),
        ("fold=7", "no trajectory has fold '7'; allowed: 0, 1"),
        ("seed=5..3", r"the range '5\.\.3' runs backwards"),
        ("seed=0..9999999999", "has more than 10000 values"),
        ("strategy=bald", "no trajectory has strategy 'bald'; allowed: margin, random, entropy"),
    ],
)
def test_what_chooses_nothing_is_refused(plan: Plan, text: str, sentence: str) -> None:
    with pytest.raises(BadSelection, match=sentence):
        Only.parse(text).of(plan)


def test_strategies_with_options_are_chosen_however_they_are_spelled(tmp_path: Path) -> None:
    strategies = ["random", {"name": "power", "over": "entropy", "exponent": 2}, "power(margin)"]
    plan = small_study(tmp_path, strategy=strategies, schedule=[10, 20]).plan
    for text in ("strategy=power(entropy,exponent=2)", "strategy=power( entropy , exponent=2.0 )"):
        chosen = Only.parse(f"{text},fold=0").of(plan)
        assert {t.axes.strategy for t in chosen.trajectories} == {"power(entropy, exponent=2)"}
    both = Only.parse("strategy=power(entropy, exponent=2)|random").of(plan)
    assert {t.axes.strategy for t in both.trajectories} == {"power(entropy, exponent=2)", "random"}
