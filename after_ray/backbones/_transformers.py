"""The classes of transformers that are used here, imported in the one order that always works."""

# A torchaudio whose extension cannot load would break transformers, so its guard comes first.
import after_ray.audio._torchaudio  # noqa: F401

# isort: split
from transformers import Wav2Vec2Config, Wav2Vec2ForPreTraining, Wav2Vec2Model

__all__ = ["Wav2Vec2Config", "Wav2Vec2ForPreTraining", "Wav2Vec2Model"]
