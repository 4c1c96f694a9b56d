"""RH-emo: quaternion networks on a pretrained real-to-quaternion encoder (Guizzo et al., TASLP 2023)."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from after_ray.classifiers._base import ClassifierInputs, classifiers
from after_ray.classifiers._pretraining import Pretrained, PretrainingInputs
from after_ray.classifiers._quaternion_networks import QuaternionNetwork
from after_ray.classifiers._rh_emo_network import network_input
from after_ray.classifiers._rh_emo_pretraining import RhEmoPretraining, pretrained_encoder
from after_ray.classifiers._settings import RhEmoSettings
from after_ray.classifiers._spectral_classifier import SpectralClassifier
from after_ray.seeds import SeedTree
from after_ray.store.checkpoints import NO_CHECKPOINT, Checkpoint


@classifiers.register("rh_emo")
class RhEmo(SpectralClassifier[QuaternionNetwork, RhEmoSettings]):
    """One of three quaternion networks on the images that the pretrained encoder makes of 4-s pieces.

    The encoder is frozen, its batch norm in evaluation mode (the original leaves it in training mode, where
    it normalises by each batch), and no part of this classifier's weights. It is run anew for every batch:
    keeping its images would save a fifteenth of a training step and take 64 kB of memory for each piece.
    """

    in_pieces: ClassVar[bool] = True

    def __init__(self, settings: RhEmoSettings, inputs: ClassifierInputs) -> None:
        super().__init__(settings, inputs)
        if inputs.pretrained is None:
            raise ValueError("rh_emo needs the weights of its pretraining")
        self._encoder, self._maximum = pretrained_encoder(inputs.pretrained, inputs.device)

    @classmethod
    def pretrain(
        cls,
        step: Any,
        inputs: PretrainingInputs,
        *,
        seeds: SeedTree,
        checkpoint: Checkpoint = NO_CHECKPOINT,
    ) -> Pretrained:
        """Train the autoencoder whose encoder is used: without labels first, then with them."""
        return RhEmoPretraining(step, inputs, seeds).run(checkpoint)

    def _drawn(self, seeds: SeedTree) -> QuaternionNetwork:
        settings, generator = self._settings, seeds.child("weights").torch()
        network = QuaternionNetwork(settings.network, self._inputs.classes, settings.dropout, generator)
        return network.to(self._inputs.device)

    @torch.no_grad()
    def _prepared(self, pieces: NDArray[Any]) -> Tensor:
        """The quaternion images of stored magnitudes, shape (pieces, 4, 64, 64)."""
        images: Tensor = self._encoder(network_input(super()._prepared(pieces), self._maximum))
        return images.contiguous()
