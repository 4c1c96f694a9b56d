"""GPU models are demanded by Ray's names, of nodes that have them, and of nobody who needs no GPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from sweeps.cli import app
from sweeps.launching.launch import _placed
from sweeps.launching.ray_start import Nodes, Offer
from sweeps.launching.unmet import SAID_AFTER, Unmet
from sweeps.planning.jobs import Job, jobs_of
from sweeps.planning.opening import open_study
from sweeps.reporting.in_words import model_in_words
from sweeps.study.declaration import Resources
from sweeps.study.gpu_models import GPU_MODELS, RAY_PREFIX, models_in
from tests.sweeps.launching.named import Named

STUDY = """\
study: one
corpus: {name: synthetic, speakers: 6, sentences: 2}
classifier: functionals
schedule: [20, 40]
fold: 0
protocol: {preset: paper, folds: {count: 3}}
resources: {cpu: 1, gpu: 1, gpu_model: A100}
"""
A100 = Resources(cpu=2, gpu=0.5, gpu_model="A100")
ANY = Resources(cpu=2, gpu=0.5)
MIXED = Nodes(
    (Offer(8.0), Offer(8.0, 4.0, frozenset({"T4"})), Offer(8.0, 1.0, frozenset({"A100"}))), growing=True
)


@pytest.mark.ray
def test_the_names_are_those_of_ray() -> None:
    from ray._private.accelerators.nvidia_gpu import NvidiaGPUAcceleratorManager
    from ray.util.accelerators import accelerators

    theirs = {value for name, value in vars(accelerators).items() if name.startswith("NVIDIA_")}
    assert set(GPU_MODELS) == theirs
    for card in (
        "NVIDIA GeForce RTX 4090",
        "NVIDIA RTX A6000",
        "NVIDIA GeForce GTX 1080 Ti",
        "Quadro RTX 8000",
    ):
        name = NvidiaGPUAcceleratorManager._gpu_name_to_accelerator_type(card)
        assert Resources(gpu=1, gpu_model=name).gpu_model == name


def test_rays_mark_of_a_model_is_the_one_we_demand() -> None:
    from ray._common.utils import RESOURCE_CONSTRAINT_PREFIX

    assert RAY_PREFIX == RESOURCE_CONSTRAINT_PREFIX


def test_an_unknown_model_and_one_without_a_gpu_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"'a100' is no GPU model.*allowed: V100.*A100"):
        Resources(gpu=1, gpu_model="a100")
    with pytest.raises(ValidationError, match="gpu_model A100 is demanded and no GPU"):
        Resources(gpu_model="A100")


def test_a_trial_demands_the_model_of_ray_beside_its_share() -> None:
    (bundle,) = _placed({"resources": A100}).bundles
    assert bundle == {"CPU": 2.0, "GPU": 0.5, "accelerator_type:A100": 0.001}
    (bundle,) = _placed({"resources": ANY}).bundles
    assert bundle == {"CPU": 2.0, "GPU": 0.5}


def test_only_nodes_that_have_the_model_count() -> None:
    assert (MIXED.slots(A100), MIXED.slots(ANY)) == (2, 6)
    assert MIXED.hold(A100)
    assert not MIXED.hold(Resources(cpu=2, gpu=0.5, gpu_model="H100"))
    assert not MIXED.hold(Resources(cpu=2, gpu=2, gpu_model="A100")), "two GPUs has the other node"
    assert models_in({"CPU": 1.0, "accelerator_type:T4": 1.0}) == {"T4"}


def test_time_to_go_counts_the_gpus_that_trials_may_use() -> None:
    assert MIXED.capacity_for({"A100"}).gpus == 1
    assert MIXED.capacity_for({"A100", "T4"}).gpus == MIXED.capacity_for({None, "A100"}).gpus == 5
    assert MIXED.capacity_for({"A100"}).cpus == MIXED.capacity.cpus == 24


def test_a_model_that_no_node_has_is_named_with_those_there_are() -> None:
    now = [0.0]
    unmet = Unmet(lambda: MIXED, lambda: False, lambda: now[0])
    job = replace(Job("trajectory", Named("one")), resources=Resources(cpu=1, gpu=1, gpu_model="H100"))
    unmet.look([], [job])
    now[0] = SAID_AFTER + 1
    said = str(unmet.look([], [job]))
    assert "1 trial of 1 CPU and 1 GPU of model H100, ready to run" in said
    assert "none more than 4 GPU (models: A100, T4)" in said


def test_sizes_tell_models_apart() -> None:
    sizes = {replace(Job("features", Named("one")), resources=one).size for one in (A100, ANY)}
    assert len(sizes) == 2


def test_plan_says_which_model_is_demanded(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(STUDY)
    command = ["plan", str(path), "--store", str(tmp_path / "store")]
    told = CliRunner().invoke(app, command).output.replace("\n", " ")
    assert "trials that use a GPU run on the model A100 only (resources.gpu_model)" in told
    assert model_in_words(Resources(gpu=1)) == ""


def test_stages_that_need_no_gpu_demand_no_model(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(STUDY)
    plan = open_study(tmp_path / "one.yaml", tmp_path / "store").plan
    demanded = {job.kind: job.resources.gpu_model for job in jobs_of([plan], set()).values()}
    assert demanded == {"features": None, "first_round": None, "trajectory": None}
    assert plan.study.resources.gpu_model == "A100"
