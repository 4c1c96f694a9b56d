"""Errors about backbones, adaptations and trainings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from after_ray.errors._base import AfterRayError
from after_ray.wording import size


class DivergedTraining(AfterRayError):
    """A loss or gradient that is no longer a finite number: the weights are lost."""

    def __init__(self, what: str, value: float, update: int, remedy: str = "Lower the learning rate") -> None:
        super().__init__(
            f"Training diverged: the {what} is {value} at update {update}; a finite number is needed. "
            f"{remedy}, and check that no utterance is silent or empty."
        )


class CollapsedAdaptation(AfterRayError):
    """An adaptation whose targets or predictions do not depend on the audio any more: it learns nothing."""

    def __init__(self, step: int, information: float, least: float, perplexity: float, remedy: str) -> None:
        super().__init__(
            f"Adaptation collapsed: at step {step} the code of a masked frame says {information:.3f} nats "
            f"about it, {least:g} or more are needed (perplexity of the codes: {perplexity:.1f}). {remedy}."
        )


class FullDevice(AfterRayError):
    """A GPU whose memory does not hold what a trial needs."""

    def __init__(self, device: str, told: str) -> None:
        super().__init__(
            f"The memory of {device} does not hold this trial: {told}. Let fewer trials share it "
            "(resources.gpu), lower max_seconds of the classifier or batch_seconds of the adaptation, or "
            "choose precision bf16, and run the study again; what is recorded stays."
        )


class NoTemporaryRoom(AfterRayError):
    """A folder of temporary files that does not hold the frames of an adaptation."""

    def __init__(self, folder: str, needed: int, reason: str) -> None:
        super().__init__(
            f"Temporary files in {folder} have no room for {size(needed)} of frames ({reason}). Set TMPDIR "
            "to a folder on a disk with room, or take a narrower backbone and a lower "
            "adaptation.frame_width, and run the study again; what is recorded stays."
        )


class MissingBackbone(AfterRayError):
    """A backbone that is not where its name says."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"Backbone '{name}' cannot be used: {reason}. Allowed: a wav2vec 2.0, HuBERT or WavLM, as a "
            "folder with config.json and *.safetensors or as a hub name such as 'facebook/wav2vec2-base'."
        )


class OccupiedFolder(AfterRayError):
    """A place for a backbone or a model at which something else is."""

    def __init__(self, folder: Path | str, what: str = "this backbone") -> None:
        super().__init__(
            f"{folder} is there already and is not {what}; nothing is written over. Name a folder "
            "that is not there yet, or remove this one."
        )


class UnfitModel(AfterRayError):
    """A folder that is no model, or one that is not loaded."""

    def __init__(self, folder: Path | str, reason: str, remedy: str) -> None:
        super().__init__(f"The model {folder} cannot be used: {reason}. {remedy}.")


class TooManyLayers(AfterRayError):
    """A backbone that is deeper than a classifier of so many layers."""

    def __init__(self, classifier: str, name: str | None, there: int, wanted: int) -> None:
        remedy = (
            f"lower 'num_hidden_layers' of its configuration, or add 'layers: {wanted}'"
            if name is None
            else f"write 'backbone: {{name: {name}, layers: {wanted}}}'"
        )
        super().__init__(
            f"The classifier {classifier} is made of the first {wanted} layers of a backbone, and "
            f"{name or 'that of the configuration'} has {there}; allowed: at most {wanted}. To keep the "
            f"first {wanted}, {remedy}."
        )


class NoQuantizer(AfterRayError):
    """A backbone that shall be adapted against a quantiser and belongs to a family without one."""

    def __init__(self, name: str, family: str) -> None:
        super().__init__(
            f"Backbone '{name}' is a {family}, which has no quantiser, and the contrastive objective takes "
            "its targets from one; allowed: wav2vec 2.0. Write 'objective: clusters' in the adaptation, or "
            "choose none."
        )


