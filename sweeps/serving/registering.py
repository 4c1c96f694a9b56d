"""Model folders in MLflow's registry: an entry has the folder with it, and equal folders are one version."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from after_ray.errors import AfterRayError
from after_ray.files import sha256_of
from after_ray.store import Store
from after_ray.wording import printable
from sweeps.tracking._connection import artifact_location, connect, connect_to_read, default_tracking_uri
from sweeps.tracking.errors import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

REGISTERED = "models:/"
DIGEST = "after_ray.digest"
EXPERIMENT = "after-ray-models"  # not 'after-ray/...': those are studies
CODE = Path(__file__).with_name("registered_code.py")
PACKAGE = "after-ray"
NO_BARS = ("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
LOADER = "mlflow.pyfunc.loaders.code_model"  # runs a file; others unpickle


class UnfitEntry(AfterRayError):
    """An entry of the registry that is not served."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(
            f"The registered model {uri} cannot be used: {reason}; name a folder that 'after-ray export "
            "model' wrote, or an entry that 'after-ray serve' made of one (models:/NAME/VERSION)."
        )


@dataclass(frozen=True)
class Registry:
    """The registry beside a tracker.

    Attributes:
        uri: of the tracker; a server, or a database.
        client: for it.
        artifacts: where files of models are kept; None where a server says.
        own_classifier: the class that may be imported for a model of somebody's own.
    """

    uri: str
    client: MlflowClient
    artifacts: str | None
    own_classifier: str | None = None

    @classmethod
    def of(cls, store: Store, tracking_uri: str | None, own_classifier: str | None = None) -> Registry:
        """The registry of a store, or that of another tracker, which has to be there.

        Raises:
            TrackerUnreachable, DatabaseUnusable: when it cannot be opened.
        """
        os.environ.setdefault(*NO_BARS)
        uri = tracking_uri or default_tracking_uri(store)
        own = uri == default_tracking_uri(store)
        client = connect(uri, store, "after-ray mirror") if own else connect_to_read(uri)
        import mlflow

        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        return cls(uri, client, artifact_location(uri, store), own_classifier)

    @property
    def shown(self) -> str:
        """The tracker as it may be printed."""
        return without_password(self.uri)

    def register(self, folder: Path, name: str) -> str:
        """The URI of the version that holds this folder; made, unless one is there.

        Raises:
            UnfitModel: when the folder is no model, or has a pickle inside.
        """
        from after_ray.models import Model

        Model.load(folder, own_classifier=self.own_classifier)
        digest = digest_of(folder)
        return self._version_of(name, digest) or self._new_version(folder, name, digest)

    def folder_of(self, uri: str) -> Path:
        """A local folder with all that is registered under a URI, looked at before anything of it is loaded.

        Raises:
            UnfitEntry: when there is none, or it would run other code than that of this package.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            folder = Path(mlflow.artifacts.download_artifacts(uri))
        except (MlflowException, OSError) as error:
            raise UnfitEntry(uri, _first_line(error)) from error
        _refuse_foreign(uri, folder, self.own_classifier)
        return folder

    def _version_of(self, name: str, digest: str) -> str | None:
        found = self.client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"])
        for one in found:
            uri = f"{REGISTERED}{name}/{one.version}"
            if one.tags.get(DIGEST) == digest:
                with contextlib.suppress(UnfitEntry):  # its files may be gone
                    self.folder_of(uri)
                    return uri
        return None

    def _new_version(self, folder: Path, name: str, digest: str) -> str:
        import mlflow
        from mlflow.exceptions import MlflowException

        mlflow.set_experiment(experiment_id=self._experiment())
        try:
            self._name(name)
            with _quiet():
                info: Any = mlflow.pyfunc.log_model(name="model", **_entry_of(folder))
            made = self.client.create_model_version(
                name, info.model_uri, tags={DIGEST: digest}, model_id=info.model_id
            )
        except MlflowException as error:
            raise AfterRayError(
                f"MLflow does not take the model as '{name}' ({_first_line(error)}); choose another --name, "
                "or another --tracking-uri."
            ) from error
        return f"{REGISTERED}{name}/{made.version}"

    def _name(self, name: str) -> None:
        """Make the name under which versions stand; another process may be first."""
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self.client.create_experiment(EXPERIMENT, artifact_location=self.artifacts))


@contextlib.contextmanager
def unregistered(folder: Path, own_classifier: str | None = None) -> Iterator[tuple[str, Path]]:
    """What to call a folder that no registry has, and what would be registered of it, while it is served.

    Raises:
        UnfitModel: as `Registry.register`.
    """
    os.environ.setdefault(*NO_BARS)
    import mlflow

    from after_ray.models import Model

    Model.load(folder, own_classifier=own_classifier)
    with TemporaryDirectory(prefix="after-ray-") as there:
        kept = Path(there, "model")
        with _quiet():
            mlflow.pyfunc.save_model(str(kept), **_entry_of(folder))
        yield f"{printable(str(folder))}, in no registry", kept


def _entry_of(folder: Path) -> dict[str, Any]:
    """What MLflow keeps of a folder: all of it, and no code but this package's."""
    from sweeps.serving.scoring import DEVICE, FOLDER, OWN, signature

    return {
        "python_model": str(CODE),
        "artifacts": {FOLDER: str(folder.resolve())},
        "model_config": {DEVICE: "cpu", OWN: ""},  # whoever serves it allows it anew
        "signature": signature(),
        "pip_requirements": [f"{PACKAGE}=={version(PACKAGE)}"],
    }


def digest_of(folder: Path) -> str:
    """SHA-256 over names and bytes of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = (f"{sha256_of(path)} {path.relative_to(folder).as_posix()}\n" for path in files)
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _refuse_foreign(uri: str, folder: Path, own_classifier: str | None) -> None:
    """Loading an entry runs its code, or unpickles it, when it is not one of ours."""
    from after_ray.models.folder import read_facts
    from sweeps.serving.scoring import FOLDER

    try:
        said = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        how = said["flavors"]["python_function"]
        ours = how["loader_module"] == LOADER and not how.get("code")
        code = folder / Path(how["model_code_path"]).name  # as MLflow looks for it
        kept = folder / how["artifacts"][FOLDER]["path"]
        inside = all(path.resolve().is_relative_to(folder.resolve()) for path in (code, kept))
        ours = ours and inside and code.read_bytes() == CODE.read_bytes()
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise UnfitEntry(uri, "it is not one that 'after-ray serve' made") from error
    if not ours or any(path.suffix == ".pkl" for path in folder.rglob("*")):
        raise UnfitEntry(uri, "it would run other code than that of this package")
    read_facts(kept, own_classifier)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """MLflow gives advice of several lines about type hints and examples, which need none here."""
    logger = logging.getLogger("mlflow")
    before = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(before)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
