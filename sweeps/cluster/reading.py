"""From a cluster file to a cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from after_ray.errors import AfterRayError
from sweeps.cluster.kuberay import cluster_of_kuberay
from sweeps.cluster.launcher import cluster_of_launcher
from sweeps.cluster.model import Cluster, Place

MOST_BYTES = 1_000_000
MOST_DEPTH = 50


class BadClusterFile(AfterRayError):
    """A file that describes no cluster."""

    def __init__(self, path: Path, problem: str, line: int | None = None) -> None:
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(
            f"{place}: {problem}; allowed is a file of Ray's cluster launcher (as cluster.yaml) or a "
            "RayCluster of Kubernetes (as clusters/kuberay.yaml)."
        )


def read_cluster(path: Path) -> Cluster:
    """Read a cluster file.

    Raises:
        BadClusterFile: when it is none.
    """
    text = _text(path)
    return replace(_described(path, _documents(path, text)), text=text)


def _described(path: Path, found: list[tuple[Any, dict[Place, int]]]) -> Cluster:
    documents = [(values, lines) for values, lines in found if values is not None]
    for values, _ in documents:
        if not isinstance(values, dict):
            raise BadClusterFile(path, f"it holds {_kind(values)} where a mapping of keys should be", 1)
    kinds = {str(values.get("kind")): (values, lines) for values, lines in documents}
    if "RayCluster" in kinds:
        values, lines = kinds["RayCluster"]
        others = [values for values, _ in documents if values.get("kind") != "RayCluster"]
        return cluster_of_kuberay(path, values, lines, others)
    if len(documents) == 1 and ("provider" in documents[0][0] or "cluster_name" in documents[0][0]):
        return cluster_of_launcher(path, *documents[0])
    raise BadClusterFile(path, "it has neither a 'provider:' nor a document of 'kind: RayCluster'")


def _documents(path: Path, text: str) -> list[tuple[Any, dict[Place, int]]]:
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        values = list(yaml.safe_load_all(text))
    except RecursionError as error:
        raise BadClusterFile(path, "it refers to itself (an alias inside its own anchor)") from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise BadClusterFile(path, f"not YAML: {problem}", mark.line + 1 if mark else None) from error
    found = []
    for node, value in zip(nodes, values, strict=True):
        lines: dict[Place, int] = {}
        try:
            if node is not None:
                _note(node, (), lines)
        except _TwiceThere as error:
            key, line = error.args
            raise BadClusterFile(path, f"the key '{key}' is there twice; keep one of them", line) from error
        found.append((value, lines))
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadClusterFile(path, f"it has more than {MOST_BYTES:,} bytes, as no cluster file has")
        return path.read_text()
    except IsADirectoryError as error:
        raise BadClusterFile(path, "it is a folder") from error
    except OSError as error:
        raise BadClusterFile(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadClusterFile(path, f"it is no text in UTF-8 ({error.reason})") from error


def _note(node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    """Write down the line of every key and item."""
    lines.setdefault(place, node.start_mark.line + 1)
    if len(place) > MOST_DEPTH:
        return  # an alias inside its own anchor has no end
    if isinstance(node, yaml.SequenceNode):
        for number, child in enumerate(node.value):
            _note(child, (*place, number), lines)
    if isinstance(node, yaml.MappingNode):
        _refuse_twice(node)
        for key, child in node.value:
            inside = place if key.value == "<<" else (*place, str(key.value))
            if key.value != "<<":
                lines[inside] = key.start_mark.line + 1
            _note(child, inside, lines)


def _refuse_twice(node: yaml.MappingNode) -> None:
    """YAML takes the last of two keys of one name, and says nothing."""
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise _TwiceThere(str(key.value), key.start_mark.line + 1)
        seen.add(str(key.value))


class _TwiceThere(Exception):
    """A key that a mapping has twice, and the line of the second."""


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"the single value {value!r}"[:80]
