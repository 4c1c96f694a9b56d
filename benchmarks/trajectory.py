"""One active-learning trajectory against an independent run to each of its ratios, as JSON.

    python benchmarks/trajectory.py [--repeats 3] [--speakers 10] [--sentences 4] [--threads 1]

Both sides run the same rounds of a small pooled transformer on generated speech, through
`after_ray.execution.rounds`, in one process and after a warm-up. The trajectory goes through the whole
schedule once; an independent run to a ratio goes through the schedule up to it, in a store of its own that
has nothing but copies of the prepared audio, folds and features. All share one node cache that holds their
files before anything is timed.

`bound` is what sharing can save at most: the sum of the costs of all prefixes of the schedule over the cost
of the whole, from the seconds in the records of the trajectory's rounds. `achieved` is the wall time of all
independent runs over that of the trajectory. Target: achieved >= 95 % of the bound. Both sides take turns,
round by round, so that other work on the machine meets both alike; figures are medians over the repeats,
and `same_results` says whether all runs recorded the same scores for the same round.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.corpora._base import scan
from after_ray.corpora._settings import SyntheticSettings
from after_ray.environment import Execution, describe, fix_threads
from after_ray.execution import run
from after_ray.execution.corpus import prepare_audio
from after_ray.execution.folds import open_fold
from after_ray.execution.rounds import RoundStage, Trajectory
from after_ray.initialization._settings import ClusteringSettings
from after_ray.learning.schedule import target_sizes
from after_ray.learning.settings import FirstRoundSettings, Restart
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FeaturesStage, FirstRoundStage, NextRoundStage, rounds
from after_ray.store import Record, Store
from after_ray.training.settings import FittingSettings

SCHEDULE = (5, 10, 20, 40, 60, 80, 100)
RESTARTS: tuple[Restart, ...] = ("previous", "pretrained")
CLASSES = 4
TARGET = 0.95
SMALL: dict[str, bool | int | float | str | tuple[int, ...]] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "conv_dim": (32, 32, 32),
    "conv_kernel": (10, 8, 4),
    "conv_stride": (5, 8, 8),  # 50 frames a second, as the published front end
    "num_conv_pos_embeddings": 32,
    "num_conv_pos_embedding_groups": 4,
}


def main() -> None:
    options = parse()
    fix_threads(options.threads)
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        bench = Bench.prepare(Path(temporary), options)
        bench.warm_up()
        measured: dict[str, Any] = {
            restart: summary([bench.repeat(restart, index) for index in range(options.repeats)])
            for restart in RESTARTS
        }
    result = {
        "schedule": SCHEDULE,
        "sizes": bench.sizes,
        "repeats": options.repeats,
        "speakers": options.speakers,
        "sentences": options.sentences,
        "strategy": options.strategy,
        "fitting": bench.first.classifier.meaning()["fitting"],
        **measured,
        "target": {"share_of_bound": TARGET},
        "machine": machine(bench.execution(bench.prepared), busy),
    }
    print(json.dumps(result, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="of every restart")
    parser.add_argument(
        "--speakers", type=int, default=10, help="of the generated corpus, four emotions each"
    )
    parser.add_argument("--sentences", type=int, default=4, help="that every speaker says in every emotion")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--min-updates", type=int, default=10, help="of small rounds")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--strategy", default="entropy")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the stores are made")
    return parser.parse_args()


@dataclass(frozen=True)
class Timed:
    """One run through a prefix of the schedule: its rounds, and its wall time, records written."""

    records: tuple[Record, ...]
    wall: float


@dataclass(frozen=True)
class Repeat:
    """The trajectory, and the independent runs to each ratio, in the order of the schedule."""

    trajectory: Timed
    independent: tuple[Timed, ...]


@dataclass(frozen=True)
class Bench:
    """A store that holds what every run starts from, and the stages of the runs.

    `folder` also holds the node cache and the stores of the runs; `first` is round 0 of all of them.
    """

    folder: Path
    threads: int
    strategy: str
    sizes: tuple[int, ...]
    first: FirstRoundStage

    @classmethod
    def prepare(cls, folder: Path, options: argparse.Namespace) -> Bench:
        """Audio, folds and features, in the store and in the node cache."""
        corpus = SyntheticSettings(speakers=options.speakers, sentences=options.sentences)
        found = scan(corpus, folder / "scans")
        audio = AudioStage(found.manifest.digest, "synthetic")
        prepare_audio(audio, found, corpus, Store(folder / "prepared"))
        fix_threads(options.threads)  # the preparation sets its own
        execution = Execution(str(folder / "prepared"), str(folder / "cache"), threads=options.threads)
        choice = FoldChoice()
        train = len(open_fold(audio, choice, execution).train)
        sizes = target_sizes(SCHEDULE, train, CLASSES, FirstRoundSettings())
        first = FirstRoundStage(
            audio,
            choice,
            _classifier(options),
            ClusteringSettings(),
            sizes[0],
            0,
            BackboneSettings(config=SMALL),
        )
        for stage in first.needs():
            if isinstance(stage, FeaturesStage):
                run(stage, execution)
        return cls(folder, options.threads, options.strategy, sizes, first)

    @property
    def prepared(self) -> Path:
        """The store that runs get copies of."""
        return self.folder / "prepared"

    def execution(self, store: Path) -> Execution:
        """Like every other run, but for its store."""
        return Execution(str(store), str(self.folder / "cache"), threads=self.threads)

    def last(self, restart: Restart, count: int) -> RoundStage:
        """The last stage of a run through the first `count` points of the schedule."""
        last: RoundStage = self.first
        for size in self.sizes[1:count]:
            last = NextRoundStage(last, size, self.strategy, restart)
        return last

    def warm_up(self) -> None:
        """Two rounds of each kind: imports, first calls, and copies in the node cache."""
        for restart in RESTARTS:
            with Run(self, self.last(restart, 2)) as warm:
                while not warm.finished:
                    warm.advance()

    def repeat(self, restart: Restart, index: int) -> Repeat:
        """The trajectory and the independent runs, side by side, each round by all who have it."""
        stages = [self.last(restart, count) for count in (len(self.sizes), *range(1, len(self.sizes) + 1))]
        runs = [Run(self, stage) for stage in stages]
        try:
            for turn in range(len(self.sizes)):
                for one in _from(runs, index + turn):
                    if not one.finished:
                        one.advance()
            trajectory, *independent = [one.timed() for one in runs]
        finally:
            for one in runs:
                one.remove()
        return Repeat(trajectory, tuple(independent))


class Run:
    """One run in a fresh store; only what it does itself is on its clock, not the copying of the store."""

    _numbers = itertools.count()

    def __init__(self, bench: Bench, last: RoundStage) -> None:
        self._store = bench.folder / f"run-{next(self._numbers)}"
        shutil.copytree(bench.prepared, self._store)
        self._length = len(rounds(last))
        self._records: list[Record] = []
        started = time.perf_counter()
        self._trajectory = Trajectory(last, bench.execution(self._store))
        self._wall = time.perf_counter() - started

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def finished(self) -> bool:
        """Whether all its rounds are recorded."""
        return len(self._records) == self._length

    def advance(self) -> None:
        """One round, timed."""
        started = time.perf_counter()
        self._records.append(self._trajectory.advance())
        self._wall += time.perf_counter() - started

    def timed(self) -> Timed:
        """What it did and how long that took."""
        return Timed(tuple(self._records), self._wall)

    def remove(self) -> None:
        """Give the disk space back."""
        shutil.rmtree(self._store)


def summary(repeats: Sequence[Repeat]) -> dict[str, Any]:
    """Medians over the repeats, and the ratios of each."""
    bounds = [bound(_seconds(repeat.trajectory)) for repeat in repeats]
    gains = [sum(run.wall for run in repeat.independent) / repeat.trajectory.wall for repeat in repeats]
    shares = [gain / most for gain, most in zip(gains, bounds, strict=True)]
    return {
        "round_seconds": _medians(_seconds(repeat.trajectory) for repeat in repeats),
        "trajectory_seconds": round(statistics.median(repeat.trajectory.wall for repeat in repeats), 2),
        "independent_seconds": _medians([run.wall for run in repeat.independent] for repeat in repeats),
        "bound": round(statistics.median(bounds), 3),
        "achieved": round(statistics.median(gains), 3),
        "share_of_bound": round(statistics.median(shares), 3),
        "reached": statistics.median(shares) >= TARGET,
        "of_each_repeat": {"bound": _rounded(bounds), "achieved": _rounded(gains), "share": _rounded(shares)},
        "same_results": all(same_results(repeat) for repeat in repeats),
    }


def bound(seconds: Sequence[float]) -> float:
    """Sum of the costs of all prefixes over the cost of the whole; `seconds` are those of each round."""
    return sum(itertools.accumulate(seconds)) / sum(seconds)


def same_results(repeat: Repeat) -> bool:
    """Whether every independent run scored each of its rounds as the trajectory did."""
    return all(
        (ours.key, ours.measures, ours.details["acquired"])
        == (theirs.key, theirs.measures, theirs.details["acquired"])
        for run in repeat.independent
        for ours, theirs in zip(repeat.trajectory.records, run.records, strict=False)
    )


def machine(execution: Execution, busy: float) -> dict[str, Any]:
    """Where this ran, and how busy it was otherwise: mean number of running processes of the last minute."""
    described = {name: value for name, value in describe(execution).items() if name != "host"}
    return {**described, "processors": os.cpu_count(), "load_before": busy, "load_after": os.getloadavg()[0]}


def _classifier(options: argparse.Namespace) -> PooledTransformerSettings:
    fitting = FittingSettings(
        max_epochs=options.epochs,
        min_updates=options.min_updates,
        batch_size=options.batch_size,
        evaluations_per_epoch=1,
        learning_rate=1e-3,
    )
    return PooledTransformerSettings(fitting=fitting)


def _from(runs: list[Run], first: int) -> list[Run]:
    """All of them, another one first at every turn."""
    first %= len(runs)
    return runs[first:] + runs[:first]


def _seconds(run: Timed) -> list[float]:
    return [record.seconds["total"] for record in run.records]


def _medians(rows: Iterator[list[float]]) -> list[float]:
    """Of each column."""
    return _rounded([statistics.median(column) for column in zip(*rows, strict=True)])


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 3) for value in values]


if __name__ == "__main__":
    main()
