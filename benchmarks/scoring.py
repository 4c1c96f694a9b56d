"""Scoring a pool: passes of like length on cached features against one clip at a time from the waveform.

The second is what the official code does: batch 1, the whole model, clips of at most 10 s, evaluation mode.
Both give the log-probabilities of every clip; ours in float32 or, if asked for, bf16. The cache is made once
per adaptation; a trajectory of seven rounds scores its pool six times and its test part seven times.

    python benchmarks/scoring.py [--model small] [--pool 200] [--repeats 3]
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
import torch
from _speech import (
    CLASSES,
    MODELS,
    Reference,
    Speech,
    iemocap_lengths,
    keep_memory,
    machine,
    make_speech,
    multiplications,
    print_json,
)
from numpy.typing import NDArray

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings

LONGEST = 10.0
ROUNDS = 7


def cached(speech: Speech, backbone: BackboneSettings) -> tuple[Ragged, float]:
    """The real features of the pool, and the seconds of making them."""
    extractor = FrontEnd(FrontEndFeatures(backbone=backbone, max_seconds=LONGEST), None, "cpu")
    started = time.perf_counter()
    rows = [
        extractor.extract(speech.waves[row].astype(np.float32) / 32768) for row in range(len(speech.seconds))
    ]
    seconds = time.perf_counter() - started
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ragged(np.concatenate(rows), offsets), seconds


@torch.no_grad()
def one_at_a_time(network: Reference, speech: Speech) -> NDArray[np.float32]:
    """Log-probabilities of every clip, as the official code scores a pool."""
    scores = []
    for row in range(len(speech.seconds)):
        wave = torch.from_numpy(np.array(speech.waves[row])).float()[None] / 32768
        scores.append(network(wave)["logits"].log_softmax(dim=1))
    return torch.cat(scores).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="small")
    parser.add_argument("--pool", type=int, default=200, help="clips")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of our side")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    backbone = BackboneSettings(config=MODELS[options.model])
    samples = np.minimum(iemocap_lengths(options.pool), round(LONGEST * 16_000))
    speech, rows = make_speech(backbone, samples), np.arange(options.pool)
    features, cache_seconds = cached(speech, backbone)
    classifier = PooledTransformer.build(
        PooledTransformerSettings(max_seconds=LONGEST, fitting=FittingSettings(precision=options.precision)),
        ClassifierInputs(features, CLASSES),
        backbone,
    )
    classifier._begin(None, SeedTree(0))
    reference = Reference(backbone).eval()
    reference.head.load_state_dict(classifier._network.head.state_dict())  # the same model on both sides
    seconds: dict[str, list[float]] = {"ours": [], "one_at_a_time": []}
    difference = float(np.abs(classifier.log_probabilities(rows) - one_at_a_time(reference, speech)).max())
    for _ in range(options.repeats):
        started = time.perf_counter()
        classifier.log_probabilities(rows)
        between = time.perf_counter()
        one_at_a_time(reference, speech)
        seconds["ours"].append(between - started)
        seconds["one_at_a_time"].append(time.perf_counter() - between)
    middle = {name: median(values) for name, values in seconds.items()}
    print_json(
        {
            "model": options.model,
            "precision": {"ours": options.precision, "one_at_a_time": "fp32"},
            "billion_multiplications_per_second_of_audio": multiplications(backbone),
            "pool_clips": options.pool,
            "pool_audio_seconds": round(float(speech.seconds.sum()), 1),
            "seconds": {name: [round(value, 2) for value in values] for name, values in seconds.items()},
            "ratio": round(middle["one_at_a_time"] / middle["ours"], 2),
            "cache_seconds": round(cache_seconds, 2),
            f"ratio_with_the_cache_over_{ROUNDS}_scorings": round(
                ROUNDS * middle["one_at_a_time"] / (ROUNDS * middle["ours"] + cache_seconds), 2
            ),
            "largest_difference_of_log_probabilities": difference,
            "target": {"ratio": 4.0},
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    keep_memory(main)
