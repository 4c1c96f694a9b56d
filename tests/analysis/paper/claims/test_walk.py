import math
from dataclasses import replace

import numpy as np
import pytest

from analysis.paper.board import Board
from analysis.paper.claims import answers, declared, walk, walk_files, walk_frame, walk_table
from analysis.paper.claims.timing import explained_by_line
from analysis.study import StudyInfo
from tests.analysis.paper.cells import PAPERS, TWIN, family, flat, papers_study, results_of

NO_WEIGHTS = "not testable here (no pretrained weights)"


def verdict_of(results, claim, study=TWIN):
    (found,) = (verdict for verdict in walk(Board(results, study)) if verdict.claim.id == claim)
    return found


def pair(entropy, random=0.60, spread=1.0, **more):
    """Entropy and random, both with clustering initialization."""
    return results_of(
        family(flat(random, spread), strategy="random", **more), family(flat(entropy, spread), **more)
    )


def initializations(clustering, random=0.60, **more):
    return results_of(
        *(
            family(flat(score + shift), strategy=strategy, initialization=first, **more)
            for strategy, shift in (("random", 0.0), ("entropy", 0.005))
            for first, score in (("clustering", clustering), ("random", random))
        )
    )


def test_a_clear_lead_at_every_ratio_is_confirmed_for_this_classifier_on_this_corpus():
    verdict = verdict_of(pair(0.65), "entropy-beats-random")
    assert verdict.said == "confirmed for this classifier on this corpus"
    assert verdict.where == "emodb, functionals"
    assert {number.label for number in verdict.numbers} == {"5 %", "20 %", "100 %"}
    assert all(number.estimate == pytest.approx(0.05) for number in verdict.numbers)
    assert all(number.low < 0.05 < number.high for number in verdict.numbers)
    assert max(verdict.p.values()) < 0.05


def test_one_ratio_without_a_lead_takes_the_claim():
    lagging = lambda fold, seed, percent: flat(0.65 if percent != 20 else 0.59)(fold, seed, percent)  # noqa: E731
    results = results_of(family(flat(0.60), strategy="random"), family(lagging))
    verdict = verdict_of(results, "entropy-beats-random")
    assert verdict.answer == "not confirmed"
    assert verdict.reason.startswith("excluded by 20 %: −1.0 points")


def test_a_lead_too_small_to_matter_is_not_confirmed_and_one_that_may_matter_leaves_it_open():
    exact, wide = pair(0.6003), pair(0.606, spread=10)
    assert verdict_of(exact, "entropy-beats-random").answer == "not confirmed"
    verdict = verdict_of(wide, "entropy-beats-random")
    assert verdict.answer == "cannot tell"
    assert "detectable here: " in verdict.reason
    assert max(number.detectable for number in verdict.numbers) > 0.01


def test_runs_that_do_not_differ_at_all_are_no_lead():
    results = results_of(
        family(flat(0.6), strategy="random", percents=(5, 20)), family(flat(0.6), percents=(5, 20))
    )
    verdict = verdict_of(results, "entropy-beats-random")
    assert verdict.answer == "not confirmed"
    assert "no difference in any run" in verdict.reason


def test_ratios_at_which_no_other_result_was_possible_are_left_out():
    def score(fold, seed, percent):
        return flat(0.65 if percent < 100 else 0.6)(fold, seed, percent)

    percents = (5, 20, 40, 100)
    random = family(flat(0.6), strategy="random", percents=percents)
    entropy = family(score, percents=percents)
    for row, other in zip(entropy, random, strict=True):
        if row["percent"] == 5:
            row["key"] = other["key"]  # round 0 is the same run
    verdict = verdict_of(results_of(random, entropy), "entropy-beats-random")
    assert {number.label for number in verdict.numbers} == {"20 %", "40 %"}
    assert verdict.answer == "confirmed"
    assert verdict.coverage == "at 20 %, 40 %"


def test_missing_cells_are_named_and_nothing_is_tested():
    results = results_of(
        family(flat(0.6), strategy="random"),
        family(flat(0.65)),
        lost=lambda row: row["percent"] == 20 and row["fold"] == 0 and row["strategy"] == "entropy",
    )
    verdict = verdict_of(results, "entropy-beats-random")
    assert verdict.said == "not testable here (planned cells are missing: 5)"


def test_a_single_seed_is_not_testable():
    verdict = verdict_of(pair(0.65, seeds=1), "entropy-beats-random")
    assert verdict.answer == "not testable here"
    assert "needs at least 2 seeds" in verdict.reason
    assert {number.detectable for number in verdict.numbers} == {None}  # one of two tests finds nothing


def test_an_axis_that_a_study_lacks_is_named():
    verdict = verdict_of(pair(0.65), "clustering-helps")
    assert verdict.said == "not testable here (the study has no initialization clustering beside random)"
    assert verdict.where == "this study"


