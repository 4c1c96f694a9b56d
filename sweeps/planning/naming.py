"""How methods, adaptations and other settings of a study are called in its tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from after_ray.backbones.families import DEFAULT_FAMILY
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import ClassifierSettings, needs_backbone
from sweeps.study.declaration import Study
from sweeps.study.parts import together


@dataclass(frozen=True)
class Method:
    """A classifier with the backbone it is built on, if any, and the name of the pair in tables."""

    label: str
    classifier: ClassifierSettings
    backbone: BackboneSettings | None


def methods(whole: Study, study: Study) -> Iterator[Method]:
    """The classifiers of one cross, each on its backbones; these are named where a classifier has several."""
    names = _backbone_labels(whole.backbone)
    for classifier in study.classifier:
        label = label_of(whole.classifier, classifier)
        if not needs_backbone(classifier):
            yield Method(label, classifier, None)
            continue
        met = together(part.backbone for part in whole.crossed if classifier in part.classifier)
        for backbone in study.backbone:
            named = names[whole.backbone.index(backbone)]
            yield Method(f"{label}/{named}" if len(met) > 1 else label, classifier, backbone)


def _backbone_labels(backbones: Sequence[BackboneSettings]) -> list[str]:
    """The last part of each one's name, or the family of a configuration, and how many layers are kept;
    numbered where two are alike.
    """
    names = [
        (
            PurePath(backbone.name).name
            if backbone.name is not None
            else f"random-{(backbone.config or {}).get('model_type', DEFAULT_FAMILY)}"
        )
        + ("" if backbone.layers is None else f"-l{backbone.layers}")
        for backbone in backbones
    ]
    alike = Counter(names)
    seen: Counter[str] = Counter()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(name if alike[name] == 1 else f"{name}-{seen[name]}")
    return labels


def label_of(options: tuple[Any, ...], chosen: Any) -> str:
    """The name of a setting, numbered where a study lists the same name with different settings."""
    same = [option for option in options if option.name == chosen.name]
    return str(chosen.name) if len(same) == 1 else f"{chosen.name}-{same.index(chosen) + 1}"


def adaptation_label(study: Study, adaptation: Any) -> str:
    """The name of an adaptation; `none` of no adaptation."""
    if adaptation is None:
        return "none"
    return label_of(tuple(option for option in study.adaptation if option is not None), adaptation)
