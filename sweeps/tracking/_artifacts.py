"""Files of runs, read back: from a folder directly, from a tracking server over a few connections at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

CONNECTIONS = 8  # an answer is 50 ms of waiting and 2 ms of work; MLflow keeps up to 10 connections open
_AHEAD = 128  # files in memory that nobody has taken yet


class Artifacts:
    """Reads files of runs by the run's artifact URI (`root`) and the file's name below it."""

    def __init__(self, tracking_uri: str) -> None:
        self._tracking_uri = tracking_uri

    def read(self, root: str, name: str) -> bytes | None:
        """One file; None where it is gone."""
        scheme = urlsplit(root).scheme
        if scheme in {"", "file"}:
            return _read_file(Path(unquote(urlsplit(root).path)) / name)
        if scheme == "mlflow-artifacts":
            return self._read_through_server(root, name)
        return self._read_elsewhere(root, name)

    def read_all(self, roots: Iterable[str], name: str) -> Iterator[bytes | None]:
        """The file of one name of several runs, in their order."""
        left = iter(roots)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            while some := list(islice(left, _AHEAD)):
                if urlsplit(some[0]).scheme in {"", "file"}:
                    yield from (self.read(root, name) for root in some)  # threads only cost here
                else:
                    yield from pool.map(lambda root: self.read(root, name), some)

    def _read_through_server(self, root: str, name: str) -> bytes | None:
        """One request; MLflow's own download asks first whether the file is a folder."""
        from mlflow.store.artifact.mlflow_artifacts_repo import MlflowArtifactsRepository
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.request_utils import _TRANSIENT_FAILURE_RESPONSE_CODES
        from mlflow.utils.rest_utils import augmented_raise_for_status, http_request

        address = MlflowArtifactsRepository.resolve_uri(root, self._tracking_uri)
        again = _TRANSIENT_FAILURE_RESPONSE_CODES - {500}
        response = http_request(get_default_host_creds(address), f"/{name}", "GET", retry_codes=again)
        if response.status_code == 404:
            return None
        # From a server that keeps files in a bucket, a file that is gone is an internal error.
        if response.status_code == 500 and not self._is_there(root, name):
            return None
        augmented_raise_for_status(response)
        return bytes(response.content)

    def _read_elsewhere(self, root: str, name: str) -> bytes | None:
        """From a bucket or wherever else a server lets its clients keep files."""
        if not self._is_there(root, name):
            return None
        with tempfile.TemporaryDirectory(prefix="after-ray-artifact-") as place:
            return Path(self._repository(root).download_artifacts(name, place)).read_bytes()

    def _is_there(self, root: str, name: str) -> bool:
        folder, _, _ = name.rpartition("/")
        return any(found.path == name for found in self._repository(root).list_artifacts(folder or None))

    def _repository(self, root: str) -> ArtifactRepository:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(root, tracking_uri=self._tracking_uri)


def _read_file(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
