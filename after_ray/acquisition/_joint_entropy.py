"""Joint entropies of the labels of several utterances under draws of a classifier, in log-space.

Everything is seen from the draws: a string of labels y of the utterances A picked so far says by Bayes' rule
which of the K draws may have made it, p(j | y) = p(y | j) / sum_k p(y | k). The mutual information of Y_A and
the draw is log K minus the mean entropy of that posterior, and what one more utterance adds is the mean BALD
under it. Both are those of BatchBALD (Kirsch et al. 2019, Eq. 8 and 12), as H(Y_A) = I(Y_A; j) + sum of the
conditional entropies; but no product of probabilities is ever formed, each term lies between 0 and log K
whatever the strings, and strings that are drawn leave no gain below 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STRINGS_AT_ONCE = 2_000  # with `_ROWS_AT_ONCE`: what a processor's cache holds while it is worked on
_ROWS_AT_ONCE = 256
_GOLDEN = (5**0.5 - 1) / 2


def entropies(log_probabilities: Floats) -> Floats:
    """Entropy over the last axis, nats, of natural log-probabilities; 0 log 0 is 0."""
    finite = np.maximum(log_probabilities, np.finfo(np.float64).min)
    return 0.0 - np.einsum("...c,...c->...", np.exp(log_probabilities), finite)


def conditional_entropies(log_probabilities: Floats) -> Floats:
    """Mean over the draws of the entropy, shape (n,), nats, from shape (n, draws, classes)."""
    return entropies(log_probabilities).mean(axis=1)


def information(log_probabilities: Floats) -> Floats:
    """Mutual information of each label and the draw, shape (n,), nats, from shape (n, draws, classes).

    BALD (Houlsby et al. 2011, Eq. 2): H(mean_j p_ij) - mean_j H(p_ij), from 0 to log of the draws.
    """
    draws = log_probabilities.shape[1]
    mean = _logsumexp(log_probabilities, axis=1) - np.log(draws)
    return np.maximum(entropies(mean) - conditional_entropies(log_probabilities), 0.0)


def joint_entropy(log_probabilities: Floats, samples: int, generator: np.random.Generator) -> float:
    """Entropy of the labels of b utterances together, nats.

    Args:
        log_probabilities: natural, of shape (b, draws, classes).
        samples: strings at most; exact where classes^b is no more.
        generator: what strings are drawn from where they are too many.
    """
    strings = strings_of(log_probabilities, samples, generator)
    return strings.information + float(conditional_entropies(log_probabilities).sum())


@dataclass(frozen=True)
class Strings:
    """Strings of labels of the utterances picked so far: all of them, or a number that was drawn.

    Attributes:
        log_posterior: which draw made each string, log p(j | y), shape (strings, draws).
        log_share: of each string in all of them, shape (strings,).
        drawn_by: the draw that each was drawn from, shape (strings,); None where all strings are here.
    """

    log_posterior: Floats
    log_share: Floats
    drawn_by: NDArray[np.int64] | None = None

    @classmethod
    def empty(cls, draws: int) -> Strings:
        """The one string of no utterance."""
        return cls(np.full((1, draws), -np.log(draws)), np.zeros(1))

    @classmethod
    def to_draw(cls, draws: int, samples: int) -> Strings:
        """As many strings of no utterance from each draw as `samples` allow, at least one."""
        each = max(1, samples // draws)
        shape = (each * draws, draws)
        return cls(
            np.full(shape, -np.log(draws)),
            np.full(shape[0], -np.log(shape[0])),
            np.repeat(np.arange(draws), each),
        )

    @property
    def information(self) -> float:
        """Mutual information of the labels and the draw, nats: at most log of the draws."""
        draws = self.log_posterior.shape[1]
        return float(np.log(draws) - np.exp(self.log_share) @ entropies(self.log_posterior))

    def longer(self, log_probabilities: Floats, generator: np.random.Generator) -> Strings:
        """With one utterance more, of `log_probabilities` of shape (draws, classes)."""
        if self.drawn_by is None:
            return self._with_every_class(log_probabilities)
        labels = _labels(log_probabilities[self.drawn_by], self._heights(generator))
        joint = self.log_posterior + log_probabilities.T[labels]
        # The draw that a string is from can have made it, so that no sum here is -inf.
        return replace(self, log_posterior=joint - _logsumexp(joint, axis=1)[:, None])

    def gains(self, log_probabilities: Floats) -> tuple[Floats, Floats]:
        """What each utterance would add to the information, nats, and the standard error of that.

        `log_probabilities`: shape (n, draws, classes); both results: shape (n,), errors 0 where all strings
        are here.
        """
        n, draws, classes = log_probabilities.shape
        by_class = np.exp(log_probabilities).transpose(0, 2, 1).reshape(n * classes, draws)
        conditional = entropies(log_probabilities)
        first, second = np.zeros(n), np.zeros(n)
        posterior, share = np.exp(self.log_posterior).T, np.exp(self.log_share)
        for strings in _slices(len(share), _STRINGS_AT_ONCE):
            given, weight = np.ascontiguousarray(posterior[:, strings]), share[strings]
            step = max(1, _ROWS_AT_ONCE // classes)
            for rows in _slices(n, step):
                predicted = by_class[rows.start * classes : rows.stop * classes] @ given
                added = _entropies_of(predicted, classes) - conditional[rows] @ given
                first[rows] += added @ weight
                second[rows] += np.square(added, out=added) @ weight
        gains = np.maximum(first, 0.0)
        if self.drawn_by is None:
            return gains, np.zeros(n)
        return gains, np.sqrt(np.maximum(second - first**2, 0.0) / len(share))

    def _heights(self, generator: np.random.Generator) -> Floats:
        """Where in its distribution each string takes its next label, shape (strings,), in [0, 1).

        Spread evenly over the strings of one draw in the order of how sure they are of it: the golden ratio's
        multiples fill the square of both, which leaves a fifth of the variance of independent heights
        (array randomised quasi-Monte Carlo, L'Ecuyer et al. 2008).
        """
        draws = self.log_posterior.shape[1]
        sure = self.log_posterior[np.arange(len(self.log_share)), self.drawn_by].reshape(draws, -1)
        ranks = sure.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        heights: Floats = (ranks * _GOLDEN + generator.random((draws, 1))) % 1.0
        return heights.ravel()

    def _with_every_class(self, log_probabilities: Floats) -> Strings:
        joint = (self.log_posterior[:, None, :] + log_probabilities.T).reshape(
            -1, self.log_posterior.shape[1]
        )
        log_sum = _logsumexp(joint, axis=1)
        log_share = np.repeat(self.log_share, log_probabilities.shape[1]) + log_sum
        possible = np.flatnonzero(log_share > -np.inf)
        return Strings(joint[possible] - log_sum[possible, None], log_share[possible])


def strings_of(
    log_probabilities: Floats | Sequence[Floats], samples: int, generator: np.random.Generator
) -> Strings:
    """The strings of b utterances, of shape (b, draws, classes): all where they are at most `samples`."""
    draws, classes = log_probabilities[0].shape
    exact = classes ** len(log_probabilities) <= samples
    strings = Strings.empty(draws) if exact else Strings.to_draw(draws, samples)
    for one in log_probabilities:
        strings = strings.longer(one, generator)
    return strings


def _labels(log_probabilities: Floats, heights: Floats) -> NDArray[np.int64]:
    """The label at each height of a row of shape (strings, classes), never one of probability 0."""
    below = np.exp(log_probabilities).cumsum(axis=1)
    # A height that rounds up to the sum of all belongs to the last class that has any.
    reached = np.minimum(heights * below[:, -1], np.nextafter(below[:, -1], 0.0))
    return (below <= reached[:, None]).sum(axis=1)


def _entropies_of(predicted: Floats, classes: int) -> Floats:
    """Entropies of shape (n, strings) of probabilities of shape (n * classes, strings)."""
    terms = np.maximum(predicted, np.finfo(np.float64).tiny)  # 0 times its finite logarithm is 0
    np.log(terms, out=terms)
    terms *= predicted
    result: Floats = -terms.reshape(-1, classes, terms.shape[1]).sum(axis=1)
    return result


def _logsumexp(values: Floats, axis: int) -> Floats:
    """Over one axis; -inf where all are."""
    highest = np.maximum(values.max(axis=axis, keepdims=True), np.finfo(np.float64).min)
    with np.errstate(divide="ignore"):
        total = np.log(np.exp(values - highest).sum(axis=axis))
    result: Floats = total + highest.squeeze(axis)
    return result


def _slices(length: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
