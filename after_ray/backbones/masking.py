"""Span masks of wav2vec 2.0 and SpecAugment, from a generator that is passed in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def span_mask(
    lengths: NDArray[np.int64],
    *,
    probability: float,
    span: int,
    min_spans: int,
    generator: np.random.Generator,
) -> NDArray[np.bool_]:
    """Mask of shape (len(lengths), max(lengths)), true where masked and never beyond a row's length.

    A row of length T gets int(probability * T / span + U[0, 1)) spans, at least `min_spans`, of `span`
    frames each, which may overlap: the expected share is about 1 - exp(-probability). This is the rule of
    transformers' `_compute_mask_indices` (Baevski et al. 2020, section 4.2), with the rounding drawn per
    row instead of per batch, so that a row's share does not depend on its neighbours. A span never covers
    more than half of a row, so that something is left to predict from.
    """
    mask = np.zeros((len(lengths), int(lengths.max())), dtype=bool)
    for row, length in enumerate(lengths):
        width = min(span, max(1, int(length) // 2))
        count = max(int(probability * length / width + generator.random()), min_spans)
        count = min(count, length // width, length - width + 1)
        starts = generator.choice(length - width + 1, size=count, replace=False)
        mask[row, (starts[:, None] + np.arange(width)).ravel()] = True
    return mask
