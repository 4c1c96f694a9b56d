"""What all classifiers that train one torch network have in common: weights in, weights out, scores."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.acquisition import HeadDraws
from after_ray.classifiers._base import Classifier, ClassifierInputs, Labelled
from after_ray.seeds import SeedTree
from after_ray.tensors import load_tensors, tensor_arrays
from after_ray.training.precision import check_precision
from after_ray.training.settings import Precision
from after_ray.weights import Weights

Rows = NDArray[np.int64]


class HeadedNetwork(nn.Module):
    """A network that ends in dropout and a linear layer."""

    dropout: nn.Dropout
    head: nn.Linear


Network = TypeVar("Network", bound=HeadedNetwork)


class NetworkClassifier(Classifier, Generic[Network]):
    """Holds one network, made by `fit` or `load`; subclasses say how it is made, fed and trained."""

    def __init__(self, inputs: ClassifierInputs, precision: Precision) -> None:
        check_precision(precision, inputs.device)
        self._inputs = inputs
        self._precision = precision
        self._made: Network | None = None

    @abstractmethod
    def _drawn(self, seeds: SeedTree) -> Network:
        """An untrained network on the device, its new weights drawn from the seeds of a fit."""

    @abstractmethod
    def _outputs(self, rows: Rows, function: Callable[..., Tensor]) -> NDArray[np.float32]:
        """`function` of every utterance, shape (len(rows), d), in evaluation mode, in the order of `rows`."""

    @abstractmethod
    def _representation(self) -> Callable[..., Tensor]:
        """The part of the network up to its linear layer."""

    def _trained(self) -> dict[str, Tensor]:
        """Everything that training changes and scoring needs, by name."""
        return dict(self._network.state_dict())

    def initial(self, seeds: SeedTree) -> Weights:
        """The weights that a fresh training with `seeds` starts from."""
        self._made = self._drawn(seeds)
        return self.weights()

    def log_probabilities(self, rows: Rows) -> NDArray[np.float64]:
        """Natural log-probabilities of shape (len(rows), classes), in the order of `rows`."""
        logits = self._outputs(rows, self._network)
        return torch.from_numpy(logits).double().log_softmax(dim=1).numpy()

    def embeddings(self, rows: Rows) -> NDArray[np.float32]:
        """What the linear layer sees, shape (len(rows), d), in the order of `rows`."""
        return self._outputs(rows, self._representation())

    def head_draws(self, rows: Rows) -> HeadDraws:
        """What dropout may leave of the embeddings of `rows`: one pass, however many masks are drawn.

        Raises:
            NotImplementedError: of a head without dropout.
        """
        dropout, head = self._network.dropout, self._network.head
        if dropout.p == 0:
            return super().head_draws(rows)
        weight, bias = (one.detach().float().cpu().numpy() for one in (head.weight, head.bias))
        return HeadDraws(self.embeddings(rows), weight, bias, share=dropout.p)

    def weights(self) -> Weights:
        """What training changes, by name."""
        return tensor_arrays(self._trained().items())

    def load(self, weights: Weights) -> None:
        """Take over weights returned by `weights`.

        Raises:
            ValueError: when the names are not those of this network.
        """
        if self._made is None:
            self._made = self._drawn(SeedTree(0))
        load_tensors(self._trained().items(), weights)
        self._made.eval()

    def take_over(self, trained: Classifier) -> None:
        """Score with the network of `trained`, which is not copied."""
        assert isinstance(trained, NetworkClassifier)
        self._made = trained._network

    @property
    def network(self) -> Network:
        """What was fitted or loaded, in evaluation mode."""
        return self._network.eval()

    @property
    def _network(self) -> Network:
        if self._made is None:
            raise ValueError("fit or load the classifier before scoring with it")
        return self._made

    def _begin(self, start: Weights | None, seeds: SeedTree) -> Network:
        """The network that a fit trains: newly drawn, or with the weights of `start`."""
        self._made = self._drawn(seeds)
        if start is not None:
            self.load(start)
        return self._made

    def _validation_loss(self, validation: Labelled) -> float:
        """Mean cross-entropy per utterance, in nats."""
        scores = self.log_probabilities(validation.rows)
        return float(-scores[np.arange(len(scores)), validation.labels].mean())

    def _labels_of(self, train: Labelled) -> Callable[[Rows], Tensor]:
        """Looks up what rows of `train` are trained on, as a tensor on the device.

        Class indices, shape (rows,), or where there are targets those as float32, shape (rows, classes).
        """
        told = train.labels if train.targets is None else train.targets.astype(np.float32)
        return lambda rows: self._to_device(told[np.searchsorted(train.rows, rows)])

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        """On the device; a GPU copies from pinned memory while it computes."""
        tensor = torch.from_numpy(array)
        if torch.device(self._inputs.device).type != "cuda":
            return tensor.to(self._inputs.device)
        return tensor.pin_memory().to(self._inputs.device, non_blocking=True)
