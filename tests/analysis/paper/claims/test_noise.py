"""Whether noisy utterances are avoided: asked of single votes, on which annotators disagree."""

from dataclasses import replace

import pytest

from analysis.paper.board import Board
from analysis.paper.claims import walk
from tests.analysis.paper.cells import TWIN, family, flat, results_of


def asked(results):
    (found,) = (one for one in walk(Board(results, TWIN)) if one.claim.id == "noise-is-avoided")
    return found


def judged(entropy, random, annotations=("single", "votes(3)"), spread=1.0, **more):
    """Entropy and random, told by single votes: shares of wrong labels at 20 %; votes(3) has half as many."""

    def told(rows, share):
        return [
            row | {"wrong_acquired": share(row["fold"], row["seed"], row["percent"])}
            if row["percent"] > 5
            else row | {"wrong_acquired": None}
            for row in rows
        ]

    families = [
        told(
            family(flat(0.6), strategy=strategy, annotation=annotation, **more),
            flat(share if annotation == "single" else share / 2, spread),
        )
        for annotation in annotations
        for strategy, share in (("entropy", entropy), ("random", random))
    ]
    return results_of(family(flat(0.6)), family(flat(0.6), strategy="random"), *families)


def test_fewer_wrong_labels_of_every_annotation_by_single_votes_are_confirmed():
    verdict = asked(judged(0.12, 0.20))
    assert verdict.said == "confirmed for this classifier on this corpus"
    assert verdict.where == "emodb, functionals"
    found = {number.label: number.estimate for number in verdict.numbers}
    assert found == {
        "labels of one annotator, at 20 %": pytest.approx(-0.08),
        "labels by votes of 3, at 20 %": pytest.approx(-0.04),
    }
    assert all(number.low < number.estimate < number.high < 0 for number in verdict.numbers)
    assert set(verdict.p) == {"quasi-F", "Nadeau-Bengio"}
    assert max(verdict.p.values()) < 0.05
    assert "points" in verdict.reason


def test_more_wrong_labels_than_random_are_not_confirmed():
    verdict = asked(judged(0.26, 0.20))
    assert verdict.answer == "not confirmed"
    assert verdict.reason.startswith("excluded by ")
    assert verdict.numbers[0].estimate > 0


def test_as_many_wrong_labels_as_random_are_not_confirmed_where_a_hundredth_is_excluded():
    same = asked(judged(0.1999, 0.20, ("single",)))
    assert same.answer == "not confirmed"
    assert min(same.p.values()) > 0.05
    vague = asked(judged(0.1999, 0.20, ("single",), spread=30))
    assert vague.answer == "cannot tell"


def test_one_annotation_without_fewer_takes_the_claim():
    lagging = judged(0.12, 0.20)
    frame = lagging.frame.copy()
    at = (frame["annotation"] == "votes(3)") & (frame["strategy"] == "entropy")
    frame.loc[at, "wrong_acquired"] = frame.loc[at, "wrong_acquired"] + 0.1
    verdict = asked(replace(lagging, frame=frame))
    assert verdict.answer == "not confirmed"
    assert "votes of 3" in verdict.reason


def test_uniform_flips_are_no_noise_that_a_strategy_could_avoid():
    flipped = judged(0.02, 0.30, ("corpus",), label_noise="0.2")
    assert asked(flipped).said == (
        "not testable here (flips are drawn independently of the utterance, so every strategy is told as "
        "many wrong labels in expectation)"
    )
    both = results_of(
        *(
            [row | {"wrong_acquired": 0.1 + 0.2 * (strategy == "random")} for row in rows]
            for strategy in ("entropy", "random")
            for noise in ("0", "0.2")
            for rows in [family(flat(0.6), strategy=strategy, annotation="single", label_noise=noise)]
        )
    )
    verdict = asked(both)
    assert [number.label for number in verdict.numbers] == ["labels of one annotator, at 20 %"]
    assert verdict.where == "emodb, functionals, none flipped"


@pytest.mark.parametrize("annotation", ["corpus", "majority", "soft"])
def test_without_single_votes_no_wrong_label_is_asked_about(annotation):
    assert asked(judged(0.1, 0.2, (annotation,))).said == (
        "not testable here (the study has no annotation by single votes)"
    )


def test_without_the_ratio_or_anything_acquired_up_to_it_wrong_labels_are_not_testable():
    few = judged(0.12, 0.20, percents=(5, 10))
    assert asked(few).said == (
        "not testable here (the study has no strategy entropy beside random at 20 % with an annotation by "
        "single votes)"
    )
    first = judged(0.12, 0.20)
    frame = first.frame.assign(wrong_acquired=None)
    assert asked(replace(first, frame=frame)).said == ("not testable here (nothing is acquired up to 20 %)")
