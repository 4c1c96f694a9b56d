"""Where a backbone's files are and what they are, without torch: a study is resolved before it is run."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import MissingBackbone, UnknownName

# The arguments of transformers.Wav2Vec2Config that shape or train a backbone here. The class itself takes
# any word without complaint, and its masking and loss arguments would do nothing: `adaptation` sets those.
ARCHITECTURE = frozenset(
    {
        *("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act"),
        *("hidden_dropout", "activation_dropout", "attention_dropout", "layerdrop"),
        *("feat_proj_dropout", "feat_quantizer_dropout", "initializer_range", "layer_norm_eps"),
        *("feat_extract_norm", "feat_extract_activation", "do_stable_layer_norm"),
        *("conv_dim", "conv_stride", "conv_kernel", "conv_bias"),
        *("num_conv_pos_embeddings", "num_conv_pos_embedding_groups"),
        *("num_codevectors_per_group", "num_codevector_groups", "codevector_dim", "proj_codevector_dim"),
    }
)

CONFIG_FILE = "config.json"
_PATTERNS = [CONFIG_FILE, "*.safetensors", "*.safetensors.index.json"]


def resolve(settings: BackboneSettings) -> BackboneSettings:
    """`settings` with `identity` filled in for a named backbone, its configuration checked otherwise.

    Raises:
        MissingBackbone: when the named files are not there or cannot be used.
        UnknownName: for a configuration argument that means nothing here.
    """
    if settings.config is not None:
        check_config(settings)
        return settings
    return settings.model_copy(update={"identity": identity(settings)})


def check_config(settings: BackboneSettings) -> None:
    """Refuse configuration arguments that nothing reads, which are mostly spelling mistakes."""
    for name in settings.config or {}:
        if name not in ARCHITECTURE:
            raise UnknownName("backbone configuration argument", name, ARCHITECTURE)


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
        MissingBackbone: when it is not there, is no wav2vec 2.0, or has only pickled weights.
    """
    name = settings.name or ""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "~", "/")):
            raise MissingBackbone(name, "there is no such folder")
        folder = _snapshot(name, settings.revision)
    if not (folder / CONFIG_FILE).is_file():
        raise MissingBackbone(name, f"it has no {CONFIG_FILE}")
    kind = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")).get("model_type")
    if kind != "wav2vec2":
        raise MissingBackbone(name, f"its model_type is {kind!r}, and only 'wav2vec2' can be adapted here")
    weight_files(folder, name)
    return folder


def weight_files(folder: Path, name: str) -> list[Path]:
    """The *.safetensors of a backbone's folder, by name."""
    found = sorted(folder.glob("*.safetensors"))
    if found:
        return found
    if any(folder.glob("*.bin")):
        raise MissingBackbone(
            name,
            "its weights are pickled (*.bin), which could run foreign code and are never loaded; name a "
            "'revision' that has *.safetensors or convert the file once where you trust it",
        )
    raise MissingBackbone(name, "it has no *.safetensors")


@lru_cache(maxsize=16)
def _snapshot(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_PATTERNS))
    except Exception as error:  # the hub client raises a dozen unrelated kinds; all mean it is not here
        reason = f"it is no folder here, and the hub did not give it ({type(error).__name__})"
        raise MissingBackbone(name, reason) from error
