"""Beginning a labelling: what of a study is taken, what is refused, and that a refusal leaves nothing."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from after_ray.backbones.loading import arrays, build
from after_ray.backbones.origin import Began, Origin, Trained
from after_ray.backbones.settings import BackboneSettings
from after_ray.backbones.writing import write_backbone
from after_ray.errors import AfterRayError, HeardTest, UnboughtLabels
from after_ray.labelling import STUDY_FILE, Labelling, labelling_place, labellings
from after_ray.store import Store
from sweeps.labelling import starting
from sweeps.labelling.starting import LabellingThere, NoChoiceYet, SeveralWays, Wishes, one_way, start
from sweeps.planning.opening import OpenStudy
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from tests.after_ray.tiny import TINY
from tests.sweeps.labelling.calls import CLASSES, study_in
from tests.sweeps.labelling.conftest import Recordings

FOUR = tuple(CLASSES.split(","))
CONFIG = {name: list(value) if isinstance(value, tuple) else value for name, value in TINY.items()}
TRANSFORMER = {
    "classifier": {"name": "pooled_transformer", "fitting": {"max_epochs": 1, "batch_size": 8}},
    "backbone": {"config": CONFIG},
}
OF_SIMULATIONS = {
    "ratios", "reference", "families", "equivalence", "targets", "replays", "parts", "search",
    "selected_from", "label_noise",
}  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def audio(recordings: Recordings) -> Path:
    return recordings.folder / "unknown.csv"


def begun(
    folder: Path, store: Store, wishes: Wishes, *overrides: str, **changed: Any
) -> tuple[Labelling, OpenStudy]:
    return start(study_in(folder, **changed), overrides, wishes, store)


def refused(folder: Path, store: Store, wishes: Wishes, *overrides: str, **changed: Any) -> str:
    """The sentence of a refusal, which leaves nothing of a labelling in the store."""
    with pytest.raises(AfterRayError) as told:
        begun(folder, store, wishes, *overrides, **changed)
    assert not (store.root / "labelling").exists()
    assert labellings(store.place) == []
    return str(told.value)


def test_the_studys_choices_stand_on_recordings_that_nobody_has_labelled(
    tmp_path: Path, store: Store, audio: Path
) -> None:
    labelling, opened = begun(tmp_path, store, Wishes(audio, FOUR, 2, True, 5, 6), seed=3, fold=1)
    assert labellings(store.place) == [labelling]
    assert (labelling.study, labelling.classes, labelling.per_clip) == ("calls", FOUR, 2)
    study, known = opened.study, load_study(study_in(tmp_path), ())
    (people,), (corpus,) = study.annotation, study.corpus
    assert (people.labelling, people.by, people.validation, people.test) == (labelling.name, "soft", 5, 6)
    assert (corpus.name, corpus.file, corpus.classes) == ("csv", str(audio), FOUR)
    for axis in ("classifier", "strategy", "initialization", "schedule", "protocol"):
        assert getattr(study, axis) == getattr(known, axis)
    assert (study.seed, study.folds_wanted) == ((3,), (1,))
    assert len(opened.plan.trajectories) == 1


def test_a_folder_is_labelled_as_a_table_is_with_the_studys_own_classes(
    tmp_path: Path, store: Store, recordings: Recordings
) -> None:
    corpus = {"name": "synthetic"}
    labelling, opened = begun(tmp_path, store, Wishes(recordings.folder / "speech"), corpus=corpus)
    assert labelling.classes == FOUR
    table = opened.scans[0].manifest.table
    assert len(table) == len(recordings.truth)
    assert set(table["speaker"]) == {f"{number:02d}" for number in range(1, 7)}


@pytest.mark.parametrize(
    ("corpus", "classes"),
    [
        ({"name": "emodb", "root": "x"}, ("anger", "happy", "neutral", "sad")),
        ({"name": "csv", "file": "x.csv", "labels": {"W": "rage", "F": "joy", "L": None}}, ("joy", "rage")),
        ([{"name": "synthetic"}], FOUR),
    ],
    ids=["a published corpus", "a table that maps", "a generated one"],
)
def test_classes_are_those_that_the_study_maps_to(
    tmp_path: Path, corpus: Any, classes: tuple[str, ...]
) -> None:
    assert starting._classes_of(load_study(study_in(tmp_path, corpus=corpus), ())) == classes


def test_a_study_that_says_no_classes_is_told_how_to_name_them(
    tmp_path: Path, store: Store, audio: Path
) -> None:
    assert "name them with --classes anger,happy,neutral,sad" in refused(tmp_path, store, Wishes(audio))


@pytest.mark.parametrize(
    "classes",
    [
        *("anger", "sad,sad", "anger,", "a/b,sad", "a=1 b,sad", "sad,?", "Cannot tell,sad"),
        ",".join(f"c{number}" for number in range(21)),
    ],
)
def test_classes_that_nobody_could_choose_from_are_refused_before_anything_is_read(
    tmp_path: Path, store: Store, audio: Path, classes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "open_study", lambda *asked: pytest.fail("it was opened"))
    told = refused(tmp_path, store, Wishes(audio, tuple(classes.split(","))))
    assert told.startswith(
        f"Bad --classes: '{classes}'; allowed: 2 to 20 names with commas between, each once"
    )


def test_recordings_that_are_not_there_are_told_by_their_option(tmp_path: Path, store: Store) -> None:
    told = refused(tmp_path, store, Wishes(tmp_path / "missing", FOUR))
    assert told.startswith(f"Bad --audio: '{tmp_path}/missing'; allowed: a folder of recordings, or a CSV")


def test_one_value_of_every_axis_is_asked_for_with_the_option_that_chooses(
    tmp_path: Path, store: Store, audio: Path
) -> None:
    told = refused(tmp_path, store, Wishes(audio, FOUR), strategy=["entropy", "margin"])
    assert "2 values of 'strategy' (entropy, margin)" in told
    assert "choose it with --set strategy=entropy" in told
    begun(tmp_path, store, Wishes(audio, FOUR), "strategy=entropy", strategy=["entropy", "margin"])


def test_an_adaptation_and_none_are_two_ways(tmp_path: Path) -> None:
    study = load_study(
        study_in(
            tmp_path,
            corpus={"name": "synthetic"},
            classifier="pooled_transformer",
            backbone={"config": {"hidden_size": 48}},
            adaptation=["none", "tapt"],
        ),
        (),
    )
    with pytest.raises(SeveralWays, match=r"'adaptation' \(none, tapt\).*--set adaptation=none"):
        one_way(study)


def test_of_folds_and_seeds_the_first_is_taken(tmp_path: Path, store: Store, audio: Path) -> None:
    _, opened = begun(tmp_path, store, Wishes(audio, FOUR), fold=[2, 1], seed=[7, 8])
    assert (opened.study.folds_wanted, opened.study.seed) == ((2,), (7,))


def test_a_study_of_parts_is_refused_with_what_to_do(tmp_path: Path, store: Store, audio: Path) -> None:
    parts = [{"strategy": "margin"}, {"strategy": "random"}]
    told = refused(tmp_path, store, Wishes(audio, FOUR), strategy=None, parts=parts)
    assert "'calls' has 2 parts, and people label for one choice" in told
    assert "--set" not in told


def test_what_is_found_wrong_with_the_recordings_leaves_nothing_behind(
    tmp_path: Path, store: Store, audio: Path, recordings: Recordings
) -> None:
    assert "folds" in refused(tmp_path, store, Wishes(audio, FOUR), "protocol.folds.count=30")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "Corpus 'empty' was not found" in refused(tmp_path, store, Wishes(empty, FOUR))
    twice = tmp_path / "twice"
    shutil.copytree(recordings.folder / "speech", twice)
    original = next(iter(sorted((twice / "01").iterdir())))
    for speaker in range(2, 7):
        shutil.copy(original, twice / f"{speaker:02d}" / "copy.wav")
    told = refused(tmp_path, store, Wishes(twice, FOUR))
    assert "recording" in told, "what is tested would be labelled for training"


def test_a_second_labelling_of_a_study_is_refused_and_one_under_another_name_is_not(
    tmp_path: Path, store: Store, audio: Path
) -> None:
    first, _ = begun(tmp_path, store, Wishes(audio, FOUR))
    with pytest.raises(LabellingThere, match=r"go on with 'after-ray annotate next', or .*--set study=NAME"):
        begun(tmp_path, store, Wishes(audio, FOUR))
    assert labellings(store.place) == [first]
    other, _ = begun(tmp_path, store, Wishes(audio, FOUR), "study=another")
    assert labellings(store.place) == [other, first]
    assert {first.name, other.name} == set(store.place.folders("labelling"))


def test_of_two_that_begin_at_the_same_moment_there_are_never_two(
    tmp_path: Path, store: Store, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have looked and found none before either has written."""
    together, looked = threading.Barrier(2, timeout=20), starting.refuse_second

    def look_together(store: Store, study: str, own: str = "") -> None:
        looked(store, study, own)
        if not own:
            together.wait()

    monkeypatch.setattr(starting, "refuse_second", look_together)
    study, ended = study_in(tmp_path), list[object]()

    def begin() -> None:
        try:
            ended.append(start(study, (), Wishes(audio, FOUR), store)[0])
        except LabellingThere as refusal:
            ended.append(refusal)

    starts = [threading.Thread(target=begin) for _ in range(2)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()
    assert len(ended) == 2
    assert labellings(store.place) == [one for one in ended if isinstance(one, Labelling)]
    assert len(labellings(store.place)) < 2


def test_a_name_that_is_taken_is_not_taken_over(
    tmp_path: Path, store: Store, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Labelling, "write", lambda labelling, place: False)
    with pytest.raises(LabellingThere):
        begun(tmp_path, store, Wishes(audio, FOUR))


def test_what_is_kept_of_a_study_is_a_study_that_stands_alone(tmp_path: Path) -> None:
    values = one_way(load_study(study_in(tmp_path, corpus={"name": "synthetic"}, seed=[4, 5]), ()))
    assert (values["study"], values["fold"], values["seed"]) == ("calls", 0, 4)
    assert not {"annotation", "label_noise", "families", "parts", "corpus"} & set(values)
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(values | {"corpus": "synthetic"}))
    assert (
        load_study(tmp_path / "again.yaml", ()).strategy == load_study(tmp_path / "study.yaml", ()).strategy
    )


