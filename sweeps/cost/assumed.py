"""Rates that stand in where nothing was measured. They are no measurements, and are never told as such."""

from __future__ import annotations

from dataclasses import dataclass

from after_ray.errors import UnknownName

# Operations per second of one thread in the trainings of docs/benchmarks.md, 100 to 140 billion with two.
OF_A_THREAD = 60e9
# Of the peak of the vendor's data sheet. The published trainings of a wav2vec 2.0 base model on an A100 in
# bf16 come to about 0.08 of it; of float32 half is assumed, as processors reach in docs/benchmarks.md.
SHARE_OF_FP32, SHARE_OF_HALF = 0.5, 0.08


@dataclass(frozen=True)
class Peak:
    """Dense operations per second on a vendor's data sheet: float32 without TF32, and bf16 or fp16."""

    fp32: float
    half: float


GPUS = {
    "V100": Peak(15.7e12, 125e12),
    "T4": Peak(8.1e12, 65e12),
    "A10": Peak(31.2e12, 125e12),
    "A100": Peak(19.5e12, 312e12),
    "L4": Peak(30.3e12, 121e12),
    "H100": Peak(67e12, 989e12),
    "H200": Peak(67e12, 989e12),
}


def assumed_rate(device: str, threads: int, precision: str, gpu: str) -> tuple[float, str]:
    """Operations per second, and in words what they are assumed of.

    Raises:
        UnknownName: for a GPU that is not in `GPUS`.
    """
    if device == "cpu":
        return OF_A_THREAD * threads, "a processor"
    if gpu not in GPUS:
        raise UnknownName("GPU to assume", gpu, GPUS)
    peak = GPUS[gpu]
    return (peak.fp32 * SHARE_OF_FP32 if precision == "fp32" else peak.half * SHARE_OF_HALF), gpu
