"""Model folders: written at once or not at all, read with suspicion."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydantic import ValidationError

from after_ray.classifiers._settings import is_own
from after_ray.errors import OccupiedFolder, UnfitModel
from after_ray.files import sha256_of, temporary_beside, write_json
from after_ray.models.facts import FACTS_FILE, FORMAT, ModelFacts, Scripted
from after_ray.models.naming import BACKBONE, CLASSIFIER, PRETRAINED, as_transformer, prefixed
from after_ray.models.own import check_own
from after_ray.models.safety import MODELING_FILE, SCRIPT_FILE, check_files
from after_ray.weights import Weights

logger = logging.getLogger(__name__)
WEIGHTS_FILE = "model.safetensors"
LONGEST_FACTS = 1_000_000  # bytes
_EXPORT = "Name a folder that 'after-ray export model' wrote"


@dataclass(frozen=True)
class Parts:
    """Weights of a model: of the classifier, of the backbone below it, of what was learned before."""

    classifier: Weights
    backbone: Weights | None = None
    pretrained: Weights | None = None

    def named(self, facts: ModelFacts) -> dict[str, NDArray[Any]]:
        """As they stand in the file."""
        if facts.kind == "transformer":
            assert self.backbone is not None
            return as_transformer(self.classifier, self.backbone)
        return {
            **prefixed(CLASSIFIER, self.classifier),
            **prefixed(BACKBONE, self.backbone),
            **prefixed(PRETRAINED, self.pretrained),
        }


def write_model(
    out: Path,
    facts: ModelFacts,
    parts: Parts,
    beside: Callable[[Path, ModelFacts], ModelFacts] = lambda folder, facts: facts,
) -> ModelFacts:
    """Write a model folder, all at once; nothing is there after a failure.

    Args:
        out: a place at which nothing is yet.
        facts: what is said of it.
        parts: its weights.
        beside: writes further files into the folder, and may say more in the facts.

    Returns:
        The facts as written.

    Raises:
        OccupiedFolder: when something is at `out`.
    """
    from after_ray.store.artifacts import save_arrays

    if os.path.lexists(out):
        raise OccupiedFolder(out, "a new model")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(out)
    try:
        temporary.mkdir()
        save_arrays(temporary / WEIGHTS_FILE, parts.named(facts), {"format": "pt"})
        facts = beside(temporary, facts)
        write_json(temporary / FACTS_FILE, facts.model_dump(mode="json"))
        for path in temporary.iterdir():  # some libraries write for the owner alone
            path.chmod((temporary / FACTS_FILE).stat().st_mode)
        if os.path.lexists(out):
            raise OccupiedFolder(out, "a new model")
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return facts


def read_folder(
    folder: Path, own_classifier: str | None = None
) -> tuple[ModelFacts, dict[str, NDArray[Any]]]:
    """What a model folder says of itself, and its weights by the names that they have in the file.

    Nothing in the folder is run or unpickled, and nothing imported for it but what `own_classifier` names.

    Args:
        folder: as `write_model` wrote it.
        own_classifier: the class of somebody's own, `module:Class`, that may be imported for it.

    Raises:
        UnfitModel: for a folder that is none, or that holds what is never loaded.
    """
    facts = read_facts(folder, own_classifier)
    _warn_of_other_code(folder)
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return facts, load_file(folder / WEIGHTS_FILE)
    except FileNotFoundError:
        raise UnfitModel(folder, f"it has no {WEIGHTS_FILE}", _EXPORT) from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        reason = f"its {WEIGHTS_FILE} cannot be read ({_first_line(error)})"
        raise UnfitModel(folder, reason, "Copy or export it again") from error


def _warn_of_other_code(folder: Path) -> None:
    """Code that plain transformers would run, and that this version did not write; it is not run here."""
    ours = Path(__file__).parent / "transformers" / MODELING_FILE
    if (found := folder / MODELING_FILE).is_file() and found.read_bytes() != ours.read_bytes():
        logger.warning(
            "%s is not the one of this version: another version wrote it, or somebody changed it. "
            "It is not run here; read it before you let transformers run it with trust_remote_code.",
            found,
        )


def read_facts(folder: Path, own_classifier: str | None = None) -> ModelFacts:
    """What a model folder says of itself, its files looked at; the weights are not read.

    Args:
        folder, own_classifier: as of `read_folder`.

    Raises:
        UnfitModel: as `read_folder`.
    """
    if not folder.is_dir():
        raise UnfitModel(folder, "it is no folder" if folder.exists() else "it is not there", _EXPORT)
    path = folder / FACTS_FILE
    if path.is_symlink() or not path.is_file():
        raise UnfitModel(folder, f"it has no {FACTS_FILE}", _EXPORT)
    said = _read_json(folder, path)
    check_files(folder, said.get("scripted") is not None)
    _check_scripted(folder, said.get("scripted"))
    classifier = said.get("classifier")
    name = classifier.get("name") if isinstance(classifier, dict) else None
    if isinstance(name, str) and is_own(name):  # its settings are read by its own code, last of all
        check_own(folder, name, own_classifier)
    with _told(folder):
        return ModelFacts.model_validate(said)


def _read_json(folder: Path, path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LONGEST_FACTS:
            raise ValueError(f"{path.stat().st_size} bytes, at most {LONGEST_FACTS} are read")
        said = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(said, dict):
            raise ValueError("it holds no settings")
    except (ValueError, RecursionError, OSError) as error:
        reason = f"its {FACTS_FILE} cannot be read ({_first_line(error)})"
        raise UnfitModel(folder, reason, "Copy or export it again") from error
    found = said.get("format")
    if found != FORMAT:
        reason = f"its {FACTS_FILE} has the format {found!r}, and this version reads {FORMAT}"
        newer = isinstance(found, int) and found > FORMAT
        remedy = "Use the version that wrote it, or a newer one" if newer else "Export the model again"
        raise UnfitModel(folder, reason, remedy)
    return said


def _check_scripted(folder: Path, said: Any) -> None:
    if said is None:
        return
    with _told(folder, "scripted."):
        scripted = Scripted.model_validate(said)
    path = folder / SCRIPT_FILE
    if not path.is_file() or sha256_of(path) != scripted.sha256:
        reason = f"{path.name} is not the file that its {FACTS_FILE} names"
        raise UnfitModel(folder, reason, "Remove it from both, or export the model again")


@contextmanager
def _told(folder: Path, below: str = "") -> Iterator[None]:
    """The first thing that its facts cannot say, in one sentence."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        where = below + ".".join(str(part) for part in first["loc"])
        reason = f"its {FACTS_FILE} says what cannot be ({where}: {first['msg'].rstrip('.')})"
        own = first["type"] == "own_classifier"
        remedy = "Get the module from whoever made the model" if own else "Export the model again"
        raise UnfitModel(folder, reason, remedy) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
