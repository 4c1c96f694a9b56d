"""Machines and trials: whether a trial fits on a machine, and those that share a GPU into its memory."""

from __future__ import annotations

from collections.abc import Iterator

from after_ray.wording import counted
from sweeps.cluster.gpu_memory import gigabytes_of, training_gigabytes
from sweeps.cluster.model import Cluster, Finding, Node
from sweeps.study.declaration import Resources, Study


def check(cluster: Cluster) -> Iterator[Finding]:
    """What does not depend on a study."""
    if cluster.provider != "local" and not cluster.has_several:
        yield Finding(
            "there can be no worker: max_workers is 0, and a head runs no trials", cluster.line("max_workers")
        )
    if cluster.workers and all(worker.gpus == 0 for worker in cluster.workers):
        yield Finding(
            "no worker offers a GPU, so trials that ask for one would wait for ever; a machine's 'resources' "
            "name it (GPU: 1), on Kubernetes a container's limits (nvidia.com/gpu: 1)",
            cluster.line(*cluster.workers[0].place),
            warning=True,
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
    asked = _largest(study)
    known = [worker for worker in cluster.workers if worker.most > 0]
    holds = [worker for worker in known if _may_hold(cluster, worker, asked)]
    if known and not holds:
        model = f" of model {asked.gpu_model}" if asked.gpu_model else ""
        yield Finding(
            f"no machine can hold a trial of '{study.study}': it asks for {asked.cpu} CPU and {asked.gpu:g} "
            f"GPU{model}, and there are {', '.join(map(_in_words, known))}{_how(cluster, asked)}"
        )
    for worker in holds:
        yield from _memory(cluster, worker, study)


def _largest(study: Study) -> Resources:
    """What the largest trials of a study take: no GPU where none of them could use one."""
    if any(classifier.on_gpu for classifier in study.classifier):
        return study.resources
    return study.resources.model_copy(update={"gpu": 0.0, "gpu_model": None})


def _may_hold(cluster: Cluster, worker: Node, asked: Resources) -> bool:
    """Whether it fits, or may fit where the file leaves a size to Ray."""
    cpus, gpus = worker.cpus, worker.gpus
    fits = (cpus is None or cpus >= asked.cpu) and (gpus is None or gpus >= asked.gpu)
    return fits and (asked.gpu_model is None or worker.gpu_model in (asked.gpu_model, *_left_to_ray(cluster)))


def _left_to_ray(cluster: Cluster) -> tuple[str, ...]:
    """A GPU's model that the file does not name; of pods Ray's autoscaler never learns it by itself."""
    return () if cluster.starter == "kuberay" else ("",)


def _how(cluster: Cluster, asked: Resources) -> str:
    if cluster.starter != "kuberay" or asked.gpu_model is None:
        return ""
    told = f'{{"accelerator_type:{asked.gpu_model}": 1}}'
    return f"; say it in rayStartParams of the group: resources: '\"{told}\"', its quotes escaped"


def _in_words(worker: Node) -> str:
    model = f" {worker.gpu_model}" if worker.gpu_model else ""
    cpus, gpus = ("?" if one is None else f"{one:g}" for one in (worker.cpus, worker.gpus))
    return f"'{worker.name}' with {cpus} CPU and {gpus} GPU{model}"


def _memory(cluster: Cluster, worker: Node, study: Study) -> Iterator[Finding]:
    """Trials that share a GPU: weights, gradients and the optimiser's state of all must fit, at the least."""
    share, room = _largest(study).gpu, gigabytes_of(worker.gpu_model)
    if not 0 < share <= 1 or room is None:
        return
    cores = worker.cpus if worker.cpus is not None else float("inf")
    together = int(min(1 / share, cores / study.resources.cpu))
    known = training_gigabytes(study)
    if together > 1 and (unknown := len(study.backbone) - len(known)):
        yield Finding(
            f"{together} trials of '{study.study}' share a {worker.gpu_model}; "
            f"{counted(unknown, 'backbone')} of the study cannot be measured here, so whether they fit into "
            "its memory was not checked",
            warning=True,
        )
    for backbone, needed in known.items():
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
