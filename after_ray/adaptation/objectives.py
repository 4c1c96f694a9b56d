"""The terms of the adaptation losses over masked frames, each a pure function of tensors, in float32.

Frames of all clips of a batch stand one below the other: S is the number of masked frames, G the groups of
the quantiser, V its codewords per group, D a width, K the negatives, C the clusters.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

Reduction: TypeAlias = Literal["mean", "none"]


def contrastive(
    context: Tensor,
    quantized: Tensor,
    negatives: Tensor,
    *,
    temperature: float,
    codes: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    """Mean over masked frames of -log softmax of the true target among itself and its negatives.

    Equation 3 of wav2vec 2.0 (Baevski et al. 2020).

    Args:
        context: encoder output at the masked frames, shape (S, D).
        quantized: targets, shape (S, D).
        negatives: for each frame, which other frames' targets it must be told from, shape (S, K).
        temperature: kappa.
        codes: quantiser codes, shape (S, G); a negative with the codes of the target is left out, since it
            is the target.
        reduction: `none` gives the term of every frame instead, shape (S,).
    """
    similarity = _similarity(context, quantized) / temperature
    wrong = similarity.gather(1, negatives)
    if codes is not None:
        same = (codes[negatives] == codes[:, None]).all(dim=-1)
        wrong = wrong.masked_fill(same, -torch.inf)
    logits = torch.cat([similarity.diagonal()[:, None], wrong], dim=1)
    first = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return cross_entropy(logits, first, reduction=reduction)


def contrastive_to_all(
    context: Tensor, quantized: Tensor, clips: Tensor, *, temperature: float, reduction: Reduction = "mean"
) -> Tensor:
    """Mean over masked frames of -log softmax of the true target among all masked frames of its clip.

    Equation 1 of the paper, which sums where this is a mean: every frame of the clip is in the denominator,
    also one whose target is the same.

    Args:
        context: encoder output at the masked frames, shape (S, D).
        quantized: targets, shape (S, D).
        clips: the number of each frame's clip, shape (S,).
        temperature: kappa.
        reduction: as in `contrastive`.
    """
    similarity = _similarity(context, quantized) / temperature
    logits = similarity.masked_fill(clips[:, None] != clips, -torch.inf)
    return cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction=reduction)


def reconstruction(logits: Tensor, codes: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Mean over groups and masked frames of the cross-entropy against the quantiser's codes.

    Equation 2 of the paper, with the token of a frame read as its code in each group (D19).

    Args:
        logits: predictions from the context, shape (S, G, V).
        codes: the quantiser's best codeword per group, shape (S, G), without gradient.
        reduction: `none` gives the mean over groups of every frame instead, shape (S,).
    """
    lost = cross_entropy(logits.float().flatten(0, 1), codes.flatten(), reduction=reduction)
    return lost if reduction == "mean" else lost.view(codes.shape).mean(dim=1)


def cluster_logits(projected: Tensor, embeddings: Tensor, *, temperature: float) -> Tensor:
    """Logits of every cluster, shape (S, C): cosine to its embedding over the temperature.

    Equation 3 of HuBERT (Hsu et al. 2021), whose temperature is 0.1.

    Args:
        projected: projections of the context, shape (S, D).
        embeddings: one per cluster, shape (C, D).
        temperature: tau.
    """
    return _similarity(projected, embeddings) / temperature


def diversity(perplexity: Tensor, codewords: int) -> Tensor:
    """Unused share of the codebook: 0 when all `codewords` of all groups are used equally often."""
    return (codewords - perplexity) / codewords


def perplexity(probabilities: Tensor) -> Tensor:
    """Effective number of codewords in use, summed over groups; probabilities have shape (S, G, V)."""
    return torch.exp(_entropy(probabilities.mean(dim=0))).sum()


class Codes(NamedTuple):
    """How the codewords are given to frames: mean probabilities (G, V), mean entropy, summed over groups."""

    shares: Tensor
    entropy: Tensor

    @classmethod
    def of(cls, probabilities: Tensor) -> Codes:
        """From probabilities of shape (S, G, V), without gradient."""
        known = probabilities.detach()
        return cls(known.mean(dim=0), _entropy(known).mean(dim=0).sum())


def information(codes: Codes) -> Tensor:
    """Nats that a codeword drawn for a frame says about that frame, summed over groups.

    The mutual information of frame and codeword: entropy of the mean less mean of the entropies. It is 0
    when every frame gets the same codeword, which a perplexity shows, and when every frame gets any of them
    alike, which a perplexity takes for a full codebook.
    """
    return _entropy(codes.shares).sum() - codes.entropy


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


def _similarity(left: Tensor, right: Tensor) -> Tensor:
    """Cosine of every row of one with every row of the other."""
    return normalize(left.float(), dim=-1) @ normalize(right.float(), dim=-1).T


def _entropy(probabilities: Tensor) -> Tensor:
    """In nats, over the last dimension."""
    return -torch.special.xlogy(probabilities, probabilities).sum(dim=-1)
