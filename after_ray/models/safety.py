"""What a folder that somebody else made may hold: no pickle, no code, no way out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from after_ray.errors import UnfitModel

MODELING_FILE = "modeling_after_ray.py"  # for plain transformers; never run from here
SCRIPT_FILE = "model.ts"  # for plain torch; never loaded from here
PICKLED = frozenset(
    {".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".npz", ".dill", ".cloudpickle"}
)
CODE = frozenset({".py", ".pyc", ".pyo", ".pyd", ".so", ".dll", ".dylib", ".egg", ".whl"})
_BEGINNING = 512  # bytes that tell what a file is
_ZIP = b"PK\x03\x04"  # torch.save, TorchScript, npz
_PICKLE_PROTOCOLS = range(2, 6)  # each begins with 0x80 and its number
_GET_AGAIN = "Load models only from whom you trust, and have this one exported again"


def check_files(folder: Path, scripted: bool = False) -> None:
    """Refuse a folder with pickles, code, or links out of it, before anything of it is read.

    Args:
        folder: with all folders in it.
        scripted: whether it says that `model.ts` is its TorchScript file, which alone may be an archive; its
            digest is looked at apart.

    Raises:
        UnfitModel: naming the file.
    """
    root = folder.resolve()
    for path in _everything(folder):
        if not path.resolve().is_relative_to(root):
            raise UnfitModel(folder, f"{path.name} is a link to something outside of it", _GET_AGAIN)
        if path.is_dir():
            continue
        if not path.is_file():
            raise UnfitModel(folder, f"{path.name} is no file", _GET_AGAIN)
        script = scripted and path == folder / SCRIPT_FILE
        if (reason := _no_script(path) if script else _objection(path)) is not None:
            raise UnfitModel(folder, f"{path.name} {reason}", _GET_AGAIN)


def _everything(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(here) / name


def _no_script(path: Path) -> str | None:
    with path.open("rb") as file:
        archive = file.read(len(_ZIP)) == _ZIP
    return None if archive else "is no TorchScript, which is an archive"


def _objection(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix in PICKLED:
        return f"may hold a pickle (*{suffix}), which runs whatever its maker wanted; none is ever loaded"
    if suffix in CODE and path.name != MODELING_FILE:
        return f"is code (*{suffix}), and a model here brings none along"
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
    if beginning[:1] == b"\x80" and len(beginning) > 1 and beginning[1] in _PICKLE_PROTOCOLS:
        return "is a pickle, which runs whatever its maker wanted; none is ever loaded"
    if beginning.startswith(_ZIP):
        return "is an archive, as torch.save writes pickles; none is ever loaded"
    if suffix == ".npy" and b"O'" in beginning:
        return "holds Python objects (a pickle), which run whatever their maker wanted"
    return None
