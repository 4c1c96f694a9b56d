"""Names that a request may have, and one sentence about any other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sweeps.serving.fields import UNREADABLE, refusal_of

GOOD: list[Any] = [
    {},
    {"dataframe_records": [{"audio": "x"}, {"samples": [0.1], "sampling_rate": 8000}]},
    {"dataframe_split": {"columns": ["audio"], "data": [["x"]]}},
    {"inputs": {"audio": ["x"]}, "params": {"window": 2, "hop": 0.5}},
    {"instances": [{"audio": "x"}], "params": {}},
    {"instances": ["x"], "params": None},
]


@pytest.mark.parametrize("body", GOOD)
def test_what_is_known_goes_on_to_mlflow(body: Any) -> None:
    assert refusal_of(json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"params": {"windw": 1}}, "'params' of the request has 'windw'; allowed: 'window' and 'hop'"),
        ({"params": [1]}, "'params' of the request has no names"),
        ({"params": {"window": 0}}, "'window' in 'params' is 0; allowed: seconds, more than 0"),
        ({"params": {"hop": "1"}}, "'hop' in 'params' is '1'"),
        ({"params": {"hop": True}}, "'hop' in 'params' is True"),
        ({"params": {"hop": float("nan")}}, "'hop' in 'params' is nan"),
        ({"dataframe_record": []}, "The request has 'dataframe_record'; allowed: 'dataframe_records'"),
        ({"dataframe_records": [{"audio": "x"}, {"audio": "x", "window": 1}]}, "Input 1 has 'window'"),
        ({"inputs": {"audio": ["x"], "file": ["y"]}}, "Input 0 has 'file'; allowed: 'audio' with"),
        ({"dataframe_split": {"columns": ["audio", "hop"]}}, "'dataframe_split' has 'hop'"),
        ({"dataframe_split": {"columns": ["audio", ["hop"]]}}, "'dataframe_split' has ['hop']"),
        ([1], UNREADABLE),
        ("x", UNREADABLE),
    ],
)
def test_what_is_not_known_is_one_sentence(body: Any, said: str) -> None:
    found = refusal_of(json.dumps(body).encode())
    assert found is not None
    assert found.startswith(said)


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xff", b"[" * 200_000])
def test_what_is_no_json_is_one_sentence(body: bytes) -> None:
    assert refusal_of(body) == UNREADABLE


def test_long_names_are_cut() -> None:
    found = refusal_of(json.dumps({"x" * 10_000: 1, "y\n": 2}).encode())
    assert found is not None
    assert len(found) < 200
    assert "\n" not in found
