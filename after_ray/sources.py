"""What code a stage's results were made by: fingerprints of source files, part by part.

A fingerprint does not change with comments, docstrings or blank lines. Those of today are in
`fingerprints.json`; a test fails when one has changed and nobody has said what that means:

    python -m after_ray.sources --same-meaning "why results are the same"
    python -m after_ray.sources --raised              # after the version of the stage was raised
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from after_ray.acquisition import parse
from after_ray.candidate import CandidateStage
from after_ray.errors import AfterRayError
from after_ray.files import write_json
from after_ray.stages import (
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FirstRoundStage,
    FoldsStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    SelectionsStage,
    Stage,
)

PACKAGE = Path(__file__).parent
FILE = PACKAGE / "fingerprints.json"
LENGTH = 16  # hexadecimal digits
ROOM = "after_ray.classifiers"

# Files whose code decides results, relative to the package; `*` of a kind that has one file per name.
PARTS: Mapping[str, tuple[str, ...]] = {
    "audio": ("audio/_torchaudio.py", "audio/decode.py", "corpora/prepared.py", "execution/corpus.py"),
    "folds": (
        "splits/fold_file.py",
        "splits/folds.py",
        "splits/parts.py",
        "splits/speakers.py",
        "splits/validation.py",
        "execution/kept_folds.py",
    ),
    "selections": ("execution/kept_selections.py",),
    "backbones": (
        "backbones/_transformers.py",
        "backbones/_values.py",
        "backbones/dropout.py",
        "backbones/families.py",
        "backbones/loading.py",
        "backbones/masking.py",
    ),
    "adaptation": (
        "adaptation/_*.py",
        "adaptation/objectives.py",
        "adaptation/tapt.py",
        "audio/batches.py",
        "execution/adaptation.py",
        "training/precision.py",
        "training/state.py",
        "seeds.py",
    ),
    "pseudo_tapt": (
        "adaptation/pseudo_tapt/*.py",
        "training/_kept.py",
        "training/_progress.py",
        "training/fit.py",
        "annotation/answers.py",
        "splits/oracle.py",
        "tensors.py",
    ),
    "features": ("features/_base.py", "ragged.py", "execution/features.py"),
    "pretraining": (
        "training/_kept.py",
        "training/_progress.py",
        "training/fit.py",
        "training/precision.py",
        "training/state.py",
        "annotation/answers.py",
        "splits/oracle.py",
        "execution/pretraining.py",
        "seeds.py",
    ),
    "frame_losses": (
        "adaptation/_*.py",
        "adaptation/frame_losses.py",
        "adaptation/objectives.py",
        "adaptation/tapt.py",
        "audio/passes.py",
        "execution/frame_losses.py",
        "seeds.py",
    ),
    "learning": (
        "learning/_*.py",
        "learning/active.py",
        "learning/restart.py",
        "learning/schedule.py",
        "training/_*.py",
        "training/fit.py",
        "training/precision.py",
        "training/state.py",
        "audio/passes.py",
        "splits/caps.py",
        "annotation/answers.py",
        "splits/oracle.py",
        "execution/answering.py",
        "execution/findings.py",
        "execution/rounds.py",
        "manifest.py",
        "metrics.py",
        "seeds.py",
        "votes.py",
    ),
    "candidate": ("candidate.py", "execution/candidate.py"),
}
# Kinds with one file per name: the room, and what all of its names share.
NAMED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "features": ("features", ()),
    "classifier": (
        "classifiers",
        ("classifiers/_base.py", "classifiers/_batch_norm.py", "training/fit_report.py"),
    ),
    "initialization": ("initialization", ("initialization/_base.py",)),
    "strategy": ("acquisition", ("acquisition/_*.py",)),
}
_ON_BACKBONE = (
    "classifiers/_backbone_classifier.py",
    "classifiers/_backbone_network.py",
    "classifiers/_network_classifier.py",
)
# Modules beside a name's own file that only this name uses.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "classifier:glam": (
        "classifiers/_glam_network.py",
        "classifiers/_network_classifier.py",
        "classifiers/_spectral_classifier.py",
    ),
    "classifier:light_sernet": (
        "classifiers/_light_network.py",
        "classifiers/_network_classifier.py",
        "classifiers/_spectral_classifier.py",
    ),
    "classifier:lssed": (
        "classifiers/_lssed_network.py",
        "classifiers/_network_classifier.py",
        "classifiers/_spectral_classifier.py",
    ),
    "classifier:rh_emo": (
        "classifiers/_network_classifier.py",
        "classifiers/_pretraining.py",
        "classifiers/_quaternion.py",
        "classifiers/_quaternion_networks.py",
        "classifiers/_rh_emo_network.py",
        "classifiers/_rh_emo_pretraining.py",
        "classifiers/_spectral_classifier.py",
    ),
    "strategy:batchbald": ("acquisition/bald.py",),
    "strategy:replay": ("initialization/_recorded.py", "execution/kept_selections.py"),
    "classifier:pooled_transformer": ("classifiers/_pooled_network.py", *_ON_BACKBONE),
    "classifier:w2v2_l_r_12": ("classifiers/_w2v2_l_r_12_network.py", *_ON_BACKBONE),
    "initialization:clustering": ("clusters.py",),
    "strategy:clustering": ("clusters.py",),
    "strategy:coreset": ("clusters.py",),
    "strategy:probcover": ("clusters.py",),
    "strategy:typiclust": ("clusters.py",),
}


class UnsignedChange(AfterRayError):
    """Code of a stage that is not what was written down, and nobody said what that means."""

    def __init__(self, parts: list[str]) -> None:
        super().__init__(
            f"The code of {', '.join(parts)} changed. If it gives other results, raise the version of its "
            "stage or classifier and run 'python -m after_ray.sources --raised'; if the same, run "
            "'python -m after_ray.sources --same-meaning \"why\"'."
        )


def parts_of(stage: Stage) -> tuple[str, ...]:
    """The parts of the code that a stage's own results rest on; those of what it needs are in their keys."""
    match stage:
        case AudioStage() | FoldsStage() | SelectionsStage() | CandidateStage():
            return (stage.kind,)
        case AdaptationStage():
            of_labels = ("pseudo_tapt",) if stage.adaptation.needs_all_labels else ()
            return ("adaptation", "backbones", *of_labels)
        case FeaturesStage():
            kind = stage.features.kind
            return ("features", f"features:{kind}", *(("backbones",) if stage.features.on_gpu else ()))
        case PretrainingStage():
            return ("pretraining", *_of_classifier(stage.classifier))
        case FrameLossesStage():
            return ("frame_losses", "backbones")
        case FirstRoundStage():
            chosen = f"initialization:{stage.initialization.name}"
            return (*_of_round(stage), chosen if stage.replayed is None else "strategy:replay")
        case NextRoundStage():
            return (*_of_round(stage.first), *_of_strategy(stage))
    raise TypeError(f"{type(stage).__name__} has no code of its own")


