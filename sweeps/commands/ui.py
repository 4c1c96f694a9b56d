"""MLflow's pages on a store."""

from __future__ import annotations

from typing import Annotated

import typer

from sweeps.commands._options import DEFAULT_STORE, StoreOption, TrackingUri, one_sentence


def ui(
    store: StoreOption = DEFAULT_STORE,
    tracking_uri: TrackingUri = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
) -> None:
    """Open MLflow's pages on a store."""
    with one_sentence(store):
        from after_ray.store import Store
        from sweeps.tracking import default_tracking_uri
        from sweeps.ui import serve

        serve(Store(store), tracking_uri or default_tracking_uri(Store(store)), host, port)
