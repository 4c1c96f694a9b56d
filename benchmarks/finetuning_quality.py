"""Whether faster fine-tuning is as good: accuracy on validation of both sides of `finetuning.py`, by seed.

Both sides begin with the same weights and train equally long on the generated corpus: a tiny backbone that
learns, its front end frozen, Adam, random batches, the last weights kept. Validation are speakers that were
not trained on. A seed draws the weights and the order of training; differences are paired by it. Needs the
extra `bench`.

    python benchmarks/finetuning_quality.py [--seeds 12] [--speakers 20] [--epochs 12]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from _speech import Reference, machine, padded_to_longest, print_json
from _trainer import Clips, make_trainer
from finetuning import UNMASKED
from numpy.typing import NDArray
from scipy import stats

from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers import ClassifierInputs, Labelled
from after_ray.classifiers._settings import PooledTransformerSettings
from after_ray.classifiers.pooled_transformer import PooledTransformer
from after_ray.corpora._settings import SyntheticSettings
from after_ray.corpora.prepared import FULL_SCALE
from after_ray.corpora.synthetic import EXPRESSIONS, Synthetic
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged
from after_ray.seeds import SeedTree
from after_ray.training.settings import FittingSettings

MAX_SECONDS = 1_000.0
# That of the quickstart, without the dropping of layers: one side would draw it for each pass, the other
# for each batch.
BACKBONE: dict[str, Any] = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "conv_dim": (32, 64, 64),
    "conv_kernel": (128, 8, 4),
    "conv_stride": (16, 8, 4),
    "conv_bias": True,
    "feat_extract_norm": "layer",  # padding changes nothing of it, so both sides compute the same function
    "do_stable_layer_norm": True,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "layerdrop": 0.0,
}


@dataclass(frozen=True)
class Corpus:
    """Waveforms and classes of all utterances, and which are trained on."""

    waves: Ragged
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    def labelled(self, rows: NDArray[np.int64]) -> Labelled:
        return Labelled(rows, self.labels[rows])

    def accuracy(self, scores: NDArray[Any]) -> float:
        """Of scores of the validation utterances, shape (validation, classes)."""
        return float((scores.argmax(axis=1) == self.labels[self.validation]).mean())


def make_corpus(speakers: int, sentences: int, difficulty: float) -> Corpus:
    """Every fourth speaker is validation."""
    settings = SyntheticSettings(speakers=speakers, sentences=sentences, difficulty=difficulty)
    corpus = Synthetic(settings)
    entries = corpus.listing().entries
    waves = [corpus.read(entry.path).samples[:, 0] for entry in entries]
    offsets = np.concatenate([[0], np.cumsum([len(wave) for wave in waves])]).astype(np.int64)
    labels = np.array([list(EXPRESSIONS).index(entry.emotion) for entry in entries])
    held_out = np.array([int(entry.speaker) % 4 == 0 for entry in entries])
    return Corpus(
        Ragged(np.concatenate(waves), offsets), labels, np.flatnonzero(~held_out), np.flatnonzero(held_out)
    )


def cached(corpus: Corpus, backbone: BackboneSettings) -> Ragged:
    """The front-end features as a trial finds them."""
    extractor = FrontEnd(FrontEndFeatures(backbone=backbone, max_seconds=MAX_SECONDS), None, "cpu")
    rows = [
        extractor.extract(corpus.waves[row].astype(np.float32) / FULL_SCALE)
        for row in range(len(corpus.waves))
    ]
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return Ragged(np.concatenate(rows), offsets)


def classifier_of(corpus: Corpus, backbone: BackboneSettings, fitting: FittingSettings) -> PooledTransformer:
    """Ours, untrained; the projection is trained as in the quickstart."""
    settings = PooledTransformerSettings(
        max_seconds=MAX_SECONDS, freeze_projection=False, fitting=fitting, **UNMASKED
    )
    inputs = ClassifierInputs(cached(corpus, backbone), len(EXPRESSIONS))
    return PooledTransformer.build(settings, inputs, backbone)


def reference_of(ours: PooledTransformer, backbone: BackboneSettings, seeds: SeedTree) -> Reference:
    """The Trainer's model with the weights that a fit of ours with `seeds` starts from."""
    start, reference = ours.initial(seeds), Reference(backbone, len(EXPRESSIONS))
    reference.backbone.feature_projection.requires_grad_(True)
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(reference.head, name).copy_(torch.from_numpy(np.array(start[f"head.{name}"])))
    return reference


