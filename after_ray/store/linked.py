"""A second store that has results of a first one without copying them, and never writes into it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from after_ray.store.artifacts import Store
from after_ray.store.ledger import Record


def link_result(store: Store, record: Record, scratch: Store) -> None:
    """Give `scratch` a result of `store`: the record as a copy, each of its files as a link.

    Only the links are in folders of `scratch`, so whatever is removed there is a link. Copies of a bucket's
    files may be evicted from the node, so of those the link is a hard one, which keeps the bytes.
    """
    if record.folder:
        folder = scratch.root / record.folder
        folder.mkdir(parents=True, exist_ok=True)
        for name in record.files:
            link = folder / name
            if store.has(record, name) and not os.path.lexists(link):
                _link(store.path(record, name), link, hard=not store.place.on_disk)
    scratch.ledger.add(record)


def _link(path: Path, link: Path, *, hard: bool) -> None:
    if not hard:
        link.symlink_to(path.resolve())
        return
    try:
        link.hardlink_to(path)
    except OSError:  # it is on another disk
        shutil.copyfile(path, link)
