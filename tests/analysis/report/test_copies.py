"""A report says which copy of a corpus its results were made from, and what is wrong with it first."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from after_ray.corpora._contract import LEVELS
from analysis.report.copies import _WORDS, SHOWN, copy_in_words, differences_in_words
from analysis.report.facts import warnings
from analysis.results import Results
from analysis.study import UNKNOWN, Copy, CorpusInfo, StudyInfo

ALTERED = Copy("altered", ("2 of 339 utterances are missing (03a01Fa, 03a01Nc)", "1 of another class"))
NOT_KNOWN = Copy()
OPTIMISTIC = "shares speakers with test: results are optimistic, not speaker-independent model selection"


def study(copy: Copy = NOT_KNOWN, **known: Any) -> StudyInfo:
    return StudyInfo("known", corpora={"emodb": CorpusInfo(copy=copy, **known)})


def results_of(make_study: Any, *levels: str | None) -> Results:
    """One cell per level, in folds of their own; None is a record of an earlier version."""
    noted = [{} if level is None else {"conformity": level} for level in levels]
    made = make_study(
        lambda *_: 0.5,
        strategies=("random",),
        percents=(5,),
        folds=range(len(levels)),
        seeds=(0,),
        details=lambda strategy, percent, fold, seed: noted[fold],
    )
    return made.results


def words(make_study: Any, level: str | None, copy: Copy) -> str:
    return copy_in_words(results_of(make_study, level).frame, copy)


def test_every_level_of_a_contract_has_words() -> None:
    assert set(_WORDS) == {*LEVELS, UNKNOWN}


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("official", "official"),
        ("converted", "converted: another rate or codec"),
        ("none", "no official release"),
        ("altered", "ALTERED: 2 of 339 utterances are missing (03a01Fa, 03a01Nc); 1 of another class"),
    ],
)
def test_the_copy_is_named_with_what_is_different_in_it(make_study, level: str, said: str) -> None:
    copy = ALTERED if level == "altered" else Copy(level)
    assert words(make_study, level, copy) == said


@pytest.mark.parametrize(("recorded", "said"), [("official", "official"), ("altered", "ALTERED")])
def test_a_record_is_believed_more_than_the_copy_that_is_read_now(make_study, recorded, said) -> None:
    assert words(make_study, recorded, Copy("converted")) == said


@pytest.mark.parametrize("level", [None, "unknown"])
def test_an_older_record_names_no_copy_and_the_page_says_so(make_study, level: str | None) -> None:
    cells = results_of(make_study, level).frame
    assert copy_in_words(cells, Copy("official")) == "not recorded (read now: official)"
    assert copy_in_words(cells, Copy()) == "not recorded"


def test_every_member_of_a_merged_corpus_has_its_copy_named(make_study) -> None:
    merged = Copy("altered", members={"iemocap": Copy("official"), "emodb": ALTERED})
    said = words(make_study, "altered", merged)
    assert said.startswith("iemocap (official), emodb (ALTERED: 2 of 339 utterances are missing")
    assert differences_in_words(merged) == (
        "emodb: 2 of 339 utterances are missing (03a01Fa, 03a01Nc); emodb: 1 of another class"
    )


def test_many_differences_are_counted_and_not_all_written_out() -> None:
    many = Copy("altered", tuple(f"clause {number}" for number in range(SHOWN + 2)))
    assert differences_in_words(many).endswith(f"clause {SHOWN - 1}; and 2 more differences")


def test_results_of_an_altered_copy_are_warned_about_with_its_differences(make_study) -> None:
    (warning,) = warnings(results_of(make_study, "altered", "altered"), study(ALTERED))
    assert warning == (
        "Results of emodb are of an ALTERED copy and not of the official release (2 cells): "
        "2 of 339 utterances are missing (03a01Fa, 03a01Nc); 1 of another class."
    )


def test_older_results_of_a_copy_that_is_altered_are_warned_about_too(make_study) -> None:
    (warning,) = warnings(results_of(make_study, None), study(ALTERED))
    assert "ALTERED copy" in warning
    assert "(1 cell)" in warning


def test_cells_from_copies_of_different_levels_are_warned_about(make_study) -> None:
    results = results_of(make_study, "converted", "official", "official")
    assert copy_in_words(results.frame, Copy("official")) == "official and converted: another rate or codec"
    (warning,) = warnings(results, study(Copy("official")))
    assert warning.startswith(
        "Results of emodb come from copies of different levels (official in 2 cells, converted in 1 cell)"
    )


def test_validation_by_test_speakers_is_warned_about(make_study) -> None:
    results = results_of(make_study, "official")
    assert warnings(results, study(validation_shares_speakers=False)) == []
    (warning,) = warnings(results, study(validation_shares_speakers=True))
    assert warning == f"Validation of emodb {OPTIMISTIC}."


def test_speakers_of_test_that_are_trained_on_are_warned_about(make_study) -> None:
    results = results_of(make_study, "official")
    (warning,) = warnings(results, study(test_shares_speakers=True, validation_shares_speakers=True))
    assert "speakers of test are trained on: results are optimistic" in warning


def test_the_gravest_warning_is_the_first(make_study) -> None:
    results = results_of(make_study, "official", "altered")
    results.frame["collapsed"] = True
    said = warnings(results, study(ALTERED, validation_shares_speakers=True))
    signs = ("ALTERED copy", "different levels", OPTIMISTIC, "one class for everything")
    assert [sign in text for sign, text in zip(signs, said, strict=True)] == [True] * 4


def test_each_corpus_is_judged_by_itself(make_study) -> None:
    results = results_of(make_study, "official", "none")
    results.frame["corpus"] = ["emodb", "synthetic"]
    assert warnings(results, study(Copy("official"))) == []
    altered = dataclasses.replace(study(), corpora={"synthetic": CorpusInfo(validation_shares_speakers=True)})
    assert warnings(results, altered) == [f"Validation of synthetic {OPTIMISTIC}."]
