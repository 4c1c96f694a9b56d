"""Whether the trials of a study find a machine, and room in its GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.cluster.gpu_memory import GIGABYTES
from sweeps.study.gpu_models import GPU_MODELS
from tests.sweeps.cluster.filled import AWS, KUBERAY, checked, filled, written

STUDY = """\
study: large
corpus: {name: synthetic}
classifier: {name: pooled_transformer}
backbone:
  config: {hidden_size: 1024, num_hidden_layers: 24, num_attention_heads: 16, intermediate_size: 4096}
schedule: [20]
resources: {cpu: 1, gpu: GPU}
"""


def study(tmp_path: Path, text: str) -> str:
    return str(written(tmp_path, text, "study.yaml"))


def test_more_trials_than_a_gpu_has_memory_for_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, filled(AWS))
    code, said = checked(path, "--study", study(tmp_path, STUDY.replace("GPU", "0.2")))
    assert code == 1
    assert "5 trials of 'large' share a A10G of 'gpu' (gpu: 0.2), which has 24 GB" in said.replace("\n", " ")
    assert "set gpu to 0.25" in said
    assert checked(path, "--study", study(tmp_path, STUDY.replace("GPU", "0.25")))[0] == 0


@pytest.mark.parametrize(
    "resources", ["{cpu: 9, gpu: 1}", "{cpu: 1, gpu: 2}", "{cpu: 1, gpu: 1, gpu_model: H100}"]
)
def test_a_trial_that_no_machine_can_hold_is_refused(tmp_path: Path, resources: str) -> None:
    text = STUDY.replace("{cpu: 1, gpu: GPU}", resources)
    code, said = checked(written(tmp_path, filled(AWS)), "--study", study(tmp_path, text))
    assert code == 1
    assert "no machine can hold a trial of 'large'" in said.replace("\n", " ")


def test_the_memory_of_every_model_that_a_study_can_demand_is_known() -> None:
    assert set(GIGABYTES) >= {model for model in GPU_MODELS if not model.startswith("GB")}


def test_a_study_that_needs_no_gpu_demands_none(tmp_path: Path) -> None:
    text = "study: small\ncorpus: {name: synthetic}\nclassifier: functionals\nschedule: [20]\n"
    asking = text + "resources: {cpu: 2, gpu: 1, gpu_model: H100}\n"
    assert checked(written(tmp_path, filled(AWS)), "--study", study(tmp_path, asking))[0] == 0


def test_pods_say_their_gpus_model_themselves(tmp_path: Path) -> None:
    asking = study(tmp_path, STUDY.replace("{cpu: 1, gpu: GPU}", "{cpu: 2, gpu: 1, gpu_model: A100}"))
    code, said = checked(written(tmp_path, filled(KUBERAY)), "--study", asking)
    assert code == 1
    assert "say it in rayStartParams" in said.replace("\n", " ")
    declared = 'rayStartParams: {resources: \'"{\\"accelerator_type:A100\\": 1}"\'}'
    told = filled(KUBERAY, "rayStartParams: {}", declared)
    assert checked(written(tmp_path, told), "--study", asking)[0] == 0


def test_a_backbone_that_cannot_be_measured_is_a_warning(tmp_path: Path) -> None:
    text = STUDY.replace("GPU", "0.05").replace(STUDY[STUDY.index("backbone:") : STUDY.index("schedule")], "")
    text = text.replace("schedule", "backbone: ./wav2vec2-base\nschedule")
    code, said = checked(written(tmp_path, filled(AWS)), "--study", study(tmp_path, text))
    assert "1 backbone of the study cannot be measured here" in said.replace("\n", " ")
    assert code == 0


def test_trials_share_a_gpu_only_as_far_as_there_are_cores(tmp_path: Path) -> None:
    four_cores = STUDY.replace("{cpu: 1, gpu: GPU}", "{cpu: 4, gpu: 0.1}")
    assert checked(written(tmp_path, filled(AWS)), "--study", study(tmp_path, four_cores))[0] == 0


def test_a_pod_without_a_limit_has_no_gpu(tmp_path: Path) -> None:
    path = written(tmp_path, filled(KUBERAY, ', nvidia.com/gpu: "1"', ""))
    code, said = checked(path, "--study", study(tmp_path, STUDY.replace("GPU", "1")))
    assert code == 1
    assert "'gpu' with 8 CPU and 0 GPU" in said.replace("\n", " ")