def test_clustering_has_to_help_every_strategy():
    assert verdict_of(initializations(0.64), "clustering-helps").answer == "confirmed"
    one_worse = results_of(
        *(
            family(flat(score), strategy=strategy, initialization=first)
            for strategy, first, score in (
                ("random", "clustering", 0.64),
                ("random", "random", 0.60),
                ("entropy", "clustering", 0.61),
                ("entropy", "random", 0.63),
            )
        )
    )
    verdict = verdict_of(one_worse, "clustering-helps")
    assert verdict.answer == "not confirmed"
    assert verdict.reason.startswith("excluded by entropy: −2.0 points")


def test_entropy_with_clustering_is_compared_with_every_other_pair():
    verdict = verdict_of(initializations(0.64), "entropy-with-clustering-is-best")
    assert len(verdict.numbers) == 3
    assert verdict.numbers[0].label == "against random, clustering init."


def test_without_pretrained_weights_claims_about_tapt_baselines_and_time_are_not_testable():
    results = results_of(*papers_study())
    for study in (replace(PAPERS, weights_are="random"), replace(PAPERS, weights_are="none")):
        said = {verdict.claim.id: verdict.said for verdict in walk(Board(results, study))}
        needing = {claim.id for claim in declared().claims if claim.weights == "pretrained"}
        assert {name for name, text in said.items() if text == NO_WEIGHTS} == needing


def test_with_pretrained_weights_they_are_tested():
    found = {v.claim.id: v for v in walk(Board(results_of(*papers_study()), PAPERS))}
    assert found["tapt-helps"].said == "confirmed for this backbone on this corpus"
    assert len(found["tapt-helps"].numbers) == 6  # three ratios, two strategies
    assert found["after-beats-baselines-ua"].answer == "confirmed"
    assert {number.label for number in found["after-beats-baselines-ua"].numbers} == {
        "against glam (100 %)", "against lssed (100 %)", "against FT (100 %)",
    }  # fmt: skip
    assert found["tapt-and-entropy-together-are-best"].answer == "confirmed"
    beaten = walk(Board(results_of(*papers_study(baseline=0.78)), PAPERS))
    assert {v.answer for v in beaten if v.claim.id.startswith("after-beats")} == {"not confirmed"}


def test_what_is_claimed_of_after_is_asked_of_the_adapted_model_with_its_initialization():
    (verdict,) = (
        v for v in walk(Board(results_of(*papers_study()), PAPERS)) if v.claim.id == "entropy-beats-random"
    )
    assert "tapt" in verdict.where
    assert "clustering" in verdict.where


@pytest.mark.parametrize(
    ("gain", "answer"), [(0.005, "confirmed"), (0.019, "cannot tell"), (0.06, "not confirmed")]
)
def test_little_is_gained_beyond_a_fifth_of_the_labels(gain, answer):
    noise = [flat(0.6, spread=2), flat(0.61, spread=2)]

    def score(fold, seed, percent):
        return noise[percent == 100](fold, seed, percent) + (gain - 0.01 if percent == 100 else 0)

    verdict = verdict_of(results_of(family(score)), "few-labels-are-nearly-enough")
    assert verdict.answer == answer
    assert verdict.numbers[0].estimate == pytest.approx(gain)


def spread_study(entropy, seeds=5):
    """Scores whose variance over seeds is that of random times the square of `entropy`."""
    noise = np.random.default_rng(3).normal(0, 0.01, (2, 5, seeds))

    def scored(which, factor):
        return lambda fold, seed, percent: 0.6 + factor * float(noise[which, fold, seed])

    return results_of(
        family(scored(0, 1.0), strategy="random", seeds=seeds), family(scored(1, entropy), seeds=seeds)
    )


def test_stability_is_a_smaller_variance_over_seeds():
    assert verdict_of(spread_study(0.02), "entropy-is-stable").answer == "confirmed"
    assert verdict_of(spread_study(50.0), "entropy-is-stable").answer == "not confirmed"
    verdict = verdict_of(spread_study(1.0), "entropy-is-stable")
    assert verdict.answer == "cannot tell"
    assert "a factor of" in verdict.reason


def test_the_ratio_of_variances_is_that_of_the_scores():
    known = verdict_of(spread_study(0.5), "entropy-is-stable").numbers[0].estimate
    alike = verdict_of(spread_study(1.0), "entropy-is-stable").numbers[0].estimate
    assert known == pytest.approx(0.25 * alike)


def test_stability_needs_seeds():
    assert "has 2" in verdict_of(spread_study(0.5, seeds=2), "entropy-is-stable").said


def test_other_claims_are_asked_of_the_corpus_own_labels_where_there_are_such():
    noise = [family(flat(0.70), strategy="random", label_noise="0.3"), family(flat(0.40), label_noise="0.3")]
    clean = [family(flat(0.60), strategy="random"), family(flat(0.65))]
    verdict = verdict_of(results_of(*noise, *clean), "entropy-beats-random")
    assert verdict.answer == "confirmed"
    assert verdict.where == "emodb, functionals, none flipped"
    alone = verdict_of(results_of(*noise), "entropy-beats-random")
    assert alone.answer == "not confirmed"


