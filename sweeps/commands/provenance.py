"""How one result came to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from after_ray.errors import AfterRayError
from after_ray.wording import first_of
from sweeps.commands._options import DEFAULT_STORE, StoreOption, one_sentence

if TYPE_CHECKING:
    from after_ray.store import Record, Store

SHORTEST = 4  # characters of a key that name it


class NoSuchResult(AfterRayError):
    """The beginning of a key that names no result, or several, or is too short to name one."""

    def __init__(self, key: str, found: Sequence[str], store: Store) -> None:
        begin = "1 key begins" if len(found) == 1 else f"{len(found)} keys begin"
        having = (
            f"{begin} with it ({first_of(found)})" if found else "no result has a key that begins with it"
        )
        problem = f"is too short, {having}" if len(key) < SHORTEST else f"does not name one result: {having}"
        super().__init__(
            f"The key '{key}' {problem}; allowed: {SHORTEST} characters or more that only one key begins "
            f"with. Keys are the names of the files in {store.place.told('ledger')}, the column 'key' of a "
            f"report's cells.csv (in {store.root / 'reports'}), and for the last round of a "
            "trajectory MLflow's tag after_ray.key."
        )


def provenance(
    key: Annotated[str, typer.Argument(help="Key of a result, or the beginning of one.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything machine-readable.")] = False,
) -> None:
    """Show how one result came to be: settings, code, packages, device, times, and what it was made from."""
    with one_sentence(store):
        from after_ray.store import Store
        from sweeps._console import console

        kept = Store(store)
        told = tell(kept, _named(kept, key))
        if as_json:
            import json

            print(json.dumps(told, indent=1))
            return
        import yaml

        _shorten(told["code"])
        console.print(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), markup=False)


def _shorten(code: dict[str, Any]) -> None:
    """Leave hundreds of lines to --json."""
    for name in ("packages", "difference"):
        lines = len(code[name]) if name == "packages" else len(code[name].splitlines())
        code[name] = f"{lines} lines, shown by --json" if lines else "none"


def _named(store: Store, beginning: str) -> str:
    found = sorted(key for key in store.ledger.finished() if key.startswith(beginning))
    if len(found) != 1 or len(beginning) < SHORTEST:
        raise NoSuchResult(beginning, found, store)
    return found[0]


def tell(store: Store, key: str) -> dict[str, Any]:
    """Everything that the store knows of how a result came to be.

    Raises:
        DamagedStore: when a record that it rests on is gone or damaged.
    """
    from after_ray.code_state import read_code_state

    record = store.need(key)
    below = _below(store, record)
    digest = str(record.environment.get("provenance", ""))
    code = read_code_state(store, digest) if digest else None
    return {
        "key": key,
        "kind": record.kind,
        "settings": dict(record.meaning),
        "manifest": _manifest([record, *below]),
        "measures": dict(record.measures),
        "seconds": dict(record.seconds),
        "started": record.started,
        "finished": record.finished,
        "environment": dict(record.environment),
        "code": code or {"commit": "unknown", "difference": "", "packages": {}},
        "files": {name: entry.sha256 for name, entry in record.files.items()},
        "made_from": [_in_short(one) for one in below],
    }


def _manifest(records: Iterable[Record]) -> str | None:
    """The digest of the manifest that all of these go back to."""
    return next((str(one.meaning["manifest"]) for one in records if "manifest" in one.meaning), None)


def _in_short(record: Record) -> dict[str, Any]:
    host = record.environment.get("host")
    return {"key": record.key, "kind": record.kind, "host": host, "seconds": dict(record.seconds)}


def _below(store: Store, record: Record) -> list[Record]:
    """Every record that a result was made from, nearest first."""
    found: dict[str, Record] = {}
    waiting = list(record.parents)
    while waiting:
        key = waiting.pop(0)
        if key not in found:
            found[key] = store.need(key)
            waiting.extend(found[key].parents)
    return list(found.values())
