"""When a claim is refuted: by both tests, and by intervals that hold for all of its comparisons together."""

import numpy as np
import pytest

from analysis.paper.claims import declared
from analysis.paper.claims.questions import Member, Question
from analysis.paper.claims.verdicts import judge
from analysis.significance import Evidence, nadeau_bengio, quasi_f

SMALLEST = 0.01
CLAIM = next(claim for claim in declared().claims if claim.id == "entropy-beats-random")
EFFECT = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
NOISE = np.random.default_rng(5).normal(0, 1e-4, (5, 5))


def answer(*differences, ratio=0.25):
    members = tuple(
        Member(f"{place} %", Evidence(values, ratio), SMALLEST) for place, values in enumerate(differences)
    )
    return judge([Question(CLAIM, "here", members)])[0].answer


@pytest.mark.parametrize(
    ("differences", "excluding", "other"),
    [
        (-0.002 + 0.003 * EFFECT + NOISE, "crossed", "corrected"),  # folds differ, and training sets overlap
        (-0.002 + 0.01 * EFFECT[:, np.newaxis] + NOISE, "corrected", "crossed"),  # seeds differ
    ],
)
def test_a_claim_is_refuted_only_where_both_intervals_exclude_what_would_matter(
    differences, excluding, other
):
    ratio = 2.0
    tests = {"crossed": quasi_f(differences), "corrected": nadeau_bengio(differences, ratio)}
    assert tests[excluding].interval[1] < SMALLEST < tests[other].interval[1]
    assert answer(differences, ratio=ratio) == "cannot tell"
    assert answer(differences - 0.05, ratio=ratio) == "not confirmed"


def test_among_many_comparisons_one_refutes_a_claim_only_by_an_interval_that_holds_for_all_of_them():
    lagging = 0.001 + 0.003 * EFFECT + NOISE
    leading = [0.05 + 0.003 * EFFECT + NOISE] * 19
    assert answer(lagging) == "not confirmed"
    assert answer(lagging, *leading) == "cannot tell"
    assert answer(lagging - 0.02, *leading) == "not confirmed"


def test_the_interval_of_each_of_four_comparisons_has_a_quarter_of_the_error():
    lagging = 0.001 + 0.003 * EFFECT + NOISE
    leading = [0.05 + 0.003 * EFFECT + NOISE] * 3
    ends = [
        max(test.interval[1] for test in (quasi_f(lagging, level), nadeau_bengio(lagging, 0.25, level)))
        for level in (0.95, 1 - 0.05 / 4)
    ]
    below, above = (SMALLEST - end for end in (ends[1] + 1e-5, ends[1] - 1e-5))
    assert ends[0] < ends[1] - 1e-4
    assert answer(lagging + below, *leading) == "not confirmed"
    assert answer(lagging + above, *leading) == "cannot tell"
