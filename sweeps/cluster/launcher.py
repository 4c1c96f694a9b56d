"""Files of Ray's cluster launcher (`ray up`)."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sweeps.cluster.model import Cluster, Node, Place, listed, mapping

# Where Ray itself finds out what GPUs a machine has; elsewhere a file that names none has none.
FINDS_GPUS = ("aws", "local")
_EXPORT = re.compile(r"(?:^|;|&&)\s*export\s+(?P<first>\w+=(?:'[^']*'|\"[^\"]*\"|[^;&\n])*)", re.MULTILINE)
_COMMENT = re.compile(r"(?P<quoted>'[^']*'|\"[^\"]*\")|(?<!\S)#[^\n]*")
_SEPARATE = re.compile(r"--env|-[A-Za-z]*e")  # of `docker run`, before a word that sets a variable
_VARIABLE = re.compile(r"--env=|-e=?")  # of `docker run`, in one word with what it sets
_MOUNT = re.compile(r"\bmount\b[^\n;&]*?\s(?P<folder>/[^\s;&]+)\s*(?:$|[;&\n])")


def cluster_of_launcher(path: Path, values: dict[str, Any], lines: Mapping[Place, int]) -> Cluster:
    """The cluster that a launcher's file describes; what is of a wrong type counts as left out."""
    provider = mapping(values.get("provider"))
    name = str(provider.get("type", ""))
    types = mapping(values.get("available_node_types"))
    head_type = str(values.get("head_node_type", ""))
    head = _node(values, "head", ("available_node_types", head_type), mapping(types.get(head_type)), 1)
    if name == "local":
        addresses = provider.get("worker_ips")
        count = len(listed(addresses))
        workers: tuple[Node, ...] = (_node(values, "workers", ("provider", "worker_ips"), {}, count),)
        head = _node(values, "head", ("provider", "head_ip"), {}, 1)
    else:
        workers = tuple(
            _node(
                values, str(kind), ("available_node_types", str(kind)), mapping(type_), _most(values, type_)
            )
            for kind, type_ in types.items()
            if kind != head_type
        )
    return Cluster(path, "launcher", name, head, workers, values, dict(lines))


def _node(values: Mapping[str, Any], name: str, place: Place, type_: Mapping[str, Any], most: int) -> Node:
    role = "head" if name == "head" else "worker"
    setup = _commands(values, "initialization_commands", "setup_commands", f"{role}_setup_commands")
    start = _commands(values, f"{role}_start_ray_commands")
    docker = mapping(values.get("docker")) | mapping(type_.get("docker"))
    image = docker.get(f"{role}_image") or docker.get("image") or ""
    options = [*listed(docker.get("run_options")), *listed(docker.get(f"{role}_run_options"))]
    resources = mapping(type_.get("resources"))
    config = mapping(type_.get("node_config"))
    return Node(
        name=name,
        place=place,
        most=most,
        image=str(image),
        environment=variables_of(options) | exports(f"{setup}\n{start}"),
        setup=setup,
        start=start,
        cpus=_number(resources.get("CPU"), _option(start, "num-cpus")),
        gpus=_number(resources.get("GPU"), _option(start, "num-gpus"), _unsaid(values)),
        gpu_model=next(
            (str(key).partition(":")[2] for key in resources if "accelerator_type:" in str(key)), ""
        ),
        memory=_number(resources.get("memory"), _option(start, "memory")),
        spot=_is_spot(config),
        shared=tuple(match["folder"] for match in _MOUNT.finditer(setup)),
    )


def _unsaid(values: Mapping[str, Any]) -> float | None:
    """GPUs of a machine of which the file says nothing."""
    return None if mapping(values.get("provider")).get("type") in FINDS_GPUS else 0.0


def variables_of(options: Iterable[Any]) -> dict[str, str]:
    """What options of `docker run` set in a container's environment, as far as they write it out."""
    found: dict[str, str] = {}
    words = iter(_words(" ".join(map(str, options))))
    for word in words:
        if _SEPARATE.fullmatch(word):
            found |= _set_in(next(words, ""))
        elif joined := _VARIABLE.match(word):
            found |= _set_in(word[joined.end() :])
    return found


def exports(commands: str) -> dict[str, str]:
    """What a shell would have in its environment after these commands, as far as they write it out."""
    found: dict[str, str] = {}
    for match in _EXPORT.finditer(_COMMENT.sub(lambda found: found["quoted"] or "", commands)):
        for word in _words(match["first"]):
            found |= _set_in(word.rstrip(";"))
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed here
        return text.split()


def _set_in(word: str) -> dict[str, str]:
    """The variable of NAME=value; none of any other word."""
    name, equals, value = word.partition("=")
    return {name: value} if equals and name.isidentifier() else {}


def _commands(values: Mapping[str, Any], *keys: str) -> str:
    lists = (values.get(key) for key in keys)
    return "\n".join(str(command) for one in lists for command in listed(one))


def _option(commands: str, name: str) -> str | None:
    """The value of an option of `ray start`."""
    found = re.search(rf"--{name}[= ]\s*(\S+)", commands)
    return found[1] if found else None


def _number(*values: Any) -> float | None:
    """The first value that is a number."""
    for value in values:
        try:
            return float(value)
        except (TypeError, ValueError):
            continue
    return None


def _most(values: Mapping[str, Any], type_: Any) -> int:
    limits = [_number(mapping(one).get("max_workers")) for one in (type_, values)]
    return int(min((limit for limit in limits if limit is not None and math.isfinite(limit)), default=0))


def _is_spot(config: Mapping[str, Any]) -> bool:
    of_aws = mapping(config.get("InstanceMarketOptions")).get("MarketType") == "spot"
    scheduling = config.get("scheduling")
    of_gcp = any(mapping(one).get("preemptible") for one in listed(scheduling))
    return of_aws or of_gcp or mapping(config.get("azure_arm_parameters")).get("priority") == "Spot"
