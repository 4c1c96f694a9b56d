"""All 19,790 rows of the true file lists, as trees of tiny files, through the loaders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from after_ray.corpora._base import Entry, Listing, open_source, scan
from after_ray.corpora._settings import (
    CremadSettings,
    EmodbSettings,
    EmovdbSettings,
    FolderSettings,
    RavdessSettings,
    SaveeSettings,
    ShemoSettings,
)
from after_ray.errors import AlteredCorpus
from tests.after_ray.corpora.trees import plant

ROWS = {"emodb": 535, "ravdess": 1440, "shemo": 3000, "emovdb": 6893, "cremad": 7442, "savee": 480}
USED = {"emodb": 339, "ravdess": 672, "shemo": 2737, "emovdb": 2836, "cremad": 4900, "savee": 300}
NAMES = tuple(ROWS)
SETTINGS: dict[str, type[FolderSettings]] = {
    "emodb": EmodbSettings,
    "ravdess": RavdessSettings,
    "shemo": ShemoSettings,
    "emovdb": EmovdbSettings,
    "cremad": CremadSettings,
    "savee": SaveeSettings,
}
# The codes of the lists that are none of the four classes, by the loaders' words for them.
OTHERS = {
    "emodb": {"A": "fear", "L": "boredom", "E": "disgust"},
    "ravdess": {"02": "calm", "06": "fear", "07": "disgust", "08": "surprise"},
    "shemo": {"W": "surprise", "F": "fear"},
    "emovdb": {"Amused": "amused", "Sleepy": "sleepiness", "Disgusted": "disgust"},
    "cremad": {"DIS": "disgust", "FEA": "fear"},
    "savee": {"d": "disgust", "f": "fear", "su": "surprise"},
}


@pytest.fixture(scope="module")
def rows(corpora: Path) -> Callable[[str], pd.DataFrame]:
    """The list of one corpus, sorted by path, with the loader's word for each label."""

    def read(name: str) -> pd.DataFrame:
        table = pd.read_csv(corpora / "filelists" / f"{name}.csv", dtype=str, keep_default_na=False)
        others = table["label_raw"].map(OTHERS[name]).fillna("")
        return table.assign(label=table["label4"].where(table["label4"] != "", others)).sort_values("path")

    return read


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory, rows: Callable[[str], pd.DataFrame]) -> dict[str, Path]:
    """A tree per corpus with every file of its list."""
    folder = tmp_path_factory.mktemp("trees")
    return {name: plant(folder / name, rows(name)["path"]) for name in NAMES}


def all_labels(name: str, root: Path) -> Listing:
    """What the loader lists when every label of the corpus is used, each as itself."""
    labels = {label: label for label in SETTINGS[name].own_labels}
    return open_source(SETTINGS[name](root=str(root), labels=labels)).listing()


def facts(listing: Listing) -> list[tuple[str, ...]]:
    """Path, speaker, gender, label and sentence of every entry, sorted by path."""
    return sorted((e.path, e.speaker, e.gender, e.emotion, e.sentence) for e in listing.entries)


def without_paths(listing: Listing) -> set[Entry]:
    return {replace(entry, path="") for entry in listing.entries}


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_every_list_is_read_as_listed(
    name: str, trees: dict[str, Path], rows: Callable[[str], pd.DataFrame]
) -> None:
    found, listed = all_labels(name, trees[name]), rows(name)
    columns = listed[["path", "speaker", "gender", "label", "sentence_id"]]
    assert facts(found) == sorted(columns.itertuples(index=False, name=None))
    assert len({entry.utterance for entry in found.entries}) == len(listed) == ROWS[name]
    assert (found.problems, found.copies, dict(found.ignored)) == ((), (), {})


def test_the_lists_have_19790_rows_altogether(rows: Callable[[str], pd.DataFrame]) -> None:
    assert sum(len(rows(name)) for name in NAMES) == 19_790


@pytest.mark.parametrize("name", NAMES)
def test_a_scan_gives_the_four_classes_and_counts_the_others(
    name: str, trees: dict[str, Path], rows: Callable[[str], pd.DataFrame], tmp_path: Path
) -> None:
    found = scan(SETTINGS[name](root=str(trees[name]), altered="accept"), tmp_path)
    listed = rows(name)
    used = listed[listed["label4"] != ""]
    table = found.manifest.table.sort_values("path")
    for ours, theirs in {
        "path": "path",
        "speaker": "speaker",
        "gender": "gender",
        "emotion": "label4",
    }.items():
        assert list(table[ours]) == list(used[theirs])
    assert list(table["sentence"]) == list(used["sentence_id"])
    assert len(table) == USED[name]
    assert found.ignored == dict(Counter(listed.loc[listed["label4"] == "", "label"]))
    assert (found.problems, found.left_out, found.copies) == ((), (), ())
    assert found.conformity.level == "altered"  # every file lasts 30 ms


@pytest.mark.parametrize("name", NAMES)
def test_files_of_another_length_are_refused(
    name: str, trees: dict[str, Path], rows: Callable[[str], pd.DataFrame], tmp_path: Path
) -> None:
    listed = rows(name)
    known = int(((listed["label4"] != "") & (listed["duration_s"] != "")).sum())
    sentence = (
        rf"^Corpus '{name}' is not the official one: {known} utterances have another length "
        rf"\(\S+: 0\.030 s instead of \d+\.\d{{3}} s; also .* and {known - 6} more\)\. Fetch it again, or "
        rf"set 'altered: accept' in the block of corpus '{name}' to use it as it is; every result "
        r"will say so\.$"
    )
    with pytest.raises(AlteredCorpus, match=sentence):
        scan(SETTINGS[name](root=str(trees[name])), tmp_path)


def other_layout(root: Path, tree: Path, change: Callable[[str], str]) -> Path:
    """The same files with other paths, as hard links."""
    for file in tree.rglob("*.wav"):
        link = root / change(file.relative_to(tree).as_posix())
        link.parent.mkdir(parents=True, exist_ok=True)
        link.hardlink_to(file)
    return root


LAYOUTS: dict[str, tuple[str, Callable[[str], str]]] = {
    "one archive per speaker and style": ("emovdb", lambda path: path.replace("/", "_", 1)),
    "speaker in the name": ("savee", lambda path: "ALL/" + "_".join(path.split("/")[1:])),
    "one level deeper": ("ravdess", lambda path: f"audio_speech_actors_01-24/{path}"),
    "a cut name": ("cremad", lambda path: path.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X")),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_layout_gives_the_same_utterances(
    layout: str, trees: dict[str, Path], tmp_path: Path
) -> None:
    name, change = LAYOUTS[layout]
    root = other_layout(tmp_path / "other", trees[name], change)
    official, other = all_labels(name, trees[name]), all_labels(name, root)
    assert without_paths(other) == without_paths(official)
    assert {entry.path for entry in other.entries} != {entry.path for entry in official.entries}
    assert (other.problems, other.copies) == ((), ())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_layouts_in_one_folder_count_once(layout: str, trees: dict[str, Path], tmp_path: Path) -> None:
    name, change = LAYOUTS[layout]
    root = other_layout(tmp_path / "both", trees[name], lambda path: path)
    other_layout(root, trees[name], lambda path: f"aside/again/{change(path)}")
    found = all_labels(name, root)
    assert without_paths(found) == without_paths(all_labels(name, trees[name]))
    assert len(found.copies) == ROWS[name]
    assert all(path.startswith("aside/") for path in found.copies)
