"""A labelling that has begun on a few generated recordings, gone on with in this process, without Ray."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from after_ray.environment import Execution
from after_ray.errors import Unanswered
from after_ray.execution import run
from after_ray.stages import MADE_BY_DRIVER, Stage, collect
from after_ray.store import Record, Store
from sweeps.labelling.going import freeze
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.labelling.starting import Wishes, start
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.running.studies import prepare

CLASSES = ("anger", "sad")
STUDY = {
    "study": "heard",
    "corpus": "synthetic",
    "classifier": "functionals",
    "strategy": "entropy",
    "initialization": "random",
    "schedule": [20, 40],
    "fold": 0,
    "protocol": {"preset": "paper", "validation": "by_speaker", "folds": {"count": 3}},
}


def truth(utterance: str) -> str:
    """The class of a clip, which is heard."""
    return CLASSES[int(utterance[-1]) % 2]


@dataclass
class Begun:
    """A labelling, and how it goes on."""

    opened: OpenLabelling
    folder: Path

    def go_on(self) -> Standing:
        """Train on what is answered, and choose the next batch."""
        standing = self.opened.stands()
        if standing.asked is not None and not freeze(self.opened, standing):
            return standing
        with contextlib.suppress(Unanswered):
            run_all(self.opened.trajectory.stages[-1], self.opened.store, self.folder)
        return self.opened.stands()


def run_all(last: Stage, store: Store, folder: Path) -> Record:
    """Everything that a round rests on, and the round."""
    needed: dict[str, Stage] = {}
    collect(last, needed)
    execution = Execution(store.url, str(folder / "cache"))
    for stage in needed.values():
        if not isinstance(stage, MADE_BY_DRIVER) and stage.kind != "round":
            run(stage, execution)
    return run(last, execution)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six speakers with four clips each: low hums are sad, high ones angry."""
    folder = tmp_path_factory.mktemp("recordings")
    draws = np.random.default_rng(0)
    for speaker in range(6):
        for clip in range(4):
            pitch = (320, 120)[clip % 2] * draws.uniform(0.9, 1.1)
            seconds = np.arange(int(16_000 * draws.uniform(0.5, 0.8))) / 16_000
            wave = 0.3 * np.sin(2 * np.pi * pitch * seconds) + 0.01 * draws.standard_normal(len(seconds))
            soundfile.write(folder / f"s{speaker}_{clip}.wav", wave, 16_000)
    rows = [(f"s{speaker}_{clip}", f"s{speaker}") for speaker in range(6) for clip in range(4)]
    lines = ["path,speaker", *(f"{name}.wav,{speaker}" for name, speaker in rows)]
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    lines = ["path,speaker,emotion", *(f"{name}.wav,{speaker},{truth(name)}" for name, speaker in rows)]
    (folder / "told.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def template(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """A store that is asked for round 0, by how many annotators hear every clip; made once each."""

    @functools.cache
    def template(annotators: int) -> Path:
        folder = tmp_path_factory.mktemp("begun")
        (folder / "heard.yaml").write_text(yaml.safe_dump(STUDY))
        wishes = Wishes(recordings / "clips.csv", CLASSES, annotators, False, None, None)
        labelling, study = start(folder / "heard.yaml", (), wishes, Store(folder / "store"))
        prepare(study)
        Begun(OpenLabelling(labelling, study), folder).go_on()
        return folder

    return template


@pytest.fixture
def begin(tmp_path: Path, template: Callable[[int], Path]) -> Callable[..., Begun]:
    """Begin a labelling, asked for round 0; given is how many annotators hear every clip."""

    def begin(annotators: int = 1) -> Begun:
        shutil.copytree(template(annotators), tmp_path, dirs_exist_ok=True)
        return Begun(OpenLabelling.of(Store(tmp_path / "store"), None), tmp_path)

    return begin


@pytest.fixture
def simulated(tmp_path: Path, recordings: Path) -> OpenStudy:
    """The same study of the same recordings with an oracle that answers at once, run to its end."""
    folder = tmp_path / "simulated"
    folder.mkdir()
    corpus = {"name": "csv", "file": str(recordings / "told.csv"), "called": "clips"}
    (folder / "told.yaml").write_text(yaml.safe_dump(STUDY | {"corpus": corpus}))
    opened = open_study(folder / "told.yaml", str(folder / "store"))
    prepare(opened)
    (trajectory,) = opened.plan.trajectories
    run_all(trajectory.stages[-1], opened.store, folder)
    return opened
