"""Resident memory of a trial on a merged corpus of 22,000 utterances, beyond model and optimiser, as JSON.

    python benchmarks/memory.py [--utterances 22000] [--width 512] [--max-seconds 10] [--folder DIR]

Makes a store as the real stages leave it: manifest and audio record (zeros, on disk a hole), folds, and the
float16 features of a frozen front end at their real width and size (noise), in IEMOCAP's lengths of 4.55 s
on average. Then round 0 (clustering) and the next round (entropy) of a pooled transformer run through
`Trajectory`, each in a process of its own with the memory settings that trials have; the encoder is small,
so that the passes over 20,000 utterances are quick; the activations of a pass grow with it and with the
front end's width, never with the corpus. At full size 14 GB of disk are needed for some minutes.

`beyond_mb` is the peak of RssAnon less that of the same process before anything is opened, with torch,
transformers, pandas and sklearn imported, and less the bytes of weights, gradients, Adam's moments and best
weights. Target: below 500 MB. RssFile, which is mapped features and libraries, is the system's to take back
and stands apart. `parts` opens what a trial opens, step by step: megabytes that Python, numpy and Arrow
hold afterwards, and their peak in the step. All are megabytes of 1,000,000 bytes, sampled every few
milliseconds.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import tempfile
import threading
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow  # type: ignore[import-untyped]
import sklearn.cluster
import torch
import transformers
from _speech import iemocap_lengths, machine
from numpy.typing import NDArray

from after_ray.backbones.loading import build, configuration, frames
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._pooled_network import PooledNetwork
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.corpora.prepared import AUDIO, MANIFEST_FILE
from after_ray.environment import Execution, fix_threads
from after_ray.execution.corpus import open_corpus
from after_ray.execution.features import open_features, open_summaries
from after_ray.execution.folds import open_folds
from after_ray.execution.kept_folds import keep_folds
from after_ray.execution.rounds import RoundStage, Trajectory
from after_ray.initialization._settings import ClusteringSettings
from after_ray.manifest import Manifest
from after_ray.ragged import ragged_paths, write_ragged
from after_ray.seeds import SeedTree
from after_ray.splits._settings import FoldChoice, FoldSettings
from after_ray.splits.oracle import Oracle
from after_ray.splits.tripwire import Tripwire
from after_ray.stages import AudioStage, FeaturesStage, FirstRoundStage, FoldsStage, NextRoundStage, Stage
from after_ray.store import SUMMARY_FILE, Draft, Record, Store
from after_ray.store.artifacts import save_arrays
from after_ray.training.settings import FittingSettings

TARGET = 500
MEGABYTE = 1_000_000
RATE = 16_000
MEMBERS = {"iemocap": 0.25, "cremad": 0.25, "emovdb": 0.3, "shemo": 0.13, "ravdess": 0.04, "emodb": 0.03}
EMOTIONS = ("anger", "happy", "neutral", "sad")
FOLD = FoldChoice(folds=FoldSettings(scheme="sessions", count=5, test_corpus="iemocap"))
PHASES = ("opening", "score", "acquire", "train", "evaluate")
IMPORTED = (torch, transformers, pd, sklearn.cluster)  # the baseline has them


def main() -> None:
    from sweeps.launching.ray_start import KEEP_MEMORY  # not above: children have no need of it

    options = parse()
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        folder = Path(temporary)
        first = make_store(folder / "store", iemocap_lengths(options.utterances), options)
        execution = Execution(str(folder / "store"), str(folder / "cache"), threads=options.threads)
        size = sum(path.stat().st_size for path in (folder / "store").rglob("features.values.npy"))
        following = NextRoundStage(first, 2 * first.size, "entropy", "previous")
        plain = in_child({}, parts, first, execution)
        rounds = {
            "first_round": in_child(KEEP_MEMORY, measured, first, execution),
            "next_round": in_child(KEEP_MEMORY, measured, following, execution),
        }
    result = {
        "utterances": options.utterances,
        "width": options.width,
        "features_mb": megabytes(size),
        "encoder": {"hidden": options.hidden, "layers": options.layers},
        **rounds,
        "parts": plain,
        "target": {"beyond_mb": TARGET},
        "machine": {**machine(), "threads": options.threads, "load_after": os.getloadavg()[0]},
    }
    print(json.dumps(result, indent=1))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--utterances", type=int, default=22_000)
    parser.add_argument("--width", type=int, default=512, help="of the front end")
    parser.add_argument("--max-seconds", type=float, default=10.0, help="what is longer is cut")
    parser.add_argument("--hidden", type=int, default=64, help="width of the encoder")
    parser.add_argument("--layers", type=int, default=2, help="of the encoder")
    parser.add_argument(
        "--percent", type=float, default=5.0, help="of the corpus in round 0; then twice that"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where store and cache are made")
    return parser.parse_args()


def in_child(environment: dict[str, str], work: Callable[..., Any], *arguments: Any) -> Any:
    """`work` in a new interpreter that has the environment from its beginning."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context) as pool:
            return pool.submit(work, *arguments).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


