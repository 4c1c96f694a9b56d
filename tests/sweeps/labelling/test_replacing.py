"""A batch never takes the place of answers that are nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sweeps.labelling import csv_batch, label_studio
from sweeps.labelling.incoming import take
from sweeps.labelling.replacing import BatchInTheWay, refuse_csv_loss, refuse_tasks_loss
from tests.sweeps.labelling.calls import read_rows, write_rows
from tests.sweeps.labelling.conftest import Begin


def test_a_table_is_replaced_only_once_its_answers_are_taken_in(begin: Begin, tmp_path: Path) -> None:
    opened, file = begin(), tmp_path / "batch.csv"
    refuse_csv_loss(file, opened.journal)
    csv_batch.write(file, opened.stands().waiting, opened.root)
    refuse_csv_loss(file, opened.journal)
    rows = read_rows(file)
    rows[0]["label"], rows[1]["label"] = "sad", "cannot tell"
    write_rows(file, rows)
    before = file.read_bytes()
    with pytest.raises(BatchInTheWay, match=r"batch.csv is there and has 2 answers that nobody has taken in"):
        refuse_csv_loss(file, opened.journal)
    assert file.read_bytes() == before
    take(opened, opened.stands(), file, csv_batch.read(file, "ann"), "csv")
    refuse_csv_loss(file, opened.journal)


@pytest.mark.parametrize("content", [b"", b"path,emotion\na,b\n", b"\x00\x01", b"thesis"])
def test_what_is_no_batch_is_never_replaced(begin: Begin, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "batch.csv"
    file.write_bytes(content)
    with pytest.raises(BatchInTheWay, match="is there and is no batch"):
        refuse_csv_loss(file, begin().journal)


def test_tasks_are_replaced_only_where_they_have_no_answers(begin: Begin, tmp_path: Path) -> None:
    opened, file = begin(), tmp_path / "tasks.json"
    refuse_tasks_loss(file)
    label_studio.write(file, opened.stands().waiting, opened.labelling.classes)
    refuse_tasks_loss(file)
    tasks = json.loads(file.read_text())
    for answered in (
        [one | {"annotations": []} for one in tasks],
        [one["data"] | {"emotion": "sad"} for one in tasks],
        {"no": "list"},
        ["text"],
    ):
        file.write_text(json.dumps(answered))
        with pytest.raises(BatchInTheWay, match="no batch of tasks without answers"):
            refuse_tasks_loss(file)
