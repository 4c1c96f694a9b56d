"""Fine-tuning against `transformers.Trainer`: seconds of audio per second, same model, same batch of 64.

Both sides train a pooled transformer with Adam at 1e-4 in the same number format for the same number of
optimiser steps on utterances of IEMOCAP's lengths, without evaluation or augmentation. The Trainer pads to
the longest of a batch, in random order and with its grouping by length. Our front end is cached where it is
frozen; what the cache costs once is reported beside it. Needs the extra `bench`.

    python benchmarks/finetuning.py [--model small] [--steps 4] [--repeats 3] [--crop 0] [--trained all]
        [--precision bf16] [--device cuda]
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from statistics import median

import numpy as np
import torch
from _speech import (
    CLASSES,
    MODELS,
    Reference,
    Speech,
    device_name,
    iemocap_lengths,
    keep_memory,
    machine,
    make_speech,
    multiplications,
    print_json,
    wait,
)
from _trainer import Clips, make_trainer
from numpy.typing import NDArray

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings, Precision

BATCH = 64
CORPUS = 4_057  # train of a fold of IEMOCAP: grouping by length needs a whole epoch to group
UNMASKED = {"mask_time_probability": 0.0, "mask_feature_probability": 0.0}


def ours(
    speech: Speech,
    rows: NDArray[np.int64],
    backbone: BackboneSettings,
    frozen: bool,
    precision: Precision = "fp32",
    device: str = "cpu",
) -> float:
    """Seconds of one `fit` on `rows`."""
    fitting = FittingSettings(
        max_epochs=1,
        min_updates=0,
        evaluations_per_epoch=1,
        batch_size=BATCH,
        learning_rate=1e-4,
        precision=precision,
    )
    settings = PooledTransformerSettings(
        max_seconds=1_000.0, freeze_front_end=frozen, freeze_projection=frozen, fitting=fitting, **UNMASKED
    )
    features = speech.features if frozen else speech.waves
    inputs = ClassifierInputs(features, CLASSES, device=device)
    classifier = PooledTransformer.build(settings, inputs, backbone)
    shortest = np.argsort(speech.waves.lengths)[:1]
    train, validation = (Labelled(np.sort(r), speech.labels[np.sort(r)]) for r in (rows, shortest))
    started = time.perf_counter()
    classifier.fit(train, validation, start=None, seeds=SeedTree(0))
    wait(device)
    return time.perf_counter() - started


def trainers(
    speech: Speech,
    rows: NDArray[np.int64],
    backbone: BackboneSettings,
    frozen: bool,
    device_batch: int,
    precision: Precision,
    device: str,
) -> float:
    """Seconds of `Trainer.train` on `rows` in their order."""
    trainer = make_trainer(
        Reference(backbone, frozen=frozen),
        Clips(speech.waves, speech.labels, rows),
        batch_size=BATCH,
        device_batch=device_batch,
        train_sampling_strategy="sequential",
        bf16=precision == "bf16",
        use_cpu=device == "cpu",
    )
    started = time.perf_counter()
    trainer.train()
    wait(device)
    return time.perf_counter() - started


def grouped_order(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """One epoch in the order of the Trainer's own grouping by length."""
    from transformers.trainer_pt_utils import get_length_grouped_indices

    generator = torch.Generator().manual_seed(0)
    return np.array(get_length_grouped_indices(lengths.tolist(), BATCH, generator=generator))


def some_steps(order: NDArray[np.int64], steps: int) -> NDArray[np.int64]:
    """Rows of `steps` whole batches spread evenly over an epoch: grouping begins with the longest."""
    batches = order[: len(order) // BATCH * BATCH].reshape(-1, BATCH)
    picked = np.linspace(0, len(batches) - 1, steps + 2).round().astype(int)[1:-1]
    return batches[picked].ravel()


def real_share(lengths: NDArray[np.int64], size: int) -> float:
    """Share of audio in batches of `size` in the order given, padded to the longest."""
    parts = lengths[: len(lengths) // size * size].reshape(-1, size)
    return float(lengths.sum() / (parts.max(axis=1) * size).sum())


def cache_rate(speech: Speech, backbone: BackboneSettings, device: str, clips: int = 40) -> float:
    """Seconds of audio per second of making the cached features."""
    extractor = FrontEnd(FrontEndFeatures(backbone=backbone, max_seconds=1_000.0), None, device)
    rows = np.random.default_rng(1).choice(len(speech.seconds), clips, replace=False)
    started = time.perf_counter()
    for row in rows.tolist():
        extractor.extract(speech.waves[row].astype(np.float32) / 32768)
    return float(speech.seconds[rows].sum() / (time.perf_counter() - started))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="small")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--utterances", type=int, default=CORPUS, help="of the corpus that is sampled from")
    parser.add_argument("--crop", type=float, default=0.0, help="seconds; 0 leaves utterances whole")
    parser.add_argument(
        "--trained", choices=("frozen", "all"), default="frozen", help="the front end, or all"
    )
    parser.add_argument("--device-batch", type=int, default=32, help="of the Trainer; accumulated to 64")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of both sides")
    parser.add_argument("--device", default="cpu", help="of both sides")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    backbone, frozen = BackboneSettings(config=MODELS[options.model]), options.trained == "frozen"
    samples = iemocap_lengths(options.utterances)
    if options.crop:
        samples = np.minimum(samples, round(options.crop * 16_000))
    speech = make_speech(backbone, samples)
    random_rows = some_steps(np.random.default_rng(0).permutation(options.utterances), options.steps)
    grouped_rows = some_steps(grouped_order(samples), options.steps)
    common = {
        "speech": speech,
        "backbone": backbone,
        "frozen": frozen,
        "precision": options.precision,
        "device": options.device,
    }
    ours_of = partial(ours, **common)
    trainers_of = partial(trainers, device_batch=options.device_batch, **common)
    sides = {
        "ours": (random_rows, ours_of),
        "trainer": (random_rows, trainers_of),
        "trainer_grouped": (grouped_rows, trainers_of),
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for _, run in sides.values():
        run(rows=np.argsort(samples)[:BATCH])  # what only the first call costs
    for _ in range(options.repeats):
        for name, (rows, run) in sides.items():
            rates[name].append(float(speech.seconds[rows].sum()) / run(rows=rows))
    middle = {name: median(values) for name, values in rates.items()}
    made = cache_rate(speech, backbone, options.device)
    epochs = 20
    print_json(
        {
            "model": options.model,
            "billion_multiplications_per_second_of_audio": multiplications(backbone),
            "trained": options.trained,
            "precision": options.precision,
            "device": device_name(options.device),
            "crop_seconds": options.crop or None,
            "steps_of_64": options.steps,
            "audio_seconds_per_second": {n: [round(v, 2) for v in values] for n, values in rates.items()},
            "median": {name: round(value, 2) for name, value in middle.items()},
            "against_trainer": round(middle["ours"] / middle["trainer"], 2),
            "against_trainer_grouped": round(middle["ours"] / middle["trainer_grouped"], 2),
            "trainer_real_share": round(real_share(samples[random_rows], options.device_batch), 3),
            "trainer_grouped_real_share": round(real_share(samples[grouped_rows], options.device_batch), 3),
            "cache_audio_seconds_per_second": round(made, 2) if frozen else None,
            f"against_trainer_with_the_cache_of_{epochs}_epochs": round(
                epochs / (epochs / middle["ours"] + 1 / made) / middle["trainer"], 2
            )
            if frozen
            else None,
            "target": {"against_trainer": 2.5 if frozen else 1.5, "against_trainer_grouped": 1.3},
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    keep_memory(main)
