"""A replay picks in the recorded order and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from after_ray.acquisition import NOT_RECORDED, EvidenceKind, PoolEvidence, parse, strategy_of, write
from after_ray.acquisition.replay import Replay


def picks(recorded: list[int], budget: int, ids: list[int] | None = None) -> list[int]:
    evidence = PoolEvidence(
        len(recorded), recorded=np.array(recorded), ids=None if ids is None else np.array(ids)
    )
    return Replay().select(evidence, budget, np.random.default_rng(0)).positions.tolist()


def test_it_picks_in_the_recorded_order() -> None:
    assert picks([40, 7, 12, 3], 3) == [3, 1, 2]


def test_what_is_not_recorded_comes_last_by_id() -> None:
    none = NOT_RECORDED
    assert picks([none, 5, none, 2], 4) == [3, 1, 0, 2]
    assert picks([none, 5, none, 2], 4, ids=[9, 8, 1, 0]) == [3, 1, 2, 0]


@pytest.mark.parametrize("line", ["replay", "replay(entropy)", "replay(power(margin, exponent=2))"])
def test_what_it_goes_over_names_it_and_is_asked_for_nothing(line: str) -> None:
    assert write(parse(line)) == line
    strategy = strategy_of(line)
    assert strategy.needs == {EvidenceKind.RECORDED}
    assert not strategy.ranks_pool