def test_all_that_a_study_says_beside_its_simulations_is_said_by_what_waits(
    tmp_path: Path, store: Store, audio: Path
) -> None:
    """A study that has nothing as it is by default, and a setting that is new is one to think of here."""
    said = {
        **TRANSFORMER,
        "description": "Calls of a week.",
        "adaptation": {"name": "tapt", "steps": 3, "batch_seconds": 8},
        "frame_losses": {"mask_share": 0.3, "seed": 4},
        "restart": "shrink_perturb",
        "seed": 3,
        "fold": 1,
        "resources": {"cpu": 2, "checkpoint_seconds": 60, "compile": True},
    }
    given = load_study(study_in(tmp_path, **said), ())
    labelling, _ = begun(tmp_path, store, Wishes(audio, FOUR), **said)
    written = load_study(labelling_place(store.place, labelling.name).local / STUDY_FILE, ())
    kept = Study.model_fields.keys() - OF_SIMULATIONS - {"corpus", "annotation"}
    for name in kept:
        assert getattr(written, name) == getattr(given, name), name
        assert getattr(given, name) != Study.model_fields[name].get_default(), name


@pytest.mark.parametrize(
    ("heard", "labels", "error", "told"),
    [
        ("test", False, HeardTest, "The backbone own has heard"),
        ("train", True, UnboughtLabels, "the labels of all of train before round 0"),
        ("train", False, None, ""),
    ],
)
def test_a_backbone_that_knows_what_people_are_to_tell_is_refused(
    tmp_path: Path,
    store: Store,
    audio: Path,
    heard: str,
    labels: bool,
    error: type[AfterRayError] | None,
    told: str,
) -> None:
    _, plain = begun(tmp_path, store, Wishes(audio, FOUR), study="plain")
    rows = getattr(plain.plan.splits[0].table.folds[0], heard)
    digests = plain.scans[0].manifest.table["audio"].to_numpy(dtype=object)[rows].tolist()
    own = {"classifier": TRANSFORMER["classifier"], "backbone": trained_on(digests, labels, tmp_path / "own")}
    other = Store(str(tmp_path / "other"))
    if error is None:
        labelling, _ = begun(tmp_path, other, Wishes(audio, FOUR), **own)
        assert labellings(other.place) == [labelling]
        return
    with pytest.raises(error, match=told):
        begun(tmp_path, other, Wishes(audio, FOUR), **own)
    assert not (other.root / "labelling").exists()


