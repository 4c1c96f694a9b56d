"""What holds for wav2vec 2.0, HuBERT and WavLM alike, small and with the weights of a seed."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from after_ray.backbones._transformers import CONFIGS, MODELS
from after_ray.backbones.families import FAMILIES
from after_ray.backbones.identity import has_quantizer, model_type, resolve
from after_ray.backbones.loading import arrays, build, build_for_adaptation, configuration, frames, shortest
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, MissingBackbone, NoQuantizer, UnknownName

Tiny = Callable[..., BackboneSettings]
every_family = pytest.mark.parametrize("family", list(FAMILIES))


@every_family
def test_it_is_built_from_a_configuration(tiny: Tiny, family: str) -> None:
    model = build(tiny(model_type=family))
    assert type(model) is MODELS[family]
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@every_family
def test_every_allowed_argument_exists_in_transformers(family: str) -> None:
    assert {field.name for field in dataclasses.fields(CONFIGS[family])} >= FAMILIES[family].architecture


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"num_hiden_layers": 2}, r"'num_hiden_layers' \(wav2vec 2.0\).*Did you mean 'num_hidden_layers'"),
        ({"model_type": "hubert", "num_codevector_groups": 2}, r"'num_codevector_groups' \(HuBERT\)"),
        ({"model_type": "wavlm", "num_bucket": 2}, r"\(WavLM\).*Did you mean 'num_buckets'"),
        ({"model_type": "hubert", "conv_pos_batch_norm": True}, "'conv_pos_batch_norm'"),
        ({"model_typ": "hubert"}, "Did you mean 'model_type'"),
        ({"model_type": "huber"}, "allowed: hubert, wav2vec2, wavlm. Did you mean 'hubert'"),
    ],
)
def test_a_misspelt_configuration_is_refused_before_anything_runs(
    config: dict[str, bool | int | float | str | tuple[int, ...]], said: str
) -> None:
    with pytest.raises(UnknownName, match=said):
        resolve(BackboneSettings(config=config))
    with pytest.raises(UnknownName, match=said):
        build(BackboneSettings(config=config))


@every_family
def test_an_argument_of_the_wrong_type_is_refused(tiny: Tiny, family: str) -> None:
    with pytest.raises(BadValue, match="hidden_size"):
        build(tiny(model_type=family, hidden_size="wide"))


@every_family
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_frames_are_what_the_front_end_gives(tiny: Tiny, family: str, norm: str) -> None:
    model = build(tiny(norm, model_type=family))
    for samples in (shortest(model.config), 5_000, 12_345):
        assert model.feature_extractor(torch.zeros(1, samples)).shape[2] == frames(model.config, samples)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert"])
def test_base_has_the_published_number_of_parameters(family: str) -> None:
    with torch.device("meta"):
        base = MODELS[family](CONFIGS[family]())
    assert sum(p.numel() for p in base.parameters()) == 94_371_712


@every_family
def test_equal_seeds_give_equal_bits_and_other_seeds_other_bits(tiny: Tiny, family: str) -> None:
    settings = tiny(model_type=family)
    first, again = arrays(build(settings)), arrays(build(settings))
    other = arrays(build(settings.model_copy(update={"seed": 6})))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    weight = "encoder.layers.0.attention.q_proj.weight"
    assert not np.array_equal(first[weight], other[weight])


@every_family
def test_attention_is_the_best_the_family_has(tiny: Tiny, family: str, tmp_path: Path) -> None:
    drawn = build(tiny(model_type=family))
    drawn.save_pretrained(tmp_path)
    read = build(BackboneSettings(name=str(tmp_path)))
    for model in (drawn, read):
        assert model.config._attn_implementation == FAMILIES[family].attention
        assert model._supports_sdpa == (FAMILIES[family].attention == "sdpa")


@every_family
def test_masks_are_obeyed_whatever_a_checkpoint_says(tiny: Tiny, tmp_path: Path, family: str) -> None:
    config = configuration(tiny(model_type=family))
    config.apply_spec_augment = False
    MODELS[family](config).save_pretrained(tmp_path)
    model = build(BackboneSettings(name=str(tmp_path)))
    wave, mask = torch.ones(1, 4_000), torch.zeros(1, frames(model.config, 4_000), dtype=torch.bool)
    mask[0, 3:6] = True
    with torch.no_grad():
        assert not torch.equal(model(wave)[0], model(wave, mask_time_indices=mask)[0])


@every_family
def test_no_mask_is_drawn_in_training(tiny: Tiny, tmp_path: Path, family: str) -> None:
    """Transformers would draw spans over time and over columns from numpy's global generator."""
    none = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0, "layerdrop": 0.0}
    config = configuration(tiny(model_type=family, **none))
    config.mask_time_prob = config.mask_feature_prob = 0.5
    MODELS[family](config).save_pretrained(tmp_path)
    model, wave = build(BackboneSettings(name=str(tmp_path))), torch.ones(1, 8_000)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with torch.no_grad():
        scored, trained = model(wave)[0], model.train()(wave)[0]
    torch.testing.assert_close(scored, trained)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@every_family
