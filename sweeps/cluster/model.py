"""A cluster as its file describes it, whoever starts it: Ray's launcher, or KubeRay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Place = tuple[str | int, ...]  # keys and list positions from the top of the file to a value
Starter = Literal["launcher", "kuberay"]


@dataclass(frozen=True)
class Node:
    """One kind of node.

    Attributes:
        name: what the file calls it.
        place: where in the file it is.
        most: how many there may be; one for a head.
        image: of its container; empty where it runs in none.
        environment: what its Ray is started with.
        setup: commands that install things, one text.
        start: commands that start Ray, one text.
        cpus, gpus: of one node; None where the file leaves them to Ray.
        gpu_model: as Ray calls it; empty where the file leaves it to Ray.
        memory: bytes; None where the file does not say.
        spot: whether the provider may take it back.
        told_by: what runs before it is ended; empty where nothing does.
        shared: folders that lie on storage which all nodes share.
    """

    name: str
    place: Place
    most: int = 1
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    setup: str = ""
    start: str = ""
    cpus: float | None = None
    gpus: float | None = None
    gpu_model: str = ""
    memory: float | None = None
    spot: bool = False
    told_by: str = ""
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """A cluster file.

    Attributes:
        path: of the file.
        starter: who starts the cluster.
        provider: as Ray's launcher names it (aws, gcp, local, ...), or kubernetes.
        head: the node that keeps the cluster together, where drivers run.
        workers: kinds of the other nodes.
        values: the file as plain values.
        lines: of places in the file, counted from 1.
        text: of the file.
    """

    path: Path
    starter: Starter
    provider: str
    head: Node
    workers: tuple[Node, ...]
    values: Mapping[str, Any]
    lines: Mapping[Place, int]
    text: str = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Head and workers."""
        return (self.head, *self.workers)

    @property
    def has_several(self) -> bool:
        """Whether there may be more machines than one."""
        return any(worker.most > 0 for worker in self.workers)

    def line(self, *place: str | int) -> int | None:
        """The line of a place, or of the nearest one above it that the file has."""
        for end in range(len(place), 0, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None

    def line_with(self, *words: str) -> int | None:
        """The first line that has all of these, which may be within a text of many lines."""
        lines = enumerate(self.text.splitlines(), 1)
        return next((number for number, line in lines if all(word in line for word in words)), None)


def mapping(value: Any) -> dict[str, Any]:
    """What is no mapping counts as left out: that it is of a wrong type, another rule says."""
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    """The same of a list."""
    return value if isinstance(value, list) else []


@dataclass(frozen=True)
class Finding:
    """What is wrong with a cluster file: one sentence, and where; a warning is no reason to refuse it."""

    sentence: str
    line: int | None = None
    warning: bool = False
