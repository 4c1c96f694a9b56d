"""The folder in which the commands of a page are tried: recordings, studies that are done, a store.

Pages speak of `STUDY.yaml`, `A.yaml` and `B.yaml` as studies of their reader; here they are small ones on a
folder of wav files with a table, and everything that they want is in the store before a page begins. A
launch therefore finds nothing to run and starts no Ray; what does start one is in `test_first_study.py`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
import yaml
from typer.testing import CliRunner

from after_ray.corpora._base import open_source
from after_ray.corpora._contract import ListedContract
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._settings import FOUR_CLASSES, EmodbSettings, SyntheticSettings
from after_ray.corpora.synthetic import Synthetic
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.report import read_results, study_info
from tests.after_ray.corpora.trees import wav
from tests.after_ray.tiny import TINY
from tests.docs.pages import Command, Page
from tests.docs.reader import Reader
from tests.sweeps.cluster.filled import FILES, filled
from tests.sweeps.selections.ran import run_here

FASTER = {"calibrate": ("--studies", "4")}  # not a matter of minutes, where the page leaves it open
SMALL: dict[str, Any] = {
    "classifier": "functionals",
    "strategy": ["random", "entropy"],
    "schedule": [10, 20, 40],
    "fold": "all",
    "seed": [0, 1],
    "protocol": {"preset": "paper", "folds": {"count": 3}},
}
STUDIES: dict[str, dict[str, Any]] = {
    "STUDY.yaml": {"study": "emodb_study"},
    "MY_STUDY.yaml": {"study": "my_study", "fold": [0, 1]},
    "A.yaml": {"study": "a", "fold": [0, 1]},
    "B.yaml": {"study": "b", "fold": [0, 1], "strategy": ["random", "margin"]},
    "ADAPTED.yaml": {
        "study": "adapted",
        "classifier": {
            "name": "pooled_transformer",
            "fitting": {"max_epochs": 1, "min_updates": 2, "batch_size": 8},
        },
        "backbone": {"config": {name: list(v) if isinstance(v, tuple) else v for name, v in TINY.items()}},
        "adaptation": [
            {"name": "tapt", "steps": steps, "batch_seconds": 8, "max_seconds": 2, "negatives": 5}
            for steps in (2, 3)
        ],
        "strategy": "random",
        "schedule": [20],
        "fold": 0,
        "seed": 0,
    },
    "C.yaml": {
        "study": "c",
        "strategy": "random",
        "fold": [0, 1],
        "search": {
            "space": {"classifier.regularization": {"loguniform": [0.01, 10]}},
            "candidates": 2,
            "algorithm": "random",
            "scheduler": "none",
            "seed": 7,
        },
    },
}
DONE = ("STUDY.yaml", "MY_STUDY.yaml", "A.yaml", "B.yaml", "ADAPTED.yaml")


def write_recordings(folder: Path, speakers: int, sentences: int) -> Path:
    """`folder/ann/anger_01.wav` and so on: one folder per speaker, the emotion in the file's name."""
    source = Synthetic(SyntheticSettings(speakers=speakers, sentences=sentences))
    for entry in source.listing().entries:
        speaker, sentence, emotion, _ = entry.path.split("-")
        heard = source.read(entry.path)
        file = folder / f"speaker{speaker}" / f"{emotion}_{sentence}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, heard.samples, heard.sample_rate, subtype="PCM_16")
    return folder


def write_table(file: Path, recordings: Path) -> Path:
    """The table of these recordings."""
    rows = [
        f"{path.relative_to(file.parent)},{path.parent.name},{path.stem.partition('_')[0]}"
        for path in sorted(recordings.rglob("*.wav"))
    ]
    file.write_text("\n".join(["path,speaker,emotion", *rows, ""]))
    return file


def write_emodb(folder: Path) -> Path:
    """Noise, as long as the recordings of EMO-DB with the four usual labels, under their names."""
    source = open_source(EmodbSettings(root="nowhere"))
    assert isinstance(source, FolderCorpus)
    assert isinstance(source.contract, ListedContract)
    (folder / "wav").mkdir(parents=True)
    used = (row for row in source.contract.utterances.values() if row.label in FOUR_CLASSES)
    for number, row in enumerate(used):
        samples = round((row.seconds or 1.0) * 16_000)
        (folder / "wav" / f"{row.utterance}.wav").write_bytes(wav(number, samples))
    return folder


