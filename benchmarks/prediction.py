"""Hours of audio per hour: `after-ray predict` against loading the model for each file alone; prints JSON.

The same recordings on every side, made-up speech in the lengths of IEMOCAP's as wav files, and the same model
with drawn weights (speed does not depend on them). `predict` loads the model once, decodes ahead of it and
scores windows of many files at a time. `loaded_for_each` loads the model for every file, in one process that
has imported everything before; `one_file_at_a_time` loads it once and does without batches and without
threads. `command_for_each` starts the command anew for every file, as a shell's loop would, on the first
`--commands` files. The sides take turns, and their probabilities are compared. Rates by the clock, and by the
time that cores were busy, which says more where other work runs on the machine.

    python benchmarks/prediction.py [--model small] [--files 120] [--repeats 3] [--commands 5] [--device cuda]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch
from _speech import MODELS, SAMPLE_RATE, iemocap_lengths, keep_memory, machine, print_json
from numpy.typing import NDArray

from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._settings import FunctionalsSettings, PooledTransformerSettings
from after_ray.features import extractors
from after_ray.models import Model, ModelFacts, Parts, write_model
from after_ray.models.facts import heard_seconds, kind_of
from after_ray.prediction import Prediction, Windows, predict
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree

CLASSES = ("anger", "happy", "neutral", "sad")
COMMAND = "from sweeps.cli import app; app()"


def write_transformer(out: Path, name: str) -> None:
    """A pooled transformer on a backbone of `MODELS`."""
    backbone = BackboneSettings(config=MODELS[name])
    settings = PooledTransformerSettings()
    features = settings.features(backbone)
    weights = arrays(build(backbone))
    width = int(build(backbone).config.conv_dim[-1])
    nothing = Ragged(np.zeros((400, width), np.float16), np.array([0, 400]))
    inputs = ClassifierInputs(nothing, len(CLASSES), weights)
    drawn = classifiers.resolve(settings.name).build(settings, inputs, backbone).initial(SeedTree(0))
    assert drawn is not None
    facts = ModelFacts(
        kind=kind_of(settings),
        classes=CLASSES,
        classifier=settings,
        features=features,
        backbone=backbone,
        max_seconds=heard_seconds(settings, features),
    )
    write_model(out, facts, Parts(drawn, weights))


def write_functionals(out: Path) -> None:
    """A regression on functionals of noise."""
    settings = FunctionalsSettings()
    features = settings.features(None)
    extractor = extractors.resolve("functionals")(features, None, "cpu")  # type: ignore[call-arg]
    noise = 0.1 * np.random.default_rng(0).standard_normal((16, SAMPLE_RATE), dtype=np.float32)
    rows = Ragged(np.concatenate([extractor.extract(wave) for wave in noise]), np.arange(17))
    classifier = classifiers.resolve("functionals").build(
        settings, ClassifierInputs(rows, len(CLASSES)), None
    )
    labelled = Labelled(np.arange(16), np.arange(16) % len(CLASSES))
    classifier.fit(labelled, labelled, start=None, seeds=SeedTree(0))
    facts = ModelFacts(kind="functionals", classes=CLASSES, classifier=settings, features=features)
    write_model(out, facts, Parts(classifier.weights()))


def write_recordings(folder: Path, count: int, longest: float) -> tuple[list[Path], float]:
    """Noise as wav files, and the seconds of all."""
    lengths = np.minimum(iemocap_lengths(count), round(longest * SAMPLE_RATE))
    generator = np.random.default_rng(0)
    files = [folder / f"{place:04d}.wav" for place in range(count)]
    for file, length in zip(files, lengths, strict=True):
        noise = 3_000 * generator.standard_normal(int(length), dtype=np.float32)
        soundfile.write(file, noise.astype(np.int16), SAMPLE_RATE)
    return files, float(lengths.sum() / SAMPLE_RATE)


def probabilities(
    model: Model, files: Sequence[Path], batch: int, workers: int
) -> list[NDArray[np.float64] | None]:
    windows = Windows.for_model(model.facts)
    said = list(predict(model, files, windows, batch=batch, workers=workers))
    assert all(isinstance(one, Prediction) for one in said)
    return [one.probabilities for one in said if isinstance(one, Prediction)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=(*MODELS, "functionals"), default="small")
    parser.add_argument("--files", type=int, default=120)
    parser.add_argument("--longest", type=float, default=34.0, help="seconds of the longest recording")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--commands", type=int, default=5, help="files of the side that starts a command for each"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2, help="threads that decode")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as temporary:
        print_json(measured(Path(temporary), options))


def measured(root: Path, options: argparse.Namespace) -> dict[str, object]:
    folder = root / "model"
    if options.model == "functionals":
        write_functionals(folder)
    else:
        write_transformer(folder, options.model)
    files, audio = write_recordings(root, options.files, options.longest)
    Model.load(folder, options.device)  # what is imported once is imported before any side begins

    def load() -> Model:
        return Model.load(folder, options.device)

    def ours() -> list[NDArray[np.float64] | None]:
        return probabilities(load(), files, options.batch, options.workers)

    def loaded_for_each() -> list[NDArray[np.float64] | None]:
        return [found for file in files for found in probabilities(load(), [file], 1, 1)]

    def one_at_a_time() -> list[NDArray[np.float64] | None]:
        model = load()
        return [found for file in files for found in probabilities(model, [file], 1, 1)]

    sides: dict[str, Callable[[], list[NDArray[np.float64] | None]]] = {
        "predict": ours,
        "loaded_for_each": loaded_for_each,
        "one_file_at_a_time": one_at_a_time,
    }
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    busy: dict[str, list[float]] = {name: [] for name in sides}
    difference = 0.0
    for _ in range(options.repeats):
        results = {}
        for name, side in sides.items():
            started, began = time.perf_counter(), time.process_time()
            results[name] = np.array(side())
            seconds[name].append(time.perf_counter() - started)
            busy[name].append(time.process_time() - began)
        difference = max(
            difference, *(float(np.abs(one - results["predict"]).max()) for one in results.values())
        )
    rates = {name: audio / median(values) for name, values in seconds.items()}
    busy_rates = {name: audio / median(values) for name, values in busy.items()}
    if options.commands:
        of_commands = by_commands(folder, files[: options.commands])
        rates["command_for_each"], busy_rates["command_for_each"] = of_commands
    return {
        "model": options.model,
        "files": options.files,
        "audio_seconds": round(audio, 1),
        "hours_of_audio_per_hour": {name: round(rate, 1) for name, rate in rates.items()},
        "hours_of_audio_per_hour_of_a_core": {name: round(rate, 1) for name, rate in busy_rates.items()},
        "predict_over": {name: round(rates["predict"] / rate, 2) for name, rate in rates.items()},
        "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
        "largest_difference_of_probabilities": difference,
        "machine": machine(),
    } | ({} if options.device == "cpu" else {"gpu": torch.cuda.get_device_name()})


def by_commands(folder: Path, files: Sequence[Path]) -> tuple[float, float]:
    """Seconds of audio per second, and per second of a core, of a command for each file."""
    started, before = time.perf_counter(), os.times()
    for file in files:
        words = [sys.executable, "-c", COMMAND, "predict", str(folder), str(file)]
        subprocess.run(words, check=True, capture_output=True)
    seconds, after = time.perf_counter() - started, os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    audio = sum(soundfile.info(file).duration for file in files)
    return audio / seconds, audio / busy


if __name__ == "__main__":
    keep_memory(main)
