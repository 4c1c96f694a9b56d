"""Settings of initializations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from after_ray.clusters import Distance, check_range
from after_ray.settings import Settings, neutral


class RandomSettings(Settings):
    """Uniform draw from the pool."""

    name: Literal["random"] = "random"


class ClusteringSettings(Settings):
    """k-means on pool features, k by the elbow, centroids visited in turn, nearest unchosen first.

    `k_min` and `k_max` of one value fix the number of clusters. `distance` decides which utterance is nearest
    to a centroid; clusters are always Euclidean. `standardised: false` takes the features as they are.
    """

    name: Literal["clustering"] = "clustering"
    k_min: int = Field(default=2, ge=2)
    k_max: int = Field(default=10, ge=2)
    n_init: int = Field(default=10, ge=1)
    distance: Distance = neutral("euclidean")
    standardised: bool = neutral(True)

    @model_validator(mode="after")
    def _range_of_clusters(self) -> ClusteringSettings:
        check_range(self.k_min, self.k_max)
        return self


InitializationSettings = Annotated[RandomSettings | ClusteringSettings, Field(discriminator="name")]
