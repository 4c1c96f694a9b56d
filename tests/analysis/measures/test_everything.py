"""All measures of a study at once, whatever the study lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.measures import measure
from analysis.results import Results
from tests.analysis.measures.frames import renamed, together, with_columns, without

TITLES = [
    "Area under the learning curve",
    "Labels to reach UA 60 %",
    "Labels to reach 95 % of the full-data model",
    "Deficiency against random",
    "Pairwise penalties",
    "What was labelled at 20 % of train",
    "The worst group of test utterances at 20 % of train",
    "Calibration of the classifiers",
]


def measured(results: Results, reference: str = "random"):
    return measure(results, reference, (0.6,), np.random.default_rng(0))


def counts(row: Any) -> dict[str, dict[str, int]]:
    n = int(row.labelled)
    return {
        "emotion": {"anger": n - 1, "neutral": 1},
        "gender": {"f": n},
        "speaker": {"s": n},
        "corpus": {"c": n},
    }


def full(make_study, **options: Any) -> Results:
    draw = np.random.default_rng(2)
    cells = make_study(lambda *_: 0.5, **({"percents": (1, 20, 50, 100)} | options)).results
    return with_columns(
        cells,
        ua=lambda row: 0.5 + 0.002 * row.percent + draw.normal(0, 0.02),
        labelled_by=counts,
        ua_by=lambda row: {"gender": {"f": row.ua, "m": row.ua - 0.1}, "speaker": {"s": row.ua}},
        test_by=lambda row: {"gender": {"f": 10, "m": 10}, "speaker": {"s": 20}},
    )


def test_a_study_with_everything_has_all_tables_and_files(make_study) -> None:
    found = measured(full(make_study))
    assert [table.title for table in found.tables] == TITLES
    assert set(found.files) == {
        "areas.csv", "labels_to_target.csv", "deficiency.csv", "penalties.csv", "composition.csv",
        "composition_shares.csv", "groups.csv", "gaps.csv", "calibration.csv",
    }  # fmt: skip
    assert found.notes == ()
    for table in found.tables:
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_equal_generators_give_equal_measures(make_study) -> None:
    results = full(make_study)
    one, other = measured(results), measured(results)
    assert one.tables == other.tables
    for name, frame in one.files.items():
        pd.testing.assert_frame_equal(frame, other.files[name])


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"seeds": (0,)}, id="one seed"),
        pytest.param({"folds": (0,)}, id="one fold"),
        pytest.param({"seeds": (0,), "folds": (0,)}, id="one trajectory"),
        pytest.param({"percents": (100,)}, id="a single ratio"),
        pytest.param({"strategies": ("none",), "percents": (100,)}, id="fully supervised"),
        pytest.param({"strategies": ("entropy",)}, id="without its reference"),
        pytest.param(
            {"left_out": lambda name, *_: name == "entropy", "share_first": False}, id="no candidate"
        ),
        pytest.param(
            {"left_out": lambda name, *_: name == "random", "share_first": False}, id="no reference"
        ),
        pytest.param({"left_out": lambda *cell: cell != ("random", 1, 0, 0)}, id="one cell"),
        pytest.param({"left_out": lambda _, percent, *__: percent == 100}, id="unfinished"),
    ],
)
def test_a_study_that_lacks_much_is_measured_as_far_as_it_goes(make_study, options) -> None:
    results = full(make_study, **options)
    found = measured(results)
    assert found.tables[0].title == TITLES[0]
    assert found.tables[-1].title == TITLES[-1]
    families = results.cells.drop_duplicates(["strategy"])
    assert len(found.files["areas.csv"]) == len(families)
    for table in found.tables:
        assert not [cell for row in table.rows for cell in row if "nan" in cell.text], table.title


def test_older_records_have_what_they_have(make_study) -> None:
    older = without(
        full(make_study),
        "classes", "labelled_by", "ua_by", "test_by", "train_by", "train_seconds", "ua_by_corpus", "ece",
    )  # fmt: skip
    titles = [table.title for table in measured(older).tables]
    assert titles == [title for title in TITLES if "labelled at" not in title and "worst" not in title]


def test_several_corpora_and_methods_are_kept_apart(make_study) -> None:
    cells = full(make_study)
    other = renamed(full(make_study, percents=(1, 20)), corpus="savee")
    found = measured(together(cells, other, renamed(cells, method="glam")))
    areas = found.files["areas.csv"]
    assert areas.groupby(["corpus", "method"]).size().to_dict() == {
        ("emodb", "functionals"): 2,
        ("emodb", "glam"): 2,
        ("savee", "functionals"): 2,
    }
    assert [row[0].text for row in found.tables[0].rows][2] == "savee, functionals, random"
    (note,) = found.notes
    assert "functionals on savee" in note
    assert set(found.files["penalties.csv"]["method"]) == {"functionals", "glam"}
