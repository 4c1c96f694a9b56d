"""Where Tune writes what it insists on writing, and where a launch tells its trials to end."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from after_ray.store import Store
from after_ray.store.garbage import SCRATCH_FOLDER
from after_ray.store.places import Folder, Place, place_of
from sweeps.launching.ray_start import Where
from trainables.halt import Halt


@dataclass(frozen=True)
class Scratch:
    """What one launch needs while it runs.

    Attributes:
        tune: a folder of the driver's node; trials save nothing through Tune, so no other node sees it.
        shared: a folder, or a part of a bucket, that the nodes of all trials see.
    """

    tune: Path
    shared: Place

    @property
    def halt(self) -> Halt:
        """The file that ends the launch's trials."""
        return Halt(self.shared.told("halt"))

    def remove(self) -> None:
        """Remove everything; what a store that is gone keeps, `store gc` finds."""
        shutil.rmtree(self.tune, ignore_errors=True)
        with suppress(OSError):
            self.shared.remove_folder("")


def scratch_for(store: Store, where: Where) -> Scratch:
    """Of a launch: on one machine a temporary folder is seen by all, on a cluster only the store is."""
    tune = Path(tempfile.mkdtemp(prefix="after-ray-"))
    if where.address is None:
        return Scratch(tune, Folder(tune))
    shared = place_of(store.address).below(f"{SCRATCH_FOLDER}/{secrets.token_hex(6)}")
    return Scratch(tune, shared)
