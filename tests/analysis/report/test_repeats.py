"""Seeds that repeat a result are told, because tests over seeds count them."""

import pytest

from analysis.report.repeats import repeated_seeds


@pytest.fixture
def frame(make_study):
    """Four seeds; random differs by seed, entropy gives one result in fold 0 and two in the others."""
    results = make_study(lambda *_: 0.5, folds=(0, 1), seeds=(0, 1, 2, 3), share_first=False).results
    losses = []
    for row in results.frame.itertuples(index=False):
        repeated = 0 if row.fold == 0 else row.seed // 2
        losses.append(row.seed if row.strategy == "random" else repeated)
    return results.frame.assign(loss=losses)


def test_a_family_whose_seeds_repeat_is_named_with_its_ratios(frame):
    (sentence,) = repeated_seeds(frame)
    assert sentence.startswith(
        "entropy: the 4 seeds of a fold give only 1 to 2 different results at 1 %, 5 %, 10 %"
    )


def test_with_everything_labelled_seeds_may_agree(frame):
    assert repeated_seeds(frame.assign(labelled=frame["train"])) == []


def test_a_single_seed_repeats_nothing(frame):
    assert repeated_seeds(frame[frame["seed"] == 0]) == []
