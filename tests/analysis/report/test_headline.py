import pytest

from analysis.contrasts import Contrasts
from analysis.report.headline import headline


@pytest.mark.parametrize(
    ("percents", "expected"), [([1, 5, 10, 20, 40], 20), ([1, 5, 15], 15), ([40, 100], 40), ([100], 100)]
)
def test_the_largest_ratio_up_to_20_percent_is_spoken_of_first(percents, expected):
    assert headline(percents) == expected


def test_a_declared_family_of_one_ratio_decides():
    everywhere = Contrasts("a", "strategy", "random")
    at_5 = Contrasts("b", "strategy", "random", percents=(5.0,))
    assert headline([1, 5, 20], [everywhere, at_5]) == 5
