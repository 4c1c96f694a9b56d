"""The libraries that selections are measured against: where they are, and which versions."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / ".peers"


def peer(module: str) -> Any:
    """A module of a peer, imported from where `make peers` installs them."""
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))  # last: what they bring must not come before what is pinned
    try:
        return import_module(module)
    except ImportError as error:
        sys.exit(f"The peer '{module}' cannot be imported ({error}); install the peers with 'make peers'.")


def versions(*names: str) -> dict[str, str]:
    """Versions of peers by the names they are installed by."""
    return {name: version(name) for name in names}