@torch.no_grad()
def reference_scores(reference: Reference, corpus: Corpus) -> NDArray[np.float32]:
    """Logits of the validation utterances, one at a time, shape (validation, classes)."""
    reference.eval()
    batches = (padded_to_longest([corpus.waves[row]]) for row in corpus.validation.tolist())
    return torch.cat([reference(**batch)["logits"] for batch in batches]).numpy()


def train_reference(reference: Reference, corpus: Corpus, fitting: FittingSettings, seed: int) -> int:
    """`Trainer.train` in random order; returns the optimiser steps that it took."""
    trainer = make_trainer(
        reference,
        Clips(corpus.waves, corpus.labels, corpus.train),
        batch_size=fitting.batch_size,
        device_batch=fitting.batch_size,
        learning_rate=fitting.learning_rate,
        num_train_epochs=fitting.max_epochs,
        seed=seed,
    )
    return int(trainer.train().global_step)


def both_sides(corpus: Corpus, fitting: FittingSettings, seed: int) -> dict[str, float]:
    """Accuracy of either side after as many optimiser steps, and how unlike they were before the first."""
    backbone, seeds = BackboneSettings(config=BACKBONE, seed=seed), SeedTree(seed)
    ours = classifier_of(corpus, backbone, fitting)
    reference = reference_of(ours, backbone, seeds)
    before = torch.from_numpy(reference_scores(reference, corpus)).log_softmax(dim=1).numpy()
    unlike = float(np.abs(before - ours.log_probabilities(corpus.validation)).max())
    steps = train_reference(reference, corpus, fitting, seed)
    report = ours.fit(
        corpus.labelled(corpus.train), corpus.labelled(corpus.validation[:1]), start=None, seeds=seeds
    )
    if report.updates != steps:
        raise AssertionError(f"{report.updates} steps against the Trainer's {steps}: no comparison")
    return {
        "ours": corpus.accuracy(ours.log_probabilities(corpus.validation)),
        "trainer": corpus.accuracy(reference_scores(reference, corpus)),
        "steps": steps,
        "unlike_before": unlike,
    }


def compared(ours: NDArray[np.float64], trainer: NDArray[np.float64]) -> dict[str, Any]:
    """Mean accuracies, and the mean paired difference with its 95 % interval (Student's t over the seeds)."""
    difference = ours - trainer
    error = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    half = float(stats.t.ppf(0.975, len(difference) - 1)) * error
    mean = float(difference.mean())
    return {
        "mean": {"ours": round(float(ours.mean()), 4), "trainer": round(float(trainer.mean()), 4)},
        "deviation_over_seeds": {
            "ours": round(float(ours.std(ddof=1)), 4),
            "trainer": round(float(trainer.std(ddof=1)), 4),
        },
        "difference": round(mean, 4),
        "difference_95": [round(mean - half, 4), round(mean + half, 4)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=12, help="at least 2")
    parser.add_argument("--speakers", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=5)
    parser.add_argument("--difficulty", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=0.003)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    corpus = make_corpus(options.speakers, options.sentences, options.difficulty)
    fitting = FittingSettings(
        max_epochs=options.epochs,
        min_updates=0,
        evaluations_per_epoch=1,
        batch_size=options.batch,
        learning_rate=options.learning_rate,
        keep="last",
    )
    runs = [both_sides(corpus, fitting, seed) for seed in range(options.seeds)]
    accuracy = {side: np.array([run[side] for run in runs]) for side in ("ours", "trainer")}
    print_json(
        {
            "train": len(corpus.train),
            "validation": len(corpus.validation),
            "optimiser_steps": int(runs[0]["steps"]),
            "batch": options.batch,
            "learning_rate": options.learning_rate,
            "accuracy": {side: [round(float(v), 4) for v in values] for side, values in accuracy.items()},
            **compared(accuracy["ours"], accuracy["trainer"]),
            "largest_difference_before_training": max(run["unlike_before"] for run in runs),
            "chance": 1 / len(EXPRESSIONS),
            "target": "0 within difference_95",
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    main()
