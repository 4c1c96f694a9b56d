"""Decisions of a study in words for its report: its protocol, how folds are cut, how validation is drawn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from after_ray.acquisition import EvidenceKind, evidence_of
from after_ray.annotation import CORPUS
from after_ray.corpora._base import Scan
from after_ray.manifest import Manifest
from after_ray.presets import PRESETS, Block
from after_ray.protocol import Protocol, fitting_block
from after_ray.splits._settings import FoldSettings, ValidationCap
from after_ray.splits.speakers import recorded_together
from after_ray.wording import counted, duration, printable
from analysis._rendering import listed
from sweeps.running.progress import BestSoFar, Progress, Searched
from sweeps.study.declaration import Resources, Study
from sweeps.study.search.settings import SelectedFrom
from sweeps.study.splitting import Split

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy

_ANSWERS: Mapping[str, str] = {
    "corpus": "the corpus' own label",
    "majority": "the majority of all votes",
    "soft": "the shares of all votes (soft labels)",
    "single": "one vote, drawn at random",
    "votes": "the majority of {} votes, drawn at random",
}
_NOBODY = "what none of them could tell is in no part."
DIGEST_SHOWN = 12  # characters of a fold file's digest


def protocol_in_words(protocol: Protocol) -> str:
    """Its name, and which of its blocks a study sets otherwise."""
    named = Protocol(preset=protocol.preset)
    others = [name for name in Protocol.model_fields if getattr(protocol, name) != getattr(named, name)]
    return f"{protocol.preset}, with its own {', '.join(others)}" if others else protocol.preset


def preset_in_words(study: Study) -> str:
    """What the preset of a study's protocol sets in it, and what it does otherwise than its model.

    Of blocks it is also told what the study has otherwise; those that it does not have are left out. Empty
    for `paper`, which sets nothing.
    """
    preset = PRESETS[study.protocol.preset]
    of_protocol = {key: value for key, value in preset.decisions.items() if key != "fitting"}
    stands, own = {"": _held(of_protocol, [_decided(study)])}, dict[str, list[str]]()
    for block in (fitting_block(preset.decisions.get("fitting", {})), *preset.blocks):
        written = _written(study, block)
        stands.setdefault(f"of {block.name} ", []).extend(_held(block.values, written))
        own.setdefault(f"of {block.name} ", []).extend(_others(block.values, written))
    left_out = "; ".join(preset.left_out)
    sentences = (
        f"It sets {sets}." if (sets := _listed(stands)) else "",
        f"The study has its own {others}." if (others := _listed(own)) else "",
        f"Not as its model: {left_out}." if left_out else "",
    )
    return " ".join(filter(None, sentences))


def model_in_words(resources: Resources) -> str:
    """Which GPU model trials ask for; empty where any will do, or none is asked for."""
    if resources.gpu_model is None:
        return ""
    return f"trials that use a GPU run on the model {resources.gpu_model} only (resources.gpu_model)"


def dropout_in_words(study: Study) -> str:
    """Which strategies draw from dropout, and that all others train with it; empty where none does."""
    drawing = [one for one in study.strategy if EvidenceKind.DROPOUT_DRAWS in evidence_of(one)]
    if not drawing:
        return ""
    heads = [f"{one.head_dropout_share:g} in {one.name}" for one in study.classifier]
    return (
        f"Dropout before the linear layer ({', '.join(heads)}) is the same for all strategies, because "
        f"{listed(drawing)} {'draws' if len(drawing) == 1 else 'draw'} from it."
    )


def annotation_in_words(study: Study) -> str:
    """What the oracle answers, and that only train is told so; empty where it is the corpus' own label."""
    flipped = [f"{100 * noise:g} %" for noise in study.label_noise]
    noisy = any(study.label_noise)
    if study.annotation == (CORPUS,) and not noisy:
        return ""
    if study.annotation[0].by_people:
        of_several = (
            "the shares of their answers" if study.annotation[0].by == "soft" else "what most of them said"
        )
        return f"Utterances of all parts are labelled by people who listened: {of_several}; " + _NOBODY
    told = listed([_ANSWERS[one.name].format(one.of) for one in study.annotation], "or")
    noise = f", of which {listed(flipped, 'or')} are replaced by another class at random" if noisy else ""
    return (
        f"Utterances that are acquired are labelled by {told}{noise}; validation and test keep the corpus' "
        "labels."
    )


