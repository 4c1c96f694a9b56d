"""What a step may not read of a fold it cannot read, and the refusal says who, where and when."""

from __future__ import annotations

import numpy as np
import pytest

from after_ray.errors import Tripped
from after_ray.ragged import Ragged
from after_ray.splits.parts import Fold
from after_ray.splits.tripwire import Part, Tripwire

LENGTHS = np.array([2, 1, 3, 2, 1, 2])
FOLD = Fold(4, train=np.array([0, 2]), validation=np.array([3]), test=np.array([1, 4]), unused=np.array([5]))
PARTS: list[Part] = ["train", "validation", "test"]


@pytest.fixture
def plain() -> Ragged:
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)])
    return Ragged(np.arange(2 * LENGTHS.sum(), dtype=np.float32).reshape(-1, 2), offsets)


@pytest.fixture
def wire(plain: Ragged) -> Tripwire:
    return Tripwire(plain, FOLD, [f"toy/{row}" for row in range(6)])


def readable(wire: Tripwire) -> list[int]:
    found = []
    for row in range(len(wire)):
        try:
            wire[row]
        except Tripped:
            continue
        found.append(row)
    return found


def test_nothing_can_be_read_outside_every_step(wire: Tripwire) -> None:
    assert readable(wire) == []
    sentence = r"'toy/0' .* train part was read outside every step; allowed then: nothing"
    with pytest.raises(Tripped, match=sentence):
        wire[0]


@pytest.mark.parametrize("part", PARTS)
def test_a_step_reads_its_part_and_no_other(wire: Tripwire, plain: Ragged, part: Part) -> None:
    rows = getattr(FOLD, part).tolist()
    with wire.lifted(part, during="a step"):
        assert readable(wire) == rows
        for row in rows:
            np.testing.assert_array_equal(wire[row], plain[row])
    assert readable(wire) == []


def test_rows_of_no_part_are_never_readable(wire: Tripwire) -> None:
    with wire.lifted(*PARTS, during="everything"):
        assert readable(wire) == [0, 1, 2, 3, 4]
        with pytest.raises(Tripped, match=r"'toy/5' \(row 5\) of its unused part"):
            wire[5]


def test_the_sentence_names_the_utterance_its_part_the_step_and_what_is_allowed(wire: Tripwire) -> None:
    with wire.lifted("train", "validation", during="training"), pytest.raises(Tripped) as refusal:
        wire[4]
    assert str(refusal.value).startswith(
        "Leak in fold 4: utterance 'toy/4' (row 4) of its test part was read during training; "
        "allowed then: train and validation. Nothing was recorded;"
    )


def test_an_inner_step_closes_what_was_open_and_gives_it_back(wire: Tripwire) -> None:
    with wire.lifted("train", during="training"):
        with wire.lifted("test", during="the evaluation on test"):
            assert readable(wire) == [1, 4]
        assert readable(wire) == [0, 2]


def test_a_step_that_fails_leaves_everything_closed(wire: Tripwire) -> None:
    with pytest.raises(RuntimeError), wire.lifted("test", during="the evaluation on test"):
        raise RuntimeError
    assert readable(wire) == []


def test_all_values_at_once_are_refused_while_any_row_is_closed(wire: Tripwire, plain: Ragged) -> None:
    with wire.lifted("train", during="training"), pytest.raises(Tripped, match=r"'toy/1' .* test part"):
        wire.values  # noqa: B018
    everything = Fold(0, np.arange(4), np.array([4]), np.array([5]))
    whole = Tripwire(plain, everything, [""] * 6)
    with whole.lifted(*PARTS, during="everything"):
        np.testing.assert_array_equal(whole.values, plain.values)


def test_no_way_around_by_other_indices(wire: Tripwire) -> None:
    """Each of these would reach row 4, which is test, or row 5, which is unused."""
    with wire.lifted("train", during="training"):
        for index in (np.int64(4), np.array(4)):
            with pytest.raises(Tripped):
                wire[index]  # type: ignore[index]
        for index in (slice(3, 5), slice(None), np.array([0, 4]), [0, 4]):
            with pytest.raises(TypeError):
                wire[index]  # type: ignore[index]
        for below in (-1, -2, -4):
            with pytest.raises((Tripped, IndexError)):
                wire[below]
        for collect in (list, np.asarray, np.stack):
            with pytest.raises(Tripped):
                collect(wire)  # type: ignore[operator]


def test_how_much_there_is_is_no_secret(wire: Tripwire, plain: Ragged) -> None:
    np.testing.assert_array_equal(wire.lengths, LENGTHS)
    assert (len(wire), wire.inner, wire.dtype) == (6, (2,), np.float32)
    assert (plain.inner, plain.dtype) == ((2,), np.float32)


def test_a_row_below_0_is_no_row_of_a_ragged_array(plain: Ragged) -> None:
    with pytest.raises(IndexError, match="row -2 is below 0"):
        plain[-2]
