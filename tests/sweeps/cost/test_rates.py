"""Rates are fitted to what was measured, from near to far, and say what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.backbones.operations import Shape
from after_ray.errors import AfterRayError, DamagedStore, UnknownName
from after_ray.store import Store
from sweeps.cost.kept_rates import keep, measured
from sweeps.cost.rates import Observation, Place, Rates
from sweeps.cost.work import Group, Phase
from sweeps.study.declaration import Resources

HERE = Place("cpu", 2)
BASE, SMALL = Shape.of({}), Shape.of({"num_hidden_layers": 2})
TRAIN = Group("train pooled_transformer", "abc", BASE)


def seen(
    work: Sequence[float],
    group: Group = TRAIN,
    overhead: float = 3.0,
    rate: float = 2e9,
    place: Place = HERE,
    device: str = "processor X",
) -> list[Observation]:
    return [Observation(group, amount, overhead + amount / rate, place, device) for amount in work]


def test_overhead_and_rate_of_linear_times_are_recovered() -> None:
    line = Rates(seen([1e9, 5e9, 2e10, 8e10])).line(TRAIN, HERE)
    assert line.overhead == pytest.approx(3)
    assert 1 / line.per_operation == pytest.approx(2e9)
    assert line.error == pytest.approx(0, abs=1e-9)
    assert (line.records, line.device, line.basis) == (4, "processor X", "measured")


def test_one_record_that_was_disturbed_moves_nothing() -> None:
    records = seen([1e9, 5e9, 2e10, 4e10, 8e10])
    records[2] = replace(records[2], seconds=500.0)
    line = Rates(records).line(TRAIN, HERE)
    assert line.overhead == pytest.approx(3)
    assert 1 / line.per_operation == pytest.approx(2e9)


def test_one_record_has_a_rate_and_no_error() -> None:
    line = Rates(seen([1e10], overhead=0.0)).line(TRAIN, HERE)
    assert 1 / line.per_operation == pytest.approx(2e9)
    assert line.error is None


def test_the_error_is_that_of_leaving_a_record_out() -> None:
    noisy = [
        replace(one, seconds=one.seconds * (1.2 if i % 2 else 0.8)) for i, one in enumerate(seen([1e12] * 6))
    ]
    error = Rates(noisy).line(TRAIN, HERE).error
    assert error is not None
    assert 0.15 < error < 0.6


def test_equal_settings_come_before_other_settings_and_these_before_other_backbones() -> None:
    other_settings, other_shape = replace(TRAIN, settings="xyz"), replace(TRAIN, shape=SMALL)
    near = seen([1e9, 2e9, 9e9], rate=1e9)
    middle = seen([1e9, 2e9, 9e9], other_settings, rate=2e9)
    far = seen([1e9, 2e9, 9e9], other_shape, rate=4e9)
    for records, rate in ((near + middle + far, 1e9), (middle + far, 2e9), (far, 4e9)):
        line = Rates(records).line(TRAIN, HERE)
        # A wider group holds the nearer ones: with two thirds of the records its median may be theirs.
        assert 1 / line.per_operation == pytest.approx(rate, rel=0.5)
        assert line.alike == (records[0] is near[0])


def test_what_was_measured_elsewhere_says_nothing_of_here() -> None:
    elsewhere = [
        replace(TRAIN, what="train light_sernet"),
        replace(TRAIN, precision="bf16"),
    ]
    for group in elsewhere:
        assert Rates(seen([1e9, 2e9], group)).line(TRAIN, HERE).basis == "assumed"
    for place in (Place("cpu", 4), Place("cuda", 2), Place("cuda", 2, shared_by=2)):
        assert Rates(seen([1e9, 2e9], place=place)).line(TRAIN, HERE).basis == "assumed"


def test_of_two_devices_the_one_measured_most_is_meant() -> None:
    records = seen([1e9, 2e9, 4e9]) + seen([1e9, 2e9], rate=9e9, device="processor Y")
    assert Rates(records).line(TRAIN, HERE).device == "processor X"
    assert Rates(records, devices={"cpu": "processor Y"}).line(TRAIN, HERE).device == "processor Y"


def test_an_assumed_rate_is_never_called_measured() -> None:
    place = Place("cuda", 4)
    slow, fast = (Rates([], gpu=gpu).line(TRAIN, place) for gpu in ("A100", "H100"))
    assert (slow.basis, slow.records, slow.error, slow.device) == ("assumed", 0, None, "A100")
    assert slow.per_operation > fast.per_operation
    with pytest.raises(UnknownName, match="A100"):
        Rates([], gpu="B9000").line(TRAIN, place)


def test_small_steps_count_only_where_they_were_measured() -> None:
    choose = Phase("acquire", 100.0, Group("choose by margin"))
    assert Rates([]).seconds(choose, HERE) == 0
    assert Rates(seen([100.0], choose.group, overhead=2.0)).seconds(choose, HERE) == pytest.approx(2)


def test_nothing_to_do_takes_no_time_and_no_overhead() -> None:
    assert Rates(seen([1e9, 5e9, 9e9])).seconds(Phase("score", 0.0, TRAIN), HERE) == 0


@pytest.mark.parametrize(("gpu", "place"), [(0.0, HERE), (1.0, Place("cuda", 2)), (0.5, Place("cuda", 2, 2))])
def test_a_place_is_told_by_resources(gpu: float, place: Place) -> None:
    assert Place.of(Resources(cpu=2, gpu=gpu)) == place


def test_kept_rates_are_read_back_and_measuring_again_replaces_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, seen([1e9, 2e9]))
    again = seen([3e9]) + seen([1.0], Group("make cepstra"))
    keep(store, again)
    assert sorted(measured(store), key=lambda one: -one.operations) == again


def test_a_damaged_file_of_rates_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (name,) = keep(store, seen([1e9]))
    store.place.write(name, b"{")
    with pytest.raises(DamagedStore, match=name):
        list(measured(store))
    assert issubclass(DamagedStore, AfterRayError)
