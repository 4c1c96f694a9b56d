"""The store: stages under their keys, the ledger of what is done, and node-local copies."""

from after_ray.store.artifacts import MODEL_FILE, PREDICTIONS_FILE, SELECTION_FILE, SUMMARY_FILE, Store
from after_ray.store.cache import NodeCache
from after_ray.store.checkpoints import Checkpoint, State
from after_ray.store.keys import digest
from after_ray.store.ledger import Draft, Failure, FileEntry, Ledger, Record
from after_ray.store.outage import Outage

__all__ = [
    "MODEL_FILE",
    "PREDICTIONS_FILE",
    "SELECTION_FILE",
    "SUMMARY_FILE",
    "Checkpoint",
    "Draft",
    "Failure",
    "FileEntry",
    "Ledger",
    "NodeCache",
    "Outage",
    "Record",
    "State",
    "Store",
    "digest",
]
