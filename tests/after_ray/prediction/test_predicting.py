"""Many recordings at a time: in order, in batches, and one that is bad costs no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from after_ray.prediction import Prediction, Refused, Windows, predict
from tests.after_ray.prediction.heard import SECOND, LevelModel, level, write

TWO = Windows(2 * SECOND, 2 * SECOND, 2 * SECOND)


def test_recordings_come_in_order_whatever_their_lengths_and_batches(tmp_path: Path) -> None:
    lengths = [7.0, 0.5, 2.0, 4.5, 1.0, 3.0]
    levels = [0.1, 0.2, 0.3, 0.4, 0.55, 0.6]
    files = [
        write(tmp_path / f"{9 - place}.wav", level(one, seconds))
        for place, (one, seconds) in enumerate(zip(levels, lengths, strict=True))
    ]
    model = LevelModel()
    said = list(predict(model, files, TWO, batch=4, workers=3))
    spans = [(one.file, one.start, one.end) for one in said if isinstance(one, Prediction)]
    assert spans == [
        (file, start / SECOND, end / SECOND)
        for file, seconds in zip(files, lengths, strict=True)
        for start, end in TWO.spans(round(seconds * SECOND))
    ]
    assert model.batches == [4, 4, 4]
    for one in said:
        assert isinstance(one, Prediction)
        assert one.probabilities is not None
        assert one.probabilities[0] == pytest.approx(levels[files.index(one.file)], abs=1e-4)
        assert one.label(model.classes) == ("loud" if one.probabilities[0] > 0.5 else "quiet")


def test_a_bad_recording_is_one_sentence_and_the_rest_is_done(tmp_path: Path) -> None:
    good = write(tmp_path / "good.wav", level(0.2, 1))
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound\n" * 300)
    (tmp_path / "cut.wav").write_bytes(good.read_bytes()[:900])
    names = ["empty.wav", "good.wav", "text.wav", "cut.wav", "line\nbreak.wav", ".", "good.wav"]
    said = list(predict(LevelModel(), [tmp_path / name for name in names], TWO))
    assert [type(one) for one in said] == [
        Refused,
        Prediction,
        Refused,
        Refused,
        Refused,
        Refused,
        Prediction,
    ]
    sentences = [one.sentence for one in said if isinstance(one, Refused)]
    for words, sentence in zip(
        ("empty file", "Format not recognised", "cut to 900", "No such file", "it is a folder"),
        sentences,
        strict=True,
    ):
        assert words in sentence
        assert sentence.startswith(str(tmp_path))
        assert "\n" not in sentence


def test_a_window_on_which_the_model_fails_is_told_and_the_others_are_kept(tmp_path: Path) -> None:
    file = write(tmp_path / "a.wav", level(0.2, 2), level(0.9, 2), level(0.3, 2))
    said = list(predict(LevelModel(limit=0.5), [file], TWO))
    assert [type(one) for one in said] == [Prediction, Refused, Prediction]
    assert isinstance(said[1], Refused)
    assert said[1].sentence == f"The model gives nothing for {file} from 2 to 4 s: It is too loud."


def test_what_gives_no_numbers_is_told(tmp_path: Path) -> None:
    class Broken(LevelModel):
        def log_probabilities(self, waves):  # type: ignore[no-untyped-def]
            return np.full((len(waves), 2), np.nan)

    (said,) = predict(Broken(), [write(tmp_path / "a.wav", level(0.2, 1))], TWO)
    assert isinstance(said, Refused)
    assert "no numbers" in said.sentence


def test_errors_that_are_nobodys_fault_are_not_hidden(tmp_path: Path) -> None:
    class Broken(LevelModel):
        def log_probabilities(self, waves):  # type: ignore[no-untyped-def]
            raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(predict(Broken(), [write(tmp_path / "a.wav", level(0.2, 1))], TWO))


def test_silence_gets_no_label_and_a_recording_of_nothing_else_is_refused(tmp_path: Path) -> None:
    nothing = np.zeros(2 * SECOND, np.int16)
    gap = write(tmp_path / "gap.wav", nothing, level(0.2, 2), nothing, level(0.2, 2))
    quiet = write(tmp_path / "quiet.wav", *[nothing] * 35)  # longer than what is read at once
    model = LevelModel()
    *said, refused = predict(model, [gap, quiet], TWO)
    assert [one.label(model.classes) for one in said if isinstance(one, Prediction)] == [
        None, "quiet", None, "quiet"
    ]  # fmt: skip
    assert isinstance(refused, Refused)
    assert "silent" in refused.sentence
    assert model.batches == [2]


def test_who_stops_listening_leaves_no_thread_behind(tmp_path: Path) -> None:
    import threading

    before = threading.active_count()
    files = [write(tmp_path / f"{place}.wav", level(0.2, 5)) for place in range(20)]
    said = predict(LevelModel(), files, TWO, batch=1, workers=2)
    next(said)
    said.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
