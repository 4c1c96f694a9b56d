"""Who reads a page and types its commands: a folder, an environment, `after-ray` on the path."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.cli import app
from tests.docs.pages import REPOSITORY, Command, Page
from tests.own_modules import load_anew

COMPOUND = set("&|;<>$`")


class Reader:
    """One page's reader. `environment` and `here` are what its commands leave behind for those after them."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.here = folder
        path = f"{_shims(folder / '.shims')}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {"HOME": str(folder), "PYTHONPATH": str(REPOSITORY), "PATH": path}
        self.environment = {**os.environ, **own}

    def save(self, page: Page) -> None:
        """Blocks of the page that are whole files, under their names."""
        for block in page.blocks:
            if block.file_name:
                (self.folder / block.file_name).write_text(block.text)

    def run(self, command: Command) -> str:
        """What it prints; an `after-ray` alone in this process, all else by bash."""
        words = shlex.split(command.text)
        if words[0] == "after-ray" and not COMPOUND & set(command.text):
            return self.in_this_process(command, words[1:])
        return self.in_bash(command)

    def in_this_process(self, command: Command, arguments: Iterable[str]) -> str:
        """What `after-ray` prints; starting it anew for every command would take most of the time."""
        before = Path.cwd()
        os.chdir(self.here)
        try:
            with pytest.MonkeyPatch.context() as patch:
                load_anew(patch, *(file.stem for file in self.here.glob("*.py")))  # as a new process does
                done = CliRunner(env=self.environment).invoke(app, list(arguments))
        finally:
            os.chdir(before)
        told = f"{command.place}: exit code {done.exit_code}\n{done.output}\n{done.exception!r}"
        assert done.exit_code == 0, told
        return str(done.output)

    def in_bash(self, command: Command) -> str:
        """What one line prints; the folder it changes into and the variables it exports last for the page."""
        script = f"{command.text}\ncode=$?; pwd > {self._where}; env -0 > {self._variables}; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.here,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        told = f"{command.place}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, told
        entries = (entry.partition("=") for entry in self._variables.read_text().split("\0") if entry)
        self.environment = {name: value for name, _, value in entries}
        self.here = Path(self._where.read_text().strip())
        return done.stdout + done.stderr

    @property
    def _where(self) -> Path:
        return self.folder / ".where"

    @property
    def _variables(self) -> Path:
        return self.folder / ".variables"


def _shims(folder: Path) -> Path:
    """`after-ray` and `python` of this checkout, first on the path."""
    folder.mkdir()
    for name, module in (("after-ray", " -m sweeps.cli"), ("python", ""), ("python3", "")):
        (folder / name).write_text(f'#!/bin/sh\nexec {sys.executable}{module} "$@"\n')
        (folder / name).chmod(0o755)
    return folder
