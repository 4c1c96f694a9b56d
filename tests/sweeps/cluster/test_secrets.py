"""Passwords of the tracking server stay on the head: they go into no image and to no worker."""

from __future__ import annotations

import pytest
import yaml

from tests.sweeps.cluster.filled import AWS, ON_PREM, REPOSITORY


@pytest.mark.parametrize("name", [AWS, ON_PREM])
def test_settings_with_passwords_are_copied_to_no_machine(name: str) -> None:
    assert ".env" in yaml.safe_load((REPOSITORY / name).read_text())["rsync_exclude"]


def test_settings_with_passwords_and_results_go_into_no_image() -> None:
    left_out = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert {"**/.env", ".git", ".venv", "store"} <= set(left_out)
