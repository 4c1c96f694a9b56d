"""Whether the classifiers of a study have what its strategies ask for, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from after_ray.acquisition import EvidenceKind, evidence_of, of_mapping, write
from after_ray.classifiers._settings import ClassifierSettings
from after_ray.errors import AfterRayError, EvidenceNotGiven
from after_ray.protocol import DROPOUT_HEAD
from sweeps.study.axes import as_list

_IN_WORDS = {
    EvidenceKind.DROPOUT_DRAWS: "draws of dropout before the linear layer",
    EvidenceKind.FRAME_LOSSES: "losses of frames under the backbone",
}


def asked_by(written: Any) -> frozenset[EvidenceKind]:
    """What the strategies of a study ask for together, as it writes them.

    Strategies that cannot be read ask for nothing: they are refused, with their line, when the whole study is
    validated.
    """
    found: frozenset[EvidenceKind] = frozenset()
    for one in as_list(written):
        try:
            found |= evidence_of(write(of_mapping(one)) if isinstance(one, dict) else str(one))
        except AfterRayError:
            continue
    return found


def refuse_evidence_not_given(strategies: Iterable[str], classifiers: Iterable[ClassifierSettings]) -> None:
    """Every strategy meets every classifier of its study.

    Raises:
        EvidenceNotGiven: for the first strategy that asks a classifier for what it does not have.
    """
    asking = list(strategies)
    for classifier in classifiers:
        for strategy in asking:
            for kind in sorted(evidence_of(strategy) - classifier.evidence):
                reason, remedy = _why(classifier, kind)
                raise EvidenceNotGiven(strategy, _IN_WORDS[kind], classifier.name, reason, remedy)


def _why(classifier: ClassifierSettings, kind: EvidenceKind) -> tuple[str, str]:
    """Why a classifier cannot give evidence, and what to do."""
    if kind is EvidenceKind.DROPOUT_DRAWS and classifier.dropout_in:
        otherwise = " or leave it out" if _drops_when_left_out(classifier) else ""
        return f"its '{classifier.dropout_in}' is 0", f"Set '{classifier.dropout_in}' above 0{otherwise}"
    if kind is EvidenceKind.DROPOUT_DRAWS:
        return "it has no dropout", "Choose pooled_transformer, w2v2_l_r_12, light_sernet or lssed"
    return "it has no backbone", "Choose pooled_transformer or w2v2_l_r_12"


def _drops_when_left_out(classifier: ClassifierSettings) -> bool:
    """Whether a study that does not write its dropout has some: by default, or where a strategy draws."""
    by_default = type(classifier).model_fields[classifier.dropout_in].default > 0
    return by_default or classifier.name == DROPOUT_HEAD.name