def trained_on(digests: list[str], labels: bool, out: Path) -> str:
    """A folder of weights that were trained here on some recordings."""
    settings = BackboneSettings(config=TINY)

    def origin(identity: str) -> Origin:
        began = Began(random=True, model_type="wav2vec2")
        trained = Trained(
            study="pre", corpus="calls", manifest="ab", fold=0, seed=None, key="k",
            adaptation={"name": "tapt"}, audio=tuple(sorted(digests)), seconds=60.0, labels=labels,
        )  # fmt: skip
        return Origin(identity=identity, began=began, trainings=(trained,))

    write_backbone(out, settings, arrays(build(settings)), None, origin)
    return str(out)


def test_a_study_that_searches_or_replays_has_no_choice_yet(recordings: Recordings, tmp_path: Path) -> None:
    search = {
        "space": {"classifier.regularization": {"loguniform": [0.01, 10]}},
        "candidates": 2,
        "seed": 7,
        "scheduler": "none",
    }
    study = load_study(study_in(tmp_path, search=search, strategy="random"))
    with pytest.raises(NoChoiceYet, match="has a search, and people label for one configuration"):
        one_way(study)


def test_files_that_cannot_be_used_are_left_out_where_that_is_said(
    recordings: Recordings, tmp_path: Path
) -> None:
    folder = tmp_path / "recordings"
    shutil.copytree(recordings.folder / "speech", folder)
    (folder / "broken.wav").write_bytes(b"RIFF")
    wishes = Wishes(folder, tuple(CLASSES.split(",")))
    with pytest.raises(AfterRayError, match="broken"):
        start(study_in(tmp_path), (), wishes, Store(str(tmp_path / "store")))
    _, opened = start(
        study_in(tmp_path), (), replace(wishes, skip_unusable=True), Store(str(tmp_path / "store"))
    )
    assert len(opened.scans[0].manifest) == 48
