"""The MLflow mirror: records of the store, shown where people look; it can be replayed at any time."""

from sweeps.tracking._connection import default_tracking_uri
from sweeps.tracking._fill import Filled, fill
from sweeps.tracking._frame import read_frame
from sweeps.tracking._links import Links
from sweeps.tracking._mirror import Mirror
from sweeps.tracking._reading import from_mlflow
from sweeps.tracking._thread import MirrorReport, MirrorThread, close_all

__all__ = [
    "Filled",
    "Links",
    "Mirror",
    "MirrorReport",
    "MirrorThread",
    "close_all",
    "default_tracking_uri",
    "fill",
    "from_mlflow",
    "read_frame",
]
