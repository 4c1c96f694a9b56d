"""A corpus of a million utterances, from file names to folds: seconds of each step, and peak memory.

Files are real and empty, in folders of a thousand; their audio is faked (16 different samples each). Target:
1,000,000 utterances scanned, split and written in under 60 s and 2 GB on 2 cores.

    python benchmarks/manifest.py [--utterances 1000000] [--folder /dev/shm]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np

from after_ray.audio.decode import Waveform
from after_ray.corpora._base import Entry
from after_ray.corpora._folder import FolderCorpus, MisnamedFile
from after_ray.corpora._settings import FolderSettings
from after_ray.splits._settings import FoldSettings, ValidationSettings
from after_ray.splits.fold_file import FoldTable

EMOTIONS = ("anger", "happy", "neutral", "sad")
NAME = re.compile(r"(?P<speaker>s\d{4})_(?P<emotion>[a-z]+)_(?P<sentence>\d{3})_(?P<take>\d{2})")


class ManySettings(FolderSettings):
    own_labels = EMOTIONS
    name: str = "many"


class Many(FolderCorpus):
    """Folders of speakers; every utterance sounds different, and nothing is decoded."""

    layout = "speakers/"
    scheme = "the benchmark's"
    folder = re.compile(r"(^|/)s\d{4}$")

    def parse(self, path: PurePosixPath) -> Entry:
        match = NAME.fullmatch(path.stem)
        if match is None:
            raise MisnamedFile
        return Entry(
            utterance=f"many/{path.stem}",
            path=str(path),
            speaker=match["speaker"],
            gender="male" if int(match["speaker"][1:]) % 2 else "female",
            emotion=match["emotion"],
            sentence=match["sentence"],
        )

    def read(self, path: str) -> Waveform:
        samples = np.frombuffer(path[-32:].encode().ljust(32), dtype=np.int16)
        return Waveform(samples[:, None], 16_000)


def make_files(root: Path, utterances: int) -> None:
    for speaker in range(-(-utterances // 1000)):
        folder = root / f"s{speaker:04d}"
        folder.mkdir()
        for number in range(min(1000, utterances - 1000 * speaker)):
            emotion = EMOTIONS[number % 4]
            (folder / f"{folder.name}_{emotion}_{number // 10:03d}_{number % 10:02d}.wav").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utterances", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the files are made; best in memory")
    options = parser.parse_args()
    utterances: int = options.utterances
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[step] = round(time.perf_counter() - started, 2)

    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        root = folder / "corpus"
        root.mkdir()
        make_files(root, utterances)
        settings = ManySettings(root=str(root))
        before = peak_megabytes()
        with timed("scan"):
            found = Many(settings).scan(folder / "scans")
        with timed("digest"):
            digest = found.manifest.digest
        with timed("split"):
            folds = FoldTable.make(found.manifest, FoldSettings(), ValidationSettings())
        with timed("write"):
            found.manifest.to_csv(folder / "manifest.csv")
            folds.write(folder / "folds.csv")
        peak = peak_megabytes()
        with timed("scan again"):
            again = Many(settings).scan(folder / "scans")
        with timed("read folds"):
            same = FoldTable.read(folder / "folds.csv", again.manifest).digest == folds.digest
    first = sum(seconds[step] for step in ("scan", "digest", "split", "write"))
    result = {
        "utterances": len(found.manifest),
        "seconds": seconds,
        "scan_split_write_seconds": round(first, 1),
        "peak_megabytes": peak,
        "peak_megabytes_before": before,
        "peak_megabytes_with_a_second_scan": peak_megabytes(),
        "digest": digest[:12],
        "same_folds_read_back": same,
        "target": {"seconds": 60, "megabytes": 2000},
        "machine": {"processor": platform.machine(), "python": platform.python_version()},
    }
    json.dump(result, sys.stdout, indent=1)
    print()


def peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
