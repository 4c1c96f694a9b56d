"""Memory of GPUs, and the least that a training takes of it."""

from __future__ import annotations

from sweeps.study.declaration import Study

# 10^9 bytes, as the makers give it; by Ray's names. An A100 without a size is the smaller one.
GIGABYTES = {
    "K80": 12, "P4": 8, "P100": 16, "V100": 16, "T4": 16, "A10G": 24, "L4": 24, "L40S": 48, "A100": 40,
    "A100-40G": 40, "A100-80G": 80, "H100": 80, "H200": 141, "H20": 96, "B200": 180, "B300": 288,
    "RTX-PRO-6000": 96,
}  # fmt: skip
# Of a parameter that is trained: weight, gradient and Adam's two moments, 4 bytes each; activations on top.
BYTES_OF_A_PARAMETER = 16


def gigabytes_of(model: str) -> float | None:
    """Memory of one GPU; None for a model that is not in the table."""
    return GIGABYTES.get(model)


def training_gigabytes(study: Study) -> dict[str, float]:
    """Backbone -> the least memory of fine-tuning it; those whose size is not known here are left out."""
    from after_ray.backbones.operations import shape_of
    from after_ray.errors import AfterRayError

    found = {}
    for backbone in study.backbone:
        try:
            found[backbone.name or "the backbone"] = (
                shape_of(backbone).parameters * BYTES_OF_A_PARAMETER / 1e9
            )
        except (AfterRayError, OSError):
            continue
    return found
