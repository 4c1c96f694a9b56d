"""A strategy in the folder that a command is started in is found, whatever started the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.sweeps.small import small_study


def test_the_folder_one_starts_in_is_looked_in(tmp_path: Path) -> None:
    study = small_study(tmp_path).path
    (tmp_path / "of_my_own.py").write_text(
        "from after_ray.acquisition.random import Random\n\n\nclass Mine(Random):\n    pass\n"
    )
    command = Path(sys.executable).with_name("after-ray")
    done = subprocess.run(
        [command, "plan", study.name, "--set", "strategy=of_my_own:Mine", "--store", "store"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
