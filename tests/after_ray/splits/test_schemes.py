"""What a protocol's request becomes for each corpus: sessions, single speakers, groups, merged corpora."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from after_ray.errors import BadFold, Leak
from after_ray.manifest import Manifest
from after_ray.splits._settings import FoldChoice, FoldRequest, FoldSettings, ValidationSettings
from after_ray.splits.folds import all_folds, fold, fold_of_rows, settle, speaker_groups
from after_ray.splits.leaks import refuse_leaks
from tests.after_ray.splits.toy import dialogs, merged, rows


def speakers(manifest: Manifest, part: np.ndarray) -> set[str]:
    return set(manifest.table["speaker"].iloc[part])


def test_sessions_are_held_out_with_both_speakers() -> None:
    corpus = dialogs()
    settled = settle(FoldRequest(), corpus, "sessions")
    assert (settled.scheme, settled.count) == ("sessions", 5)
    for index, part in enumerate(all_folds(corpus, FoldChoice(folds=settled))):
        assert speakers(corpus, part.test) == {f"{index + 1}F", f"{index + 1}M"}


def test_leave_one_speaker_out_has_a_fold_per_speaker() -> None:
    corpus = dialogs()
    settled = settle(FoldRequest(scheme="leave_one_speaker_out"), corpus, "sessions")
    assert settled.count == 10
    tested = [speakers(corpus, part.test) for part in all_folds(corpus, FoldChoice(folds=settled))]
    assert tested == [{name} for name in sorted(set(corpus.table["speaker"]))]


def test_speaker_groups_keep_the_speakers_of_a_dialog_together() -> None:
    groups = speaker_groups(dialogs(sessions=6), 3)
    for session in range(1, 7):
        assert groups[f"{session}F"] == groups[f"{session}M"]
    assert sorted(Counter(groups.values()).values()) == [4, 4, 4]


def test_speakers_of_several_sessions_are_dealt_one_by_one() -> None:
    table = [row for s in "abcd" for day in "12" for row in rows("own", s, "male", each=2, session=day)]
    unique = pd.DataFrame(table).assign(utterance=[f"own/{number}" for number in range(len(table))])
    assert sorted(speaker_groups(Manifest("own", unique), 4).values()) == [0, 1, 2, 3]


def test_too_few_dialogs_for_the_groups_are_counted_as_dialogs() -> None:
    with pytest.raises(BadFold, match=r"8 speakers, recorded in 4 sessions, and 5 speaker groups .*count: 4"):
        speaker_groups(dialogs(sessions=4), 5)


def test_one_speaker_alone_is_told_that_two_are_needed() -> None:
    alone = Manifest("own", pd.DataFrame(rows("own", "a", "male")))
    with pytest.raises(BadFold, match="Folds need two speakers at least"):
        speaker_groups(alone, 5)


def test_a_count_beside_sessions_is_refused_with_both_numbers() -> None:
    with pytest.raises(
        BadFold, match=r"3 folds were asked for, and it is cut by its 5 sessions. Leave 'count'"
    ):
        settle(FoldRequest(count=3), dialogs(), "sessions")
    assert settle(FoldRequest(count=5), dialogs(), "sessions").count == 5


def test_a_speaker_of_two_sessions_would_be_in_two_folds_and_is_refused() -> None:
    table = dialogs().table.copy()
    table.loc[table["utterance"] == "dialogs/1F-anger-0", "session"] = "2"
    moved = Manifest("dialogs", table)
    with pytest.raises(BadFold, match="speaker 1F is in sessions 1, 2, so in two folds"):
        fold_of_rows(moved, FoldSettings(scheme="sessions"))


def test_utterances_without_a_session_cannot_be_cut_by_session() -> None:
    table = dialogs().table.copy()
    table.loc[3, "session"] = ""
    with pytest.raises(BadFold, match=r"1 utterance\(s\) have no session \(dialogs/"):
        fold_of_rows(Manifest("dialogs", table), FoldSettings(scheme="sessions"))


def test_a_merged_corpus_is_tested_on_its_test_corpus_alone() -> None:
    corpus = merged()
    settled = settle(FoldRequest(), corpus, "sessions", test_corpus="dialogs")
    for part in all_folds(corpus, FoldChoice(folds=settled)):
        assert set(corpus.sources[part.test]) == {"dialogs"}
        assert set(corpus.sources[part.train]) == {"dialogs", "acted", "books"}
        assert len(part.train) + len(part.validation) + len(part.test) == len(corpus)


def test_merged_validation_is_a_tenth_of_all_the_rest_by_corpus_and_class() -> None:
    corpus = merged()
    part = fold(corpus, FoldChoice(folds=settle(FoldRequest(), corpus, "sessions", "dialogs")))
    rest = np.sort(np.concatenate([part.train, part.validation]))
    assert len(part.validation) == pytest.approx(len(rest) / 10, abs=2)
    drawn = Counter(
        zip(corpus.sources[part.validation], corpus.table["emotion"].iloc[part.validation], strict=True)
    )
    available = Counter(zip(corpus.sources[rest], corpus.table["emotion"].iloc[rest], strict=True))
    assert set(drawn) == set(available)
    for stratum, count in available.items():
        assert drawn[stratum] == pytest.approx(count / 10, abs=1)


def test_grouped_merging_cuts_every_corpus_by_speaker() -> None:
    corpus = merged()
    settled = settle(FoldRequest(), corpus, "speaker_groups")
    for part in all_folds(corpus, FoldChoice(folds=settled)):
        assert {"dialogs", "acted"} <= set(corpus.sources[part.test])
        assert len(speakers(corpus, part.test) & {f"acted/{n:02d}" for n in range(10)}) == 2


def test_a_test_corpus_without_utterances_is_refused() -> None:
    with pytest.raises(
        BadFold, match=r"test corpus 'emodb' has no utterance in it. Name one of acted, books, d"
    ):
        fold_of_rows(merged(), FoldSettings(test_corpus="emodb"))


def test_a_balanced_train_has_every_class_at_the_size_of_the_rarest() -> None:
    corpus = merged()
    settled = settle(FoldRequest(balance="per_class_cap"), corpus, "sessions", "dialogs")
    part = fold(corpus, FoldChoice(folds=settled))
    counts = np.bincount(corpus.labels[part.train])
    assert len(set(counts.tolist())) == 1
    plain = fold(corpus, FoldChoice(folds=settle(FoldRequest(), corpus, "sessions", "dialogs")))
    assert counts[0] == np.bincount(corpus.labels[plain.train]).min()
    assert np.array_equal(np.sort(np.concatenate([part.train, part.unused])), plain.train)
    assert np.array_equal(part.test, plain.test)
    assert np.array_equal(part.validation, plain.validation)


def test_validation_by_speaker_shares_no_speaker_with_train() -> None:
    corpus = merged()
    settled = settle(FoldRequest(), corpus, "sessions", "dialogs")
    for index in range(5):
        part = fold(
            corpus, FoldChoice(folds=settled, validation=ValidationSettings(draw="by_speaker"), index=index)
        )
        assert not speakers(corpus, part.validation) & speakers(corpus, part.train)
        share = len(part.validation) / (len(part.validation) + len(part.train))
        assert 0.02 < share < 0.15
        assert set(corpus.labels[part.validation]) == set(corpus.labels[part.train]) == {0, 1, 2, 3}


@pytest.mark.parametrize("share", [10, 60, 90])
def test_validation_by_speaker_leaves_somebody_of_every_corpus_in_train(share: float) -> None:
    """From a half on, all speakers of a corpus together can be nearest to the share."""
    draw = ValidationSettings(draw="by_speaker", share=share)
    corpus, alone = merged(), dialogs()
    settled = settle(FoldRequest(), corpus, "sessions", "dialogs")
    for part in all_folds(corpus, FoldChoice(folds=settled, validation=draw)):
        assert set(corpus.sources[part.train]) == {"dialogs", "acted", "books"}
    for part in all_folds(alone, FoldChoice(folds=settle(FoldRequest(), alone, "sessions"), validation=draw)):
        assert speakers(alone, part.train)


def test_validation_by_speaker_that_cannot_have_every_class_is_refused() -> None:
    table = [
        *rows("own", "a", "male"),
        *rows("own", "b", "male", ["anger"]),
        *rows("own", "c", "male", ["sad"]),
    ]
    choice = FoldChoice(
        folds=FoldSettings(count=3), validation=ValidationSettings(draw="by_speaker"), index=0
    )
    corpus = Manifest("own", pd.DataFrame([*table, *rows("own", "d", "male")]))
    held_out = next(i for i in range(3) if speakers(corpus, np.flatnonzero(
        fold_of_rows(corpus, choice.folds) == i)) & {"a"})  # fmt: skip
    with pytest.raises(
        BadFold, match="no choice of whole validation speakers that leaves every class in both"
    ):
        fold(corpus, choice.model_copy(update={"index": held_out}))


def test_the_official_code_cuts_the_held_out_session_in_halves() -> None:
    corpus = dialogs(each=7)
    choice = FoldChoice(
        folds=FoldSettings(scheme="sessions"), validation=ValidationSettings(draw="half_of_test"), index=1
    )
    part = fold(corpus, choice)
    assert len(part.test) - len(part.validation) in (0, 1)
    assert speakers(corpus, part.test) | speakers(corpus, part.validation) == {"2F", "2M"}
    assert len(part.train) == len(corpus) * 4 // 5
    assert part.validation_is_of_test


def test_dealt_utterances_are_tested_once_and_share_speakers_which_the_fold_says() -> None:
    corpus = dialogs(each=7)
    settled = settle(FoldRequest(scheme="utterances", count=4), corpus, "sessions")
    assert (settled.scheme, settled.count) == ("utterances", 4)
    parts = all_folds(corpus, FoldChoice(folds=settled))
    assert sorted(np.concatenate([part.test for part in parts]).tolist()) == list(range(len(corpus)))
    for part in parts:
        assert part.shares_speakers
        assert speakers(corpus, part.test) & speakers(corpus, part.train)
        tested = np.bincount(corpus.labels[part.test])
        assert abs(tested - np.bincount(corpus.labels) / 4).max() < 1  # every class alike
    assert np.array_equal(parts[2].test, fold(corpus, FoldChoice(folds=settled, index=2)).test)


def test_utterances_are_dealt_in_an_order_that_is_random_and_of_each_class_its_own() -> None:
    corpus = dialogs(each=7)
    tested_in = fold_of_rows(corpus, FoldSettings(scheme="utterances", count=4))
    of_classes = [tested_in[corpus.labels == label] for label in range(4)]
    for own in of_classes:
        assert len(set((np.diff(own) % 4).tolist())) > 1, "one after the other, as they stand in the table"
    for other in of_classes[1:]:
        assert len(set(((other - of_classes[0]) % 4).tolist())) > 1
    assert np.array_equal(tested_in, fold_of_rows(corpus, FoldSettings(scheme="utterances", count=4)))


def test_no_other_fold_may_share_speakers() -> None:
    corpus = dialogs(each=7)
    mixed = fold(corpus, FoldChoice(folds=FoldSettings(scheme="utterances", count=4)))
    with pytest.raises(Leak, match="test speaker"):
        refuse_leaks(replace(mixed, shares_speakers=False), corpus)


def test_fewer_utterances_than_parts_are_told() -> None:
    corpus = Manifest("own", pd.DataFrame(rows("own", "a", "male", each=2)))
    with pytest.raises(BadFold, match="and 1000 folds were asked for"):
        fold_of_rows(corpus, FoldSettings(scheme="utterances", count=1000))


def test_short_forms_are_spelled_out() -> None:
    assert FoldRequest.model_validate("sessions") == FoldRequest(scheme="sessions")
    assert FoldRequest.model_validate({"file": "x.csv"}).scheme == "file"
    with pytest.raises(ValidationError, match="go together"):
        FoldRequest(scheme="file")
    with pytest.raises(ValidationError, match="says everything"):
        FoldRequest.model_validate({"file": "x.csv", "count": 3})
