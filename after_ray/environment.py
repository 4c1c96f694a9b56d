"""Where a trial runs: threads fixed before any number is computed, device chosen, versions written down."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from after_ray.errors import AfterRayError, FullDevice

RECORDED_PACKAGES = ("after-ray", "torch", "torchaudio", "transformers", "scikit-learn", "numpy", "scipy")


@dataclass(frozen=True)
class Execution:
    """How and where a stage is computed. Nothing here changes what a stage means, so nothing is in a key.

    Attributes:
        store: the store's folder, shared by all nodes.
        cache: a folder on the node's own disk for memory-mapped copies.
        cache_bytes: size limit of that folder.
        threads: of torch, BLAS and OpenMP; bits are equal only at equal thread counts.
        device: `cpu` or `cuda`.
        shared_by: how many trials may share the device, written beside every time measured.
        checkpoint_seconds: how often unfinished training writes its state, at most.
        compile: whether networks go through `torch.compile`.
        commit: of the checkout that the driver ran from; empty when it was no checkout.
        provenance: digest of what the store keeps of that code (`STORE/provenance`); empty without a driver.
        source: digest of the driver's code for this work (`after_ray.sources`); empty: not compared.
    """

    store: str
    cache: str
    cache_bytes: int = 50_000_000_000
    threads: int = 1
    device: str = "cpu"
    shared_by: int = 1
    checkpoint_seconds: float = 300.0
    compile: bool = False
    commit: str = ""
    provenance: str = ""
    source: str = ""

    def resolve_device(self) -> str:
        """The torch device.

        Raises:
            AfterRayError: when a GPU was reserved that torch cannot use.
        """
        if self.device == "cuda":
            import torch

            if not torch.cuda.is_available():
                raise AfterRayError(
                    f"This trial has a GPU but torch {torch.__version__} cannot use it; install the CUDA "
                    "build of torch and a matching driver on every node, or set resources.gpu to 0."
                )
            torch.backends.cudnn.allow_tf32 = False  # fp32 means float32; who wants speed asks for bf16
        return self.device


def fix_threads(threads: int) -> None:
    """Set the thread counts of torch, BLAS and OpenMP for this process: bits depend on them."""
    import threadpoolctl
    import torch

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    torch.set_num_threads(threads)
    threadpoolctl.threadpool_limits(threads)


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`; None where the C library has none."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def release_free_memory() -> None:
    """Hand free blocks of the heap back to the system.

    Passes of many shapes leave small live blocks between large free ones, and a trial keeps what it once had
    (`KEEP_MEMORY` of `sweeps.launching`): scoring 19,000 utterances held 700 MB that nobody used any more.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


def sentence_of(error: Exception) -> str:
    """What is told of an error that ended a trial: our own sentence, or its kind and text."""
    torch = sys.modules.get("torch")  # not imported: it may be what failed
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        told = ". ".join(str(error).split(". ")[:3]).rstrip(".")  # the rest is about torch's own settings
        return str(FullDevice(_device_name("cuda") if torch.cuda.is_available() else "the GPU", told))
    return str(error) if isinstance(error, AfterRayError) else f"{type(error).__name__}: {error}"


def worth_trying_again(error: Exception) -> bool:
    """Whether an error may be gone when the same is tried again: a file, a connection, a full GPU."""
    torch = sys.modules.get("torch")
    full = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return full or isinstance(error, OSError | FullDevice)


def describe(execution: Execution, source: str = "") -> dict[str, Any]:
    """What is recorded with every result: versions, processor or GPU, threads, sharing, and the code.

    `source`: digest of the code that made the result (`after_ray.sources`).
    """
    device = execution.resolve_device()
    code = {"source": source, "commit": execution.commit, "provenance": execution.provenance}
    return {
        **_versions(),
        "device": device,
        "device_name": _device_name(device),
        "driver": _driver(device),
        "threads": execution.threads,
        "shared_by": execution.shared_by,
        "host": platform.node(),
        **{name: value for name, value in code.items() if value},
    }


@lru_cache(maxsize=1)
def _versions() -> dict[str, Any]:
    import torch

    packages = {name: importlib.metadata.version(name) for name in RECORDED_PACKAGES}
    # Of one version there are builds for processors and for several versions of CUDA.
    return {"python": platform.python_version(), "packages": packages, "torch_build": torch.__version__}


@lru_cache(maxsize=2)
def _driver(device: str) -> dict[str, str]:
    """Versions below torch that decide bits and speed: of the GPU's driver, or of the processor's kernels."""
    import torch

    if device == "cpu":
        return {"capability": torch.backends.cpu.get_cpu_capability()}
    return {
        "nvidia": _nvidia_driver(),
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
    }


def _nvidia_driver() -> str:
    """The version of the kernel's GPU module, `unknown` where the system does not tell."""
    told = Path("/proc/driver/nvidia/version")
    words = told.read_text().split() if told.is_file() else []
    versions = (word for word in words if word[:1].isdigit() and word.count(".") >= 1)
    return next(versions, "unknown")


@lru_cache(maxsize=2)
def _device_name(device: str) -> str:
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
