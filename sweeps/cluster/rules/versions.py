"""Versions of Python, Ray and the project: one of each on all nodes, and here."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version

from sweeps.cluster.model import Cluster, Finding, Node, mapping

_RAY = re.compile(r"ray(?:\[[\w,]*\])?==(\d+\.\d+\.\d+)|(?:/ray(?:-ml)?:|ray)(\d+\.\d+\.\d+)")
_PYTHON = re.compile(r"\bpy(3)(\d+)\b|\bpython(?:@|=|==)?(3)\.(\d+)")
_PROJECT = re.compile(r"pip[\w.]*\s+install\b[^\n]*after-ray|make setup|after-ray:")
_LATEST = re.compile(r":(?:latest|nightly)(?:[-\w]*)$")


def check(cluster: Cluster) -> Iterator[Finding]:
    """What the file says of versions, against what is installed here."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name, wanted, of in (("Ray", version("ray"), rays_of), ("Python", here, pythons_of)):
        yield from _check(cluster, name, wanted, {node.name: of(node) for node in cluster.nodes})
    if cluster.starter == "kuberay":
        spec = cluster.values.get("spec")
        told = str(mapping(spec).get("rayVersion", "missing"))
        if told != version("ray"):
            yield Finding(
                f"rayVersion is {told}, here is Ray {version('ray')}: a driver and its cluster need the same",
                cluster.line("spec", "rayVersion"),
            )
    for node in cluster.nodes:
        if _LATEST.search(node.image):
            yield Finding(
                f"the image {node.image} of '{node.name}' is another one tomorrow; name it by a version",
                _line(cluster, node),
            )
        if not _PROJECT.search(f"{node.setup}\n{node.image}"):
            yield Finding(
                f"nothing installs after-ray on '{node.name}': no 'pip install' of the checkout in its "
                "commands, no image of the project",
                _line(cluster, node),
            )


def _check(cluster: Cluster, name: str, wanted: str, found: dict[str, set[str]]) -> Iterator[Finding]:
    for node in cluster.nodes:
        told = found[node.name]
        if not told:
            if name == "Ray" and _PROJECT.search(node.setup):
                continue  # the project's own pins bring it
            yield Finding(
                f"the version of {name} on '{node.name}' is pinned by no image's tag and no command, so "
                f"nobody knows whether it is {wanted} as here",
                _line(cluster, node),
            )
        elif told != {wanted}:
            yield Finding(
                f"'{node.name}' has {name} {' and '.join(sorted(told))}, here is {wanted}: a driver and its "
                "cluster need the same",
                _line(cluster, node),
            )


def rays_of(node: Node) -> set[str]:
    """Versions of Ray that a node's image and commands name."""
    return {match[1] or match[2] for match in _RAY.finditer(f"{node.image}\n{node.setup}")}


def pythons_of(node: Node) -> set[str]:
    """Versions of Python that they name."""
    found = _PYTHON.finditer(f"{node.image}\n{node.setup}")
    return {f"3.{match[2] or match[4]}" for match in found}


def _line(cluster: Cluster, node: Node) -> int | None:
    return (
        cluster.line("docker") if node.image and cluster.starter == "launcher" else cluster.line(*node.place)
    )
