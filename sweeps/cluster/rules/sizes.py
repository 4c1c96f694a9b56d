"""Machines and trials: whether a trial fits on a machine, and those that share a GPU into its memory."""

from __future__ import annotations

from collections.abc import Iterator

from sweeps.cluster.gpu_memory import gigabytes_of, training_gigabytes
from sweeps.cluster.model import Cluster, Finding, Node
from sweeps.study.declaration import Study


def check(cluster: Cluster) -> Iterator[Finding]:
    """What does not depend on a study."""
    if cluster.provider != "local" and not cluster.has_several:
        yield Finding(
            "there can be no worker: max_workers is 0, and a head runs no trials", cluster.line("max_workers")
        )
    for worker in cluster.workers:
        cuda = any(word in worker.image for word in ("gpu", "cuda", "cu1"))
        if worker.gpus and cluster.starter == "launcher" and worker.image and not cuda:
            yield Finding(
                f"'{worker.name}' has GPUs, and its image {worker.image} has no CUDA (tags end in -gpu)",
                cluster.line(*worker.place),
            )
    if cluster.head.cpus != 0:
        yield Finding(
            "the head takes trials (no --num-cpus=0), which compete with the drivers and the tracking server",
            cluster.line("head_start_ray_commands") or cluster.line(*cluster.head.place),
            warning=True,
        )


def check_study(cluster: Cluster, study: Study) -> Iterator[Finding]:
    """Whether the trials of a study find a machine, and room in its GPU."""
    asked = study.resources
    known = [worker for worker in cluster.workers if worker.most > 0]
    holds = [worker for worker in known if _may_hold(worker, asked.cpu, asked.gpu, asked.gpu_model)]
    if known and not holds:
        model = f" of model {asked.gpu_model}" if asked.gpu_model else ""
        yield Finding(
            f"no machine can hold a trial of '{study.study}': it asks for {asked.cpu} CPU and {asked.gpu:g} "
            f"GPU{model}, and there are {', '.join(map(_in_words, known))}"
        )
    for worker in holds:
        yield from _memory(cluster, worker, study)


def _may_hold(worker: Node, cpus: float, gpus: float, model: str | None) -> bool:
    """What the file leaves to Ray may fit."""
    fits = (worker.cpus is None or worker.cpus >= cpus) and (worker.gpus is None or worker.gpus >= gpus)
    return fits and (model is None or worker.gpu_model in ("", model))


def _in_words(worker: Node) -> str:
    model = f" {worker.gpu_model}" if worker.gpu_model else ""
    cpus, gpus = ("?" if one is None else f"{one:g}" for one in (worker.cpus, worker.gpus))
    return f"'{worker.name}' with {cpus} CPU and {gpus} GPU{model}"


def _memory(cluster: Cluster, worker: Node, study: Study) -> Iterator[Finding]:
    """Trials that share a GPU: weights, gradients and the optimiser's state of all must fit, at the least."""
    share, room = study.resources.gpu, gigabytes_of(worker.gpu_model)
    if not 0 < share <= 1 or room is None:
        return
    together = int(1 / share)
    for backbone, needed in training_gigabytes(study).items():
        if together * needed > room:
            fitting = int(room // needed)
            advice = (
                f"at most {fitting} fit: set gpu to {1 / fitting:.2g} or more" if fitting else "none fits"
            )
            yield Finding(
                f"{together} trials of '{study.study}' share a {worker.gpu_model} of '{worker.name}' (gpu: "
                f"{share:g}), which has {room:g} GB, and weights, gradients and optimiser of {backbone} "
                f"alone take {needed:.1f} GB each; {advice}",
                cluster.line(*worker.place),
            )
