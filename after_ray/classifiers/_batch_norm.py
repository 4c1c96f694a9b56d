"""Batch-norm statistics of a whole data set, in place of a moving average over the last batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class RunningAverages(nn.Module):
    """A norm of our own: by its batch in training, by averages in evaluation.

    In training every batch moves the averages by the share `momentum`.
    """

    def __init__(self, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum


@torch.no_grad()
def recompute_statistics(
    network: nn.Module, batches: Iterable[Tensor], run: Callable[[Tensor], Tensor]
) -> None:
    """Set running means and variances to those of `batches`, every utterance counting the same.

    A moving average with momentum 0.01 needs hundreds of steps to forget its start; networks scored earlier
    see inputs that no layer was trained on. Each layer normalises by its batch while
    the averages are taken, as in training. Leaves `network` in evaluation mode.

    Args:
        network: whose batch-norm layers are updated; its other layers run in evaluation mode, so that
            nothing is drawn.
        batches: inputs that together are the data set, each large and mixed enough to stand for it.
        run: sends one batch through every batch-norm layer.
    """
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm | RunningAverages)]
    momenta = [layer.momentum for layer in layers]
    network.eval()
    seen = 0
    for batch in batches:
        seen += len(batch)
        for layer in layers:
            layer.train()
            layer.momentum = len(batch) / seen  # a cumulative average; the first batch forgets the old state
        run(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.eval()
        layer.momentum = momentum
