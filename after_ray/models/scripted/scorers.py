"""From samples to probabilities, as TorchScript carries it."""

# Annotations are looked at by TorchScript, which does not read them as strings.
import math

import torch
from torch import Tensor, nn

from after_ray.weights import Weights


def heard(samples: Tensor) -> Tensor:
    """Samples rounded to 16 bits, as the recordings of a study are."""
    full: float = 32768.0  # here, for TorchScript knows no name outside of a function
    return ((samples.double() * full).round().clamp(-full, full - 1) / full).float()


class NetworkScorer(nn.Module):
    """The mean of the logits of all pieces of a clip, each of which goes through the network alone."""

    def __init__(self, features: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.network = network

    def forward(self, samples: Tensor) -> Tensor:
        """Probabilities of shape (classes,), float64, of samples of shape (samples,), 16 kHz, in [-1, 1]."""
        pieces = self.features(heard(samples))
        count = pieces.shape[0]
        logits = self.network(pieces[:1])[0]
        for place in range(1, count):
            logits = logits + self.network(pieces[place : place + 1])[0]
        return (logits.double() / count).softmax(dim=0)


class FunctionalsScorer(nn.Module):
    """Logistic regression on standardised functionals; classes never labelled have a fixed probability."""

    mean: Tensor
    scale: Tensor
    coef: Tensor
    intercept: Tensor
    seen: Tensor

    def __init__(self, features: nn.Module, weights: Weights, classes: int) -> None:
        super().__init__()
        self.features = features
        for name in ("mean", "scale", "coef", "intercept", "seen"):
            self.register_buffer(name, torch.from_numpy(weights[name].copy()))
        unseen = 1.0 / (int(weights["labelled"]) + classes)
        rest = 1.0 - (classes - len(weights["seen"])) * unseen
        self.classes, self.log_unseen, self.log_rest = classes, math.log(unseen), math.log(rest)

    def forward(self, samples: Tensor) -> Tensor:
        """Probabilities of shape (classes,), float64, of samples of shape (samples,), 16 kHz, in [-1, 1]."""
        functionals = self.features(heard(samples))[0].double()
        logits = self.coef @ ((functionals - self.mean) / self.scale) + self.intercept
        result = torch.full([self.classes], self.log_unseen, dtype=torch.float64, device=samples.device)
        result[self.seen] = logits.log_softmax(dim=0) + self.log_rest
        return result.exp()


class Turned(nn.Module):
    """A network that takes bands by frames, fed with frames by bands."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pieces: Tensor) -> Tensor:
        """Logits of shape (pieces, classes)."""
        logits: Tensor = self.network(pieces.transpose(1, 2))
        return logits
