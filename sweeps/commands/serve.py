"""A trained model served over HTTP, from MLflow's registry."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    NoStore,
    OwnClassifier,
    StoreOption,
    TrackingUri,
    one_sentence,
    quiet_libraries,
    refuse_no_store,
)

ENDED_BY_TERM = 128 + signal.SIGTERM  # as shells tell of it


def serve(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            help="Folder that 'after-ray export model' wrote, or models:/NAME/VERSION.", metavar="MODEL"
        ),
    ],
    store: StoreOption = DEFAULT_STORE,
    tracking_uri: TrackingUri = None,
    name: Annotated[
        str | None, typer.Option(help="In the registry; by default that of the study.", metavar="NAME")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5001,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    own_classifier: OwnClassifier = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Within which a request is answered.", metavar="SECONDS")
    ] = 300.0,
) -> None:
    """Register a model in MLflow, folder and all, and serve it until Ctrl-C.

    A folder is served without being registered where no store is named, and none is there.
    """
    with one_sentence(store):
        quiet_libraries()
        from after_ray.prediction import known_device
        from sweeps.listening import check_port
        from sweeps.serving.registering import REGISTERED, unregistered

        source = context.get_parameter_source("store")
        named = source is None or source.name != "DEFAULT"
        alone = not (named or tracking_uri or name or model.startswith(REGISTERED) or _is_store(store))
        if not alone:
            _refuse_no_registry(store, tracking_uri)
        check_port(host, port)
        known_device(device)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(ENDED_BY_TERM))  # else copies of models stay behind
        served = (
            unregistered(Path(model), own_classifier)
            if alone
            else _registered(model, store, tracking_uri, name, own_classifier)
        )
        with served as (shown, folder):
            _serve(shown, folder, host, port, device, timeout, own_classifier)


def _is_store(store: str) -> bool:
    try:
        refuse_no_store(store)
    except NoStore:
        return False
    return True


def _refuse_no_registry(store: str, tracking_uri: str | None) -> None:
    """A server has a registry of its own; else it lies in the store."""
    from sweeps.tracking.addresses import is_server

    if tracking_uri is None or not is_server(tracking_uri):
        refuse_no_store(store)


@contextmanager
def _registered(
    model: str, store: str, tracking_uri: str | None, name: str | None, own_classifier: str | None
) -> Iterator[tuple[str, Path]]:
    """The entry of a model, and where its files are."""
    from after_ray.models.folder import read_facts
    from after_ray.store import Store
    from sweeps.serving.registering import REGISTERED, Registry

    registry, uri = Registry.of(Store(store), tracking_uri, own_classifier), model
    if not model.startswith(REGISTERED):
        folder = Path(model)
        uri = registry.register(
            folder, name or read_facts(folder, own_classifier).study or folder.resolve().name
        )
    yield f"{uri} of {registry.shown}", registry.folder_of(uri)


def _serve(
    what: str, folder: Path, host: str, port: int, device: str, timeout: float, own_classifier: str | None
) -> None:
    import uvicorn

    from sweeps.listening import is_loopback, shown
    from sweeps.serving.application import application

    served = application(folder, device, host, timeout, own_classifier)
    print(f"{what}: {shown(host, port)}/invocations (stop with Ctrl-C)", flush=True)
    if not is_loopback(host):
        from sweeps._console import errors

        errors.print(f"warning: everybody who reaches {host}:{port} can ask this model", markup=False)
    uvicorn.run(served, host=host, port=port, log_level="warning", access_log=False, limit_concurrency=32)
