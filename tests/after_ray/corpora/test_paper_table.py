"""Table 1 of the paper: which rows the releases give, and which they do not."""

from __future__ import annotations

from collections import Counter

import pytest

from after_ray.corpora._base import open_source
from after_ray.corpora._folder import FolderCorpus
from after_ray.corpora._paper_table import ORDER, PRINTED_TOTAL, REACHABLE, TABLE_1, row_of
from after_ray.corpora._settings import MERGED_PRESETS, FolderSettings, MergedSettings


def official(preset: str) -> dict[str, Counter[str]]:
    """Utterances per class of the official releases, as a preset counts them."""
    settings = MergedSettings.model_validate({"preset": preset, "root": "nowhere"})
    counts = {}
    for member in settings.members:
        assert isinstance(member, FolderSettings)
        corpus = open_source(member)  # type: ignore[arg-type]
        assert isinstance(corpus, FolderCorpus)
        assert corpus.contract is not None
        counts[member.title] = corpus.contract.counts(member.labels)
    return counts


def test_the_rows_add_up_to_what_is_printed() -> None:
    assert sum(row.printed for row in TABLE_1) == PRINTED_TOTAL == 21_793
    assert sum(sum(row.released) for row in TABLE_1) == 16_626


def test_the_default_has_the_true_counts_of_six_corpora() -> None:
    totals = {name: counts.total() for name, counts in official("six_corpora").items()}
    assert totals == {
        "iemocap": 5531, "emodb": 339, "shemo": 2737, "ravdess": 672, "emovdb": 2836, "cremad": 4900,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "agreeing"),
    [("six_corpora", {"shemo", "ravdess"}), ("paper_table1", {"emodb", "shemo", "ravdess"})],
)
def test_these_rows_agree_with_the_paper(preset: str, agreeing: set[str]) -> None:
    counts = official(preset)
    assert {name for name, found in counts.items() if (row := row_of(name)) and row.agrees(found)} == agreeing


def test_as_much_as_can_be_reached_is_what_the_preset_gives() -> None:
    assert sum(counts.total() for counts in official("paper_table1").values()) == REACHABLE == 17_084


def test_fear_counted_as_anger_gives_the_papers_emodb() -> None:
    counts = official("paper_table1")["emodb"]
    assert [counts[name] for name in ORDER] == [196, 79, 62, 71]
    assert official("six_corpora")["emodb"]["anger"] == 127


def test_the_released_label_file_leaves_two_of_shemo_out() -> None:
    _, changes = MERGED_PRESETS["repo_json"]
    assert changes["shemo"]["exclude"] == ("M02A14", "M55H01")
    released = {row.corpus: sum(row.released) for row in TABLE_1}
    assert official("repo_json")["shemo"].total() - 2 == released["shemo"] == 2735


def test_implied_counts_are_total_times_share() -> None:
    ravdess, shemo = row_of("ravdess"), row_of("shemo")
    assert ravdess is not None
    assert shemo is not None
    assert ravdess.implied == Counter({"anger": 192, "neutral": 96, "sad": 192, "happy": 192})
    assert shemo.implied == Counter({"anger": 1067, "neutral": 1026, "sad": 443, "happy": 201})
