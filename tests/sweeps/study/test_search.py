"""A search that cannot be what is meant is refused before anything runs, with the line of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import AfterRayError
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.search.settings import Search
from sweeps.study.study_file import StudyError
from tests.sweeps.searching.toy import STUDY, book

REGULARIZATION = "{loguniform: [1e-3, 1e3]}"


def load(folder: Path, text: str) -> Study:
    path = folder / "small.yaml"
    path.write_text(text)
    return load_study(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(StudyError) as refused:
        load(folder, text)
    return str(refused.value)


def test_a_search_is_read_with_its_defaults(tmp_path: Path) -> None:
    search = load(tmp_path, STUDY).search
    assert search is not None
    assert (search.algorithm, search.scheduler, search.rungs) == ("optuna", "asha", "blocks")
    assert (search.fold, search.seed) == ((3, 1), (101, 100))


def test_a_space_is_written_as_it_was_read(tmp_path: Path) -> None:
    forms = {
        "a": {"int": [1, 9], "log": True},
        "b": {"int": [0, 9]},
        "c": {"uniform": [0.1, 0.5]},
        "d": {"loguniform": [1e-5, 1e-3]},
        "e": {"choice": ["x", 3, None, [1, 2]]},
    }
    read = Search.model_validate({"space": forms, "candidates": 1, "seed": 0})
    assert read.model_dump(mode="json")["space"] == forms
    assert Search.model_validate(read.model_dump()) == read


@pytest.mark.parametrize(
    ("form", "parts"),
    [
        ("3", ["line 10", "3 is no search space", "{loguniform: [low, high]}"]),
        ("{lognormal: [1, 2]}", ["line 10", "is no search space"]),
        ("{uniform: [2, 1]}", ["line 10", "the bounds must rise, but 1 follows 2"]),
        ("{uniform: [1, 1]}", ["the bounds must rise"]),
        ("{uniform: 3}", ["takes two numbers", "not 3"]),
        ("{uniform: [1, 2, 3]}", ["takes two numbers"]),
        ("{uniform: [a, 2]}", ["takes two numbers"]),
        ("{uniform: [1, .inf]}", ["finite numbers"]),
        ("{loguniform: [0, 1]}", ["a logarithm needs bounds above 0, not 0"]),
        ("{int: [0, 10], log: true}", ["a logarithm needs bounds above 0"]),
        ("{int: [1, 2.5]}", ["whole numbers, not [1, 2.5]"]),
        ("{uniform: [1, 2], log: true}", ["'log: true' goes with int only"]),
        ("{choice: []}", ["a choice is a list of values"]),
        ("{choice: [1, 1]}", ["1 is listed twice"]),
        ("{choice: [1, 2], log: true}", ["'log' goes with int only"]),
        ("{uniform: [-1, 1]}", ["line 10", "greater than 0"]),
        ("{choice: [1, -1]}", ["line 10", "greater than 0", "not -1"]),
    ],
)
def test_a_bad_range_is_refused_at_its_line(tmp_path: Path, form: str, parts: list[str]) -> None:
    said = refusal(tmp_path, STUDY.replace(REGULARIZATION, form))
    assert all(part in said for part in parts), said


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("classifier.regularization:", "classifier.regularisation:", ["line 10", "Did you mean"]),
        ("classifier.regularization:", "clasifier.regularization:", ["line 10", "unknown key 'clasifier'"]),
        ("[entropy, margin]", "[entropy, margn]", ["line 11", "unknown strategy 'margn'"]),
        ("classifier.regularization:", "seed:", ["line 10", "is in 'search.seed'"]),
        ("classifier.regularization:", "corpus.speakers:", ["line 10", "is what candidates are compared on"]),
        ("classifier.regularization:", "protocol.validation.share:", ["is what candidates are compared on"]),
        ("classifier.regularization:", "protocol.preset:", ["is what candidates are compared on"]),
        ("classifier.regularization:", "resources.cpu:", ["line 10", "changes no result"]),
        ("classifier: functionals", "classifier: [functionals]", ["line 10", "goes through a list"]),
        ("seed: [101, 100]", "seed: [101, 2]", ["line 14", "2 is also a seed of the study"]),
        ("fold: [3, 1]\n  seed: [101, 100]", "fold: 1\n  seed: 100", ["asha stops", "only one rung"]),
        ("fold: [3, 1]", "rungs: ratios\n  fold: 1", ["line 13", "make 2", "one fold and one seed"]),
        (
            "strategy: entropy",
            "strategy: entropy\ninitialization: [random, clustering]",
            ["line 5", "one value"],
        ),
        ("classifier.regularization:", "classifier.:", ["line 10", "this is no path of a setting"]),
        ("candidates: 4", "candidates: 4\n  grace: 4", ["line 13", "climbs only 4; allowed: 1 to 3"]),
        ("candidates: 4", "candidates: 0", ["line 12", "not 0"]),
        ("candidates: 4", "candidats: 4", ["line 12", "Did you mean 'candidates'"]),
        ("seed: [101, 100]", "seed: []", ["line 14", "empty"]),
        ("seed: [101, 100]", "seed: [100, 100]", ["100 is listed twice"]),
        ("candidates: 4", "candidates: 4\n  scheduler: hyperband", ["'asha', 'median' or 'none'"]),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, parts: list[str]
) -> None:
    assert old in STUDY
    said = refusal(tmp_path, STUDY.replace(old, new, 1) if "seed:" not in old else _last(old, new))
    assert all(part in said for part in parts), said


def _last(old: str, new: str) -> str:
    head, _, tail = STUDY.rpartition(old)
    return head + new + tail


def test_a_search_that_is_changed_by_an_override_blames_the_override(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(STUDY)
    with pytest.raises(StudyError, match=r"small\.yaml: --set 'search\.grace=9': search\.grace: a candidate"):
        load_study(tmp_path / "small.yaml", ["search.grace=9"])


def test_a_fold_that_the_corpus_does_not_have_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(AfterRayError, match="it names fold 9, but the corpus is cut into 5; allowed: 0 to 4"):
        book(tmp_path, STUDY, "search.fold=[0, 9]")


def test_an_empty_space_is_refused(tmp_path: Path) -> None:
    head, _, tail = STUDY.partition("  space:\n")
    text = head + "  space: {}\n" + tail[tail.index("  candidates") :]
    assert "line 9: search.space: the space is empty" in refusal(tmp_path, text)


def test_more_candidates_than_a_space_has_are_refused(tmp_path: Path) -> None:
    text = STUDY.replace(f"    classifier.regularization: {REGULARIZATION}\n", "")
    assert "the space has 2 different configurations, 4 are asked for" in refusal(tmp_path, text)


def test_a_setting_of_a_block_that_is_searched_itself_is_known_where_any_choice_has_it(
    tmp_path: Path,
) -> None:
    text = STUDY.replace(
        "strategy: {choice: [entropy, margin]}", "classifier: {choice: [light_sernet, functionals]}"
    )
    assert load(tmp_path, text).search is not None


def test_a_wrong_path_on_the_command_line_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(STUDY)
    with pytest.raises(StudyError, match="regularisation"):
        load_study(path, ["search.space={classifier.regularisation: {uniform: [1, 2]}}"])
