"""A trained model served over HTTP, from MLflow's registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeps.commands._options import (
    DEFAULT_STORE,
    OwnClassifier,
    StoreOption,
    TrackingUri,
    one_sentence,
    quiet_libraries,
    refuse_no_store,
)

if TYPE_CHECKING:
    from sweeps.serving.registering import Registry

REGISTERED = "models:/"


def serve(
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
) -> None:
    """Register a model in MLflow, folder and all, and serve it until Ctrl-C."""
    with one_sentence(store):
        quiet_libraries()
        from after_ray.prediction import known_device
        from sweeps.listening import check_port
        from sweeps.tracking.addresses import is_server

        if tracking_uri is None or not is_server(tracking_uri):
            refuse_no_store(store)
        check_port(host, port)
        from after_ray.store import Store
        from sweeps.serving.registering import Registry

        known_device(device)
        registry = Registry.of(Store(store), tracking_uri, own_classifier)
        uri = model if model.startswith(REGISTERED) else _registered(registry, Path(model), name)
        _serve(registry, uri, host, port, device)


def _registered(registry: Registry, folder: Path, name: str | None) -> str:
    from after_ray.models.folder import read_facts

    facts = read_facts(folder, registry.own_classifier)
    return registry.register(folder, name or facts.study or folder.resolve().name)


def _serve(registry: Registry, uri: str, host: str, port: int, device: str) -> None:
    import uvicorn

    from sweeps.listening import is_loopback, shown
    from sweeps.serving.application import application

    local = is_loopback(host)
    served = application(registry.folder_of(uri), device, local, registry.own_classifier)
    print(f"{uri} of {registry.shown}: {shown(host, port)}/invocations (stop with Ctrl-C)", flush=True)
    if not local:
        from sweeps._console import errors

        errors.print(f"warning: everybody who reaches {host}:{port} can ask this model", markup=False)
    uvicorn.run(served, host=host, port=port, log_level="warning", access_log=False, limit_concurrency=32)
