"""Settings of initializations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from after_ray.settings import Settings


class RandomSettings(Settings):
    """Uniform draw from the pool."""

    name: Literal["random"] = "random"


class ClusteringSettings(Settings):
    """k-means on pool features, k by the elbow, centroids visited in turn, nearest unchosen first."""

    name: Literal["clustering"] = "clustering"
    k_min: int = Field(default=2, ge=2)
    k_max: int = Field(default=10, ge=2)
    n_init: int = Field(default=10, ge=1)


InitializationSettings = Annotated[RandomSettings | ClusteringSettings, Field(discriminator="name")]
