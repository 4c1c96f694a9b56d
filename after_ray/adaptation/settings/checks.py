"""What of an adaptation, and of frame losses under it, can be with a backbone: before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from after_ray.adaptation.settings._base import Adaptation
from after_ray.adaptation.settings.frame_losses import FrameLossSettings
from after_ray.adaptation.settings.pseudo_tapt import PseudoTaptSettings
from after_ray.adaptation.settings.tapt import TaptSettings
from after_ray.backbones.identity import encoder_layers, has_quantizer, need_heads, need_quantizer
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, IdleSetting, LabelsRead

Objective = Literal["quantizer", "clusters", "pseudo_labels"]

# What only one of the objectives reads.
_READ_BY: dict[Objective, tuple[str, ...]] = {
    "quantizer": ("negatives", "contrastive_weight", "reconstruction_weight", "diversity_weight"),
    "clusters": ("clusters", "cluster_layer", "cluster_frames", "unmasked_weight"),
}


def objective_of(settings: Adaptation, backbone: BackboneSettings) -> Objective:
    """What an adaptation of this backbone learns.

    Raises:
        NoQuantizer: when the objective needs a quantiser that the backbone does not have.
    """
    if not isinstance(settings, TaptSettings):
        return "pseudo_labels"
    if settings.objective == "of_backbone":
        return "quantizer" if has_quantizer(backbone) else "clusters"
    if settings.objective == "quantizer":
        need_quantizer(backbone)
    return settings.objective


def check_adaptation(settings: Adaptation, backbones: Sequence[BackboneSettings]) -> None:
    """Refuse an adaptation that one of the backbones cannot have, or with settings that none would read.

    Raises:
        NoQuantizer: from `objective_of`.
        BadValue: for a layer that is not there.
        IdleSetting: for a value beside the preset's that belongs to the other objective.
    """
    if isinstance(settings, TaptSettings):
        predicting = [one for one in backbones if objective_of(settings, one) == "clusters"]
        _check_layer("cluster_layer", settings.cluster_layer, predicting)
        _check_idle(settings, backbones)
    if isinstance(settings, PseudoTaptSettings):
        _check_layer("feature_layer", settings.feature_layer, backbones)


def _check_idle(settings: TaptSettings, backbones: Sequence[BackboneSettings]) -> None:
    """No setting beside the preset's belongs to an objective that none of the backbones has."""
    learned = {objective_of(settings, backbone) for backbone in backbones}
    plain = TaptSettings(preset=settings.preset)
    others = [other for other in _READ_BY if learned and other not in learned]
    for objective, name in ((other, name) for other in others for name in _READ_BY[other]):
        value = getattr(settings, name)
        if value != getattr(plain, name):
            reason = f"the objective is '{learned.pop()}'"
            remedy = f"Leave it out, or write 'objective: {objective}' for a backbone that can have it"
            raise IdleSetting(f"adaptation.{name}", value, reason, remedy)


def _check_layer(name: str, layer: int | str, backbones: Sequence[BackboneSettings]) -> None:
    """Every backbone that is listened to at a layer has it."""
    for backbone in backbones if isinstance(layer, int) else ():
        layers = encoder_layers(backbone)
        if int(layer) > layers:
            raise BadValue(f"adaptation.{name}", layer, f"1 to {layers}, or 'middle'")


def check_frame_losses(
    settings: FrameLossSettings, backbone: BackboneSettings, adaptation: Adaptation | None
) -> None:
    """Refuse frame losses that nothing could compute: heads that are not there or have learned nothing.

    Raises:
        LabelsRead: under an adaptation that has read the labels of train.
        NoHeads: when nothing is adapted and the backbone brings no heads along.
        BadValue: for a reconstruction that was never learned.
    """
    if adaptation is None:
        need_heads(backbone)
    elif not isinstance(adaptation, TaptSettings):
        raise LabelsRead(adaptation.name)
    if settings.reconstruction_weight == 0:
        return
    if adaptation is None:
        reason = "since only an adaptation learns to reconstruct"
    elif objective_of(adaptation, backbone) == "clusters":
        reason = "since an adaptation to clusters does not learn to reconstruct"
    elif adaptation.reconstruction_weight == 0:
        reason = "since the reconstruction_weight of the adaptation is 0"
    else:
        return
    raise BadValue("frame_losses.reconstruction_weight", settings.reconstruction_weight, f"0, {reason}")
