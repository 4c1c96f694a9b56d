"""The TorchScript file of a model: made, compared with the model, written."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from after_ray.classifiers._network_classifier import NetworkClassifier
from after_ray.classifiers._rh_emo_network import network_input
from after_ray.classifiers._rh_emo_pretraining import pretrained_encoder
from after_ray.classifiers._settings import (
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    RhEmoSettings,
)
from after_ray.corpora.prepared import SAMPLE_RATE
from after_ray.errors import UnfitScript
from after_ray.features import extractors
from after_ray.files import sha256_of
from after_ray.models.facts import ModelFacts, Scripted
from after_ray.models.model import Model
from after_ray.models.safety import SCRIPT_FILE
from after_ray.models.scripted import features as carried
from after_ray.models.scripted.scorers import FunctionalsScorer, NetworkScorer, Turned
from after_ray.seeds import SeedTree

TOLERANCE = 1e-5  # of probabilities
# Seconds: less than a frame of any kind, less than a piece, and up to two pieces of the longest kind.
_LENGTHS = (0.01, 0.31, 1.0, 2.77, 5.2, 8.5)
SCRIPTED: Mapping[str, Callable[[Any], nn.Module]] = {
    "functionals": carried.FunctionalsOf,
    "cepstra": carried.CepstraOf,
    "log_mel": carried.LogMelOf,
    "mfcc_segments": carried.MfccSegmentsOf,
    "magnitudes": carried.MagnitudesOf,
}
_CARRIED = (FunctionalsSettings, LightSerNetSettings, GlamSettings, LssedSettings, RhEmoSettings)


def can_be_scripted(facts: ModelFacts) -> bool:
    """Whether a model has a TorchScript file: those without a backbone that the package brings along."""
    return type(facts.classifier) in _CARRIED


def write_scripted(folder: Path, model: Model) -> ModelFacts:
    """Write `model.ts` into the folder of a model, and return its facts with the file's name and digest.

    Raises:
        UnfitScript: when its probabilities are not those of the model.
    """
    with _quiet():
        scripted = scripted_model(model)
        check_scripted(scripted, model)
        torch.jit.save(scripted, folder / SCRIPT_FILE)
    said = Scripted(file=SCRIPT_FILE, sha256=sha256_of(folder / SCRIPT_FILE))
    return model.facts.model_copy(update={"scripted": said})


def scripted_model(model: Model) -> torch.jit.ScriptModule:
    """A module from samples, shape (samples,), 16 kHz, in [-1, 1], to probabilities, shape (classes,)."""
    facts = model.facts
    extractor: Any = extractors.resolve(facts.features.kind)(facts.features, None, "cpu")  # type: ignore[call-arg]
    features = SCRIPTED[facts.features.kind](extractor).eval()
    if facts.kind == "functionals":
        scorer: nn.Module = FunctionalsScorer(features, model.classifier.weights(), len(facts.classes))
    else:
        second = features(torch.zeros(SAMPLE_RATE))[:1]
        network = _network_of(model).cpu().eval()
        scorer = NetworkScorer(features, torch.jit.trace(network, second, check_trace=False))
    return torch.jit.freeze(torch.jit.script(scorer.eval()))


def check_scripted(scripted: Callable[[Tensor], Tensor], model: Model) -> None:
    """Compare it with the model on made-up clips of several lengths, silence among them.

    Raises:
        UnfitScript: naming the largest difference of a probability.
    """
    waves = _made_up()
    ours = np.exp(model.log_probabilities(waves))
    theirs = np.stack([scripted(torch.from_numpy(wave)).numpy() for wave in waves])
    largest = float(np.abs(ours - theirs).max())
    if not largest <= TOLERANCE:  # not a number is not below anything
        reason = f"a probability differs by {largest:.2g}, and at most {TOLERANCE:g} is allowed"
        raise UnfitScript(model.facts.classifier.name, reason)


def _made_up() -> list[NDArray[np.float32]]:
    generator = SeedTree(0).child("noise").generator()
    waves = [np.zeros(SAMPLE_RATE, np.float32)]
    for place, seconds in enumerate(_LENGTHS):
        time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        tone = 0.2 * np.sin(2 * np.pi * (110 + 60 * place) * time) * (1 + np.sin(9 * time))
        waves.append((tone + 0.03 * generator.standard_normal(len(time))).astype(np.float32))
    return waves


class _OfMagnitudes(nn.Module):
    """RH-emo's network with the encoder before it."""

    def __init__(self, encoder: nn.Module, maximum: float, network: nn.Module) -> None:
        super().__init__()
        self.encoder, self.maximum, self.network = encoder, maximum, network

    def forward(self, magnitudes: Tensor) -> Tensor:
        """Logits of shape (pieces, classes)."""
        logits: Tensor = self.network(self.encoder(network_input(magnitudes, self.maximum)).contiguous())
        return logits


def _network_of(model: Model) -> nn.Module:
    """What makes logits of pieces, shape (pieces, classes)."""
    assert isinstance(model.classifier, NetworkClassifier)
    network: nn.Module = model.classifier.network
    if isinstance(model.facts.classifier, RhEmoSettings):
        assert model.pretrained is not None
        return _OfMagnitudes(*pretrained_encoder(model.pretrained, "cpu"), network)
    return Turned(network) if isinstance(model.facts.classifier, LssedSettings) else network


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's advice to leave TorchScript, and what a tracer says of constants: it is compared."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield
