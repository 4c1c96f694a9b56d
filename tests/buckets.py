"""Buckets in this process' memory, named by addresses like any other, and what is asked of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from after_ray.store.places import opening
from after_ray.store.places.bucket import Bucket

ADDRESS = "s3://memory"
REQUESTS = ("put", "get", "head", "list", "list_with_delimiter", "delete", "copy")


def buckets_in_memory(node: Path, patch: pytest.MonkeyPatch) -> MemoryStore:
    """From now on all below `ADDRESS` lies in this memory; `node`: where what is this node's goes."""
    memory = MemoryStore()
    patch.setenv("AFTER_RAY_CACHE", str(node))
    patch.setattr(opening, "_bucket", lambda url: Bucket(ADDRESS, memory, url.removeprefix(f"{ADDRESS}/")))
    return memory


class Asked:
    """Requests by their name; `in_turn`: those that are asked one after the other, each waited for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.requests, self.in_turn = Counter[str](), Counter[str]()
        for name in REQUESTS:
            patch.setattr(obstore, name, self._counting(name, getattr(obstore, name)))

    def _counting(self, name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*given: Any, **named: Any) -> Any:
            self.requests[name] += 1
            if threading.current_thread() is threading.main_thread():
                self.in_turn[name] += 1
            return ask(*given, **named)

        return counting

    def forget(self) -> None:
        """Count anew."""
        self.requests.clear()
        self.in_turn.clear()
