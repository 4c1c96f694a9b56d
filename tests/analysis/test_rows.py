"""What the results frame holds of a record: values of JSON, and nothing that would make it large."""

import json

import pytest

from after_ray.store import Draft, Record
from analysis.rows import row_of

DETAILS = {
    "confusion": [[1, 0], [1, 2]],
    "recall": [1.0, 0.5],
    "acquired": ["a", "b"],
    "acquired_scores": [1, 2],
}


def record(**said) -> Record:
    told = {"key": "k", "kind": "round", "meaning": {}, "details": DETAILS, **said}
    return Record(**vars(Draft(**told)))


def test_a_row_that_was_written_and_read_again_is_the_same():
    row = row_of(record(measures={"ua": 0.1 + 0.2, "wa": None, "test": 3}, seconds={"train": 1 / 3}), 7.5)
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert (row["ua"], row["wa"], row["test"]) == (0.1 + 0.2, None, 3)
    assert (row["seconds_train"], row["charged_seconds"], row["spent_seconds"]) == (1 / 3, 7.5, None)


def test_unknown_charged_time_is_none():
    assert row_of(record(), float("nan"))["charged_seconds"] is None


def test_utterances_are_not_in_it():
    assert not {"acquired", "acquired_scores"} & row_of(record(), 0.0).keys()


@pytest.mark.parametrize(
    ("details", "collapsed"),
    [
        ({"confusion": [[0, 4], [0, 2]]}, True),
        ({"confusion": [[2, 2], [1, 1]]}, False),
        ({"confusion": [[2, 2], [1, 1]], "collapsed": True}, True),
        ({}, False),
    ],
)
def test_one_class_for_everything_is_a_collapse(details, collapsed):
    assert row_of(record(details=details), 0.0)["collapsed"] is collapsed