def _of_round(first: FirstRoundStage) -> tuple[str, ...]:
    backbones = () if first.backbone is None else ("backbones",)
    return ("learning", *_of_classifier(first.classifier.name), *backbones)


def _of_classifier(name: str) -> tuple[str, ...]:
    """A classifier; of a user's own, whose file is in the key, those of the package that it extends."""
    from after_ray.classifiers import classifiers

    if ":" not in name:
        return (f"classifier:{name}",)
    extended = {base.__module__ for base in classifiers.resolve(name).__mro__}
    return tuple(f"classifier:{one}" for one in classifiers.names() if f"{ROOM}.{one}" in extended)


def _of_strategy(stage: NextRoundStage) -> tuple[str, ...]:
    """The strategy with those within it, and what else takes its scores; a user's own file is in the key."""
    names = [call.name for call in parse(stage.strategy).calls() if not call.own]
    taken_by = () if stage.selector == "exact" else (stage.selector,)
    return tuple(f"strategy:{name}" for name in (*names, *taken_by))


@lru_cache(maxsize=256)
def _joined(parts: tuple[str, ...]) -> str:
    text = "\n".join(f"{part} {meaning_of(part)}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def meaning_of(part: str) -> str:
    """What a part's code means: the fingerprint that its results first had, if all changes since are signed.

    Code that changed and is not signed means what its fingerprint says, so its results are told apart.
    """
    now, written = fingerprint(part), _written().get(part, {})
    return str(written.get("means", now)) if written.get("fingerprint") == now else now


def source_of(stage: Stage) -> str:
    """One digest of all code that a stage's own results rest on; signed changes leave it as it was."""
    return _joined(parts_of(stage))


@lru_cache(maxsize=256)
def fingerprint(part: str) -> str:
    """The digest of one part's code, as hex."""
    text = "\n".join(f"{path.relative_to(PACKAGE)}\n{_bare(path.read_text())}" for path in _files(part))
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def all_parts() -> list[str]:
    """Every part there is, one for each name that has a file of its own among them."""
    named = [
        f"{kind}:{path.stem}"
        for kind, (room, _) in NAMED.items()
        for path in sorted((PACKAGE / room).glob("[a-z]*.py"))
    ]
    return [*PARTS, *named]


def _files(part: str) -> Iterator[Path]:
    kind, _, name = part.partition(":")
    if not name:
        patterns = PARTS[part]
    else:
        room, shared = NAMED[kind]
        patterns = (*shared, f"{room}/{name}.py", *BESIDE.get(part, ()))
    for pattern in patterns:
        found = sorted(PACKAGE.glob(pattern))
        if not found:
            raise AfterRayError(f"No file '{pattern}' of the part '{part}'; mend the table in sources.py.")
        yield from found


def _bare(text: str) -> str:
    """A module's lines without docstrings, comments and blank lines."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if (said := _docstring(node)) is not None and said.end_lineno is not None:
            lines[said.lineno - 1 : said.end_lineno] = [""] * (said.end_lineno - said.lineno + 1)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        row, column = token.start
        if token.type == tokenize.COMMENT and lines[row - 1]:
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstring(node: ast.AST) -> ast.Expr | None:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    first = node.body[0] if node.body else None
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first if is_text and isinstance(first.value.value, str) else None  # type: ignore[union-attr,return-value]


def versions() -> dict[str, int]:
    """The version that each part's results belong to."""
    from after_ray.classifiers._settings import version_of

    stages: dict[str, int] = {
        "audio": AudioStage.version,
        "folds": FoldsStage.version,
        "selections": SelectionsStage.version,
        "backbones": AdaptationStage.version,
        "adaptation": AdaptationStage.version,
        "pseudo_tapt": AdaptationStage.version,
        "features": FeaturesStage.version,
        "pretraining": PretrainingStage.version,
        "frame_losses": FrameLossesStage.version,
        "learning": FirstRoundStage.version,
        "candidate": CandidateStage.version,
        "initialization": FirstRoundStage.version,
        "strategy": NextRoundStage.version,
    }
    return {
        part: version_of(name) if kind == "classifier" else stages[kind]
        for part in all_parts()
        for kind, _, name in [part.partition(":")]
    }


def unsigned() -> list[str]:
    """The parts whose code is not what `fingerprints.json` says, or that it does not know."""
    written = _written()
    return [
        part for part in all_parts() if written.get(part, {}).get("fingerprint") != fingerprint(part)
    ] + sorted(set(written) - set(all_parts()))


def check() -> None:
    """Raise when code of a stage changed and nobody signed it.

    Raises:
        UnsignedChange: naming the parts.
    """
    if parts := unsigned():
        raise UnsignedChange(parts)


def sign(reason: str | None) -> list[str]:
    """Write today's fingerprints down: as of equal meaning, or (None) as of versions that were raised.

    Raises:
        AfterRayError: when no version was raised for a part that is said to have other results.
    """
    written, now, changed = _written(), versions(), unsigned()
    for part in changed:
        before = written.pop(part, None)
        if part not in now:  # its file is gone
            continue
        if before is not None and reason is None and before["version"] == now[part]:
            raise AfterRayError(
                f"The version of '{part}' is {now[part]} as before; raise it in stages/ or in the "
                "classifier's settings, or say with --same-meaning why results are the same."
            )
        written[part] = {"fingerprint": fingerprint(part), "version": now[part], "same_meaning": []}
        if before is not None and reason is not None:
            written[part]["same_meaning"] = [*before["same_meaning"], reason]
            written[part]["means"] = before.get("means", before["fingerprint"])
    write_json(FILE, written)
    return changed


def _written() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text())) if FILE.is_file() else {}


def main() -> None:
    """Sign what changed, from the command line."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    meant = parser.add_mutually_exclusive_group(required=True)
    meant.add_argument("--same-meaning", metavar="WHY", help="results are the same, because ...")
    meant.add_argument("--raised", action="store_true", help="results are others, and the version was raised")
    options = parser.parse_args()
    try:
        changed = sign(None if options.raised else options.same_meaning)
    except AfterRayError as error:
        parser.exit(1, f"error: {error}\n")
    print(f"signed: {', '.join(changed) or 'nothing had changed'}")


if __name__ == "__main__":
    main()