@dataclass
class Ground:
    """What all pages share: recordings, a finished store, and a tracking database that has the same."""

    root: Path
    table: Path = field(init=False)
    emodb: Path = field(init=False)
    seen: set[str] = field(default_factory=set)  # commands that need not run again

    def __post_init__(self) -> None:
        self.table = write_table(self.root / "labels.csv", write_recordings(self.root / "recordings", 6, 4))
        self.emodb = write_emodb(self.root / "emodb")
        self.write_studies(self.root)
        for name in DONE:
            run_here(self.opened(name))
        self.mirror()

    @property
    def store(self) -> Path:
        """The store in which everything is done."""
        return self.root / "store"

    @property
    def corpus(self) -> dict[str, str]:
        """The recordings, as a study names them; they are called like the corpus that pages speak of."""
        return {"name": "csv", "file": str(self.table), "called": "emodb"}

    @property
    def uri(self) -> str:
        """A tracking database that has the finished studies."""
        return f"sqlite:///{self.root}/tracker.db"

    def opened(self, name: str) -> OpenStudy:
        """A study of `STUDIES`, planned."""
        return open_study(self.root / name, self.store)

    def write_studies(self, folder: Path) -> None:
        """The files of `STUDIES`, on the shared recordings."""
        for name, changed in STUDIES.items():
            (folder / name).write_text(yaml.safe_dump({"corpus": self.corpus} | SMALL | changed))

    def mirror(self) -> None:
        """Fill the tracking database."""
        words = [
            "mirror",
            str(self.root / "STUDY.yaml"),
            "--store",
            str(self.store),
            "--tracking-uri",
            self.uri,
        ]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output

    def known(self) -> dict[str, Any]:
        """What Python examples take as given: plans and manifests of studies, a store, results of a study."""
        opened = self.opened("STUDY.yaml")
        return {
            "plans": [opened.plan],
            "manifests": [scan.manifest for scan in opened.scans],
            "store": opened.store,
            "results": read_results(opened, "store"),
            "study": study_info(opened),
        }

    def key(self) -> str:
        """Of a finished round."""
        return self.opened("STUDY.yaml").plan.trajectories[0].key[:12]


class ReaderOnGround(Reader):
    """Finds what a page calls by name: finished studies, a corpus in `DIR`, cluster files filled in."""

    def __init__(self, folder: Path, shared: Ground) -> None:
        super().__init__(folder)
        self.shared = shared
        shared.write_studies(folder)
        (folder / "DIR").symlink_to(shared.emodb, target_is_directory=True)
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(filled(name))
        self.environment["AFTER_RAY_STORE"] = str(shared.store)
        self.environment["AFTER_RAY_CACHE"] = str(shared.root / "cache")

    def save(self, page: Page) -> None:
        """Also a study that a page has as a whole, as `REPLAY.yaml`, on the recordings of the ground."""
        super().save(page)
        for block in page.blocks:
            if block.language == "yaml" and block.text.startswith("study:") and not block.file_name:
                study = yaml.safe_load(block.text) | {"corpus": self.shared.corpus}
                (self.folder / "REPLAY.yaml").write_text(yaml.safe_dump(study))

    def run(self, command: Command) -> str:
        """What it prints; what a launch would run is run before it, one trial after the other."""
        if command.text.startswith("after-ray run "):
            for word in shlex.split(command.text)[2:]:
                if word.endswith(".yaml"):
                    run_here(open_study(self.here / word, self.shared.store))
        return super().run(command)

    def in_this_process(self, command: Command, arguments: Iterable[str]) -> str:
        """With the values of what a page calls `KEY` or `URI`."""
        names = {"KEY": self.shared.key, "URI": lambda: self.shared.uri}
        words = [names[word]() if word in names else word for word in arguments]
        return super().in_this_process(command, (*words, *FASTER.get(words[0], ())))
