"""The model of what people have labelled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from after_ray.models import FACTS_FILE, Model
from sweeps.cli import app
from tests.sweeps.labelling.conftest import Begin, Recordings, went_on


def export(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["export", *map(str, words)])
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.slow
def test_the_last_round_that_is_trained(begin: Begin, recordings: Recordings, tmp_path: Path) -> None:
    opened = begin()
    store, out = ("--store", opened.store.url), tmp_path / "model"
    code, said = export("model", *store, "--out", out)
    assert code == 1
    assert "is not trained yet" in said
    assert "after-ray annotate next --study calls" in said
    asked = opened.stands().asked
    assert asked is not None
    opened.journal.add(recordings.answers(asked.clips), "page")
    went_on(opened)
    code, said = export("model", *store, "--out", out)
    assert code == 0, said
    assert json.loads((out / FACTS_FILE).read_text())["key"] == opened.trajectory.first.key
    assert "35 % of train" in said
    assert Model.load(out).classes == ("anger", "happy", "neutral", "sad")
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "by people who listened to what was asked for" in card
    code, said = export(opened.trajectory.first.key[:10], *store, "--out", tmp_path / "same")
    assert code == 0, said
    assert (tmp_path / "same" / "after_ray.json").exists()
    code, said = export("model", *store, "--labelling", "other", "--out", tmp_path / "no")
    assert (code, "no labelling of 'other'" in said) == (1, True)
