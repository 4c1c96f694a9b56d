"""A round by BatchBALD on each classifier that has dropout in its head, from the store to the record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.classifiers._settings import ClassifierSettings, LightSerNetSettings
from after_ray.environment import Execution, fix_threads
from after_ray.execution import run
from after_ray.stages import NextRoundStage
from after_ray.store import Store
from tests.after_ray.execution.chains import TRANSFORMER, first_round, prepared, run_needs

LIGHT = LightSerNetSettings(steps=4, evaluations=1)


@pytest.mark.slow
@pytest.mark.parametrize("classifier", [TRANSFORMER, LIGHT], ids=lambda settings: settings.name)
def test_a_round_by_batchbald_records_what_it_learnt(tmp_path: Path, classifier: ClassifierSettings) -> None:
    fix_threads(1)
    execution = Execution(str(tmp_path / "store"), str(tmp_path / "cache"), device="cpu")
    first = first_round(prepared(execution), classifier)
    last = NextRoundStage(first, 16, "batchbald(draws=8, sub_batch=4)", "previous")
    run_needs(first, execution)
    run(last, execution)
    details = Store(execution.store).need(last.key).details
    assert len(set(details["acquired"])) == 8
    trace = details["acquisition"]["mutual_information"]
    assert len(trace) == 8
    known = [one for one in trace[:4] if one is not None]
    assert known
    assert known == sorted(known)
    assert all(0 <= one <= np.log(8) + 0.01 for one in known)
    assert set(details["acquisition"]) == {"mutual_information", "saturated_at"}
