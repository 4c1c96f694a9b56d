"""TAPT and fine-tuning: audio per second, and the share of the rate at which the device multiplies matrices.

    python benchmarks/chip_rate.py [--device cuda] [--model base] [--precision bf16] [--steps 40]

Needs no Ray and no MLflow, so it runs on a machine that has only a GPU and what `after_ray` imports. Work is
counted from the model, twice its multiplications: forward once, backward twice, attention with the length of
each clip; what is computed on padding counts as time and not as work. Left out are heads, norms and
activations, about one in a hundred; the first convolution counts a gradient of its input that it has not. A
run of many steps less one of few leaves out what happens once. The
target is for TAPT of wav2vec2-base in bf16 on a GPU.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from _speech import (
    CLASSES,
    MODELS,
    Speech,
    device_name,
    iemocap_lengths,
    machine,
    make_speech,
    multiplications,
    print_json,
    wait,
)
from numpy.typing import NDArray

from after_ray.adaptation._batches import ALIKE
from after_ray.adaptation.settings import TaptSettings
from after_ray.adaptation.tapt import adapt
from after_ray.backbones.operations import TRAINING, per_clip, shape_of
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings, Precision

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BATCH = 64
LONGEST = 10.0  # seconds, the default crop of both stages
TARGET = 0.25
REPEATS = 3


def matrix_rate(device: str, precision: Precision, size: int, repeats: int = 10) -> float:
    """Floating-point operations per second of a product of two square matrices, the median."""
    left, right = (torch.randn(size, size, device=device).to(DTYPES[precision]) for _ in range(2))
    seconds = []
    for _ in range(repeats + 3):  # the first ones choose a kernel
        wait(device)
        started = time.perf_counter()
        left @ right
        wait(device)
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / median(seconds[3:])


def training_work(
    backbone: BackboneSettings, frames: NDArray[Any], *, front_end: bool
) -> NDArray[np.float64]:
    """Operations of one training pass over clips of so many frames."""
    shape = shape_of(backbone)
    seconds = frames.astype(float) / shape.frame_rate
    return TRAINING * per_clip(shape, seconds, seconds**2, front_end=front_end)


def difference(run: Callable[[int], float], few: int, many: int) -> float:
    """Seconds of the steps that `many` has more than `few`, of the fastest of three each; NaN if none.

    A busy machine can hold up the few for longer than the many take: that is no reading, and no failure.
    """
    run(few)  # warms up
    shortest = {steps: min(run(steps) for _ in range(REPEATS)) for steps in (few, many)}
    seconds = shortest[many] - shortest[few]
    if seconds > 0:
        return seconds
    print(f"{many} steps took no longer than {few}: no reading; let --steps be more", file=sys.stderr)
    return math.nan


def tapt(speech: Speech, backbone: BackboneSettings, options: argparse.Namespace) -> dict[str, float]:
    """Audio and work per second of an adaptation."""
    rows, audio = np.arange(len(speech.seconds)), {}

    def run(steps: int) -> float:
        settings = TaptSettings(steps=steps, batch_seconds=options.batch_seconds, precision=options.precision)
        wait(options.device)
        started = time.perf_counter()
        adapted = adapt(settings, backbone, speech.waves, rows, SeedTree(0), options.device)
        wait(options.device)
        audio[steps] = adapted.measures["audio_seconds"]
        return time.perf_counter() - started

    few = max(1, options.steps // 4)
    seconds = difference(run, few, options.steps)
    heard = audio[options.steps] - audio[few]
    # A batch is cut to its shortest clip, at least 0.8 of the longest one: attention is counted for no more.
    cropped = ALIKE * speech.features.lengths
    work = training_work(backbone, cropped, front_end=True).sum() / (cropped.sum() / 50)
    return {"audio_seconds_per_second": heard / seconds, "operations_per_second": heard * work / seconds}


def fine_tuning(speech: Speech, backbone: BackboneSettings, options: argparse.Namespace) -> dict[str, float]:
    """Audio and work per second of a fine-tuning with a frozen front end, steps of 64."""
    fitting = FittingSettings(
        max_epochs=1, min_updates=0, evaluations_per_epoch=1, batch_size=BATCH, precision=options.precision
    )
    settings = PooledTransformerSettings(fitting=fitting)
    inputs = ClassifierInputs(speech.features, CLASSES, device=options.device)
    order = np.random.default_rng(0).permutation(len(speech.seconds))
    validation = np.argsort(speech.features.lengths)[:1]

    def run(steps: int) -> float:
        rows = np.sort(order[: steps * BATCH])
        classifier = PooledTransformer.build(settings, inputs, backbone)
        wait(options.device)
        started = time.perf_counter()
        classifier.fit(
            Labelled(rows, speech.labels[rows]),
            Labelled(validation, speech.labels[validation]),
            start=None,
            seeds=SeedTree(0),
        )
        wait(options.device)
        return time.perf_counter() - started

    few = max(1, options.steps // 4)
    seconds = difference(run, few, options.steps)
    frames = speech.features.lengths[order[few * BATCH : options.steps * BATCH]]
    work = training_work(backbone, frames, front_end=False).sum()
    return {
        "audio_seconds_per_second": frames.sum() / 50 / seconds,
        "operations_per_second": work / seconds,
    }


def reading(value: float, digits: int) -> float | None:
    """The value as it is printed: JSON has no NaN."""
    return None if math.isnan(value) else round(value, digits)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    gpu = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda" if gpu else "cpu")
    parser.add_argument("--model", choices=MODELS, default="base" if gpu else "small")
    parser.add_argument("--precision", choices=DTYPES, default="bf16" if gpu else "fp32")
    parser.add_argument("--steps", type=int, default=40 if gpu else 4)
    parser.add_argument("--batch-seconds", type=float, default=250.0 if gpu else 40.0, help="of TAPT")
    parser.add_argument("--size", type=int, default=8192 if gpu else 2048, help="of the matrices")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.steps < 2:
        parser.error("--steps must be 2 or more: few steps are compared with many")
    return options


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.allow_tf32 = False  # as in trials: fp32 means float32
    backbone = BackboneSettings(config=MODELS[options.model])
    samples = np.minimum(iemocap_lengths(max(400, BATCH * options.steps)), round(LONGEST * 16_000))
    speech = make_speech(backbone, samples)
    rate = matrix_rate(options.device, options.precision, options.size)
    found = {"tapt": tapt(speech, backbone, options), "fine_tuning": fine_tuning(speech, backbone, options)}
    rounded = {
        name: {
            "audio_seconds_per_second": reading(values["audio_seconds_per_second"], 1),
            "tera_operations_per_second": reading(values["operations_per_second"] / 1e12, 3),
            "share_of_matrix_rate": reading(values["operations_per_second"] / rate, 3),
        }
        for name, values in found.items()
    }
    print_json(
        {
            "device": device_name(options.device),
            "model": options.model,
            "precision": options.precision,
            "billion_multiplications_per_second_of_audio": multiplications(backbone),
            "matrix_tera_operations_per_second": round(rate / 1e12, 3),
            **rounded,
            "target": {"share_of_matrix_rate of tapt": TARGET},
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    main()