AFTER = {"method": "pooled_transformer", "adaptation": "tapt", "pretrained": True}


@pytest.mark.parametrize(
    ("seconds", "answer"),
    [
        ({5: 100.0, 10: 200.0, 15: 300.0, 20: 400.0}, "confirmed"),
        ({5: 100.0, 10: 100.0, 15: 100.0, 20: 500.0}, "not confirmed"),
    ],
)
def test_time_that_grows_along_a_line_is_linear(seconds, answer):
    noise = np.random.default_rng(7).normal(0, 5, (5, 5, 21))
    cells = family(
        flat(0.7),
        **AFTER,
        percents=(5, 10, 15, 20),
        seconds=lambda fold, seed, percent: seconds[percent] + float(noise[fold, seed, percent]),
    )
    verdict = verdict_of(results_of(cells), "time-grows-linearly", PAPERS)
    assert verdict.answer == answer
    assert verdict.numbers[0].estimate == pytest.approx(1.0 if answer == "confirmed" else 0.6, abs=0.02)


def test_two_ratios_are_no_line():
    verdict = verdict_of(
        results_of(family(flat(0.7), **AFTER, percents=(5, 20))), "time-grows-linearly", PAPERS
    )
    assert verdict.said == "not testable here (needs 3 ratios up to 20 %)"


def test_the_share_that_a_line_explains_is_r_squared():
    ratios = np.array([1.0, 2.0, 3.0, 4.0])
    seconds = np.array([[[2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 1.5, 3.0]]])
    expected = np.corrcoef(ratios, seconds[0, 1])[0, 1] ** 2
    assert explained_by_line(ratios, seconds)[0] == pytest.approx([1.0, expected])


@pytest.mark.parametrize(("few", "answer"), [(150.0, "confirmed"), (400.0, "not confirmed")])
def test_a_fifth_of_the_time_is_at_most_a_quarter(few, answer):
    noise = np.random.default_rng(6).normal(0, 0.02, (2, 5, 5))

    def seconds(fold, seed, percent):
        whole = 1000.0 if percent == 100 else few
        return whole * math.exp(float(noise[int(percent == 100), fold, seed]))

    cells = family(flat(0.7), **AFTER, seconds=seconds)
    verdict = verdict_of(results_of(cells), "a-fifth-of-the-time", PAPERS)
    assert verdict.answer == answer
    assert verdict.numbers[0].estimate == pytest.approx(few / 1000, rel=0.02)
    single = verdict_of(results_of(cells), "a-fifth-of-a-single-training", PAPERS)
    assert single.said == "not testable here (the study has no single training on all labels)"


def test_times_of_shared_devices_answer_nothing():
    verdict = verdict_of(results_of(family(flat(0.7), **AFTER, shared_by=2)), "a-fifth-of-the-time", PAPERS)
    assert verdict.answer == "not testable here"
    assert "shared their device" in verdict.reason


def test_holm_runs_over_the_questions_of_a_family():
    one = verdict_of(pair(0.65), "entropy-beats-random")
    both = results_of(
        family(flat(0.60), strategy="random"),
        family(flat(0.65)),
        family(flat(0.60), strategy="random", method="light_sernet"),
        family(flat(0.65), method="light_sernet"),
    )
    two = [v for v in walk(Board(both, TWIN)) if v.claim.id == "entropy-beats-random"]
    assert (one.family_size, [v.family_size for v in two]) == (1, [2, 2])
    assert two[0].p["quasi-F"] == pytest.approx(2 * one.p["quasi-F"])


def test_every_claim_has_a_verdict_in_the_order_of_the_file_and_the_counts_add_up():
    verdicts = walk(Board(pair(0.65), StudyInfo("x")))
    assert list(dict.fromkeys(v.claim.id for v in verdicts)) == [claim.id for claim in declared().claims]
    assert sum(answers(verdicts).values()) == len(verdicts)


def test_the_table_and_the_csv_say_what_a_verdict_rests_on():
    verdicts = walk(Board(pair(0.65), TWIN))
    table = walk_table(verdicts)
    row = next(row for row in table.rows if row[0].text.startswith("Entropy is better"))
    assert row[3].text == "confirmed for this classifier on this corpus"
    assert row[4].text.startswith("weakest of 3: ")
    assert "quasi-F <.001" in row[5].text
    lines = walk_frame(verdicts)
    own = lines[lines["claim"] == "entropy-beats-random"]
    assert own["comparison"].tolist() == [
        number.label for v in verdicts for number in v.numbers if v.claim.id == "entropy-beats-random"
    ]
    assert walk_files(verdicts)["paper/claims.csv"].count("entropy-beats-random") == 3
    assert "**confirmed for this classifier on this corpus**" in walk_files(verdicts)["paper/claims.md"]
    assert {"estimate", "low", "high", "detectable", "p_holm quasi-F", "test", "estimand"} <= set(
        lines.columns
    )
