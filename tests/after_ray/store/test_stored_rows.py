"""Arrays of stored files come out block by block as they went in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.errors import DamagedStore
from after_ray.store.artifacts import save_arrays
from after_ray.store.stored_rows import StoredRows


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int32])
@pytest.mark.parametrize("block_bytes", [1, 100, 10**6])
def test_blocks_are_the_array(tmp_path: Path, dtype: type, block_bytes: int) -> None:
    arrays = {name: np.arange(60, dtype=dtype).reshape(20, 3) + at for at, name in enumerate("abc")}
    save_arrays(tmp_path / "f", {**arrays, "flat": np.arange(5, dtype=dtype)})
    for name, array in arrays.items():
        stored = StoredRows(tmp_path / "f", name)
        blocks = list(stored.blocks(block_bytes))
        assert len(stored) == 20
        assert [first for first, _ in blocks] == np.cumsum(
            [0, *(len(rows) for _, rows in blocks[:-1])]
        ).tolist()
        np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), array)
        assert max(rows.nbytes for _, rows in blocks) <= max(block_bytes, 3 * array.itemsize)
    flat = np.concatenate([rows for _, rows in StoredRows(tmp_path / "f", "flat").blocks(16)])
    np.testing.assert_array_equal(flat, np.arange(5))


def test_what_is_no_such_array_is_refused(tmp_path: Path) -> None:
    save_arrays(tmp_path / "f", {"here": np.zeros((4, 2)), "bits": np.zeros(3, dtype=bool)})
    for name in ("elsewhere", "bits"):
        with pytest.raises(DamagedStore, match=f"no array '{name}'"):
            StoredRows(tmp_path / "f", name)
    (tmp_path / "g").write_bytes(b"\xff" * 40)
    with pytest.raises(DamagedStore, match="no array 'here'"):
        StoredRows(tmp_path / "g", "here")
    whole = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(whole[:-20])
    with pytest.raises(DamagedStore, match="ends too early"):
        list(StoredRows(tmp_path / "f", "here").blocks())
