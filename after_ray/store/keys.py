"""Keys: digests of what a stage means, never of paths, hosts or names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY_LENGTH = 32  # hexadecimal digits: 128 bits


def digest(kind: str, version: int, meaning: Mapping[str, Any]) -> str:
    """The key of a stage: digest of its kind, the version of its code's meaning, and its settings.

    `meaning` holds JSON values only; mapping order does not matter, the difference of 1 and 1.0 does,
    so settings are typed before they come here.
    """
    canonical = json.dumps(
        {"kind": kind, "version": version, "meaning": meaning},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=True,
        allow_nan=False,
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:KEY_LENGTH]
