"""Predictions are kept, and judged by what stages then took."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import DamagedStore
from after_ray.store import Store
from sweeps.cost.estimate import estimate
from sweeps.cost.predictions import compare, keep_prediction
from tests.sweeps.cost.small import finish, linear, manifest, plan


def test_real_times_are_compared_with_the_first_prediction(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan()
    finish(plan(seed=[1, 2]), store)
    predicted = estimate([made], [manifest()], store, store.ledger.finished())
    assert keep_prediction(store, predicted, now=1e9) is not None
    assert compare(store) == []
    finish(made, store, seconds=lambda phase: 2 * linear(phase))
    later = estimate([made], [manifest()], store, set())
    keep_prediction(store, later, now=2e9)
    found = {row.kind: row for row in compare(store, made.keys - made.shared.keys())}
    assert found.keys() == {"first_round", "trajectory"}
    assert found["trajectory"].stages == 4
    assert found["trajectory"].basis == "measured"
    assert found["trajectory"].ratio == pytest.approx(2, rel=0.05)
    assert found["trajectory"].real_hours == pytest.approx(2 * found["trajectory"].predicted_hours, rel=0.05)
    assert found["trajectory"].lowest <= found["trajectory"].ratio <= found["trajectory"].highest
    assert compare(store, keys=()) == []


def test_times_below_a_second_are_not_judged_and_a_long_one_is_by_seconds(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan()
    keep_prediction(store, estimate([made], [manifest()], store, set()))
    tiny = {stage.key for one in made.trajectories for stage in one.stages}
    finish(made, store, made.keys - tiny)
    predicted = estimate([made], [manifest()], store, set()).stages
    assert all(predicted[key].seconds < 1 for key in tiny), "as is assumed of a processor"
    finish(made, store, {made.trajectories[0].first.key}, seconds=lambda phase: 1e-3)
    finish(made, store, tiny - {made.trajectories[0].first.key}, seconds=lambda phase: 1.0)
    found = {row.kind: row for row in compare(store, tiny)}
    assert found.keys() == {"trajectory"}, "nobody waits for a round 0 of milliseconds"
    assert found["trajectory"].stages == 4
    assert 3 <= found["trajectory"].lowest <= found["trajectory"].highest <= 5, (
        "four or five phases of a second"
    )


def test_nothing_is_kept_where_nothing_is_missing(tmp_path: Path) -> None:
    store, made = Store(tmp_path), plan()
    finish(made, store)
    done = store.ledger.finished()
    assert keep_prediction(store, estimate([made], [manifest()], store, done)) is None
    assert not (tmp_path / "estimates").exists()


def test_a_damaged_prediction_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    name = keep_prediction(store, estimate([plan()], [manifest()], store, set()))
    assert name is not None
    store.place.write(name, b"[]")
    with pytest.raises(DamagedStore, match=name):
        compare(store)
