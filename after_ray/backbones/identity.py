"""Where a backbone's files are and what they are, without torch: a study is resolved before it is run."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from after_ray.backbones._values import PUBLISHED, check_values
from after_ray.backbones.families import DEFAULT_FAMILY, FAMILIES
from after_ray.backbones.origin import origin_in
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, MissingBackbone, NoHeads, NoQuantizer, UnknownName

CONFIG_FILE = "config.json"
HEADS = ("quantizer.", "project_hid.", "project_q.")  # of pre-training; absent from fine-tuned checkpoints
_NEVER_LOADED = (
    "could run foreign code and are never loaded; name a 'revision' that has *.safetensors (often a "
    "conversion stands as a pull request of the hub's page: 'refs/pr/1'), or convert the file once where you "
    "trust it"
)
_PATTERNS = [CONFIG_FILE, "*.safetensors", "*.safetensors.index.json"]


def resolve(settings: BackboneSettings) -> BackboneSettings:
    """`settings` with what a named backbone is: `identity`, `origin`, of a hub's the commit as `revision`.

    Every node then asks the hub for that commit, however the branch moves on. A configuration is checked.

    Raises:
        MissingBackbone: when the named files are not there or cannot be used.
        UnknownName: for a configuration argument that means nothing here.
        BadValue: for more `layers` than there are.
    """
    if settings.config is not None:
        check_config(settings)
        check_layers(settings)
        return settings.model_copy(update={"origin": None})
    check_layers(settings)
    found, revision = identity(settings), _commit(settings) or settings.revision
    origin = origin_in(locate(settings), str(settings.name), found)
    return settings.model_copy(update={"identity": found, "revision": revision, "origin": origin})


def check_config(settings: BackboneSettings) -> None:
    """Refuse configuration arguments that nothing reads, mostly spelling mistakes, and impossible values."""
    family = FAMILIES[model_type(settings)]
    allowed = {"model_type", *family.architecture}
    for name in settings.config or {}:
        if name not in allowed:
            raise UnknownName("backbone configuration argument", name, allowed, family.title)
    check_values(settings.config or {})


def model_type(settings: BackboneSettings) -> str:
    """The family of a backbone, one of `FAMILIES`: from its config.json, or from `config`.

    Raises:
        MissingBackbone: when the named files are not there or cannot be used.
        UnknownName: for a `config` of another family.
    """
    if settings.config is None:
        return str(_description(locate(settings), str(settings.name))["model_type"])
    kind = str(settings.config.get("model_type", DEFAULT_FAMILY))
    if kind not in FAMILIES:
        raise UnknownName("backbone model_type", kind, FAMILIES)
    return kind


def has_quantizer(settings: BackboneSettings) -> bool:
    """Whether the family is pre-trained against a quantiser; others adapt by predicting clusters."""
    return FAMILIES[model_type(settings)].quantizer


def check_layers(settings: BackboneSettings) -> None:
    """Refuse to keep more layers than there are.

    Raises:
        BadValue: naming how many there are.
    """
    there = published_layers(settings)
    if settings.layers is not None and settings.layers > there:
        raise BadValue("backbone.layers", settings.layers, f"at most {there}, as many as this backbone has")


def encoder_layers(settings: BackboneSettings) -> int:
    """Layers of the transformer that are kept."""
    return published_layers(settings) if settings.layers is None else settings.layers


def published_layers(settings: BackboneSettings) -> int:
    """Layers of the transformer before any cut; as many as the base models have where nothing says it."""
    said: Any = settings.config
    if said is None:
        said = _description(locate(settings), str(settings.name))
    return int(said.get("num_hidden_layers", PUBLISHED["num_hidden_layers"]))


def need_quantizer(settings: BackboneSettings) -> None:
    """Refuse a backbone of a family without a quantiser.

    Raises:
        NoQuantizer: naming the backbone and its family.
    """
    if not has_quantizer(settings):
        kind = model_type(settings)
        raise NoQuantizer(settings.name or kind, FAMILIES[kind].title)


def need_heads(settings: BackboneSettings) -> None:
    """Refuse a backbone that brings no pre-training heads along; those of a configuration are drawn with it.

    Raises:
        NoHeads: for a family whose published files have none, for files that lack them, and for a backbone
            that ends before the layer that they were trained on.
        MissingBackbone: when the named files are not there or cannot be used.
    """
    kind = model_type(settings)
    name = settings.name or kind
    if not FAMILIES[kind].quantizer:
        raise NoHeads(
            name, f"nothing that {FAMILIES[kind].title} was pre-trained with is published beside it"
        )
    if settings.name is None:
        return
    if encoder_layers(settings) < published_layers(settings):
        reason = (
            f"the heads of its pre-training read layer {published_layers(settings)}, and {settings.layers} "
            "are kept"
        )
        raise NoHeads(name, reason)
    there = {tensor for path in weight_files(locate(settings), name) for tensor in _tensors(path, name)}
    lacking = sorted(head for head in HEADS if not any(tensor.startswith(head) for tensor in there))
    if lacking:
        raise NoHeads(name, f"its files lack the heads of its pre-training ({', '.join(lacking)}*)")


def _tensors(path: Path, name: str) -> list[str]:
    """The names in a safetensors file, from its header: the length of a JSON object, and that object."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            return list(json.loads(file.read(min(length, path.stat().st_size))))
    except ValueError as error:
        raise MissingBackbone(name, f"{path} cannot be read ({error}); copy or download it again") from error


