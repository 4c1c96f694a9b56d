"""The ground floor: seeds, metrics, registry, ragged arrays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from after_ray.acquisition import strategies
from after_ray.errors import AfterRayError, UnknownName
from after_ray.metrics import (
    confusion_matrix,
    evaluate,
    unweighted_accuracy,
)
from after_ray.ragged import Ragged, write_ragged
from after_ray.seeds import SeedTree


def test_a_class_absent_from_the_truth_is_left_out_of_ua() -> None:
    confusion = confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert unweighted_accuracy(confusion) == pytest.approx((0.5 + 1) / 2)


def test_a_collapse_to_one_class_is_ua_one_over_c() -> None:
    probabilities = np.log(np.tile([0.7, 0.1, 0.1, 0.1], (8, 1)))
    scores = evaluate(probabilities, np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    assert scores.ua == 0.25
    assert scores.recall == (1.0, 0.0, 0.0, 0.0)


def test_loss_is_finite_at_probability_zero_and_ece_is_the_gap() -> None:
    with np.errstate(divide="ignore"):
        sure = np.log(np.array([[1.0, 0.0], [1.0, 0.0]]))
    scores = evaluate(sure, np.array([0, 1]))
    assert np.isfinite(scores.loss)
    assert scores.ece == pytest.approx(0.5)


def test_seeds_are_named_and_siblings_do_not_shift_each_other() -> None:
    tree = SeedTree(7).child("fold", 2)
    assert tree.child("fit", 8).integer() == SeedTree(7, ("fold", "2", "fit", "8")).integer()
    draws = {name: tree.child(name).generator().integers(1 << 40) for name in ("fit", "acquire", "initial")}
    assert len(set(draws.values())) == 3
    assert tree.child("fit").generator().integers(1 << 40) == draws["fit"]
    assert SeedTree(8).child("fold", 2).child("fit").generator().integers(1 << 40) != draws["fit"]


def test_registries_find_names_by_file_and_name_the_allowed_ones() -> None:
    assert {"random", "entropy", "margin", "least_confidence"} <= set(strategies.names())
    with pytest.raises(UnknownName, match=r"Unknown strategy 'entropi'; allowed: .*Did you mean 'entropy'"):
        strategies.resolve("entropi")
    with pytest.raises(AfterRayError, match=r"'nowhere\.at_all:X' cannot be imported"):
        strategies.resolve("nowhere.at_all:X")
    strategies.resolve("entropy")
    with pytest.raises(AfterRayError, match="Two classes claim"):
        strategies.register("entropy")(strategies.resolve("margin"))


def test_ragged_rows_come_back_and_a_wrong_length_is_refused(tmp_path: Path) -> None:
    rows = [np.arange(n, dtype=np.int16) for n in (3, 0, 5)]
    paths = write_ragged(tmp_path, "x", rows, np.array([3, 0, 5]), np.int16)
    opened = Ragged.open(*paths)
    assert len(opened) == 3
    for index, row in enumerate(rows):
        np.testing.assert_array_equal(opened[index], row)
    with pytest.raises(ValueError, match="row 1 has length 0, announced was 1"):
        write_ragged(tmp_path, "y", rows, np.array([3, 1, 5]), np.int16)


def test_a_full_disk_is_an_error_and_no_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is asked for before the first page is written through the map."""

    def full(descriptor: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: .*x\.values\.npy"):
        write_ragged(tmp_path, "x", [np.ones(3)], np.array([3]), np.float32)


@pytest.mark.parametrize("path", ["os.path:join", "collections:OrderedDict", "after_ray.protocol:Protocol"])
def test_a_strategy_of_somebodys_own_is_one(path: str) -> None:
    with pytest.raises(
        AfterRayError, match=rf"'{path}' is no class that extends after_ray\.acquisition\.Strategy"
    ):
        strategies.resolve(path)


def test_a_path_that_names_no_module_is_told() -> None:
    with pytest.raises(AfterRayError, match="cannot be imported"):
        strategies.resolve(":Mine")