def _decided(study: Study) -> dict[str, Any]:
    """The protocol as it acts: two of its decisions are axes, which a study may set itself."""
    fold, restart = study.folds_wanted, study.restarts
    axes = {"fold": fold if fold == "all" else list(fold), "restart": restart[0] if len(restart) == 1 else ""}
    return study.protocol.model_dump(mode="json") | axes


def _written(study: Study, block: Block) -> list[dict[str, Any]]:
    """The blocks of a study that a preset's block speaks of."""
    items = [item.model_dump(mode="json") for item in getattr(study, block.axis) if item is not None]
    return [item for item in items if block.is_for(item)]


def _held(values: Mapping[str, Any], written: list[dict[str, Any]]) -> list[str]:
    """Those of `values` that all of `written` have, as `key.key value`."""
    found = [dict(_leaves(item)) for item in written]
    return [
        f"{'.'.join(place)} {value if isinstance(value, str) else json.dumps(value)}"
        for place, value in _leaves(values)
        if found and all(item.get(place) == value for item in found)
    ]


def _others(values: Mapping[str, Any], written: list[dict[str, Any]]) -> list[str]:
    """The names of those of `values` that one of `written` has otherwise."""
    found = [dict(_leaves(item)) for item in written]
    return [
        ".".join(place) for place, value in _leaves(values) if any(item.get(place) != value for item in found)
    ]


def _listed(told: Mapping[str, list[str]]) -> str:
    """`of glam epochs 50, evaluations 50; of lssed ...`."""
    return "; ".join(whose + ", ".join(items) for whose, items in told.items() if items)


def _leaves(values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def folds_in_words(split: Split, manifest: Manifest) -> str:
    """What is held out in turn, and what is trained on whatever is held out."""
    folds = split.stage.folds
    every = len(split.run) == len(split.table.folds)
    only = "" if every else f"; run: {', '.join(map(str, split.run))} (counted from 0)"
    only_trained_on = "; all other corpora are trained on in every fold" if folds.test_corpus else ""
    thinned = "; train thinned to the rarest class" if folds.balance == "per_class_cap" else ""
    return f"{_cut(folds, manifest)}{only}{only_trained_on}{thinned}"


def validation_in_words(split: Split, manifest: Manifest, cap: ValidationCap) -> str:
    """Where validation comes from; `cap` is what a round may use of it."""
    capped = ", capped at the labelled size" if cap == "labelled" else ""
    return f"{_drawn(split, _is_merged(manifest))}{capped}"


def left_out_in_words(scan: Scan) -> str:
    """How many files of a corpus a study does without, and why; empty where it can use all."""
    clauses = []
    if scan.problems:
        path, reason = scan.problems[0]
        count = f"{len(scan.problems)} file(s) of {scan.manifest.corpus} cannot be used and are left out"
        clauses.append(f"{count}, the first is {printable(path)}: {reason}")
    for part in scan.members or (scan,):
        if part.unvoted:
            count = counted(len(part.unvoted), "utterance")
            clauses.append(f"{count} of {part.manifest.corpus} left out, with no vote for a used class")
    return "; ".join(clauses)


def _cut(folds: FoldSettings, manifest: Manifest) -> str:
    merged = _is_merged(manifest)
    of = f" of {folds.test_corpus}" if folds.test_corpus else " of every corpus" if merged else ""
    match folds.scheme:
        case "sessions":
            return f"{folds.count} sessions{of}"
        case "leave_one_speaker_out":
            return f"one fold per speaker{of}{_dialogs_torn(folds, manifest)}"
        case "utterances":
            return f"{folds.count} parts{of}, dealt by utterance (speakers of test are trained on)"
        case "file":
            return f"as a fold file says (digest {folds.digest[:DIGEST_SHOWN]})"
        case "speaker_groups":
            return f"{folds.count} groups of speakers{of}"


def _dialogs_torn(folds: FoldSettings, manifest: Manifest) -> str:
    table = manifest.table[manifest.sources == folds.test_corpus] if folds.test_corpus else manifest.table
    alone = len(recorded_together(table)) == table["speaker"].nunique()
    return "" if alone else " (the other speaker of a dialog is trained on)"


def _drawn(split: Split, merged: bool) -> str:
    validation = split.stage.validation
    of_test = any(fold.validation_is_of_test for fold in split.table.folds)
    if split.stage.folds.scheme == "file":  # somebody changed them, no draw says how
        return "as the fold file says" + (
            ", of the held-out part (shares speakers with test)" if of_test else ""
        )
    match validation.draw:
        case "by_utterance":
            return f"{validation.share:g} % of the rest, by {'corpus and class' if merged else 'class'}"
        case "by_speaker":
            return f"whole speakers, about {validation.share:g} %"
        case "half_of_test":
            return "half of the held-out part (official code: shares speakers with test)"


def _is_merged(manifest: Manifest) -> bool:
    return len(set(manifest.sources)) > 1


def selected_in_words(selected: SelectedFrom) -> str:
    """What the configuration of a study was chosen from, and by what."""
    states = ((selected.finished, "finished"), (selected.pruned, "pruned"), (selected.failed, "failed"))
    counts = ", ".join(f"{number} {name}" for number, name in states if number)
    seeds = "seed" if len(selected.seeds) == 1 else "seeds"
    return (
        f"Chosen among {counted(selected.candidates, 'configuration')} ({counts}) of the search "
        f"'{selected.study}' by validation UA ({100 * selected.value:.1f} %) on {seeds} "
        f"{', '.join(map(str, selected.seeds))}; test results were not looked at."
    )


def progress_in_words(progress: Progress) -> str:
    """How a launch stands, or how it ended."""
    if progress.search is None:
        cells = f"{progress.done} of {progress.cells} cells done"
    else:
        cells = searched_in_words(progress.search)
    if progress.ended is not None:
        how = progress.ended.removeprefix("stopped: ")
        return f"the last launch (on {progress.host}, {cells}) ended: {how}"
    if progress.stale():
        return (
            f"{cells}; nothing was heard of the last launch (process {progress.process} on {progress.host}) "
            f"for {duration(time.time() - progress.written)}; if it is gone, run the same command again"
        )
    trials = progress.kinds or {}
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(trials.items()))
    in_trials = f" ({counted(sum(trials.values()), 'trial')}: {kinds})" if trials else ""
    running = f"{progress.running} running{in_trials}"
    if progress.search is not None:
        running = _candidates_running(progress.search, progress.running)
    parts = [cells, running, f"{progress.waiting} waiting"]
    parts += [f"{progress.failed} failed"] if progress.failed and progress.search is None else []
    parts += [f"{progress.blocked} blocked"] if progress.blocked else []
    parts += [f"{progress.gpus_used:g} of {progress.gpus:g} GPUs in use"] if progress.gpus else []
    parts += [f"{duration(3600 * progress.hours)} so far"]
    parts += [f"about {duration(3600 * progress.eta_hours)} to go"] if progress.eta_hours is not None else []
    return ", ".join(parts)