def provenance(settings: BackboneSettings) -> dict[str, str | None]:
    """What was used, for records: `name`, `revision`, `identity` and `model_type`.

    `revision` is the commit of a hub's files; of a folder only the last part of its path is named.
    `name`, `revision` and `identity` are None for weights that are drawn.
    """
    if settings.name is None:
        return {"name": None, "revision": None, "identity": None, "model_type": model_type(settings)}
    folder = _local_folder(settings.name)
    return {
        "name": settings.name if folder is None else folder.resolve().name,
        "revision": _commit(settings),
        "identity": settings.identity or identity(settings),
        "model_type": model_type(settings),
    }


def identity(settings: BackboneSettings) -> str:
    """sha256 over config.json and the weight files of a named backbone; "" for one made from `config`.

    A hub name and a folder with the same files have the same identity.
    """
    if settings.name is None:
        return ""
    return files_digest(locate(settings), settings.name)


def files_digest(folder: Path, name: str) -> str:
    """sha256 over the files in `folder` that make the backbone `name`."""
    digest = hashlib.sha256()
    for path in [folder / CONFIG_FILE, *weight_files(folder, name)]:
        with path.open("rb") as file:
            digest.update(path.name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def locate(settings: BackboneSettings) -> Path:
    """The folder with a named backbone's files; hub files are downloaded unless HF_HUB_OFFLINE is set.

    The hub is asked once per process, so that all of a process works with one snapshot.

    Raises:
        MissingBackbone: when it is not there, is of no known family, cannot be invariant, or has only
            pickled weights.
    """
    name = str(settings.name)
    folder = _local_folder(name) or _snapshot(name, settings.revision)
    described = _description(folder, name)
    kind = described.get("model_type")
    if kind not in FAMILIES:
        known = ", ".join(f"{kind!r} ({family.title})" for kind, family in FAMILIES.items())
        raise MissingBackbone(name, f"its model_type is {kind!r}, and only {known} can be used here")
    if described.get("conv_pos_batch_norm"):
        raise MissingBackbone(
            name,
            "its position embedding normalises over the batch (conv_pos_batch_norm is true), so that the "
            "scores of an utterance would depend on its neighbours",
        )
    weight_files(folder, name)
    return folder


def _local_folder(name: str) -> Path | None:
    """The folder that a name means; None for a hub name."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "~", "/")):
        raise MissingBackbone(name, "there is no such folder")
    return None


def _description(folder: Path, name: str) -> dict[str, Any]:
    """What config.json says."""
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise MissingBackbone(name, f"it has no {CONFIG_FILE}")
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MissingBackbone(name, f"its {CONFIG_FILE} cannot be read ({error})") from error
    if not isinstance(described, dict):
        raise MissingBackbone(name, f"its {CONFIG_FILE} holds no settings")
    return described


def _commit(settings: BackboneSettings) -> str | None:
    """The commit of a hub's files, which is the name of their folder; None for a folder of one's own."""
    name = str(settings.name)
    if _local_folder(name) is not None:
        return None
    folder = _snapshot(name, settings.revision)
    return folder.name if folder.parent.name == "snapshots" else settings.revision


def weight_files(folder: Path, name: str) -> list[Path]:
    """The *.safetensors of a backbone's folder, by name."""
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    if any(folder.glob("*.bin")):
        raise MissingBackbone(name, f"its weights are pickled (*.bin); such weights {_NEVER_LOADED}")
    if _local_folder(name) is None:  # of a hub's files no other kind of weights was asked for
        reason = "either its download was cut short (run again with a network) or this revision has none"
        raise MissingBackbone(name, f"it has no *.safetensors: {reason}; pickled weights {_NEVER_LOADED}")
    raise MissingBackbone(name, "it has no *.safetensors")


@lru_cache(maxsize=16)
def _snapshot(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_PATTERNS))
    except Exception as error:  # the hub client raises a dozen unrelated kinds; all mean it is not here
        offline = os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "ON", "YES", "TRUE"}
        only = ", HF_HUB_OFFLINE allows only what is in its cache" if offline else ""
        reason = f"it is no folder here, and the hub did not give it ({type(error).__name__}{only})"
        raise MissingBackbone(name, reason) from error