def test_a_folder_gives_the_weights_in_it(tiny: Tiny, tmp_path: Path, family: str) -> None:
    model = build(tiny(model_type=family))
    model.save_pretrained(tmp_path)
    settings = resolve(BackboneSettings(name=str(tmp_path)))
    assert model_type(settings) == family
    again = arrays(build(settings))
    assert all(np.array_equal(again[name], value) for name, value in arrays(model).items())


@every_family
def test_published_files_with_older_names_are_read(tiny: Tiny, tmp_path: Path, family: str) -> None:
    """The published checkpoints have the family as a prefix and the old names of weight normalisation."""
    model = build(tiny(model_type=family))
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    older = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = {}
    for name, value in load_file(file).items():
        for new, old in older.items():
            name = name.replace(new, old)
        weights[f"{family}.{name}"] = value
    assert sum("weight_g" in name for name in weights) == 1
    save_file(weights, file, metadata={"format": "pt"})
    read = arrays(build(BackboneSettings(name=str(tmp_path))))
    assert all(np.array_equal(read[name], value) for name, value in arrays(model).items())


@every_family
def test_adapted_weights_replace_those_of_the_seed(tiny: Tiny, family: str) -> None:
    settings = tiny(model_type=family)
    changed = {name: value + 1 for name, value in arrays(build(settings)).items()}
    loaded = arrays(build(settings, changed))
    assert all(np.array_equal(loaded[name], changed[name]) for name in changed)


@every_family
def test_a_folder_that_lacks_encoder_weights_is_refused(tiny: Tiny, tmp_path: Path, family: str) -> None:
    build(tiny(model_type=family)).save_pretrained(tmp_path)
    configuration(tiny(model_type=family, num_hidden_layers=3)).save_pretrained(tmp_path)
    with pytest.raises(MissingBackbone, match=r"weights of the encoder, the first being .*layers\.2"):
        build(BackboneSettings(name=str(tmp_path)))


def test_only_wav2vec_has_a_quantizer_and_the_others_say_so(tiny: Tiny, tmp_path: Path) -> None:
    assert [has_quantizer(tiny(model_type=family)) for family in FAMILIES] == [True, False, False]
    assert has_quantizer(tiny())
    build(tiny(model_type="hubert")).save_pretrained(tmp_path)
    assert not has_quantizer(BackboneSettings(name=str(tmp_path)))
    for settings in (BackboneSettings(name=str(tmp_path)), tiny(model_type="hubert")):
        with pytest.raises(NoQuantizer, match=r"is a HuBERT, which has no quantiser.*objective: clusters"):
            build_for_adaptation(settings)


def test_what_a_backbone_is_can_be_asked_without_torch() -> None:
    code = (
        "import sys; from after_ray.backbones.identity import has_quantizer, provenance;"
        "from after_ray.backbones.settings import BackboneSettings;"
        "settings = BackboneSettings(config={'model_type': 'hubert'});"
        "assert not has_quantizer(settings); assert provenance(settings)['model_type'] == 'hubert';"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("num_hidden_layers", -1, "-1; allowed: whole numbers from 1 on"),
        ("num_hidden_layers", 0, "0; allowed: whole numbers from 1 on"),
        ("hidden_size", "abc", "'abc'; allowed: whole numbers from 1 on"),
        ("hidden_dropout", 1.5, "1.5; allowed: numbers from 0 on and below 1"),
        ("layerdrop", True, "True; allowed: numbers from 0 on and below 1"),
        ("hidden_act", "foo", "'foo'; allowed: gelu, "),
        ("feat_extract_norm", "foo", "'foo'; allowed: group, layer"),
        ("conv_bias", "yes", "'yes'; allowed: true or false"),
        ("num_attention_heads", 5, "5; allowed: what divides hidden_size, 32, such as 1, 2, 4"),
        ("num_conv_pos_embedding_groups", 5, "5; allowed: what divides hidden_size, 32"),
        ("conv_stride", (0, 8, 4), "(0, 8, 4); allowed: a list of whole numbers from 1 on"),
        ("conv_kernel", (10, 3), "(10, 3); allowed: 3 numbers, as conv_dim has"),
        ("codevector_dim", 33, "2; allowed: what divides codevector_dim, 33, such as 1, 3, 11, 33"),
    ],
)
def test_a_value_that_no_network_can_be_made_of_is_named(
    tiny: Tiny, name: str, value: object, said: str
) -> None:
    with pytest.raises(BadValue) as refused:
        resolve(tiny(**{name: value}))
    assert said in str(refused.value)
    assert "backbone.config." in str(refused.value)
