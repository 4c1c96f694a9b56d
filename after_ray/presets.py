"""Presets of protocols: what a protocol's name stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PresetName = Literal[
    "paper",
    "paper_strict",
    "official_code",
    "unified",
    "unified_lr",
    "original_glam",
    "original_rh_emo",
    "original_light_sernet",
    "original_pseudo_tapt",
]


@dataclass(frozen=True)
class Block:
    """Values for a block of a study, found by its name on its axis, where the study does not write them.

    `unless`: keys of the block that, once written, decide what the values would. `where`: what the block may
    not say otherwise, since the values would have no use there.
    """

    axis: str
    name: str
    values: Mapping[str, Any]
    unless: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)

    def is_for(self, written: Mapping[str, Any]) -> bool:
        """Whether the values have a use in a block."""
        return written.get("name") == self.name and all(
            written.get(key, value) == value for key, value in self.where.items()
        )

    def filled(self, written: Any) -> Any:
        """What a study writes as one block, with the values it leaves open; any other block as it is."""
        if (
            not isinstance(written, dict)
            or not self.is_for(written)
            or any(key in written for key in self.unless)
        ):
            return written
        return merged(self.values, written)


@dataclass(frozen=True)
class Preset:
    """What a protocol's name stands for.

    Attributes:
        decisions: settings of the protocol itself.
        blocks: defaults for blocks of the study.
        left_out: clauses on what the preset's model does and a study of this preset does not.
    """

    decisions: Mapping[str, Any] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    left_out: tuple[str, ...] = ()


_THREE = {name: name for name in ("anger", "neutral", "sad")}
# Numbers are those of the table in docs/differences.md.
OFFICIAL_CODE = Preset(
    decisions={
        "fold": [1],  # D2: of five sessions the second
        "validation": {"draw": "half_of_test"},  # D3
        "first_round": {"size": 200},  # D6
        "restart": "pretrained",  # D11
        "selector": "official_argpartition",  # D12
        "fitting": {
            "class_weights": "inverse_frequency",  # D13
            "max_epochs": 30,  # D14
            "min_updates": 0,
            "evaluations_per_epoch": 1,
            "keep": "last",
            "batch_size": 64,  # D15
            "drop_last": True,
            "order": "acquired",
            "learning_rate": 1e-4,  # D16
        },
    },
    blocks=(
        Block(  # D8, D9
            "initialization",
            "clustering",
            {"k_min": 3, "k_max": 3, "distance": "cosine", "standardised": False},
        ),
        Block("adaptation", "tapt", {"preset": "official_code"}),  # D17 to D21
        Block("classifier", "pooled_transformer", {"drop_last_frame": True}),  # D23
        Block("corpus", "merged", {"preset": "repo_json"}, unless=("members",)),  # D28
    ),
    left_out=(
        "clips of an adaptation are cut to the shortest of their batch (there: filled up with zeros)",
        "the loss of a batch is the plain mean of weighted losses (there: divided by the sum of weights)",
        "halves of a held-out part are drawn at random (D3: in the order of the files)",
        "test clips are cut at max_seconds like all others (D5: never)",
        "round 0 is clustered by the mean of the front end (D7: by x-vectors of a speaker model)",
        "the schedule is the study's (D10: 200, 415, 640, 865, 1090 utterances)",
        "class weights count one utterance more per class, and stay finite (D13, D32)",
        "an LSTM that is built and never used is left out, which changes nothing (D24)",
        "no strategy draws by offsets added to the waveform (D25) or sees labels of the pool (D26)",
        "random round 0 is drawn from the whole of train (B4: from its first 4,445 rows)",
        "round 0 is trained on in the order of its choice, not of the pool",
        "the number format is the study's, fitting.precision (official: fp16)",
        "seeds are set (B11)",
    ),
)
_NEVER_BY_TEST = "weights are chosen by validation (there: {there})"
_STATISTICS = "batch-norm statistics are those of the labelled set (there: moving averages)"
# The length of a training as published (LSSED names none: ours), unless a study says it in steps. Small
# rounds of active learning would hardly be trained: other protocols leave the same steps to all.
_IN_FULL: dict[str, dict[str, Any]] = {
    "light_sernet": {"epochs": 300, "evaluations": 300},
    "glam": {"epochs": 50, "evaluations": 50},
    "lssed": {"epochs": 50, "evaluations": 50, "patience": 10},
    "rh_emo": {
        "epochs": 500,
        "evaluations": 500,
        "patience": 20,
        "reconstruction": {"epochs": 500, "evaluations": 500, "patience": 100},
    },
}
_EMOTION = Block(
    "classifier",
    "rh_emo",
    {"emotion": {"epochs": 500, "evaluations": 500, "patience": 30}},
    unless=("steps",),
    where={"supervised": True},
)


def _in_full(name: str) -> Block:
    return Block("classifier", name, _IN_FULL[name], unless=("steps",))


PAPERS_OPTIMISER = {"learning_rate": 1e-4, "weight_decay": 0.0, "rate": "constant"}
ORIGINAL_GLAM = Preset(
    decisions={"folds": {"scheme": "utterances", "count": 10}, "validation": {"share": 11}},  # 8 : 1 : 1
    blocks=(
        _in_full("glam"),
        Block("corpus", "iemocap", {"labels": {**_THREE, "excited": "happy"}}, unless=("labels",)),
    ),
    left_out=(
        "clips shorter than a segment are repeated (there: left out)",
        _NEVER_BY_TEST.format(there="in one of its tables by test"),
        "ten parts, each class dealt evenly, each part tested once (there: a hundred random draws)",
        _STATISTICS,
    ),
)
ORIGINAL_RH_EMO = Preset(
    decisions={"folds": {"scheme": "utterances", "count": 10}, "validation": {"share": 22}},  # 7 : 2 : 1
    blocks=(
        _in_full("rh_emo"),
        _EMOTION,
        Block("corpus", "iemocap", {"labels": {**_THREE, "happy": "happy"}}, unless=("labels",)),
    ),
    left_out=(
        "ten parts, each class dealt evenly, each part tested once (there: one random draw)",
        "no ratings of valence, arousal and dominance are learned (no corpus here tells them)",
        "the encoder is pretrained on utterances of the study's classes (there: first on all of IEMOCAP)",
        "silent clips are kept (there: left out)",
        "the frozen encoder is in evaluation mode (there: in training mode)",
        _STATISTICS,
    ),
)
ORIGINAL_LIGHT_SERNET = Preset(
    decisions={"folds": {"scheme": "leave_one_speaker_out"}},
    blocks=(_in_full("light_sernet"),),
    left_out=(_NEVER_BY_TEST.format(there="by the accuracy on the test speaker"), _STATISTICS),
)
ORIGINAL_PSEUDO_TAPT = Preset(
    decisions={
        "validation": {"share": 1},
        "fitting": {"max_epochs": 15, "min_updates": 0, "evaluations_per_epoch": 1, "keep": "last"},
    },
    left_out=(
        "1 % is held out as validation, and decides nothing (there: none)",
        "emotions are learned on a layer of the backbone (there: on a wav2vec of the first kind)",
        "frames are clustered by mini-batch k-means (there: by that of faiss)",
    ),
)
PRESETS: dict[str, Preset] = {
    "paper": Preset(),
    # Exactly as long as the paper says, however few updates a small round then has.
    "paper_strict": Preset({"fitting": {"min_updates": 0}}),
    "official_code": OFFICIAL_CODE,
    # The paper's folds, validation and selection for every method: what baselines are compared by. Each keeps
    # its own optimiser, or has the one that the paper says it used for all.
    "unified": Preset(blocks=(*map(_in_full, _IN_FULL), _EMOTION)),
    "unified_lr": Preset(
        blocks=(
            *map(_in_full, _IN_FULL),
            _EMOTION,
            *(Block("classifier", name, PAPERS_OPTIMISER) for name in _IN_FULL),
        )
    ),
    # How its authors trained and tested a baseline, as far as a study here may: nothing is chosen by test.
    "original_glam": ORIGINAL_GLAM,
    "original_rh_emo": ORIGINAL_RH_EMO,
    "original_light_sernet": ORIGINAL_LIGHT_SERNET,
    "original_pseudo_tapt": ORIGINAL_PSEUDO_TAPT,
}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `over` says otherwise, mappings within mappings alike."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result
