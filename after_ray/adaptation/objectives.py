"""The three terms of the adaptation loss over masked frames, each a pure function of tensors.

Frames of all clips of a batch stand one below the other: S is the number of masked frames, G the groups of
the quantiser, V its codewords per group, D a width, K the negatives.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def contrastive(
    context: Tensor, quantized: Tensor, negatives: Tensor, *, temperature: float, codes: Tensor | None = None
) -> Tensor:
    """Mean over masked frames of -log softmax of the true target among itself and its negatives.

    Equation 1 of the paper, equation 3 of wav2vec 2.0 (Baevski et al. 2020).

    Args:
        context: encoder output at the masked frames, shape (S, D).
        quantized: targets, shape (S, D).
        negatives: for each frame, which other frames' targets it must be told from, shape (S, K).
        temperature: kappa.
        codes: quantiser codes, shape (S, G); a negative with the codes of the target is left out, since it
            is the target.
    """
    similarity = normalize(context.float(), dim=-1) @ normalize(quantized.float(), dim=-1).T / temperature
    wrong = similarity.gather(1, negatives)
    if codes is not None:
        same = (codes[negatives] == codes[:, None]).all(dim=-1)
        wrong = wrong.masked_fill(same, -torch.inf)
    logits = torch.cat([similarity.diagonal()[:, None], wrong], dim=1)
    return cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


def reconstruction(logits: Tensor, codes: Tensor) -> Tensor:
    """Mean over groups and masked frames of the cross-entropy against the quantiser's codes.

    Equation 2 of the paper, with the token of a frame read as its code in each group (D19).

    Args:
        logits: predictions from the context, shape (S, G, V).
        codes: the quantiser's best codeword per group, shape (S, G), without gradient.
    """
    return cross_entropy(logits.float().flatten(0, 1), codes.flatten())


def diversity(perplexity: Tensor, codewords: int) -> Tensor:
    """Unused share of the codebook: 0 when all `codewords` of all groups are used equally often."""
    return (codewords - perplexity) / codewords


def perplexity(probabilities: Tensor) -> Tensor:
    """Effective number of codewords in use, summed over groups; probabilities have shape (S, G, V)."""
    mean = probabilities.mean(dim=0)
    return torch.exp(-torch.special.xlogy(mean, mean).sum(dim=-1)).sum()


def draw_negatives(mask: NDArray[np.bool_], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """For each masked frame `count` others of the same clip, with replacement, as numbers below S.

    Args:
        mask: shape (clips, frames); the masked frames are numbered row by row.
        count: K; the paper's Equation 1 takes all frames of the clip, here they are sampled (D20).
        generator: of the draw.

    Raises:
        ValueError: when a clip has exactly one masked frame, which has nothing to be told from.
    """
    drawn, first = [], 0
    for frames in mask.sum(axis=1).tolist():
        if frames == 1:
            raise ValueError("a clip with one masked frame has no negatives")
        own = np.arange(frames)[:, None]
        other = generator.integers(0, max(frames - 1, 1), size=(frames, count))
        drawn.append(first + other + (other >= own))  # step over the frame itself
        first += frames
    return np.concatenate(drawn)
