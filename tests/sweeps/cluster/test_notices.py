"""Pods that may be taken back, and commands that export what asks for the notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.cluster.launcher import exports
from tests.sweeps.cluster.filled import KUBERAY, checked, filled, written


@pytest.mark.parametrize(
    "label",
    [
        'cloud.google.com/gke-spot: "true"',
        "eks.amazonaws.com/capacityType: SPOT",
        "karpenter.sh/capacity-type: spot",
        "kubernetes.azure.com/scalesetpriority: spot",
    ],
)
def test_a_pod_that_may_be_taken_back_has_to_be_told(tmp_path: Path, label: str) -> None:
    tolerations = "tolerations: [{key: nvidia.com/gpu"
    spot = filled(KUBERAY, tolerations, f"nodeSelector: {{{label}}}\n          {tolerations}")
    assert checked(written(tmp_path, spot))[0] == 0
    code, said = checked(written(tmp_path, spot.replace("AFTER_RAY_SPOT:", "SPOT:")))
    assert code == 1
    assert "set AFTER_RAY_SPOT=file:PATH" in said


@pytest.mark.parametrize(
    ("commands", "exported"),
    [
        ("ulimit -n 65536; export A=1; ray start", {"A": "1"}),
        ("ray stop && export A=1 B='2; 3' && ray start", {"A": "1", "B": "2; 3"}),
        ("export A=b#c B='# 2' # the head's\nexport C=3 # its own", {"A": "b#c", "B": "# 2", "C": "3"}),
        ("echo 'no export A=1'\n  export A=2 # for all\nexport A=3;ray start", {"A": "3"}),
        ('export PATH="$HOME/bin:$PATH"', {"PATH": "$HOME/bin:$PATH"}),
    ],
)
def test_exports_are_found_wherever_a_command_may_stand(commands: str, exported: dict[str, str]) -> None:
    assert exports(commands) == exported
