"""What code results were made by: git commit, difference to it, packages; kept once in the store.

A launch says what it runs, and its trials write that down. A node whose code is other says so itself.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import after_ray
from after_ray.environment import Execution
from after_ray.files import as_json
from after_ray.sources import source_of
from after_ray.stages import Stage
from after_ray.store import Store
from after_ray.store.code_states import code_file, digest_of_code

PACKAGES = ("after_ray", "trainables", "sweeps", "analysis")
GIT_SECONDS = 20.0


@dataclass(frozen=True)
class CodeState:
    """The code that a launch runs.

    `commit` and `difference` (to it, new files among it) are empty where the code lies in no git checkout.
    """

    commit: str
    difference: str
    packages: dict[str, str]

    @property
    def digest(self) -> str:
        """Names this state in records."""
        return digest_of_code(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """What is kept."""
        return {"commit": self.commit, "difference": self.difference, "packages": self.packages}


def code_state() -> CodeState:
    """The state of the code that runs here; never fails for lack of git."""
    root = Path(after_ray.__file__).parent.parent
    top = _git(root, "rev-parse", "--show-toplevel").strip()
    inside = bool(top) and Path(top).resolve() == root.resolve()
    commit = _git(root, "rev-parse", "HEAD").strip() if inside else ""
    return CodeState(commit, _difference(root) if commit else "", _packages())


def keep_code_state(store: Store) -> CodeState:
    """Write the state of the code into the store, once for all launches that run the same."""
    state = code_state()
    store.place.create(code_file(state.digest), as_json(state.as_json()))
    return state


def read_code_state(store: Store, digest: str) -> dict[str, Any] | None:
    """What was kept under a digest; None when it is gone."""
    try:
        return dict(json.loads(store.place.read(code_file(digest))))
    except (FileNotFoundError, ValueError):
        return None


def by_code_here(execution: Execution, stage: Stage) -> Execution:
    """An execution as this process can do it: by its own code, where that is not the code of the launch.

    Its state is kept in the store like that of a launch.
    """
    if not execution.source or source_of(stage) == execution.source:
        return execution
    state, store = code_state(), Store(execution.store)
    with suppress(OSError):  # a store that is away is waited for later, by who writes results
        state = keep_code_state(store)
    return replace(execution, source="", commit=state.commit, provenance=state.digest)


def other_code(given: Execution, here: Execution) -> str:
    """One sentence where a node runs other code than the launch; empty where it does not."""
    if here == given:
        return ""
    return (
        f"The node {platform.node()} runs other code ({_named(here)}) than this launch ({_named(given)}); "
        "what is made there is recorded as made by that code, which 'after-ray status' names: install the "
        "same code on all nodes, and verify what was made."
    )


def _named(execution: Execution) -> str:
    commit = f"commit {execution.commit[:12]}" if execution.commit else "no git checkout"
    return f"{commit}, state {execution.provenance}"


def _difference(root: Path) -> str:
    """Of our packages: what differs from the commit, and whole files that git does not know."""
    changed = _git(root, "diff", "HEAD", "--", *PACKAGES)
    unknown = _git(root, "ls-files", "--others", "--exclude-standard", "--", *PACKAGES).splitlines()
    added = [
        f"+++ {name}\n{(root / name).read_text(errors='replace')}" for name in unknown if name.endswith(".py")
    ]
    return "\n".join(filter(None, [changed, *added]))


def _packages() -> dict[str, str]:
    found = importlib.metadata.distributions()
    return dict(sorted((str(one.metadata["Name"]), one.version) for one in found))


def _git(root: Path, *arguments: str) -> str:
    """What git prints; empty where there is no git, or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, timeout=GIT_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")
