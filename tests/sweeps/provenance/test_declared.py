"""A store remembers when a study first had its families of comparisons."""

import pytest

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
    assert declared_at(made.study, made.store) is None
    note_declaration(made.study, made.store)
    clock[0] = 200.0
    note_declaration(made.study, made.store)
    assert declared_at(made.study, made.store) == 100.0


def test_other_families_are_another_declaration(tmp_path, clock):
    made = small_study(tmp_path, families=[FAMILY])
    note_declaration(made.study, made.store)
    changed = small_study(tmp_path, families=[FAMILY | {"ratios": [10, 20]}])
    assert declared_at(changed.study, changed.store) is None
    clock[0] = 300.0
    note_declaration(changed.study, changed.store)
    assert declared_at(changed.study, changed.store) == 300.0
    assert declared_at(made.study, made.store) == 100.0


def test_a_study_without_families_declares_nothing(tmp_path):
    made = small_study(tmp_path)
    note_declaration(made.study, made.store)
    assert declared_at(made.study, made.store) is None
    assert not (made.store.root / "declarations").exists()
