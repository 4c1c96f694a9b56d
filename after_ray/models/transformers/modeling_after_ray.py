"""A speech emotion classifier of after-ray for transformers.

This file is part of a model folder and needs torch and transformers alone:

    AutoModelForAudioClassification.from_pretrained(FOLDER, trust_remote_code=True)

What a clip is given as probabilities depends on that clip alone. So its samples go through the convolutional
front end without the padding of a batch, where `attention_mask` says what is padding, and padding is neither
attended to nor averaged.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput

FULL_SCALE = 32768.0  # of 16-bit samples
LEAST_VARIANCE = 1e-7  # added to that of a waveform


class AfterRayConfig(PretrainedConfig):
    """Settings of the model.

    Args:
        backbone: the configuration of its wav2vec 2.0, HuBERT or WavLM.
        attention: the implementation that the backbone was trained with.
        head: `pooled`, which is ReLU, mean over time and a linear layer; or `dense`, which is the mean, a
            hidden layer with tanh and a linear layer.
        head_dropout: before every layer of the head, in training.
        max_seconds: no more of a clip is heard.
        standardised: whether samples are given mean 0 and variance 1 first.
        half_features: whether the output of the front end is rounded to 16-bit floats, as it was in training.
        drop_last_frame: whether the mean leaves the last frame out.
        padded_frames: every clip is padded to so many frames, which are heard like speech; None pads nothing.
        sampling_rate: of the samples.
    """

    model_type = "after_ray"

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        attention: str = "sdpa",
        head: str = "pooled",
        head_dropout: float = 0.0,
        max_seconds: float = 10.0,
        standardised: bool = False,
        half_features: bool = True,
        drop_last_frame: bool = False,
        padded_frames: int | None = None,
        sampling_rate: int = 16_000,
        **kwargs: Any,
    ) -> None:
        self.backbone = backbone or {"model_type": "wav2vec2"}
        self.attention = attention
        self.head = head
        self.head_dropout = head_dropout
        self.max_seconds = max_seconds
        self.standardised = standardised
        self.half_features = half_features
        self.drop_last_frame = drop_last_frame
        self.padded_frames = padded_frames
        self.sampling_rate = sampling_rate
        super().__init__(**kwargs)

    @property
    def shortest(self) -> int:
        """Samples that give one frame."""
        length, layers = 1, zip(self.backbone["conv_kernel"], self.backbone["conv_stride"], strict=True)
        for kernel, stride in reversed(list(layers)):
            length = (length - 1) * stride + kernel
        return length


class AfterRayForAudioClassification(PreTrainedModel):
    """A backbone and a head; logits of `config.id2label`."""

    config_class = AfterRayConfig
    base_model_prefix = "after_ray"
    main_input_name = "input_values"
    _supports_sdpa = True

    def __init__(self, config: AfterRayConfig) -> None:
        super().__init__(config)
        described = AutoConfig.for_model(**config.backbone)
        self.backbone = AutoModel.from_config(described, attn_implementation=config.attention)
        hidden = described.hidden_size
        self.dropout = nn.Dropout(config.head_dropout)
        if config.head == "dense":
            self.dense_dropout = nn.Dropout(config.head_dropout)
            self.dense = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_values: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput | tuple[Tensor, ...]:
        """Logits of shape (clips, classes).

        Args:
            input_values: samples in [-1, 1] at 16 kHz, padded at the end, shape (clips, samples).
            attention_mask: 1 where they are samples and 0 where they are padding; None where none is padding.
            labels: classes, shape (clips,), for the loss.
            return_dict: False gives a tuple.
            kwargs: of a caller that asks for more than a classifier of clips has; not used.
        """
        features = [self.heard(wave) for wave in _unpadded(input_values, attention_mask)]
        if self.config.padded_frames is not None:
            missing = [self.config.padded_frames - len(one) for one in features]
            features = [
                nn.functional.pad(one, (0, 0, 0, m)) for one, m in zip(features, missing, strict=True)
            ]
        lengths = torch.tensor([len(one) for one in features], device=input_values.device)
        logits = self.head(self.dropout(self.represented(pad_sequence(features, batch_first=True), lengths)))
        loss = None if labels is None else cross_entropy(logits, labels.view(-1))
        if return_dict is False:
            return (logits,) if loss is None else (loss, logits)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def heard(self, wave: Tensor) -> Tensor:
        """The front end's output for one clip without padding, shape (frames, width)."""
        config = self.config
        kind = self.backbone.dtype
        samples = wave[: round(config.max_seconds * config.sampling_rate)].double()
        # As the recordings that the model was trained on: 16 bits.
        samples = (samples * FULL_SCALE).round().clamp(-FULL_SCALE, FULL_SCALE - 1) / FULL_SCALE
        if config.standardised:
            samples = samples - samples.mean()
            samples = samples / (samples.square().mean() + LEAST_VARIANCE).sqrt()
        missing = max(0, config.shortest - len(samples))
        samples = nn.functional.pad(samples, (0, missing)).to(kind)
        features = self.backbone.feature_extractor(samples[None])[0].T
        if config.half_features:
            features = features.half().to(kind)
            if not torch.isfinite(features).all():
                raise ValueError("The front end gave what 16-bit floats cannot hold; are the samples finite?")
        return features

    def represented(self, features: Tensor, lengths: Tensor) -> Tensor:
        """What the last linear layer sees, shape (clips, hidden)."""
        projected = self.backbone.feature_projection(features)
        hidden = projected[0] if isinstance(projected, tuple) else projected  # HuBERT gives no tuple
        valid = torch.arange(features.shape[1], device=features.device) < lengths[:, None]
        mask = None if bool(valid.all()) else valid
        encoded = self.backbone.encoder(hidden, attention_mask=mask).last_hidden_state
        if self.config.head == "dense":
            return self.dense(self.dense_dropout(_mean(encoded, lengths))).tanh()
        return _mean(encoded.relu(), lengths - int(self.config.drop_last_frame))


def _unpadded(input_values: Tensor, attention_mask: Tensor | None) -> list[Tensor]:
    """The samples of every clip."""
    if attention_mask is None:
        return list(input_values)
    lengths = attention_mask.long().sum(dim=1).tolist()
    return [wave[:length] for wave, length in zip(input_values, lengths, strict=True)]


def _mean(encoded: Tensor, lengths: Tensor) -> Tensor:
    """Mean over the first frames of every clip, at least one; (clips, frames, hidden) to (clips, hidden)."""
    counted = lengths.clamp(min=1)
    valid = torch.arange(encoded.shape[1], device=encoded.device) < counted[:, None]
    return (encoded * valid[:, :, None]).sum(dim=1) / counted[:, None]
