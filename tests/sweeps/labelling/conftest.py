"""A labelling that has begun and waits for the answers to round 0; nothing here starts Ray."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from after_ray.labelling import Answer, Clip
from after_ray.store import Store
from sweeps.labelling.going import go_on
from sweeps.labelling.opening import OpenLabelling, Standing
from sweeps.labelling.starting import Wishes, start
from sweeps.launching.ray_start import Where
from tests.sweeps.labelling.calls import CLASSES, run_here, speech, study_in


@dataclass(frozen=True)
class Recordings:
    """A folder of recordings, and who knows what they are: emotions by path."""

    folder: Path
    truth: dict[str, str]
    ending: str = ".wav"

    def emotion(self, clip: str) -> str:
        """What an utterance is, by its id."""
        return self.truth[clip.partition("/")[2] + self.ending]

    def answers(self, clips: tuple[Clip, ...], who: str = "ann") -> list[Answer]:
        """What somebody says who knows."""
        return [Answer(clip.utterance, who, self.emotion(clip.utterance)) for clip in clips]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    folder = tmp_path_factory.mktemp("recordings")
    return Recordings(folder, speech(folder))


@pytest.fixture(autouse=True)
def _without_ray(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("ray") is None:
        monkeypatch.setattr("sweeps.labelling.going.run_studies", run_here)


Begin = Callable[..., OpenLabelling]


@pytest.fixture(scope="session")
def _begun(recordings: Recordings, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a store in which a labelling waits for round 0; each kind of them once."""
    made: dict[tuple[tuple[str, object], ...], Path] = {}

    def store_of(**wishes: object) -> Path:
        kind = tuple(sorted(wishes.items()))
        if kind not in made:
            folder = tmp_path_factory.mktemp("begun")
            audio, classes = recordings.folder / "unknown.csv", tuple(CLASSES.split(","))
            asked = Wishes(audio, classes, **wishes)  # type: ignore[arg-type]
            started = start(study_in(folder), (), asked, Store(str(folder / "store")))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sweeps.labelling.going.run_studies", run_here)
                go_on(OpenLabelling(*started), Where(), None)
            made[kind] = folder / "store"
        return made[kind]

    return store_of


@pytest.fixture
def begin(_begun: Callable[..., Path], tmp_path: Path) -> Begin:
    """A labelling of its own that waits for round 0."""

    def opened(**wishes: object) -> OpenLabelling:
        shutil.copytree(_begun(**wishes), tmp_path / "store")
        return OpenLabelling.of(Store(str(tmp_path / "store")), None)

    return opened


def went_on(opened: OpenLabelling) -> Standing:
    """Train on what is answered, in this process."""
    return go_on(opened, Where(), None)
