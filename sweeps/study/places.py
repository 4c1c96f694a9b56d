"""Files and folders that a study names: relative to the study file, and in no record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CORPUS_PLACES = ("root", "file")


def with_places(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The values of a study in `folder` with absolute paths; what is no path, or no valid value, stays."""
    result = dict(values)
    for axis, placed in (("corpus", _corpus), ("backbone", _backbone)):
        blocks = result.get(axis)
        if isinstance(blocks, list):
            result[axis] = [placed(block, folder) for block in blocks]
        elif blocks is not None:
            result[axis] = placed(blocks, folder)
    strategies = result.get("strategy")
    if isinstance(strategies, list):
        result["strategy"] = [_recording(one, folder) for one in strategies]
    elif strategies is not None:
        result["strategy"] = _recording(strategies, folder)
    replays = result.get("replays")
    if isinstance(replays, dict):
        result["replays"] = {
            name: _placed(one, ("file",), folder) if isinstance(one, dict) else one
            for name, one in replays.items()
        }
    protocol = result.get("protocol")
    if isinstance(protocol, dict) and isinstance(protocol.get("folds"), dict):
        result["protocol"] = {**protocol, "folds": _placed(protocol["folds"], ("file",), folder)}
    return result


def without_places(value: Any) -> Any:
    """Values without folders of a machine: no roots, and of a file or a backbone's folder only its name."""
    if isinstance(value, list):
        return [without_places(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: without_places(item) for key, item in value.items() if key != "root"}
    names = {
        key: Path(kept[key]).name
        for key in ("file", "name")
        if isinstance(kept.get(key), str) and Path(kept[key]).is_absolute()
    }
    return kept | names


def override_without_places(override: str) -> str:
    """`corpus.root=/home/me/emodb` as `corpus.root=DIR`: what a command line may say to others."""
    key, _, text = override.partition("=")
    last = key.rpartition(".")[2]
    value = yaml.safe_load(text)
    kept = without_places({last: value})
    if last not in kept:
        return f"{key}=DIR"
    if kept[last] == value:
        return override
    text = yaml.safe_dump(kept[last], default_flow_style=True, width=10_000)
    return f"{key}={text.removesuffix('...').strip()}"


def _corpus(block: Any, folder: Path) -> Any:
    if not isinstance(block, dict):
        return block
    block = _placed(block, CORPUS_PLACES, folder)
    if isinstance(block.get("members"), list):
        block["members"] = [_corpus(member, folder) for member in block["members"]]
    return block


def _backbone(block: Any, folder: Path) -> Any:
    if isinstance(block, str):
        block = {"name": block}
    if not isinstance(block, dict) or not isinstance(block.get("name"), str):
        return block
    written = Path(block["name"]).expanduser()
    # A backbone's name is a hub name unless such a folder exists or it is written as a path.
    if written.is_absolute() or block["name"].startswith(".") or (folder / written).is_dir():
        return _placed(block, ("name",), folder)
    return block


def _recording(strategy: Any, folder: Path) -> Any:
    """A strategy as a study writes it; one that replays names a file."""
    return _placed(strategy, ("file",), folder) if isinstance(strategy, dict) else strategy


def _placed(block: dict[str, Any], keys: tuple[str, ...], folder: Path) -> dict[str, Any]:
    written = {key: block[key] for key in keys if isinstance(block.get(key), str) and block[key]}
    found = {key: str((folder / Path(path).expanduser()).resolve()) for key, path in written.items()}
    return {**block, **found}
