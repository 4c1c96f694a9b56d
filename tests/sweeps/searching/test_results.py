"""What a search leaves: a table of all candidates, and the best one as a study that runs as it is."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.store.pruned import Pruned
from sweeps.planning.plan import make_plan
from sweeps.reporting.describing import study_info
from sweeps.reporting.in_words import selected_in_words
from sweeps.searching.results import write_best, write_candidates
from sweeps.study.loading import load_study
from tests.sweeps.searching.toy import STUDY, configuration, finish, opened
from tests.sweeps.searching.toy import book as book_of


@pytest.fixture
def best(tmp_path: Path) -> Path:
    """The chosen study of a search of four candidates."""
    text = STUDY.replace("{name: synthetic}", "{name: emodb, root: speech}").replace(
        "seed: 0..2", "seed: 0..2\nreference: entropy"
    )
    drawn, study = book_of(tmp_path, text), opened(tmp_path, text)
    worse, chosen = drawn.add(configuration(1.5)), drawn.add(configuration(0.00001234, "margin"))
    stopped, _ = drawn.add(configuration(3.0)), drawn.add(configuration(4.0, "margn"))
    finish(drawn.store, worse, 0.5, 0.5, 0.5, 0.5)
    finish(drawn.store, chosen, 0.5, 0.6, 0.7, 0.8)
    drawn.pruned.note(Pruned(str(stopped.key), (0.25,), 4))
    drawn.look_again()
    write_candidates(drawn)
    return write_best(study, drawn, chosen)


def test_the_chosen_study_has_the_configuration_and_its_own_folds_and_seeds(best: Path) -> None:
    study = load_study(best)
    assert study.study == "small-best"
    assert study.strategy == ("margin",)
    assert study.classifier[0].model_dump()["regularization"] == 0.00001234
    assert study.seed == (0, 1, 2)
    assert study.folds_wanted == load_study(best.parents[3] / "small.yaml").folds_wanted
    assert study.search is None
    assert study.compared_with == "margin", "the reference was another strategy"


def test_the_chosen_study_finds_the_corpus_where_the_study_did(best: Path, tmp_path: Path) -> None:
    assert load_study(best).corpus[0].model_dump()["root"] == str(tmp_path / "speech")


def test_the_chosen_study_says_what_it_was_chosen_from_and_no_key_does(best: Path) -> None:
    study = load_study(best)
    assert study.selected_from is not None
    assert selected_in_words(study.selected_from) == (
        "Chosen among 4 configurations (2 finished, 1 pruned, 1 failed) of the search 'small' by validation "
        "UA (65.0 %) on seeds 101, 100; test results were not looked at."
    )
    made = opened(best.parents[3])
    manifests = [scan.manifest for scan in made.scans]
    without = study.model_copy(update={"selected_from": None, "corpus": made.study.corpus})
    chosen = study.model_copy(update={"corpus": made.study.corpus})
    assert make_plan(chosen, manifests).keys == make_plan(without, manifests).keys


def test_the_report_says_what_the_configuration_was_chosen_from(best: Path, tmp_path: Path) -> None:
    made = opened(tmp_path)
    assert study_info(made).selection == ""
    selected = load_study(best).selected_from
    chosen = replace(made, study=made.study.model_copy(update={"selected_from": selected}))
    assert study_info(chosen).selection.startswith("Chosen among 4 configurations")


def test_the_table_has_every_candidate_its_configuration_values_and_state(best: Path) -> None:
    with open(best.parent / "candidates.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["finished", "finished", "pruned", "failed"]
    assert [row["strategy"] for row in rows] == ["entropy", "margin", "entropy", "margn"]
    assert [float(rows[1][f"rung_{rung}"]) for rung in (1, 2, 3, 4)] == pytest.approx([0.5, 0.55, 0.6, 0.65])
    assert float(rows[1]["value"]) == pytest.approx(0.65)
    assert (rows[2]["value"], rows[2]["rung_1"], rows[2]["rung_2"]) == ("0.25", "0.25", "")
    assert rows[3]["value"] == ""
    assert "unknown strategy 'margn'" in rows[3]["sentence"]
