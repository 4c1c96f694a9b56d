"""Sizes and durations are told as exactly as a person wants to know them, small ones too."""

from __future__ import annotations

import pytest

from after_ray.wording import duration, size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (12_345_678, "12.3 MB"), (4.6e9, "4.6 GB")],
)
def test_sizes_are_powers_of_ten(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.004, "under 1 s"),
        (0.99, "under 1 s"),
        (1, "1 s"),
        (119, "119 s"),
        (3600, "60 min"),
        (9000, "2.5 h"),
    ],
)
def test_no_work_that_takes_time_takes_none(seconds: float, text: str) -> None:
    assert duration(seconds) == text