class NoHeads(AfterRayError):
    """A backbone without the heads of its pre-training, where nothing else says how surprising a frame is."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"Frame losses of backbone '{name}' cannot be computed without an adaptation: {reason}. Allowed: "
            "an adaptation ('adaptation: tapt'), or a wav2vec 2.0 whose files have the heads, such as "
            "'facebook/wav2vec2-base'; or leave out the strategies that ask for frame losses."
        )


class LostHeads(AfterRayError):
    """An adaptation from before the heads of its objective were kept."""

    def __init__(self, key: str, folder: Path | str) -> None:
        super().__init__(
            f"The adaptation {key[:12]} was made before adaptations kept the heads of their objective, which "
            f"frame losses are computed with; remove its folder {folder} and run the study again, which "
            "then makes it anew."
        )


class LabelsRead(AfterRayError):
    """Frame losses, which no label may have touched, under an adaptation that has read all of train's."""

    def __init__(self, adaptation: str) -> None:
        super().__init__(
            f"Frame losses under the adaptation '{adaptation}' are refused: it has read the label of every "
            "train utterance, and frame losses say what is known without labels. Allowed: an adaptation "
            "without labels ('adaptation: tapt') or none; or leave out the strategies that ask for them."
        )


class MissingLabels(AfterRayError):
    """An adaptation that needs labels and was given nobody to ask for them."""

    def __init__(self, adaptation: str) -> None:
        super().__init__(
            f"The adaptation '{adaptation}' needs the labels of train and got no oracle; pass "
            "Oracle(labels, train) to adapt, or choose an adaptation without labels ('tapt')."
        )


class UnstorableFeatures(AfterRayError):
    """Front-end output that 16-bit floats cannot hold."""

    def __init__(self, value: float, limit: float) -> None:
        super().__init__(
            f"The front end of the backbone gave {value:g} for an utterance; allowed: magnitudes up to "
            f"{limit:g}, the range of the 16-bit floats that features are stored in. Check the backbone's "
            "weights; if they were adapted, lower adaptation.learning_rate."
        )


class ChangedBackbone(AfterRayError):
    """A named backbone whose files are not those that the study was resolved with."""

    def __init__(self, name: str, folder: Path | str, expected: str, found: str) -> None:
        super().__init__(
            f"Backbone '{name}' has other files in {folder} (identity {found[:12]}) than the study was "
            f"resolved with ({expected[:12]}); every node needs the same files. Copy them there, or name a "
            "fixed hub 'revision', and run the study again."
        )


class ChangedCode(AfterRayError):
    """Files of a user's own code that changed after the keys of what they make were made."""

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(files)} changed while this run went on, and its result would stand under the key of "
            "what was there before, so nothing of it is recorded; run the same command again: its plan then "
            "has new keys, and what was recorded before the change keeps the old ones."
        )


class UnfitClassifier(AfterRayError):
    """A classifier of a user's own that a study cannot use as it is."""

    def __init__(self, name: str, problem: str, remedy: str) -> None:
        super().__init__(f"The classifier '{name}' cannot be used: {problem}; {remedy}.")


class UnfitScript(AfterRayError):
    """A model that TorchScript does not carry to the same probabilities."""

    def __init__(self, classifier: str, reason: str) -> None:
        super().__init__(
            f"The TorchScript file of the classifier '{classifier}' is not written: {reason}. Export the "
            "model with --no-script, which 'after-ray predict' needs nothing more of, and report this with "
            "the study file."
        )


class UnlikeRecord(AfterRayError):
    """A model that does not give the probabilities that the record of its round has."""

    def __init__(self, key: str, largest: float, allowed: float) -> None:
        super().__init__(
            f"The model of round {key[:12]} is not written: a probability of a test clip differs by "
            f"{largest:.2g} from the record of the round, and at most {allowed:g} is allowed. Export it on "
            "the machine and with the versions that trained it, or let 'after-ray verify' say what differs."
        )
