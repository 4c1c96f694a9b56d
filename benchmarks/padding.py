"""How much of what goes through the network is audio: passes of like length, a greedy packing, plain batches.

Steps of 64 random utterances with IEMOCAP's lengths, as fine-tuning makes them.

    python benchmarks/padding.py [--steps 200] [--crop 0]
"""

from __future__ import annotations

import argparse

import numpy as np
from _speech import iemocap_lengths, machine, print_json

from after_ray.audio.batches import length_batches
from after_ray.audio.passes import length_passes
from after_ray.classifiers._backbone_classifier import LIMITS

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--crop", type=float, default=0.0, help="seconds; 0 leaves utterances whole")
    options = parser.parse_args()
    lengths = iemocap_lengths(4_057) // 320
    if options.crop:
        lengths = np.minimum(lengths, round(50 * options.crop))
    generator = np.random.default_rng(0)
    packings = {
        **{
            f"passes_{device}": lambda step, limits=limits: length_passes(
                step, max_frames=limits.frames, pass_cost=limits.cost
            )
            for device, limits in LIMITS.items()
        },
        "greedy": lambda step: length_batches(step, max_frames=8_000, max_items=BATCH),
        "padded_to_longest_of_32": lambda step: np.split(np.arange(BATCH), 2),
        "padded_to_longest_of_64": lambda step: [np.arange(BATCH)],
    }
    real = 0
    padded, passes = dict.fromkeys(packings, 0), dict.fromkeys(packings, 0)
    for _ in range(options.steps):
        step = generator.choice(lengths, BATCH, replace=False)
        real += int(step.sum())
        for name, pack in packings.items():
            parts = pack(step)
            passes[name] += len(parts)
            padded[name] += sum(int(step[part].max()) * len(part) for part in parts)
    print_json(
        {
            "crop_seconds": options.crop or None,
            "mean_seconds": round(float(lengths.mean()) / 50, 2),
            "longest_seconds": round(float(lengths.max()) / 50, 1),
            "real_share": {name: round(real / frames, 3) for name, frames in padded.items()},
            "passes_per_step": {name: round(count / options.steps, 1) for name, count in passes.items()},
            "target": {"real_share of passes_cpu": 0.90},
            "machine": machine(),
        }
    )


if __name__ == "__main__":
    main()
