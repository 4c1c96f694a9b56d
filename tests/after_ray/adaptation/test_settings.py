"""Presets mean their values; what is written overrides them; what is not allowed is named."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from after_ray.adaptation.settings import (
    PRESETS,
    AdaptationSettings,
    FrameLossSettings,
    PseudoTaptSettings,
    TaptSettings,
    check_adaptation,
    check_frame_losses,
    objective_of,
)
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, IdleSetting, LabelsRead, NoQuantizer

WAV2VEC2 = BackboneSettings(config={"hidden_size": 16})
HUBERT = BackboneSettings(config={"model_type": "hubert", "hidden_size": 16})
SHALLOW = {"model_type": "hubert", "num_hidden_layers": 2}
OFFICIAL = {
    "steps": 20_000,
    "batch_seconds": 250,
    "mask_probability": 0.05,
    "mask_span": 10,
    "min_spans": 2,
    "negatives": 100,
    "contrastive_weight": 1,
    "reconstruction_weight": 0,
    "diversity_weight": 0.1,
    "reduction": "sum",
    "warmup_steps": 100,
    "flat_share": 0.05,
    "max_seconds": 10,
    "learning_rate": 1e-4,
    "train_front_end": True,
}


def test_the_official_code_is_one_word() -> None:
    settings = TaptSettings(preset="official_code")
    assert {name: getattr(settings, name) for name in OFFICIAL} == OFFICIAL


def test_a_preset_means_its_values_and_not_its_name() -> None:
    spelled_out = TaptSettings(**PRESETS["official_code"])
    assert spelled_out.meaning() == TaptSettings(preset="official_code").meaning()
    assert spelled_out.meaning() != TaptSettings().meaning()
    assert "preset" not in TaptSettings().meaning()


def test_what_is_written_overrides_the_preset() -> None:
    settings = TaptSettings(preset="official_code", reduction="mean", steps=60)
    assert (settings.reduction, settings.steps, settings.min_spans) == ("mean", 60, 2)


def test_settings_that_came_later_are_in_no_key_of_before() -> None:
    before = {"reduction", "precision", "objective", "clusters", "cluster_layer", "cluster_frames"}
    assert TaptSettings().meaning().keys().isdisjoint({*before, "unmasked_weight"})
    assert TaptSettings(negatives="all").meaning()["negatives"] == "all"
    assert TaptSettings(objective="clusters", clusters=500).meaning()["clusters"] == 500


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"negatives": "al"}, "allowed are whole numbers from 1 on and 'all'"),
        ({"negatives": 0}, "allowed are whole numbers from 1 on and 'all'"),
        ({"cluster_layer": "last"}, "allowed are whole numbers from 1 on and 'middle'"),
        ({"preset": "official"}, "should be 'paper' or 'official_code'"),
        ({"reduction": "max"}, "should be 'mean' or 'sum'"),
        ({"clusters": 1}, "greater than or equal to 2"),
        ({"objektive": "clusters"}, "Did you mean 'objective'"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        TaptSettings(**changes)


@pytest.mark.parametrize(
    ("backbone", "asked", "learned"),
    [
        (WAV2VEC2, "of_backbone", "quantizer"),
        (WAV2VEC2, "quantizer", "quantizer"),
        (WAV2VEC2, "clusters", "clusters"),
        (HUBERT, "of_backbone", "clusters"),
        (HUBERT, "clusters", "clusters"),
    ],
)
def test_the_objective_is_the_backbones_unless_it_is_named(
    backbone: BackboneSettings, asked: str, learned: str
) -> None:
    settings = TaptSettings.model_validate({"objective": asked})
    assert objective_of(settings, backbone) == learned
    check_adaptation(settings, [backbone])


def test_a_quantizer_that_is_not_there_is_missed_before_anything_runs() -> None:
    with pytest.raises(NoQuantizer, match="Write 'objective: clusters'"):
        check_adaptation(TaptSettings(objective="quantizer"), [WAV2VEC2, HUBERT])


@pytest.mark.parametrize(
    ("backbone", "changed", "said"),
    [
        (WAV2VEC2, {"clusters": 50}, "'adaptation.clusters' is 50, but the objective is 'quantizer'"),
        (WAV2VEC2, {"unmasked_weight": 0.5}, "'adaptation.unmasked_weight' is 0.5"),
        (HUBERT, {"negatives": "all"}, "'adaptation.negatives' is 'all', but the objective is 'clusters'"),
        (HUBERT, {"diversity_weight": 0.0}, "'adaptation.diversity_weight' is 0.0"),
    ],
)
def test_a_setting_that_nothing_reads_is_refused(
    backbone: BackboneSettings, changed: dict[str, object], said: str
) -> None:
    with pytest.raises(IdleSetting) as refused:
        check_adaptation(TaptSettings.model_validate(changed), [backbone])
    assert said in str(refused.value)


def test_a_layer_that_is_not_there_is_missed_before_anything_runs() -> None:
    with pytest.raises(BadValue, match=r"cluster_layer: 9; allowed: 1 to 2, or 'middle'"):
        check_adaptation(TaptSettings(cluster_layer=9), [HUBERT.model_copy(update={"config": SHALLOW})])
    check_adaptation(TaptSettings(cluster_layer=9), [HUBERT])  # 12 layers, as published


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"contrastive_weight": 0, "reconstruction_weight": 0}, "nothing else is learned from"),
        ({"cluster_frames": 20}, "100 clusters cannot be found in 20 frames"),
    ],
)
def test_an_adaptation_that_could_learn_nothing_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TaptSettings.model_validate(changed)


def test_a_setting_that_one_of_the_backbones_reads_is_none_of_those() -> None:
    check_adaptation(TaptSettings(clusters=50, negatives="all"), [WAV2VEC2, HUBERT])
    check_adaptation(TaptSettings(preset="official_code"), [HUBERT])  # its weights are the preset's
    check_adaptation(TaptSettings(clusters=50), [])


PUBLISHED = {
    "codebooks": (64, 512, 4_096),
    "mask_probability": 0.06,
    "mask_span": 15,
    "min_spans": 2,
    "learning_rate": 1e-4,
    "steps": 20_000,
    "warmup_steps": 100,
    "flat_share": 0.05,
    "batch_seconds": 250,
    "max_seconds": 10,
    "train_front_end": False,
    "frame_width": 512,
    "frame_steps": 10_000,
    "frame_batch": 64,
    "frame_learning_rate": 1e-4,
}


def test_pseudo_tapt_is_as_published() -> None:
    settings = PseudoTaptSettings()
    assert {name: getattr(settings, name) for name in PUBLISHED} == PUBLISHED
    assert settings.longest == 160_000
    assert settings.meaning() == {
        **PUBLISHED,
        "codebooks": [64, 512, 4_096],
        "feature_layer": "middle",
        "name": "pseudo_tapt",
        "repeat": "shared",
    }


@pytest.mark.parametrize(("kind", "needed"), [(TaptSettings, False), (PseudoTaptSettings, True)])
def test_an_adaptation_says_by_its_name_what_it_is_and_whether_it_needs_labels(
    kind: type[TaptSettings] | type[PseudoTaptSettings], needed: bool
) -> None:
    read = TypeAdapter(AdaptationSettings).validate_python({"name": kind().name, "steps": 5})
    assert type(read) is kind
    assert (read.steps, read.needs_all_labels) == (5, needed)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"codebooks": []}, "at least 1 item"),
        ({"codebooks": [64, 1]}, "greater than or equal to 2"),
        ({"feature_layer": "last"}, "allowed are whole numbers from 1 on and 'middle'"),
        ({"negatives": 10}, "unknown key 'negatives'"),
    ],
)
def test_what_pseudo_tapt_cannot_be_is_refused_by_name(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        PseudoTaptSettings.model_validate(changes)


def test_pseudo_tapt_suits_every_family_that_has_the_layer() -> None:
    for backbone in (WAV2VEC2, HUBERT):
        assert objective_of(PseudoTaptSettings(), backbone) == "pseudo_labels"
    check_adaptation(PseudoTaptSettings(feature_layer=12), [WAV2VEC2, HUBERT])
    shallow = HUBERT.model_copy(update={"config": SHALLOW})
    with pytest.raises(BadValue, match=r"adaptation\.feature_layer: 9; allowed: 1 to 2, or 'middle'"):
        check_adaptation(PseudoTaptSettings(feature_layer=9), [WAV2VEC2, shallow])


def test_frame_losses_are_not_asked_of_what_has_read_labels() -> None:
    check_frame_losses(FrameLossSettings(), WAV2VEC2, TaptSettings())
    with pytest.raises(LabelsRead, match=r"the adaptation 'pseudo_tapt' are refused.*adaptation: tapt"):
        check_frame_losses(FrameLossSettings(), WAV2VEC2, PseudoTaptSettings())
