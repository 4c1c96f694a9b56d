"""Trees of tiny audio files in the layouts of corpora: noise of 30 ms, another one in every file."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

RATE = 16_000
SAMPLES = 480
NOISE = np.random.default_rng(3).integers(-3000, 3000, 60_000).astype("<i2").tobytes()


def wav(number: int, samples: int = SAMPLES, rate: int = RATE) -> bytes:
    """A mono 16-bit wav of noise, repeated if long; another number, up to 50,000, is another noise."""
    noise = NOISE[2 * number : 2 * (number + samples)]
    data = (noise * (2 * samples // len(noise) + 1))[: 2 * samples]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    return head + form + struct.pack("<4sI", b"data", len(data)) + data


def plant(root: Path, paths: Iterable[str]) -> Path:
    """Write one file per path below `root`; returns `root`."""
    made: set[Path] = set()
    for number, path in enumerate(paths):
        file = root / path
        if file.parent not in made:
            file.parent.mkdir(parents=True, exist_ok=True)
            made.add(file.parent)
        file.write_bytes(wav(number))
    return root
