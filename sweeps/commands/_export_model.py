"""`after-ray export model`: the model that a round has trained, as a folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from after_ray.errors import AfterRayError
from sweeps.commands._launching import CacheFolder
from sweeps.commands._options import (
    DEFAULT_STORE,
    Overrides,
    StoreOption,
    one_sentence,
    opened_study,
    quiet_libraries,
    refuse_no_store,
)

if TYPE_CHECKING:
    from sweeps.selections.finished import FinishedRound

OfStudy = Annotated[
    Path | None,
    typer.Argument(
        help="Study file (YAML); left out, what people have labelled in the store.", metavar="STUDY.yaml"
    ),
]
Cell = Annotated[
    str | None,
    typer.Option(
        "--cell",
        help="The trajectory: 'strategy=entropy,fold=2,seed=0', or the beginning of a round's key.",
        metavar="AXIS=VALUE,...|KEY",
    ),
]
Ratio = Annotated[
    float | None,
    typer.Option("--ratio", help="The round at this percentage of train; the last trained by default."),
]
Labelled = Annotated[
    str | None,
    typer.Option(
        "--labelling", help="Of several labellings in the store, the one of this study.", metavar="NAME"
    ),
]


QUIET = {  # of transformers, which a published backbone's other heads would make talk
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


class NoStudy(AfterRayError):
    """A cell without a study, and no labelling that has it."""

    def __init__(self, cell: str, store: str) -> None:
        super().__init__(
            f"--cell '{cell}' means no round of a labelling in {store}; of a study name the file as well: "
            f"after-ray export model STUDY.yaml --cell '{cell}' --store {store} --out DIR."
        )


class TwoSources(AfterRayError):
    """A study's file and a labelling."""

    def __init__(self, study: Path, labelling: str) -> None:
        super().__init__(
            f"'{study}' and --labelling '{labelling}' are two studies; allowed is one of them: leave out the "
            "file for a model of what people have labelled, or --labelling for that of the study."
        )


class ModelByDefault(TyperGroup):
    """`after-ray export CELL` is `after-ray export model --cell CELL`, and so with a study's file."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command in where the first word is a study or a cell."""
        from sweeps.selections.choosing import KEY

        first = args[0] if args else "-"
        if first not in self.commands and first.endswith((".yaml", ".yml")):
            args = ["model", *args]
        elif first not in self.commands and (KEY.fullmatch(first) or "=" in first) and first[0] != "-":
            args = ["model", "--cell", *args]
        return super().parse_args(ctx, args)


def model(
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write; it must not be there yet.", metavar="DIR")
    ],
    study: OfStudy = None,
    cell: Cell = None,
    ratio: Ratio = None,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    labelling: Labelled = None,
    script: Annotated[bool, typer.Option(help="Write networks and functionals as TorchScript, too.")] = True,
    cache_dir: CacheFolder = None,
) -> None:
    """Write the model of a finished round as a folder that predicts, with a model card.

    Plain transformers loads a transformer's, torch alone the others' TorchScript.
    """
    with one_sentence(store):
        refuse_no_store(store, [] if study is None else [study], overrides)
        quiet_libraries()
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        found = _found(study, cell, ratio, store, overrides, labelling)
        told = _export(found, out.absolute(), cache_dir, script)
        axes, facts = found.trajectory.axes, told.facts
        script_file = "no TorchScript" if facts.scripted is None else facts.scripted.file
        beside = "for transformers" if facts.kind == "transformer" else script_file
        print(
            f"{out}: {facts.classifier.name} ({beside}), {', '.join(facts.classes)}; {axes.corpus}, "
            f"{axes.method}, {axes.strategy}, fold {axes.fold}, seed {axes.seed}, {found.percent:g} % of "
            f"train; probabilities of {told.compared} test clips are within {told.largest:.1e} of the "
            f"record; key {found.stage.key[:12]}"
        )


def _found(
    study: Path | None,
    cell: str | None,
    ratio: float | None,
    store: str,
    overrides: list[str] | None,
    labelling: str | None,
) -> FinishedRound:
    from sweeps.selections.finished import finished_round

    if study is None:
        return _of_labelling(cell, ratio, store, labelling)
    if labelling is not None:
        raise TwoSources(study, labelling)
    return finished_round(opened_study(study, store, overrides, quiet=True), cell, ratio)


def _of_labelling(cell: str | None, ratio: float | None, store: str, labelling: str | None) -> FinishedRound:
    """The round of the labelling of that name, of the only one, or of the one that has the cell."""
    from after_ray.labelling import labellings
    from after_ray.store import Store
    from sweeps.labelling.opening import OpenLabelling
    from sweeps.planning.only import BadSelection
    from sweeps.selections.finished import finished_round

    kept = Store(store)
    names = [labelling] if labelling or cell is None else [one.study for one in labellings(kept.place)]
    for name in names:
        of = OpenLabelling.of(kept, name)
        said = f"--study {of.labelling.study} --store {store}"
        remedy = f"label what it asks and train: after-ray annotate next {said}"
        try:
            return finished_round(of.opened, cell, ratio, remedy)
        except BadSelection:
            continue
    raise NoStudy(str(cell), store)


def _export(found: FinishedRound, out: Path, cache_dir: Path | None, script: bool) -> Any:
    import torch

    from after_ray.environment import Execution, fix_threads
    from after_ray.execution.exported_model import export_model, rounds_to_train
    from after_ray.wording import counted

    record, store = found.record, found.opened.store
    on_gpu = record.environment.get("device") == "cuda" and torch.cuda.is_available()
    execution = Execution(  # as the record says that it was made
        store=store.address,
        cache=str(cache_dir or store.root / "cache"),
        threads=int(record.environment.get("threads", 1)),
        device="cuda" if on_gpu else "cpu",
        compile=bool(record.details.get("compiled", False)),
    )
    fix_threads(execution.threads)
    again = rounds_to_train(found.stage, store)
    if again:
        print(f"its weights are not kept: training {counted(again, 'round')} again", file=sys.stderr)
    names = found.opened.study
    return export_model(found.stage, execution, out, names.study, names.protocol.preset, script)
