"""MLflow's pages on a store: `after-ray ui`."""

from __future__ import annotations

import os
import sys

from after_ray.errors import AfterRayError
from after_ray.store import Store
from sweeps.listening import check_port
from sweeps.tracking import default_tracking_uri
from sweeps.tracking._connection import ENVIRONMENT, artifact_location, connect_to_read
from sweeps.tracking._links import curves_path, rows_path
from sweeps.tracking.addresses import is_server


class NothingToShow(AfterRayError):
    """A store whose database was never made."""

    def __init__(self, store: str) -> None:
        super().__init__(
            f"The store {store} has no mlflow.db to show; run a study into it first "
            f"('after-ray run STUDY.yaml --store {store}'), or name the store with --store."
        )


class NoPagesOfOurs(AfterRayError):
    """A tracking server has its own pages."""

    def __init__(self, tracking_uri: str) -> None:
        super().__init__(f"{tracking_uri} is a tracking server with pages of its own; open it in a browser.")


def serve(store: Store, tracking_uri: str, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Become an MLflow server on the store's database and artifacts; does not return.

    Raises:
        NothingToShow: when the store has no database.
        NoPagesOfOurs: when the tracking URI is a server already.
        PortTaken: when the port cannot be had.
    """
    command = server_command(store, tracking_uri, host, port)
    check_port(host, port)
    address = f"http://{host}:{port}"
    print(f"MLflow on {store.url}: {address} (stop with Ctrl-C)")
    for study, experiment in mirrored_studies(tracking_uri).items():
        print(f"learning curves of {study}: {address}{curves_path(experiment)}")
        print(f"table rows of {study}: {address}{rows_path(experiment)}")
    sys.stdout.flush()  # exec replaces this process together with what it has not printed
    environment = os.environ | ENVIRONMENT | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    os.execve(sys.executable, command, environment)


def mirrored_studies(tracking_uri: str) -> dict[str, str]:
    """Study -> id of its experiment."""
    found = connect_to_read(tracking_uri).search_experiments(filter_string="name LIKE 'after-ray/%'")
    return {experiment.name.partition("/")[2]: experiment.experiment_id for experiment in reversed(found)}


def server_command(store: Store, tracking_uri: str, host: str, port: int) -> list[str]:
    """The command line of the server, with every location named so that the working directory is not used."""
    if is_server(tracking_uri):
        raise NoPagesOfOurs(tracking_uri)
    if tracking_uri == default_tracking_uri(store) and not (store.root / "mlflow.db").is_file():
        raise NothingToShow(store.url)
    artifacts = artifact_location(tracking_uri, store)
    locations = {
        "--backend-store-uri": tracking_uri,
        "--default-artifact-root": artifacts,
        "--artifacts-destination": artifacts,
    }
    options = [text for name, value in locations.items() for text in (name, str(value))]
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        *options,
        "--host",
        host,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