def searched_in_words(search: Searched) -> str:
    """How many candidates of a search were tried, how they ended, and the best of them so far."""
    told = (
        f"{search.settled} of {counted(search.candidates, 'candidate')} tried ({search.finished} finished, "
        f"{search.pruned} pruned, {search.failed} failed)"
    )
    return told if search.best is None else f"{told}, {best_in_words(search.best, search.rungs)}"


def best_in_words(best: BestSoFar, rungs: int) -> str:
    """The best candidate so far: its value, how far it got, its configuration."""
    settings = ", ".join(f"{path}={_short(value)}" for path, value in best.configuration.items())
    return (
        f"best so far: candidate {best.candidate} with a validation UA of {100 * best.value:.1f} % at rung "
        f"{best.rung} of {rungs} ({settings})"
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def _candidates_running(search: Searched, trials: int) -> str:
    if search.shared:
        return f"{search.shared_done} of {counted(search.shared, 'stage')} that all share done"
    rungs = ", ".join(map(str, search.running_at))
    return f"{trials} running" + (f" (at rung {rungs} of {search.rungs})" if rungs else "")


def searches_in_words(studies: Sequence[OpenStudy]) -> list[str]:
    """For each study that searches, how far its search is: what was pruned is not missing."""
    from sweeps.searching.book import Book
    from sweeps.searching.standing import searched

    told = []
    for one in studies:
        if one.study.search is not None:
            book = Book.open(one)
            counts = book.counts()
            states = ", ".join(f"{count} {state}" for state, count in counts.items())
            told.append(f"search of {one.study.study}: {states}")
            if counts["finished"] or counts["pruned"]:
                search = searched(book)
                told += [] if search.best is None else [best_in_words(search.best, search.rungs)]
    return told
