"""Lengths of IEMOCAP's turns: nobody may list them, and yet cut turns are noticed whatever a study uses."""

from __future__ import annotations

import pandas as pd
import pytest

from after_ray.corpora._contract import Conformity, Level
from after_ray.corpora._settings import IemocapSettings
from after_ray.corpora.iemocap import BY_SPEAKER, COUNTED, Iemocap
from after_ray.manifest import Manifest

MEAN = 6.99 * 3600 / 5531
USUAL = IemocapSettings(root="x").labels


def turns(labels: dict[str, str], seconds: float = MEAN) -> pd.DataFrame:
    """Every turn of the given labels that are counted by speaker, all of one length."""
    table = [
        (speaker, labels[label], f"{speaker}_{label}_{number}")
        for speaker, counts in BY_SPEAKER.items()
        for label, count in zip(COUNTED, counts, strict=True)
        if label in labels
        for number in range(count)
    ]
    frame = pd.DataFrame(table, columns=["speaker", "emotion", "name"])
    return frame.assign(
        utterance="iemocap/" + frame["name"], path=frame["name"] + ".wav", audio=frame["name"], gender="",
        sentence="", session=frame["speaker"].str[0], seconds=seconds, sample_rate=16000,
    ).drop(columns="name")  # fmt: skip


def conformity(table: pd.DataFrame, **changes: object) -> Conformity:
    opened = Iemocap(IemocapSettings.model_validate({"root": "x", **changes}))
    return opened.conformity(Manifest("iemocap", table))


def excluding(table: pd.DataFrame, count: int) -> tuple[str, ...]:
    return tuple(name.partition("/")[2] for name in table["utterance"][:count])


def test_cut_turns_are_noticed_although_some_are_excluded() -> None:
    table = turns(USUAL)
    assert conformity(table[3:], exclude=excluding(table, 3)) == Conformity("official")
    cut = table.assign(seconds=2.0)
    assert conformity(cut[3:], exclude=excluding(table, 3)) == Conformity(
        "altered", ("3.07 hours instead of 6.99",)
    )


def test_an_excluded_turn_may_have_been_the_longest_and_no_longer() -> None:
    table, most = turns(USUAL), 3 * 34.15
    left = 5531 - 3
    lasting = [(6.9701 * 3600 - most) / left, (6.9699 * 3600 - most) / left]
    levels = [conformity(turns(USUAL, s)[3:], exclude=excluding(table, 3)).level for s in lasting]
    assert levels == ["official", "altered"]
    longer = turns(USUAL, 7.02 * 3600 / left)[3:]
    assert conformity(longer, exclude=excluding(table, 3)).level == "altered"


@pytest.mark.parametrize(
    "labels",
    [
        {"anger": "anger", "sad": "sad"},
        {"happy": "happy", "excited": "excited"},
        {"sad": "sad", "happy": "h"},
    ],
)
def test_turns_of_half_a_second_are_of_no_release_whatever_labels_are_used(labels: dict[str, str]) -> None:
    table = turns(labels)
    assert conformity(table, labels=labels) == Conformity("official")
    found = conformity(table.assign(seconds=0.5), labels=labels)
    assert found.level == "altered"
    count = len(table)
    assert found.differences[0].startswith(
        f"{count} of {count} utterances are shorter than 0.575 s or longer than 34.15 s (1F_"
    )


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (0.58, "official"),
        (0.5745, "official"),
        (0.573, "altered"),
        (34.1505, "official"),
        (34.152, "altered"),
    ],
)
def test_one_turn_outside_of_the_range_is_named(seconds: float, level: Level) -> None:
    table = turns({"anger": "anger"})
    table.loc[0, "seconds"] = seconds
    clause = "1 of 1103 utterances is shorter than 0.575 s or longer than 34.15 s (1F_anger_0)"
    differences = (clause,) if level == "altered" else ()
    assert conformity(table, labels={"anger": "anger"}) == Conformity(level, differences)


def test_hours_are_compared_under_other_names_of_the_same_labels() -> None:
    labels = {label: "strong" if label == "anger" else "other" for label in COUNTED}
    assert conformity(turns(labels), labels=labels) == Conformity("official")
    assert conformity(turns(labels, 2.0), labels=labels).differences == ("3.07 hours instead of 6.99",)


def test_hours_of_the_usual_classes_are_compared_beside_further_ones() -> None:
    labels = {**USUAL, "surprise": "surprise"}
    more = turns({"anger": "surprise"})[:107].assign(seconds=30.0)
    more["utterance"] += "_s"
    whole, cut = (pd.concat([turns(USUAL, s), more], ignore_index=True) for s in (MEAN, 2.0))
    assert conformity(whole, labels=labels) == Conformity("official")
    assert conformity(cut, labels=labels).differences == ("3.07 hours instead of 6.99",)
    together = {**USUAL, "surprise": "happy"}  # one class of timed and untimed turns
    assert conformity(cut.replace({"surprise": "happy"}), labels=together) == Conformity("official")
