"""What a study did, in sentences for a paper and answers to a reviewer, from its settings alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from after_ray.adaptation.settings import Adaptation, PseudoTaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    ClassifierSettings,
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    OnBackbone,
    PooledTransformerSettings,
    PretrainingStep,
    RhEmoSettings,
    Stepped,
    Trained,
    W2v2LR12Settings,
    can_continue,
    needs_backbone,
)
from after_ray.corpora._base import Scan
from after_ray.initialization._settings import ClusteringSettings, InitializationSettings
from after_ray.learning.settings import Restart
from after_ray.training.settings import FittingSettings
from after_ray.wording import counted
from analysis._rendering import listed
from analysis.study import ChecklistItem
from sweeps.planning.opening import OpenStudy
from sweeps.reporting.in_words import (
    annotation_in_words,
    dropout_in_words,
    folds_in_words,
    left_out_in_words,
    selected_in_words,
    validation_in_words,
)
from sweeps.study.declaration import Study
from sweeps.study.parts import together
from sweeps.study.splitting import Split

_RESTARTS: Mapping[Restart, str] = {
    "previous": "the weights of the round before",
    "pretrained": "the weights before any fine-tuning",
    "shrink_perturb": "the shrunken and perturbed weights of the round before",
}


def methods_of(opened: OpenStudy) -> tuple[str, ...]:
    """Sentences in the order of a methods section: data, models, active learning, repeats."""
    study = opened.study
    data = (_corpus(scan, split, study) for scan, split in zip(opened.scans, opened.plan.splits, strict=True))
    return (*data, *_models(study), *_loop(study), _repeats(study))


def checklist_of(opened: OpenStudy) -> tuple[ChecklistItem, ...]:
    """Questions of a reviewer that a study answers by its settings."""
    study = opened.study
    labels = "Test labels are read by the evaluation alone; labels of train only when they are acquired."
    reading = [one.name for one in study.adaptation if one is not None and one.needs_all_labels]
    if reading:
        labels += f" The adaptation {reading[0]} reads all labels of train before that."
    made = [one for one in study.backbone if one.origin is not None and one.origin.labelled]
    labels += f" The training of the backbone {Path(str(made[0].name)).name} read labels." if made else ""
    told = _named(one for one in study.classifier if one.needs_all_labels)
    labels += f" The pretraining of {listed(told)} is told all labels of train." if told else ""
    labels += f" {annotated}" if (annotated := annotation_in_words(study)) else ""
    chosen = (
        "All values stand in the study file; no search of after-ray chose them."
        if study.selected_from is None
        else selected_in_words(study.selected_from)
    )
    return (
        ChecklistItem("Which data, and was any left out?", " ".join(_data(opened))),
        ChecklistItem("How was it split?", " ".join(_splits(opened))),
        ChecklistItem(
            "What may see which labels?",
            f"{labels} Validation labels serve trainings that stop or choose their weights by them, and are "
            "not counted as labelled; tables of labels needed show both counts.",
        ),
        ChecklistItem("How were hyperparameters chosen?", chosen),
        ChecklistItem("Are all hyperparameters given?", "Yes: in the resolved study file on this page."),
        ChecklistItem("Which weights does it start from?", _weights(study)),
        ChecklistItem("How often was it repeated, and what varies?", _repeats(study)),
        ChecklistItem(
            "Is the code available, and in which version?",
            f"after-ray {version('after-ray')}; what made the results is under Provenance.",
        ),
        ChecklistItem("How can it be repeated?", f"{opened.command('run')}, with the same corpora."),
    )


def _corpus(scan: Scan, split: Split, study: Study) -> str:
    manifest = scan.manifest
    speakers = counted(manifest.table["speaker"].nunique(), "speaker")
    return (
        f"{manifest.corpus} has {counted(len(manifest), 'utterance')} of {speakers} in "
        f"{counted(len(manifest.classes), 'class', 'classes')} ({', '.join(manifest.classes)}); test folds: "
        f"{folds_in_words(split, manifest)}; validation: "
        f"{validation_in_words(split, manifest, study.protocol.validation.cap)}."
    )


def _data(opened: OpenStudy) -> Iterator[str]:
    for scan in opened.scans:
        manifest = scan.manifest
        left_out = left_out_in_words(scan)
        counts = manifest.table["emotion"].value_counts().sort_index()
        each = ", ".join(f"{emotion} {count}" for emotion, count in counts.items())
        yield (
            f"{manifest.corpus}: {each}; manifest {manifest.digest[:12]}"
            f"{f'; {left_out}' if left_out else '; nothing left out'}."
        )


def _splits(opened: OpenStudy) -> Iterator[str]:
    for scan, split in zip(opened.scans, opened.plan.splits, strict=True):
        manifest, cap = scan.manifest, opened.study.protocol.validation.cap
        yield (
            f"{manifest.corpus}: {folds_in_words(split, manifest)}; validation "
            f"{validation_in_words(split, manifest, cap)}; digest of the folds {split.table.digest[:12]}."
        )


def _models(study: Study) -> Iterator[str]:
    if study.backbone:
        yield f"Backbone: {listed([_backbone(one) for one in study.backbone])}."
    yield from _adaptations(study)
    yield f"Classified by {'; by '.join(_classifier(one) for one in study.classifier)}."


def _adaptations(study: Study) -> Iterator[str]:
    used = [one for one in study.adaptation if one is not None]
    plain = any(
        None in part.adaptation and any(map(needs_backbone, part.classifier)) for part in study.crossed
    )
    for when, labels in (("Before any label is used", False), ("With all labels of train", True)):
        told = [_adaptation(one) for one in used if one.needs_all_labels == labels]
        if told:
            without = "; without adaptation beside it" if plain else ""
            yield f"{when} the backbone is adapted by {listed(told)}{without}."


def _loop(study: Study) -> Iterator[str]:
    if annotated := annotation_in_words(study):
        yield annotated
    for part in study.crossed:
        yield f"{_who(part) if study.parts else ''}{_rounds(part)}"
    learning = [part for part in study.crossed if len(part.schedule) > 1]
    if learning and (said := dropout_in_words(study)):
        yield said
    if any(can_continue(one) for part in learning for one in part.classifier):
        restarts = together(part.restarts for part in learning)
        yield f"Every training starts from {listed([_RESTARTS[one] for one in restarts], 'or')}."


def _who(part: Study) -> str:
    """Which models a sentence on one part is about."""
    if not any(map(needs_backbone, part.classifier)):
        return f"Of {listed(_named(part.classifier))}: "
    adapted = listed(["no adaptation" if one is None else one.name for one in part.adaptation], "or")
    return f"Of {listed(_named(part.classifier))} with {adapted}: "


def _rounds(study: Study) -> str:
    """When a model is trained, on what, and how that is chosen."""
    if len(study.schedule) == 1:
        return f"The model is trained once, on {study.schedule[0]:g} % of train."
    points = ", ".join(f"{percent:g}" for percent in study.schedule[1:])
    first = study.protocol.first_round
    size = (
        f"{first.size} utterances"
        if first.size
        else f"at least {first.per_class} times as many utterances as classes"
    )
    train = "train" if study.protocol.budget == "utterances" else "train's seconds of audio"
    return (
        f"Round 0 ({study.schedule[0]:g} % of {train}, {size}) is chosen by "
        f"{listed([_initialization(one) for one in study.initialization], 'or')}; the model is then "
        f"retrained at {points} % of {train}, each time after acquiring by {listed(study.strategy, 'or')}."
    )


def _repeats(study: Study) -> str:
    pretrained = [one for one in study.classifier if one.pretraining]
    own = _named(one for one in pretrained if one.pretrained_per_seed)
    common = _named(one for one in pretrained if not one.pretrained_per_seed)
    per_seed = any(one is not None and one.repeat == "per_seed" for one in study.adaptation)
    drawn = any(can_continue(one) for one in study.classifier)
    trained = ", weights, order and dropout of trainings" if drawn else ""
    whole = [*(["the adaptation"] if per_seed else []), *(f"the pretraining of {one}" for one in own)]
    varied = f"initial sets{trained}" + (f", and {listed(whole)}" if whole else "")
    shared = any(one is not None and one.repeat == "shared" for one in study.adaptation)
    once = [*(["adaptation"] if shared else []), *(f"pretraining of {one}" for one in common)]
    same = "".join(f"; one {what} per fold is shared by all seeds" for what in once)
    seeds = counted(len(study.seed), "seed")
    return (
        f"Every combination is planned with {seeds} on each of its folds; seeds vary {varied}; folds and "
        f"validation stay the same{same}."
    )


def _weights(study: Study) -> str:
    said = [f"{listed([_backbone(one) for one in study.backbone])}."] if study.backbone else []
    of_train = _named(one for one in study.classifier if one.pretraining)
    if not said:
        said = [f"No {'externally ' if of_train else ''}pretrained weights are used."]
    said += [f"The encoder of {one} is pretrained on the train part of each fold." for one in of_train]
    return " ".join(said)


def made_here(study: Study) -> tuple[str, ...]:
    """Of each backbone that was pre-trained here from random weights how; named where there are several."""
    return tuple(
        f"{Path(str(one.name)).name}: {one.origin.told}" if len(study.backbone) > 1 else one.origin.told
        for one in study.backbone
        if one.origin is not None and one.origin.began.random
    )


def _named(settings: Iterable[ClassifierSettings]) -> list[str]:
    """The name of each classifier, once."""
    return list(dict.fromkeys(one.name for one in settings))


def _backbone(settings: BackboneSettings) -> str:
    cut = "" if settings.layers is None else f", its first {settings.layers} layers"
    if settings.name is None:
        return f"a configuration of its own with random weights{cut}"
    revision = f" ({settings.revision[:12]})" if settings.revision else ""
    name = Path(settings.name).name if Path(settings.name).is_absolute() else settings.name
    made = "" if settings.origin is None else f", {settings.origin.told}"
    return f"{name}{revision}{made}{cut}"


def _adaptation(settings: Adaptation) -> str:
    steps = (
        f"{settings.steps} steps of {settings.batch_seconds:g} s of audio, learning rate "
        f"{settings.learning_rate:g}"
    )
    if isinstance(settings, PseudoTaptSettings):
        layer = (
            "its middle layer" if settings.feature_layer == "middle" else f"layer {settings.feature_layer}"
        )
        steps += (
            f"; its targets are {listed([str(count) for count in settings.codebooks])} clusters, at most one "
            f"for 40 frames, of the hidden frames of a network that learned the emotions from {layer} in "
            f"{settings.frame_steps} steps of {settings.frame_batch} utterances"
        )
    return f"{settings.name} on the train part of each fold ({steps})"


def _initialization(settings: InitializationSettings) -> str:
    if isinstance(settings, ClusteringSettings):
        return f"clustering (k-means, k by the elbow in {settings.k_min} to {settings.k_max})"
    return f"{settings.name} draw"


def _classifier(settings: ClassifierSettings) -> str:
    if isinstance(settings, FunctionalsSettings):
        return (
            f"acoustic functionals with multinomial logistic regression (L2, C = {settings.regularization:g})"
        )
    if isinstance(settings, W2v2LR12Settings):
        return (
            "w2v2-L-r-12, the backbone with "
            f"{'a masked' if settings.pooling == 'masked' else 'an unmasked'} mean over time and a head with "
            f"one hidden layer ({_fitting(settings.fitting)})"
        )
    if isinstance(settings, PooledTransformerSettings):
        return f"the backbone with a masked mean over time and a linear layer ({_fitting(settings.fitting)})"
    if isinstance(settings, LightSerNetSettings):
        return (
            f"Light-SERNet ({_length(settings)} of {settings.batch_size} clips of {settings.seconds} s, "
            f"learning rate {settings.learning_rate:g}, {settings.loss.replace('_', ' ')})"
        )
    if isinstance(settings, GlamSettings):
        return (
            f"GLAM ({_length(settings)} of {settings.batch_size} segments of {settings.seconds:g} s that "
            f"overlap by {settings.overlap:g} s, learning rate {settings.learning_rate:g}, "
            f"mixup {settings.mixup_alpha:g})"
        )
    if isinstance(settings, LssedSettings):
        return (
            f"PyConvResNet-{settings.depth} of LSSED ({_length(settings)} of {settings.batch_size} clips, "
            f"learning rate {settings.learning_rate:g})"
        )
    if isinstance(settings, RhEmoSettings):
        return _rh_emo(settings)
    return _own_classifier(settings)


def _own_classifier(settings: Trained) -> str:
    """By its class; its settings as they are, since nobody here knows what they mean."""
    if isinstance(settings, OnBackbone):
        return f"{settings.name}, a network on the backbone ({_fitting(settings.fitting)})"
    told = _all_of(settings.model_dump(mode="json"))
    return f"{settings.name} ({told})" if told else settings.name


def _rh_emo(settings: RhEmoSettings) -> str:
    labels = (
        " without labels, then by the labels of all of train" if settings.supervised else " without labels"
    )
    repeated = "anew for every seed" if settings.pretrained_per_seed else "once for all seeds"
    steps = " and ".join(f"{_length(step)} of {step.batch_size} pieces" for step in settings.pretraining)
    return (
        f"RH-emo (quaternion {settings.network} on an encoder that is pretrained on the train part of each "
        f"fold{labels}, {steps}, {repeated}, and frozen; {_length(settings)} of {settings.batch_size} pieces "
        f"of 4 s, learning rate {settings.learning_rate:g})"
    )


def _length(training: Stepped | PretrainingStep) -> str:
    """`300 steps` or `5 epochs`."""
    return f"{training.steps} steps" if training.epochs is None else counted(training.epochs, "epoch")


def _fitting(settings: FittingSettings) -> str:
    kept = "lowest validation loss" if settings.keep == "best" else "last epoch"
    return (
        f"Adam, learning rate {settings.learning_rate:g}, batches of {settings.batch_size}, at most "
        f"{settings.max_epochs} epochs and at least {settings.min_updates} updates, weights of the {kept}, "
        f"{settings.precision}"
    )


def _all_of(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if name != "name")
