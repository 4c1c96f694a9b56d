"""What the store keeps of the code that made results: one file per state, named by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FOLDER = "provenance"
DIGEST_LENGTH = 16  # hexadecimal digits


def digest_of_code(state: Mapping[str, Any]) -> str:
    """Names a state of the code in records."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:DIGEST_LENGTH]


def code_file(digest: str) -> str:
    """Where in a store a state is kept."""
    return f"{FOLDER}/{digest}.json"
