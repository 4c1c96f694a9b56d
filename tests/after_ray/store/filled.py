"""A small store: audio, features on it, two rounds on those; and what killed processes leave."""

from __future__ import annotations

import os
import time
from pathlib import Path

from after_ray.store import MODEL_FILE, Draft, Record, Store, digest
from after_ray.store.places import Place

HOURS = 3600.0
LEFT_OVER = b"left over"


def put(store: Store, kind: str, meaning: dict[str, object], *parents: Record, **files: bytes) -> Record:
    """A finished stage with these files (`_` stands for a dot), finished long ago."""
    key = digest(kind, 1, meaning)
    draft = Draft(
        key, kind, meaning, tuple(p.key for p in parents), {"ua": 0.5}, finished=time.time() - 9 * HOURS
    )
    with store.workspace(key) as folder:
        for name, data in files.items():
            (folder / name.replace("_", ".")).write_bytes(data)
        return store.commit(draft, folder)


def filled(
    root: Path | Place, audio: bytes = b"sound" * 100, name: str = "one"
) -> tuple[Store, list[Record]]:
    """The store and its records, each after what it rests on; the first round's weights were dropped."""
    store = Store(root)
    sound = put(store, "audio", {"manifest": name}, audio_npy=audio)
    features = put(store, "features", {"audio": sound.key}, sound, features_npy=b"frames" * 50)
    first = put(
        store, "round", {"size": 8, "of": name}, features, model_safetensors=b"w" * 40, predictions_x=b"p"
    )
    second = put(
        store, "round", {"previous": first.key}, first, model_safetensors=b"v" * 40, predictions_x=b"q"
    )
    store.drop(first, MODEL_FILE)
    return store, [sound, features, first, second]


def age(path: Path, hours: float) -> Path:
    """Let a file, or a folder and all in it, look as old as that."""
    then = time.time() - hours * HOURS
    for each in [path, *path.rglob("*")]:
        os.utime(each, (then, then))
    return path


def leave(path: Path, hours: float = 2.0, inside: str = "") -> Path:
    """A file, or a folder with a file `inside`, that a process left so many hours ago."""
    file = path / inside if inside else path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(LEFT_OVER)
    return age(path, hours)


def everything(root: Path) -> dict[str, bytes]:
    """Each file of a folder and what is in it."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
