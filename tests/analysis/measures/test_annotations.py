"""Annotations in a report: what labels cost where several annotators are asked for one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from analysis.measures import measure, targets_frame, targets_tables
from analysis.measures.annotations import annotations_frame, annotations_tables
from analysis.tables import cells_frame, score_frame
from tests.analysis.paper.cells import family, results_of

PERCENTS = (5, 20, 40)  # 20, 80 and 160 labels
NAN = float("nan")


def rising(first, second, third):
    return lambda fold, seed, percent: dict(zip(PERCENTS, (first, second, third), strict=True))[percent]


def spending(each, annotation, score, **more):
    """A family whose labels take so many annotations each; those of the corpus are not counted."""
    rows = family(score, annotation=annotation, percents=PERCENTS, **more)
    return [row | {"annotations": NAN if annotation == "corpus" else each * row["labelled"]} for row in rows]


def of_three():
    """The corpus' own labels, single ones that are as cheap and worse, and majorities of four annotators."""
    return results_of(
        spending(1, "corpus", rising(0.5, 0.6, 0.7)),
        spending(1, "single", rising(0.4, 0.5, 0.6)),
        spending(4, "majority", rising(0.5, 0.6, 0.8)),
    )


def cells_of(table):
    return {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}


def test_a_majority_stands_beside_what_as_many_annotations_of_others_give() -> None:
    spent, equal = annotations_tables(annotations_frame(of_three()))
    assert spent.title == "Annotations by labelled share of train"
    assert spent.columns == ("", "5 %", "20 %", "40 %")
    assert cells_of(spent) == {
        "labels of the corpus": ["20", "80", "160"],
        "labels of one annotator": ["20", "80", "160"],
        "majority labels": ["80", "320", "640"],
    }
    assert equal.title == "UA by annotations spent"
    assert equal.columns == ("", "20", "80", "160")
    assert cells_of(equal) == {
        "labels of the corpus": ["50.0", "60.0", "70.0"],
        "labels of one annotator": ["40.0", "50.0", "60.0"],
        "majority labels": ["—", "50.0", "53.3"],  # 160 are a third of the way from 80 to 320
    }


def test_every_corpus_has_its_own_numbers_and_incomplete_trajectories_are_left_out() -> None:
    two = results_of(
        *(
            spending(each, annotation, rising(0.4, 0.5, 0.6), corpus=corpus)
            for corpus, each in (("cremad", 10), ("iemocap", 3))
            for annotation in ("single", "soft")
        ),
        lost=lambda row: (
            row["annotation"] == "soft"
            and row["fold"] == 0
            and row["corpus"] == "iemocap"
            and row["seed"] == 1
        ),
    )
    tables = annotations_tables(annotations_frame(two))
    assert [table.title for table in tables[1:]] == [
        "UA by annotations spent, cremad", "UA by annotations spent, iemocap",
    ]  # fmt: skip
    assert [table.columns[1] for table in tables[1:]] == ["200", "60"]
    assert [row[0].text for row in tables[2].rows] == [
        "iemocap, labels of one annotator",
        "iemocap, soft labels *",
    ]
    assert tables[2].note.endswith("* trajectories with missing cells are left out.")
    assert "missing" not in tables[1].note


def test_labels_to_a_target_are_beside_the_annotations_they_took() -> None:
    frame = targets_frame(of_three(), "random", [0.6], np.random.default_rng(0))
    found = frame.set_index(["annotation", "cost"])["median"]
    assert found["corpus", "labelled"] == found["corpus", "annotations"] == pytest.approx(80)
    assert found["single", "annotations"] == pytest.approx(160)
    assert found["majority", "labelled"] == pytest.approx(80)
    assert found["majority", "annotations"] == pytest.approx(320)
    (table,) = targets_tables(frame)
    assert table.columns[2:5] == ("labels", "95 % interval", "annotations")
    assert {len(row) for row in table.rows} == {len(table.columns)}
    shown = {row[0].text: (row[2].text, row[4].text) for row in table.rows}
    assert shown["majority labels"] == ("80", "320")
    assert "Annotations: those that the labels of this row took." in table.note


def test_scores_and_cells_say_them_in_the_files() -> None:
    scores = score_frame(of_three()).set_index(["annotation", "percent"])["annotations"]
    assert scores["corpus", 20.0] == 80
    assert scores["majority", 20.0] == 320
    results = of_three()
    cells = cells_frame(replace(results, frame=results.frame.assign(recall=None)))
    assert cells["annotations"].max() == 640


def test_a_study_of_the_corpus_own_labels_counts_no_annotations() -> None:
    plain = results_of(family(rising(0.5, 0.6, 0.7), percents=PERCENTS))
    flipped = replace(plain, frame=plain.frame.assign(label_noise="0.1", annotations=80.0))
    for results in (plain, flipped):
        found = measure(results, "random", [0.6], np.random.default_rng(0))
        assert "annotations.csv" not in found.files
        assert "annotations" not in set(found.files["labels_to_target.csv"]["cost"])
        assert not [table.title for table in found.tables if "nnotations" in table.title]
    assert "annotations" not in score_frame(plain)
