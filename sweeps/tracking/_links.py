"""Addresses on MLflow's pages: the learning curves of a study, and a search that finds its table rows."""

from __future__ import annotations

import shlex
from typing import NamedTuple
from urllib.parse import quote

from after_ray.store import Store
from sweeps.tracking._connection import default_tracking_uri
from sweeps.tracking._names import KIND
from sweeps.tracking._summary import SUMMARY
from sweeps.tracking._view import SHARE_KEY
from sweeps.tracking.addresses import is_server
from sweeps.tracking.errors import without_password

PAGES = "http://127.0.0.1:5000"  # where `after-ray ui` serves a database by default
ROWS_QUERY = f"tags.`{KIND}` = '{SUMMARY}'"


class Links(NamedTuple):
    """Where people look at a study: `server` is the command that serves the pages, empty for a server."""

    curves: str
    rows: str
    server: str

    def lines(self, study: str) -> list[str]:
        """What is printed after a launch."""
        first = f"MLflow's pages: {self.server}, then open" if self.server else "MLflow's pages:"
        return [
            first,
            f"  learning curves of {study}: {self.curves}",
            f"  table rows of {study}: {self.rows}",
        ]


def links_of(tracking_uri: str, store: Store, experiment: str) -> Links:
    """The addresses of one experiment; a database is seen through `after-ray ui`."""
    server = "" if is_server(tracking_uri) else ui_command(tracking_uri, store)
    address = PAGES if server else tracking_uri.rstrip("/")
    return Links(address + curves_path(experiment), address + rows_path(experiment), server)


def ui_command(tracking_uri: str, store: Store) -> str:
    """The command that serves the pages of a database."""
    words = ["after-ray", "ui", "--store", store.url]
    if tracking_uri != default_tracking_uri(store):
        words += ["--tracking-uri", without_password(tracking_uri)]
    return shlex.join(words)


def curves_path(experiment: str) -> str:
    """Where the learning curves are, below the address of a server."""
    return f"/#/experiments/{experiment}/runs?compareRunsMode=CHART&viewStateShareKey={SHARE_KEY}"


def rows_path(experiment: str) -> str:
    """A search that finds the summary runs; other conditions can be added to it in the page."""
    return f"/#/experiments/{experiment}/runs?searchFilter={quote(ROWS_QUERY)}"
