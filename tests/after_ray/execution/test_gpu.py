"""Rounds on a GPU: every strategy picks there, and from equal weights nearly what it picks on a processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from after_ray.acquisition import EvidenceKind, evidence_of
from after_ray.environment import Execution
from after_ray.execution import run
from after_ray.stages import NextRoundStage
from after_ray.store import Store
from tests.after_ray.execution.chains import SIZES, TRANSFORMER, first_round, prepared, run_needs
from tests.after_ray.expressions import EXPRESSIONS

pytestmark = pytest.mark.gpu

ASKED = [name for name in EXPRESSIONS if EvidenceKind.RECORDED not in evidence_of(name)]


@pytest.mark.parametrize("strategy", ASKED)
def test_a_gpu_and_a_processor_pick_nearly_alike(tmp_path: Path, strategy: str) -> None:
    """Round 0 is trained on the processor, so that both score with the same weights."""
    on_cpu = Execution(str(tmp_path / "cpu"), str(tmp_path / "cache"), device="cpu")
    first = first_round(prepared(on_cpu), TRANSFORMER)
    run_needs(first, on_cpu)
    stage = NextRoundStage(first, SIZES[1], strategy, "pretrained")
    for made in stage.evidence.values():
        run(made, on_cpu)
    run(first, on_cpu)
    on_gpu = replace(on_cpu, device="cuda")
    picked = []
    for execution, variant in ((on_cpu, stage), (on_gpu, replace(stage, restart="previous"))):
        record = run(variant, execution)
        assert record.environment["device"].startswith("cpu") == (execution is on_cpu)
        picked.append(Store(execution.store).need(record.key).details["acquired"])
    budget = SIZES[1] - SIZES[0]
    assert len(set(picked[1])) == budget
    assert len(set(picked[0]) & set(picked[1])) >= budget - 2
