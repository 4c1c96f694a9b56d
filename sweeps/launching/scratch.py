"""Where Tune writes what it insists on writing, and where a launch tells its trials to end."""

from __future__ import annotations

import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from after_ray.store import Store
from after_ray.store.garbage import SCRATCH_FOLDER
from after_ray.store.places import Folder, Place
from sweeps.launching.ray_start import Where
from trainables.halt import Halt


@dataclass(frozen=True)
class Scratch:
    """A folder, or a part of a bucket, of one launch; all nodes see it."""

    place: Place

    @property
    def address(self) -> str:
        """What Tune calls it."""
        return self.place.url

    @property
    def halt(self) -> Halt:
        """The file that ends the launch's trials."""
        return Halt(self.place.told("halt"))

    def remove(self) -> None:
        """Remove everything; what a store that is gone keeps, `store gc` finds."""
        with suppress(OSError):
            self.place.remove_folder("")


def scratch_for(store: Store, where: Where) -> Scratch:
    """Of a launch: in a temporary folder on one machine, in the store where there are several nodes."""
    if where.address is None:
        return Scratch(Folder(tempfile.mkdtemp(prefix="after-ray-")))
    name = f"{SCRATCH_FOLDER}/{secrets.token_hex(6)}"
    if not store.place.on_disk:
        return Scratch(store.place.below(name))
    folder = Path(store.address) / name
    folder.mkdir(parents=True)
    return Scratch(Folder(folder))
