"""A store remembers when a study first had its families of comparisons."""

import pytest

from after_ray.errors import AfterRayError
from sweeps.provenance import declared
from sweeps.provenance.declared import declared_at, note_declaration
from tests.sweeps.small import small_study

FAMILY = {"name": "few labels", "compare": "strategy", "against": "random", "ratios": 20}


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(declared.time, "time", lambda: now[0])
    return now


def test_the_first_launch_counts(tmp_path, clock):
    made = small_study(tmp_path, families=[FAMILY])
    assert declared_at(made.study, made.store, finished=False) is None
    note_declaration(made.study, made.store)
    clock[0] = 200.0
    note_declaration(made.study, made.store)
    assert declared_at(made.study, made.store, finished=False) == 100.0


def test_other_families_are_another_declaration(tmp_path, clock):
    made = small_study(tmp_path, families=[FAMILY])
    note_declaration(made.study, made.store)
    changed = small_study(tmp_path, families=[FAMILY | {"ratios": [10, 20]}])
    assert declared_at(changed.study, changed.store, finished=False) is None
    clock[0] = 300.0
    note_declaration(changed.study, changed.store)
    assert declared_at(changed.study, changed.store, finished=False) == 300.0
    assert declared_at(made.study, made.store, finished=False) == 100.0


def test_a_study_without_families_declares_nothing(tmp_path):
    made = small_study(tmp_path)
    note_declaration(made.study, made.store)
    assert declared_at(made.study, made.store, finished=False) is None
    assert not (made.store.root / "declarations").exists()


def test_families_that_no_launch_had_came_after_cells_that_are_finished(tmp_path):
    made = small_study(tmp_path, families=[FAMILY])
    assert declared_at(made.study, made.store, finished=True) == float("inf")
    assert declared_at(made.study, made.store, finished=False) is None


def test_another_region_of_equivalence_is_another_declaration(tmp_path, clock):
    made = small_study(tmp_path, families=[FAMILY], equivalence=1)
    note_declaration(made.study, made.store)
    widened = small_study(tmp_path, families=[FAMILY], equivalence=50)
    assert declared_at(widened.study, widened.store, finished=True) == float("inf")


@pytest.mark.parametrize("damage", ["", "{", '{"declared": null}', "[]"])
def test_a_damaged_note_is_one_sentence(tmp_path, damage):
    made = small_study(tmp_path, families=[FAMILY])
    note_declaration(made.study, made.store)
    (note,) = (made.store.root / "declarations" / "small").iterdir()
    note.write_text(damage)
    with pytest.raises(AfterRayError, match=r"cannot be read .* or remove it"):
        declared_at(made.study, made.store, finished=True)
