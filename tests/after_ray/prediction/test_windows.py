"""Windows cover a recording, and a stream gives the same ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from after_ray.errors import BadValue
from after_ray.prediction.windows import Cutter, Windows

SECOND = 16_000


@given(
    samples=st.integers(1, 300),
    window=st.integers(1, 40),
    hop=st.integers(1, 40),
    longer=st.integers(0, 20),
    blocks=st.lists(st.integers(0, 90), max_size=8),
)
def test_a_stream_gives_the_windows_of_the_whole(
    samples: int, window: int, hop: int, longer: int, blocks: list[int]
) -> None:
    windows = Windows(window, min(hop, window), window + longer)
    recording = np.arange(samples, dtype=np.int16)
    cutter = Cutter(windows)
    cuts = []
    for block in np.split(recording, np.minimum(np.cumsum(blocks), samples).astype(int)):
        cuts.extend(cutter.add(block))
    cuts.extend(cutter.end())
    assert [span for span, _ in cuts] == windows.spans(samples)
    assert all(np.array_equal(found, recording[start:end]) for (start, end), found in cuts)


@given(samples=st.integers(1, 300), window=st.integers(1, 40), hop=st.integers(1, 40))
def test_nothing_is_unheard_and_windows_of_a_long_recording_have_one_length(
    samples: int, window: int, hop: int
) -> None:
    spans = Windows(window, min(hop, window), window).spans(samples)
    heard = np.zeros(samples, dtype=bool)
    for start, end in spans:
        heard[start:end] = True
    assert heard.all()
    assert {end - start for start, end in spans} == {min(window, samples)}
    assert len(set(spans)) == len(spans)


def test_without_a_window_recordings_as_long_as_the_training_had_stay_whole() -> None:
    windows = Windows.of(None, None, longest=9.0, heard=3.0)
    assert windows == Windows(3 * SECOND, 3 * SECOND, 9 * SECOND)
    assert windows.spans(9 * SECOND) == [(0, 9 * SECOND)]
    assert windows.spans(10 * SECOND)[-1] == (7 * SECOND, 10 * SECOND)


def test_a_window_that_is_named_counts_for_every_recording() -> None:
    windows = Windows.of(2.0, 0.5, longest=9.0)
    assert windows.spans(int(3.2 * SECOND)) == [
        (0, 32_000), (8_000, 40_000), (16_000, 48_000), (19_200, 51_200)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "hop", "word"),
    [(10.5, None, "hears"), (0.01, None, "0.025"), (2.0, 3.0, "leave out"), (2.0, 0.0, "hop")],
)
def test_windows_that_hear_less_than_they_say_are_refused(
    window: float, hop: float | None, word: str
) -> None:
    with pytest.raises(BadValue, match=word):
        Windows.of(window, hop, longest=20.0, heard=10.0)