# The store


def make_store(root: Path, samples: NDArray[np.int64], options: argparse.Namespace) -> FirstRoundStage:
    """Audio, folds and features as records of a store; returns round 0, which rests on them."""
    store, manifest = Store(root), made_up_manifest(samples)
    audio = AudioStage(manifest.digest, manifest.corpus)
    commit_audio(store, audio, manifest, samples)
    keep_folds(FoldsStage.of(audio, FOLD), manifest, store)
    fitting = FittingSettings(max_epochs=1, min_updates=4, evaluations_per_epoch=1)
    classifier = PooledTransformerSettings(max_seconds=options.max_seconds, fitting=fitting)
    size = round(options.utterances * options.percent / 100)
    first = FirstRoundStage(audio, FOLD, classifier, ClusteringSettings(), size, 0, backbone(options))
    commit_features(store, first.features, samples, options)
    return first


def backbone(options: argparse.Namespace) -> BackboneSettings:
    """A published front end below an encoder of the size that is asked for."""
    return BackboneSettings(
        config={
            "hidden_size": options.hidden,
            "num_hidden_layers": options.layers,
            "num_attention_heads": max(2, options.hidden // 64),
            "intermediate_size": 4 * options.hidden,
            "conv_dim": (options.width,) * 7,
        }
    )


def made_up_manifest(samples: NDArray[np.int64]) -> Manifest:
    """Six corpora of different sizes, with ids and digests as long as real ones."""
    count = len(samples)
    members = np.repeat(
        list(MEMBERS), np.diff([0, *np.rint(count * np.cumsum(list(MEMBERS.values()))).astype(int)])
    )
    rows = np.arange(count)
    names = [
        f"{name}/Ses{row % 5 + 1:02d}_impro{row % 29:02d}_{row:06d}"
        for name, row in zip(members, rows, strict=True)
    ]
    table = pd.DataFrame(
        {
            "utterance": names,
            "path": [f"{name}/wav/{name.rpartition('/')[2]}.wav" for name in names],
            "speaker": [f"{name}/{row % 10:02d}" for name, row in zip(members, rows, strict=True)],
            "gender": np.where(rows % 2, "male", "female"),
            "emotion": [EMOTIONS[row // 10 % 4] for row in rows],
            "sentence": "",
            "session": [f"{name}/{row % 5 + 1}" for name, row in zip(members, rows, strict=True)],
            "seconds": samples / RATE,
            "sample_rate": RATE,
            "audio": [f"{row:064x}" for row in rows],
        }
    )
    return Manifest("merged", table)


def commit_audio(store: Store, stage: AudioStage, manifest: Manifest, samples: NDArray[np.int64]) -> None:
    """The record of the prepared audio; nothing is written where its samples are."""
    with store.workspace(stage.key) as folder:
        values, offsets = ragged_paths(folder, AUDIO)
        shape = (int(samples.sum()),)
        np.lib.format.open_memmap(values, mode="w+", dtype=np.int16, shape=shape).flush()
        np.save(offsets, np.concatenate([[0], np.cumsum(samples)]))
        manifest.to_csv(folder / MANIFEST_FILE)
        commit(store, stage, folder)


def commit_features(
    store: Store, stage: FeaturesStage, samples: NDArray[np.int64], options: argparse.Namespace
) -> None:
    """The record of the features: noise of the real size, and summaries that fall into six clusters."""
    config, most = configuration(backbone(options)), round(options.max_seconds * RATE)
    lengths = np.array([frames(config, min(int(length), most)) for length in samples])
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(6, options.width))
    summary = centres[np.arange(len(samples)) % 6] + 0.3 * generator.normal(
        size=(len(samples), options.width)
    )
    with store.workspace(stage.key) as folder:
        rows = noise(lengths, options.width, generator)
        write_ragged(folder, "features", rows, lengths, np.float16, (options.width,))
        save_arrays(folder / SUMMARY_FILE, {"summary": summary})
        commit(store, stage, folder)


def noise(
    lengths: NDArray[np.int64], width: int, generator: np.random.Generator
) -> Iterator[NDArray[np.float16]]:
    """Rows cut from one block of noise at random places: to draw them all would take minutes."""
    block = generator.standard_normal((int(lengths.max()) + 1_000, width), dtype=np.float32).astype(
        np.float16
    )
    for length in lengths:
        begin = generator.integers(len(block) - length)
        yield block[begin : begin + length]


def commit(store: Store, stage: Stage, folder: Path) -> None:
    """A record that says no more than what it is."""
    parents = tuple(needed.key for needed in stage.needs())
    store.commit(Draft(stage.key, stage.kind, stage.meaning(), parents, finished=time.time()), folder)


# One trial, in a process of its own


class Sampler:
    """Resident memory of this process over time, in the block: bytes of its own, and of mapped files."""

    def __init__(self, every: float = 0.005) -> None:
        self._every = every
        self._samples = array("d")  # time, anonymous, file; a list of tuples would be memory of its own
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def peaks(self, begin: float, end: float) -> tuple[float, float] | None:
        """The highest of both between two times; None where nothing was sampled."""
        samples = np.frombuffer(self._samples).reshape(-1, 3)
        inside = samples[(samples[:, 0] >= begin) & (samples[:, 0] <= end), 1:]
        return (float(inside[:, 0].max()), float(inside[:, 1].max())) if len(inside) else None

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            status = resident()
            self._samples.extend((time.time(), status["RssAnon"], status["RssFile"]))


def resident() -> dict[str, int]:
    """Bytes of RssAnon, RssFile and VmHWM of this process."""
    found = re.findall(
        r"^(RssAnon|RssFile|VmHWM):\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE
    )
    return {name: 1024 * int(value) for name, value in found}


def measured(last: RoundStage, execution: Execution) -> dict[str, Any]:
    """Run the newest round of `last`; rounds before it are found in the store."""
    fix_threads(execution.threads)
    before = resident()
    with Sampler() as sampler:
        begin = time.time()
        record = Trajectory(last, execution).finish()
        end = time.time()
    after = resident()
    peaks = sampler.peaks(begin, end)
    assert peaks is not None
    model = model_and_optimiser(last)
    beyond = peaks[0] - before["RssAnon"] - model["in_all"]
    return {
        "baseline_mb": {name: megabytes(value) for name, value in before.items()},
        "peak_mb": {
            "RssAnon": megabytes(peaks[0]),
            "RssFile": megabytes(peaks[1]),
            "VmHWM": megabytes(after["VmHWM"]),
        },
        "model_and_optimiser_mb": {name: megabytes(value) for name, value in model.items()},
        "beyond_mb": megabytes(beyond),
        "reached": beyond < TARGET * MEGABYTE,
        "beyond_mb_by_phase": by_phase(sampler, record, before["RssAnon"] + model["in_all"]),
        "mapped_mb": megabytes(peaks[1] - before["RssFile"]),
        "seconds": {name: round(value, 1) for name, value in record.seconds.items()},
    }


def by_phase(sampler: Sampler, record: Record, known: float) -> dict[str, float]:
    """The peak while each phase lasted, found backwards from the end; nothing is given back in between."""
    found: dict[str, float] = {}
    end = record.finished
    for name in reversed(PHASES):
        begin = record.started if name == "opening" else end - record.seconds[name]
        peaks = sampler.peaks(begin, end)
        if peaks is not None:
            found[name] = megabytes(peaks[0] - known)
        end = begin
    return dict(reversed(found.items()))


def model_and_optimiser(last: RoundStage) -> dict[str, int]:
    """Bytes of the network, its gradients, Adam's two moments and the best weights."""
    first = last.first if isinstance(last, NextRoundStage) else last
    network = new_network(first)
    weights = sum(value.nbytes for value in network.state_dict().values())
    trained = sum(value.nbytes for value in network.parameters() if value.requires_grad)
    sizes = {"weights": weights, "gradients": trained, "moments": 2 * trained, "best": trained}
    return {**sizes, "in_all": sum(sizes.values())}


def new_network(first: FirstRoundStage) -> PooledNetwork:
    assert first.backbone is not None
    assert isinstance(first.classifier, PooledTransformerSettings)
    generator = SeedTree(0).child("head").torch()
    return PooledNetwork(build(first.backbone), len(EMOTIONS), first.classifier, generator)


# What is opened, step by step


def parts(first: FirstRoundStage, execution: Execution) -> dict[str, dict[str, float]]:
    """What each thing that a trial opens holds afterwards, and what it needed for that."""
    fix_threads(execution.threads)
    tracemalloc.start()
    found: dict[str, dict[str, float]] = {}
    kept: list[Any] = []  # as a trial keeps it

    def opened(name: str, step: Callable[[], Any]) -> Any:
        tracemalloc.reset_peak()
        held = tracemalloc.get_traced_memory()[0], pyarrow.total_allocated_bytes()
        kept.append(step())
        now, peak = tracemalloc.get_traced_memory()
        arrow = pyarrow.total_allocated_bytes() - held[1]
        found[name] = {
            "holds_mb": megabytes(now - held[0] + arrow),
            "of_which_arrow_mb": megabytes(arrow),
            "peak_mb": megabytes(peak - held[0] + max(arrow, 0)),
        }
        return kept[-1]

    manifest = opened("manifest", lambda: open_corpus(first.audio, execution)).manifest
    opened("digest of the manifest", lambda: manifest.digest)
    stage = FoldsStage.of(first.audio, first.fold)
    fold = opened("folds", lambda: open_folds(first.audio, stage, execution)).folds[first.fold.index]
    names = opened("ids", lambda: manifest.table["utterance"].to_numpy())
    features = opened("features", lambda: open_features(first.features, execution))
    opened("tripwire", lambda: Tripwire(features, fold, names))
    opened("oracle", lambda: Oracle(manifest.labels, fold.train))
    opened("summaries", lambda: open_summaries(first.features, execution))
    return found


def megabytes(count: float) -> float:
    return round(count / MEGABYTE, 1)


if __name__ == "__main__":
    main()
