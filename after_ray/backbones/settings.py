"""Settings that name a backbone; importable without torch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from after_ray.backbones.families import DEFAULT_FAMILY
from after_ray.backbones.origin import Origin
from after_ray.settings import Settings, neutral


class BackboneSettings(Settings):
    """A wav2vec 2.0, HuBERT or WavLM encoder.

    Either `name` (a hub name or a local folder, with an optional hub `revision`) or `config` (arguments of
    the family's configuration in transformers, and the family itself as `model_type`: `wav2vec2`, which is
    meant where it is left out, `hubert` or `wavlm`). From `seed` all weights of a configuration are drawn,
    and the pre-training heads that named files lack. `identity` is filled in when a study is resolved: the
    digest of the named backbone's configuration and weights, which is what enters keys, so that a hub name
    and a folder with the same files mean the same. A hub's `revision` is then the commit that was found, and
    `origin` what a folder that after-ray wrote says of how its weights came about; that is in no key.

    `layers` keeps the first so many layers of the transformer, and the norm after the last (None: all).

    Weights have licences of their own, and none is loaded that a study does not name: those of
    `audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim` are CC BY-NC-SA 4.0, for no commercial use.
    """

    name: str | None = None
    revision: str | None = None
    config: dict[str, bool | int | float | str | tuple[int, ...]] | None = None
    seed: int = Field(default=0, ge=0)
    identity: str = ""
    layers: Annotated[int, Field(ge=1)] | None = neutral(None)
    origin: Origin | None = Field(default=None, exclude=True, json_schema_extra={"neutral": None})

    @model_validator(mode="after")
    def _one_source(self) -> BackboneSettings:
        if (self.name is None) == (self.config is None):
            raise ValueError("a backbone needs either 'name' (hub name or folder) or 'config', not both")
        return self

    @property
    def pretrained(self) -> bool:
        """Whether weights come from somebody's training rather than from a random draw.

        What was only trained here from a random draw is not: it says nothing about published weights.
        """
        return self.name is not None and (self.origin is None or not self.origin.began.random)

    def meaning(self) -> dict[str, Any]:
        """Identity of named weights or configuration of random ones, seed and cut; never a path."""
        cut = {} if self.layers is None else {"layers": self.layers}
        if self.name is not None:
            return {"identity": self.identity, "seed": self.seed, **cut}
        said = {k: list(v) if isinstance(v, tuple) else v for k, v in (self.config or {}).items()}
        if said.get("model_type") == DEFAULT_FAMILY:  # the same as leaving it out
            del said["model_type"]
        return {"config": said, "seed": self.seed, **cut}
