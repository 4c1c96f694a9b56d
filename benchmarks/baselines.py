"""Training of each baseline: utterances per second in float32 and in bf16, and what takes longest.

Features are made by the real extractors from noise in the lengths of IEMOCAP, cut at 10 s. What is timed is
the training itself: one of more optimiser steps less one of fewer, so that what comes before the first step
and after the last cancels out. `first_bottleneck` is the operator of torch that a profile of another
training finds longest in, with its share of the time. RH-emo is its network on an encoder that has learned
nothing; the adaptation of Pseudo-TAPT is the masked prediction alone, its targets few.

    python benchmarks/baselines.py [--only glam lssed] [--steps 2 6] [--repeats 3] [--model base]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import torch
from _speech import CLASSES, MODELS, iemocap_lengths, keep_memory, machine, print_json
from numpy.typing import NDArray

from after_ray.adaptation.settings import PseudoTaptSettings
from after_ray.adaptation.tapt import adapt
from after_ray.backbones.loading import build
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled, classifiers
from after_ray.classifiers._pretraining import PretrainingInputs, Shown
from after_ray.classifiers._settings import (
    ClassifierSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    RhEmoSettings,
    Stepped,
    W2v2LR12Settings,
)
from after_ray.features import extractors
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.splits.oracle import Oracle
from after_ray.training.precision import has_bf16
from after_ray.training.settings import Precision
from after_ray.weights import Weights

LONGEST = 10.0
HELD_OUT = 2  # clips of validation
SPECTRAL: dict[str, Stepped] = {
    "light_sernet": LightSerNetSettings(),
    "glam": GlamSettings(),
    "lssed": LssedSettings(),
    "rh_emo": RhEmoSettings(supervised=False),
}
LARGE = {  # wav2vec2-large-robust
    "hidden_size": 1024,
    "num_hidden_layers": 12,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
}

Training = Callable[[int], float]  # from optimiser steps to the utterances that they saw


class Clips:
    """Noise in the lengths of speech, its features kept by kind."""

    def __init__(self, count: int) -> None:
        samples = np.minimum(iemocap_lengths(count), round(LONGEST * 16_000))
        noise = np.random.default_rng(0).standard_normal(int(samples.sum()), dtype=np.float32)
        offsets = np.concatenate([[0], np.cumsum(samples)]).astype(np.int64)
        self.waves = Ragged((3_000 * noise).astype(np.int16), offsets)
        self.labels = np.arange(count) % CLASSES
        self.rows = np.arange(count)

    def __len__(self) -> int:
        return len(self.rows)

    def features(self, settings: ClassifierSettings, backbone: BackboneSettings | None) -> Ragged:
        """What a classifier sees of them."""
        wanted = settings.features(backbone)
        weights = None
        extractor = extractors.resolve(wanted.kind)(wanted, weights, "cpu")  # type: ignore[call-arg]
        rows = [extractor.extract(self.waves[row].astype(np.float32) / 32768) for row in self.rows.tolist()]
        return Ragged(np.concatenate(rows), np.concatenate([[0], np.cumsum([len(row) for row in rows])]))

    def part(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(rows, self.labels[rows])


def spectral(settings: Stepped, clips: Clips, precision: Precision) -> Training:
    """Trainings of a network on spectra; its steps are of pieces, of which an utterance may have several."""
    settings = settings.model_copy(update={"precision": precision, "evaluations": 1, "patience": 0})
    features = clips.features(settings, None)  # type: ignore[arg-type]
    inputs = ClassifierInputs(features, CLASSES, pretrained=untrained_encoder(settings, features, clips))
    implementation = classifiers.resolve(settings.name)
    train, validation = clips.part(clips.rows[HELD_OUT:]), clips.part(clips.rows[:HELD_OUT])
    pieces = (
        int(features.lengths[HELD_OUT:].sum())
        if getattr(implementation, "in_pieces", False)
        else len(train.rows)
    )

    def run(steps: int) -> float:
        classifier = implementation.build(settings.model_copy(update={"steps": steps}), inputs, None)
        classifier.fit(train, validation, start=None, seeds=SeedTree(0))
        return steps * min(settings.batch_size, pieces) * len(train.rows) / pieces

    return run


def untrained_encoder(settings: Stepped, features: Ragged, clips: Clips) -> Weights | None:
    """One step of the pretraining of RH-emo; nothing for others."""
    if not isinstance(settings, RhEmoSettings):
        return None
    step = settings.reconstruction.model_copy(update={"steps": 1, "batch_size": 2, "evaluations": 1})
    shown = Shown(clips.rows[:HELD_OUT])
    inputs = PretrainingInputs(features, CLASSES, shown, shown)
    return classifiers.resolve("rh_emo").pretrain(step, inputs, seeds=SeedTree(0)).weights


def transformer(config: dict[str, Any], clips: Clips, precision: Precision, batch: int) -> Training:
    """Trainings of w2v2-L-r-12."""
    backbone = BackboneSettings(config=config)
    settings = W2v2LR12Settings(max_seconds=LONGEST)
    inputs = ClassifierInputs(clips.features(settings, backbone), CLASSES)
    implementation, validation = classifiers.resolve(settings.name), clips.part(clips.rows[:HELD_OUT])

    def run(steps: int) -> float:
        train = clips.part(clips.rows[HELD_OUT : HELD_OUT + steps * batch])  # one pass over them
        lasting = {"max_epochs": 1, "min_updates": 0, "evaluations_per_epoch": 1, "batch_size": batch}
        fitting = settings.fitting.model_copy(update={**lasting, "precision": precision})
        made = implementation.build(settings.model_copy(update={"fitting": fitting}), inputs, backbone)
        made.fit(train, validation, start=None, seeds=SeedTree(0))
        return float(len(train.rows))

    return run


def pseudo_tapt(config: dict[str, Any], clips: Clips, precision: Precision, batch_seconds: float) -> Training:
    """Adaptations by masked prediction; `build` once, so that no training pays for what is drawn first."""
    backbone = BackboneSettings(config=config)
    build(backbone)

    def run(steps: int) -> float:
        settings = PseudoTaptSettings(
            steps=steps,
            batch_seconds=batch_seconds,
            max_seconds=LONGEST,
            codebooks=(8,),
            frame_steps=1,
            frame_batch=2,
            frame_width=8,
            precision=precision,
        )
        oracle = Oracle(clips.labels, clips.rows)
        adapted = adapt(settings, backbone, clips.waves, clips.rows, SeedTree(0), "cpu", oracle=oracle)
        return adapted.measures["audio_seconds"] / float(clips.waves.lengths.mean() / 16_000)

    return run


def rate(training: Training, few: int, many: int, repeats: int) -> float:
    """Utterances per second between a training of few steps and one of many, the median of the repeats."""
    training(few)  # so that memory and plans of kernels are there
    return median(_rate(training, few, many) for _ in range(repeats))


def _rate(training: Training, few: int, many: int) -> float:
    seen, seconds = [], []
    for steps in (few, many):
        started = time.perf_counter()
        seen.append(training(steps))
        seconds.append(time.perf_counter() - started)
    return (seen[1] - seen[0]) / (seconds[1] - seconds[0])


def bottleneck(training: Training, steps: int) -> dict[str, Any]:
    """The operator that a training is longest in, and its share of the time of all."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        training(steps)
    events = profile.key_averages()
    longest = max(events, key=lambda event: event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return {"operator": longest.key, "share": round(longest.self_cpu_time_total / total, 2)}


def main() -> None:
    names = [*SPECTRAL, "w2v2_l_r_12", "pseudo_tapt"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--utterances", type=int, default=66)
    parser.add_argument("--steps", type=int, nargs=2, default=(2, 6), help="of the shorter and the longer")
    parser.add_argument("--transformer-batch", type=int, default=4, help="clips of a step of w2v2-L-r-12")
    parser.add_argument("--batch-seconds", type=float, default=20.0, help="of a step of Pseudo-TAPT")
    parser.add_argument("--model", choices=[*MODELS, "published"], default="published")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clips = Clips(options.utterances)
    small = None if options.model == "published" else MODELS[options.model]
    trainings: dict[str, Callable[[Precision], Training]] = {
        name: partial(spectral, settings, clips) for name, settings in SPECTRAL.items()
    }
    trainings["w2v2_l_r_12"] = lambda p: transformer(small or LARGE, clips, p, options.transformer_batch)
    trainings["pseudo_tapt"] = lambda p: pseudo_tapt(small or MODELS["base"], clips, p, options.batch_seconds)
    most = (options.utterances - HELD_OUT) // options.transformer_batch
    if options.steps[1] > most:
        parser.error(f"--utterances {options.utterances} are enough for {most} steps of --transformer-batch")
    formats: list[Precision] = ["fp32", "bf16"] if has_bf16("cpu") else ["fp32"]
    result: dict[str, Any] = {"mean_seconds": round(float(clips.waves.lengths.mean() / 16_000), 2)}
    for name in options.only:
        made = {precision: trainings[name](precision) for precision in formats}
        rates = {p: rate(one, *options.steps, options.repeats) for p, one in made.items()}
        result[name] = {
            "utterances_per_second": {p: round(value, 2) for p, value in rates.items()},
            "bf16_over_fp32": round(rates["bf16"] / rates["fp32"], 2) if "bf16" in rates else None,
            "first_bottleneck": bottleneck(made[formats[-1]], options.steps[0]),
        }
    print_json({**result, "machine": machine()})


if __name__ == "__main__":
    keep_memory(main)
