"""What studies ask for, together, and how much of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    OnlyText,
    Overrides,
    StoreOption,
    StudyFiles,
    one_sentence,
    opened_studies,
    quiet_libraries,
    refuse_known_recordings,
)
from sweeps.cost.estimating import estimate_of, manifests_of, numbers_of, print_estimate, this_machine

if TYPE_CHECKING:
    from sweeps.planning.opening import OpenStudy
    from sweeps.scheduling.schedule import Capacity


def plan(
    studies: StudyFiles,
    store: StoreOption = DEFAULT_STORE,
    overrides: Overrides = None,
    only: OnlyText = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="First measure, for a minute, what the store does not know.")
    ] = False,
    cpus: Annotated[
        int | None,
        typer.Option(min=1, help="Cores to estimate for; this machine's by default."),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(min=0, help="GPUs to estimate for; this machine's by default."),
    ] = None,
    assume: Annotated[
        str, typer.Option("--assume", help="GPU whose rate is assumed where none was measured.")
    ] = "A100",
    as_json: Annotated[bool, typer.Option("--json", help="Print machine-readable numbers.")] = False,
) -> None:
    """Show what studies ask for, what of it is done, what they share, and what the rest will take."""
    with one_sentence(store):
        opened = opened_studies(studies, store, overrides, only, quiet=as_json)
        for one in opened:
            refuse_known_recordings(one)
        if measure:
            _measure(opened, quiet=as_json)
        estimated = estimate_of(opened, assume)
        cluster = this_machine(cpus, gpus)
        if as_json:
            import json

            print(
                json.dumps(_numbers(opened) | numbers_of(estimated, cluster) | _search_hours(opened, assume))
            )
        else:
            _print(opened)
            print_estimate(estimated, cluster, opened[0].store)
            _print_searches(opened, cluster, assume)


def _measure(studies: Sequence[OpenStudy], *, quiet: bool) -> None:
    """Measure what plans need and the store does not know, and keep it there."""
    from sweeps.cost.measure import measure

    quiet_libraries()
    store = studies[0].store
    store.probe()
    plans = [study.wanted for study in studies]
    found = measure(plans, manifests_of(studies), store, store.ledger.finished())
    if not quiet:
        print(f"measured {len(found)} speeds" if found else "nothing to measure: the store knows every speed")


def _numbers(studies: Sequence[OpenStudy]) -> dict[str, Any]:
    """Of one study its numbers; of several those of each, and of all together."""
    from sweeps.planning.counting import counts

    ledger = studies[0].store.ledger
    done, failed = ledger.finished(), ledger.failures()
    each: list[dict[str, Any]] = [
        {"study": one.study.study, **counts([one.wanted], done, failed), **_search(one)} for one in studies
    ]
    if len(each) == 1:
        return each[0]
    return {"studies": each, **counts([one.wanted for one in studies], done, failed)}


def _search(opened: OpenStudy) -> dict[str, Any]:
    """How far the study's search is, where it has one."""
    from sweeps.searching.book import Book

    return {} if opened.study.search is None else {"search": Book.open(opened).counts()}


def _search_hours(studies: Sequence[OpenStudy], assume: str) -> dict[str, Any]:
    """Hours of trials of the candidates that are left, by study; the other hours are without them."""
    if all(one.study.search is None for one in studies):
        return {}
    from sweeps.searching.costs import hours_of, search_costs

    return {"search_hours": hours_of(search_costs(studies, assume))}


def _print_searches(studies: Sequence[OpenStudy], cluster: Capacity, assume: str) -> None:
    if all(one.study.search is None for one in studies):
        return
    from sweeps._console import console
    from sweeps.searching.costs import search_costs

    for cost in search_costs(studies, assume):
        console.print(cost if isinstance(cost, str) else cost.sentence(cluster), markup=False)


def _print(studies: Sequence[OpenStudy]) -> None:
    from sweeps._console import console, print_table
    from sweeps.planning.changes import changes
    from sweeps.planning.counting import counts
    from sweeps.reporting.in_words import dropout_in_words, model_in_words, preset_in_words, searches_in_words

    ledger = studies[0].store.ledger
    done, failed = ledger.finished(), ledger.failures()
    columns = {one.study.study: counts([one.wanted], done, failed) for one in studies}
    if len(studies) > 1:
        columns["together"] = counts([one.wanted for one in studies], done, failed)
    names = next(iter(columns.values()))
    rows = [[name.replace("_", " "), *(str(numbers[name]) for numbers in columns.values())] for name in names]
    print_table("plan", ["", *columns], rows)
    for one in studies:
        told = [*searches_in_words([one]), *changes(one.wanted, done, one.store.ledger).sentences()]
        told += filter(None, [model_in_words(one.study.resources)])
        if said := preset_in_words(one.study):
            told.append(f"protocol {one.study.protocol.preset}: {said}")
        if said := dropout_in_words(one.study):
            told.append(said)
        before = f"{one.study.study}: " if len(studies) > 1 else ""
        for sentence in told:
            console.print(before + sentence, markup=False)
