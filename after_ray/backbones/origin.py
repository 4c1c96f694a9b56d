"""Where a backbone that was trained here comes from: the file beside its weights, without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from after_ray.errors import MissingBackbone
from after_ray.settings import Settings
from after_ray.wording import duration

ORIGIN_FILE = "after_ray.json"
FORMAT = 1  # of that file; readers refuse what they do not know


class Began(Settings):
    """What the first training began from: random weights, or those of `name`.

    `name`, `revision` and `identity` are as in records of backbones, and None for random weights.
    """

    random: bool
    model_type: str
    name: str | None = None
    revision: str | None = None
    identity: str | None = None


class Trained(Settings):
    """One adaptation that weights went through.

    Attributes:
        study, corpus, manifest, fold, seed: whose train part it heard; `seed` is None for one of all seeds.
        key: of the stage.
        adaptation: its settings.
        audio: digests of the decoded samples of that train part, ascending, as manifests have them.
        seconds: of that train part.
        heard_seconds: of the clips in all of its batches.
        labels: whether it read the label of every utterance of that train part.
    """

    study: str
    corpus: str
    manifest: str
    fold: int
    seed: int | None
    key: str
    adaptation: dict[str, Any]
    audio: tuple[str, ...] = Field(min_length=1)
    seconds: float
    heard_seconds: float | None = None
    labels: bool = False


class Origin(Settings):
    """How weights came about.

    Attributes:
        format: of the file.
        identity: of the files that it is about, as `after_ray.backbones.identity.identity` has it.
        began: from what.
        trainings: what came after, in their order.
        heads: whether the heads of pre-training are among the weights.
    """

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
    identity: str
    began: Began
    trainings: tuple[Trained, ...] = Field(min_length=1)
    heads: bool = False

    @property
    def told(self) -> str:
        """`pre-trained here from random weights on 1.2 h (ravdess, train of fold 0)`."""
        heard = " and then ".join(
            f"{duration(one.seconds)} ({one.corpus}, train of fold {one.fold}"
            f"{', with its labels' if one.labels else ''})"
            for one in self.trainings
        )
        if self.began.random:
            return f"pre-trained here from random weights on {heard}"
        return f"{self.began.name}, adapted here to {heard}"

    @property
    def labelled(self) -> frozenset[str]:
        """Digests of the recordings whose labels one of the trainings read."""
        return frozenset(digest for one in self.trainings if one.labels for digest in one.audio)

    @property
    def audio(self) -> frozenset[str]:
        """Digests of all recordings that the weights have heard here."""
        return frozenset(digest for one in self.trainings for digest in one.audio)


def origin_in(folder: Path, name: str, identity: str) -> Origin | None:
    """What the folder of the backbone `name` says of its weights; None where it says nothing.

    Raises:
        MissingBackbone: when that cannot be read, or is said of weights of another `identity`.
    """
    path = folder / ORIGIN_FILE
    if not path.is_file():
        return None
    try:
        origin = Origin.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ValidationError) as error:
        first = str(error).strip().splitlines()[0]
        raise MissingBackbone(
            name, f"its {ORIGIN_FILE} cannot be read ({first}); export it again with this version"
        ) from error
    if origin.identity != identity:
        raise MissingBackbone(
            name,
            f"its {ORIGIN_FILE} speaks of other files (identity {origin.identity[:12]}) than those beside it "
            f"({identity[:12]}); export it again into a new folder",
        )
    return origin
