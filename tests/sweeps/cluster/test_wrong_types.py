"""Whatever stands at a place of a cluster file, the check ends in findings."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeps.cluster.checking import check
from sweeps.cluster.reading import BadClusterFile, read_cluster
from tests.sweeps.cluster.filled import FILES, filled, written


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (*place, key)
        yield from places(value[key], (*place, key))


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [None, 3, [1], float("inf")], ids=repr)
@pytest.mark.parametrize("name", FILES)
def test_a_wrong_type_at_any_place_is_no_crash(tmp_path: Path, name: str, wrong: Any) -> None:
    documents = list(yaml.safe_load_all(filled(name)))
    tried = 0
    for place in places(documents):
        broken = copy.deepcopy(documents)
        inside: Any = broken
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] = wrong
        path = written(tmp_path, yaml.safe_dump_all(broken))
        tried += 1
        try:
            found = check(read_cluster(path))
        except BadClusterFile:
            continue
        assert all(finding.sentence for finding in found)
    assert tried > 25
