"""Keys mean what a stage means; the golden keys below must never change (somebody's store has them)."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from after_ray.adaptation.settings import PseudoTaptSettings, TaptSettings
from after_ray.backbones.settings import BackboneSettings
from after_ray.classifiers._settings import (
    FunctionalsSettings,
    GlamSettings,
    LightSerNetSettings,
    LssedSettings,
    PooledTransformerSettings,
    RhEmoSettings,
    Stepped,
    W2v2LR12Settings,
)
from after_ray.initialization._settings import ClusteringSettings, RandomSettings
from after_ray.settings import Settings, neutral
from after_ray.splits._settings import FoldChoice
from after_ray.stages import (
    AdaptationStage,
    AudioStage,
    FeaturesStage,
    FirstRoundStage,
    FoldsStage,
    FrameLossesStage,
    NextRoundStage,
    PretrainingStage,
    SelectionsStage,
    Stage,
)
from tests.after_ray.execution.asking import SUMMARIES

AUDIO = AudioStage("0123")
BACKBONE = BackboneSettings(config={"hidden_size": 16})
ADAPTED = AdaptationStage(AUDIO, FoldChoice(index=1), BACKBONE, TaptSettings(steps=10))
PSEUDO = replace(ADAPTED, adaptation=PseudoTaptSettings())
FIRST = FirstRoundStage(AUDIO, FoldChoice(), FunctionalsSettings(), RandomSettings(), 8, 0)
LIGHT = FirstRoundStage(AUDIO, FoldChoice(), LightSerNetSettings(), ClusteringSettings(), 8, 3)
TRANSFORMER = FirstRoundStage(
    AUDIO, FoldChoice(index=1), PooledTransformerSettings(), RandomSettings(), 8, 0, BACKBONE, ADAPTED
)
NEXT = NextRoundStage(FIRST, 16, "entropy", "previous")
RECORDED = SelectionsStage.of("0123", np.array([5, 3, 8]))
REPLAYED = replace(FIRST, replayed=RECORDED)
RH_EMO = RhEmoSettings()  # supervised, so that all is labelled at once
HEARD = FirstRoundStage(AUDIO, FoldChoice(), RH_EMO, RandomSettings(), 100, 0)
PRETRAINED = replace(
    HEARD, pretrained=PretrainingStage.of(AUDIO, FoldChoice(), HEARD.features, RH_EMO, HEARD.seed)
)
REPLAYING = NextRoundStage(REPLAYED, 16, "replay(entropy)", "previous")

GOLDEN: dict[str, tuple[Stage, str]] = {
    "audio": (AUDIO, "cf8e6a2856e5f4b1c843099384374440"),
    "adaptation": (ADAPTED, "b3333885f01ec19231bf4cb93d3b5f31"),
    "pseudo_tapt": (PSEUDO, "3dc84f2c2e67a30d846875d1fd593aaf"),
    "functionals": (FIRST, "eb5ad6d60df0f884297012ecab828e71"),
    "light_sernet": (LIGHT, "9c32f9b1e79ce365eac972bf345e3713"),
    "transformer": (TRANSFORMER, "716a98c6f880ad5ae5544274de7f9435"),  # version 2 of this classifier
    "lssed": (replace(LIGHT, classifier=LssedSettings()), "0857b5c599ba675f8ac516a36ec9baac"),
    "w2v2_l_r_12": (replace(TRANSFORMER, classifier=W2v2LR12Settings()), "4b56956be514b61756a3f5e7ef75f370"),
    "next_round": (NEXT, "cc4c98b9771c8a41cb82f0ad7fc1ba69"),
    "glam": (replace(LIGHT, classifier=GlamSettings()), "5faea93bbe372e3d93f17e7e930b3636"),
    "rh_emo": (PRETRAINED, "ce24950ab2c8d3c389e69f8731b8a0cb"),
    "selections": (RECORDED, "472163f844962571a4827437b6c4e226"),
    "replayed": (REPLAYED, "d0734604631d19d1c780789a01f0285f"),
    "replaying": (REPLAYING, "80cb3cf0375c313da272bfc66425607d"),
    "features": (TRANSFORMER.features, "25aa6fa983875876865778cab6facebe"),
}


def test_golden_keys_stand() -> None:
    assert {name: stage.key for name, (stage, _) in GOLDEN.items()} == {
        n: key for n, (_, key) in GOLDEN.items()
    }


def test_the_name_of_a_corpus_is_not_in_a_key() -> None:
    assert AudioStage("0123", corpus="other").key == AUDIO.key
    assert AudioStage("4567").key != AUDIO.key


def test_a_named_backbone_means_its_files_and_not_its_path() -> None:
    here = BackboneSettings(name="/a/folder", identity="abc")
    there = BackboneSettings(name="facebook/wav2vec2-base", revision="main", identity="abc")
    assert here.meaning() == there.meaning()
    assert here.meaning() != BackboneSettings(name="/a/folder", identity="abd").meaning()


def test_round_0_knows_no_strategy_and_later_rounds_chain() -> None:
    entropy, margin = NEXT, NextRoundStage(FIRST, 16, "margin", "previous")
    assert entropy.first.key == margin.first.key
    assert entropy.key != margin.key
    longer = NextRoundStage(NEXT, 32, "entropy", "previous")
    assert [stage.key for stage in longer.chain][:2] == [FIRST.key, NEXT.key]


def test_every_setting_of_a_round_changes_its_key() -> None:
    other = FirstRoundStage(AUDIO, FoldChoice(), FunctionalsSettings(), RandomSettings(), 9, 0)
    seed = FirstRoundStage(AUDIO, FoldChoice(), FunctionalsSettings(), RandomSettings(), 8, 1)
    fold = FirstRoundStage(AUDIO, FoldChoice(index=1), FunctionalsSettings(), RandomSettings(), 8, 0)
    strength = FirstRoundStage(
        AUDIO, FoldChoice(), FunctionalsSettings(regularization=2), RandomSettings(), 8, 0
    )
    assert len({stage.key for stage in (FIRST, other, seed, fold, strength, NEXT)}) == 6


def test_a_setting_added_at_its_neutral_value_changes_no_key() -> None:
    class Before(Settings):
        size: int = 3

    class After(Settings):
        size: int = 3
        added: bool = neutral(False)

    assert After().meaning() == Before().meaning()
    assert After(added=True).meaning() != Before().meaning()


@pytest.mark.parametrize("settings", [GlamSettings, LightSerNetSettings, LssedSettings, RhEmoSettings])
def test_steps_are_in_a_key_only_where_they_say_the_length(settings: type[Stepped]) -> None:
    def key(**length: int | None) -> str:
        return replace(LIGHT, classifier=settings(**length)).key  # type: ignore[arg-type]

    assert key(epochs=3, steps=7) == key(epochs=3, steps=8) == key(epochs=3)
    assert len({key(epochs=3), key(epochs=4), key(steps=7), key(steps=8), key()}) == 5
    assert key(epochs=None) == key(), "as before there were epochs"


def test_features_after_adaptation_differ_from_those_before() -> None:
    assert TRANSFORMER.features.adapted is ADAPTED
    before = FeaturesStage(AUDIO, TRANSFORMER.features.features, None)
    assert before.key != TRANSFORMER.features.key


def test_a_stages_meaning_holds_the_keys_of_all_it_rests_on() -> None:
    for name, (stage, _) in GOLDEN.items():
        written = json.dumps(stage.meaning())
        for needed in stage.needs():
            if isinstance(needed, FoldsStage):  # spelled out, as it was before folds became files
                assert json.dumps(needed.folds.meaning()) in written
                assert json.dumps(needed.validation.meaning()) in written
                continue
            assert needed.key in written, f"{name} does not say that it rests on {needed.kind}"


def test_a_users_own_strategy_is_keyed_by_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "my_own_strategy.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    keys = []
    for source in ("class Mine(Random): ...", "class Mine(Random): better = True"):
        module.write_text(f"from after_ray.acquisition.random import Random\n{source}\n")
        keys.append(NextRoundStage(FIRST, 16, "my_own_strategy:Mine", "previous").key)
    assert keys[0] != keys[1]


def test_how_scores_are_taken_is_in_a_key_unless_they_are_taken_exactly() -> None:
    assert NextRoundStage(FIRST, 16, "entropy", "previous", "exact").key == NEXT.key
    assert NextRoundStage(FIRST, 16, "entropy", "previous", "official_argpartition").key != NEXT.key


def test_what_a_strategy_asks_of_unlabelled_utterances_is_in_the_key_of_its_rounds() -> None:
    asking = NextRoundStage(TRANSFORMER, 16, SUMMARIES, "previous")
    assert TRANSFORMER.summaries in asking.needs()
    assert asking.meaning()["summaries"] == TRANSFORMER.summaries.key
    assert TRANSFORMER.initial_features is None, "the initialization is random and asks for nothing"
    assert NEXT.needs() == (FIRST,)


def test_the_golden_key_of_frame_losses() -> None:
    asking = NextRoundStage(TRANSFORMER, 16, "alps", "previous")
    (losses,) = asking.evidence.values()
    assert losses in asking.needs()
    assert losses.key == "75488ef2d0a1d69acfd5cb44da179218"
    assert asking.key == "8afb0b49b027aeb439b0415a32087951"
    as_published = FrameLossesStage(AUDIO, FoldChoice(), BACKBONE)
    assert as_published.key == "e5ad0b61c029549d360b397c2dcdac8e"


def test_a_pretraining_is_in_the_keys_of_rounds_and_only_where_there_is_one() -> None:
    settings = RhEmoSettings()
    first = FirstRoundStage(AUDIO, FoldChoice(), settings, RandomSettings(), 8, 0)
    last = PretrainingStage.of(AUDIO, FoldChoice(), first.features, settings, 0)
    assert last is not None
    pretrained = replace(first, pretrained=last)
    assert pretrained.meaning()["pretrained"] == last.key
    assert "pretrained" not in first.meaning()
    assert last in pretrained.needs()
    assert last.previous in last.needs()
    assert PretrainingStage.of(AUDIO, FoldChoice(), FIRST.features, FunctionalsSettings(), 0) is None
    assert last.previous is not None
    assert (last.previous.key, last.key) == (
        "af4a1271548b1ab5d57361d46b59ee98",
        "9079c5e788ee9f7c1397519b063792ef",
    )


def test_a_new_version_of_a_classifier_is_pretrained_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    last = PRETRAINED.pretrained
    assert last is not None
    before = last.key
    monkeypatch.setattr(RhEmoSettings, "version", 2)
    anew = replace(last)
    assert anew.meaning()["classifier_version"] == 2
    assert anew.key != before


def test_what_is_replayed_is_in_keys_from_round_0_on() -> None:
    other = replace(FIRST, replayed=SelectionsStage.of("0123", np.array([3, 5, 8])))
    assert len({FIRST.key, REPLAYED.key, other.key}) == 3
    assert NextRoundStage(other, 16, "replay(entropy)", "previous").key != REPLAYING.key
    assert RECORDED in REPLAYED.needs()
    assert RECORDED in REPLAYING.needs()


def test_the_features_of_an_initialization_that_is_not_run_are_not_needed() -> None:
    assert LIGHT.initial_features is not None
    assert replace(LIGHT, replayed=RECORDED).initial_features is None


def test_seconds_are_in_the_keys_of_rounds_and_only_where_they_are_the_budget() -> None:
    first, other = replace(FIRST, seconds=12.5), replace(FIRST, seconds=12.75)
    assert len({FIRST.key, first.key, other.key}) == 3
    assert first.key == "e9be7623c92e9b69830acf4650673e45"
    following = NextRoundStage(FIRST, 16, "entropy", "previous")
    heard = replace(following, seconds=20.0)
    assert len({following.key, heard.key, replace(following, seconds=20.5).key}) == 3
    assert heard.key == "e50f286ac75deaa2742ddf399ec875a1"


def test_every_source_of_ones_own_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    extending = "from after_ray.acquisition import Wrapper\nfrom after_ray.acquisition.power import Power\n"
    for name in ("outer_of_mine", "inner_of_mine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "outer_of_mine.py").write_text(f"{extending}class Outer(Power): ...\n")
    inner = tmp_path / "inner_of_mine.py"
    inner.write_text("from after_ray.acquisition.random import Random\nclass Inner(Random): ...\n")
    strategy = "outer_of_mine:Outer(inner_of_mine:Inner)"
    before = NextRoundStage(FIRST, 16, strategy, "previous").key
    inner.write_text(inner.read_text() + "# changed\n")
    assert NextRoundStage(FIRST, 16, strategy, "previous").key != before


def test_frame_losses_rest_on_the_adaptation_whose_backbone_is_surprised() -> None:
    losses = FrameLossesStage(AUDIO, FoldChoice(), BACKBONE, ADAPTED)
    assert ADAPTED in losses.needs()
    assert losses.key != FrameLossesStage(AUDIO, FoldChoice(), BACKBONE).key
