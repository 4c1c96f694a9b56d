"""A second store that has results of a first one without copying them, and never writes into it."""

from __future__ import annotations

from after_ray.store.artifacts import Store
from after_ray.store.ledger import Record


def link_result(store: Store, record: Record, scratch: Store) -> None:
    """Give `scratch` a result of `store`: the record as a copy, each of its files as a link.

    Only the links are in folders of `scratch`, so whatever is removed there is a link.
    """
    if record.folder:
        folder = scratch.root / record.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in record.files:
            link = folder / name
            if store.has(record, name) and not link.is_symlink():
                link.symlink_to(store.path(record, name).resolve())
    scratch.ledger.add(record)
