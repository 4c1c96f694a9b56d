"""Which promise a repeated result is held to, and what breaks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from after_ray.store import FileEntry, Record
from sweeps.provenance.promises import BITS, TOLERANCE, WITHIN, Promise, differences

RECORD = Record(
    "d" * 32,
    "round",
    {},
    measures={"ua": 0.5, "loss": 1.0},
    details={"acquired": ["a", "b"]},
    environment={
        "device": "cpu",
        "device_name": "a processor",
        "driver": {"capability": "AVX2"},
        "threads": 1,
        "packages": {"torch": "2.13.0"},
        "host": "here",
        "shared_by": 2,
    },
    files={"predictions.safetensors": FileEntry("00", 1)},
)


def made(**environment: Any) -> Record:
    return replace(RECORD, environment={**RECORD.environment, **environment})


def test_equal_making_promises_equal_bits_on_whatever_host() -> None:
    promise = Promise().and_of(RECORD, made(host="there", shared_by=1))
    assert promise.name == BITS
    assert differences(RECORD, RECORD, promise) == []


@pytest.mark.parametrize(
    ("environment", "against"),
    [
        ({"threads": 2}, "other threads"),
        ({"packages": {"torch": "2.11.0"}}, "another torch"),
        ({"device_name": "another"}, "other processor"),
        ({"driver": {"capability": "AVX512"}}, "other capability or driver"),
        ({"device": "cuda"}, "a GPU"),
    ],
)
def test_other_making_promises_a_tolerance_for_all_that_rests_on_it(
    environment: dict[str, Any], against: str
) -> None:
    promise = Promise().and_of(RECORD, made(**environment))
    assert promise.name == WITHIN
    assert against in promise.against
    assert promise.and_of(RECORD, RECORD) == promise, "what rests on it is promised no more"


def test_two_gpus_of_one_kind_promise_no_bits() -> None:
    assert Promise().and_of(made(device="cuda"), made(device="cuda")).against == ("a GPU",)


CHANGED = {
    "the selection": replace(RECORD, details={"acquired": ["b", "a"]}),
    "predictions.safetensors": replace(RECORD, files={"predictions.safetensors": FileEntry("01", 1)}),
    "ua": replace(RECORD, measures={"ua": 0.5 + 1e-9, "loss": 1.0}),
    "loss": replace(RECORD, measures={"ua": 0.5, "loss": 1.0 + 1e-9}),
}


@pytest.mark.parametrize(("named", "again"), CHANGED.items(), ids=CHANGED.keys())
def test_bits_forgive_nothing_and_a_tolerance_rounding(named: str, again: Record) -> None:
    assert differences(RECORD, again, Promise()) == [named]
    assert differences(RECORD, again, Promise(("other threads",))) == []


def test_a_tolerance_has_an_end() -> None:
    promise = Promise(("other threads",))
    other = replace(RECORD, measures={"ua": 0.5 + TOLERANCE + 0.001, "loss": 9.0})
    assert differences(RECORD, other, promise) == ["ua 0.5000 became 0.5510"]
    picked = replace(RECORD, details={"acquired": ["a", "c"]})
    assert differences(RECORD, picked, promise) == ["the selection"]
