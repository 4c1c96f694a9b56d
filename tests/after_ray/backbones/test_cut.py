"""Backbones of which the first layers are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from after_ray.backbones._transformers import Wav2Vec2ForPreTraining
from after_ray.backbones.identity import encoder_layers, need_heads, resolve
from after_ray.backbones.loading import arrays, build, build_for_adaptation, configuration
from after_ray.backbones.operations import shape_of
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, MissingBackbone, NoHeads

Tiny = Callable[..., BackboneSettings]
WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tiny: Tiny, tmp_path: Path) -> Path:
    """Files of a pre-training of four layers."""
    Wav2Vec2ForPreTraining(configuration(tiny("layer", num_hidden_layers=4))).save_pretrained(tmp_path)
    return tmp_path


def named(folder: Path, layers: int | None = None) -> BackboneSettings:
    return BackboneSettings(name=str(folder), layers=layers)


def change(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / WEIGHTS)
    edit(tensors)
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})


def test_the_first_layers_are_kept_and_the_final_norm_with_them(folder: Path) -> None:
    whole, cut = build(named(folder)), build(named(folder, 2))
    assert (len(whole.encoder.layers), len(cut.encoder.layers)) == (4, 2)
    wave = torch.sin(torch.arange(8_000) / 10)[None]
    with torch.no_grad():
        second = whole(wave, output_hidden_states=True).hidden_states[2]
        torch.testing.assert_close(cut(wave).last_hidden_state, whole.encoder.layer_norm(second))
    kept = arrays(cut)
    assert all(np.array_equal(kept[name], value) for name, value in arrays(whole).items() if name in kept)
    assert len(build_for_adaptation(named(folder, 2)).wav2vec2.encoder.layers) == 2


def test_weights_of_an_adaptation_fit_the_cut(folder: Path) -> None:
    adapted = {name: value + 1 for name, value in arrays(build(named(folder, 2))).items()}
    again = arrays(build(named(folder, 2), adapted))
    assert all(np.array_equal(again[name], value) for name, value in adapted.items())


def test_heads_of_a_fine_tuning_may_be_left_out_as_well(folder: Path) -> None:
    """As in the files of audEERING, which have as many layers as are kept."""
    for name in ("classifier.dense.weight", "classifier.out_proj.bias", "projector.weight", "lm_head.bias"):
        change(folder, lambda tensors, name=name: tensors.update({name: torch.zeros(3)}))  # type: ignore[misc]
    assert len(build(named(folder, 2)).encoder.layers) == 2
    assert len(build(named(folder, 4)).encoder.layers) == 4


def test_anything_else_that_would_be_left_out_is_refused(folder: Path) -> None:
    change(folder, lambda tensors: tensors.update({"wav2vec2.adapter.weight": torch.zeros(3)}))
    build(named(folder))
    with pytest.raises(MissingBackbone, match=r"'layers: 2'.*wav2vec2\.adapter\.weight.*leave 'layers' out"):
        build(named(folder, 2))


def test_a_later_layer_that_its_config_does_not_know_is_refused(folder: Path) -> None:
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**described, "num_hidden_layers": 3}))
    with pytest.raises(MissingBackbone, match="layer 4 is lacking or is something else"):
        build(named(folder, 2))


def test_a_later_layer_that_is_not_in_the_files_is_refused(folder: Path) -> None:
    def shorten(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if ".encoder.layers.3." in name]:
            del tensors[name]

    change(folder, shorten)
    with pytest.raises(MissingBackbone, match="layer 4 is lacking or is something else"):
        build(named(folder, 2))


@pytest.mark.parametrize("layers", [5, 24])
def test_more_layers_than_there_are_is_refused(folder: Path, tiny: Tiny, layers: int) -> None:
    for settings in (named(folder, layers), tiny(num_hidden_layers=4).model_copy(update={"layers": layers})):
        for use in (resolve, configuration):
            with pytest.raises(BadValue, match=f"layers: {layers}; allowed: at most 4"):
                use(settings)  # type: ignore[operator]
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        named(folder, 0)


def test_a_configuration_can_be_cut_too(tiny: Tiny) -> None:
    cut = tiny(num_hidden_layers=4).model_copy(update={"layers": 1})
    assert len(build(cut).encoder.layers) == encoder_layers(cut) == 1


def test_the_cut_is_in_the_meaning_and_in_no_meaning_without(folder: Path, tiny: Tiny) -> None:
    whole, cut = resolve(named(folder)), resolve(named(folder, 2))
    assert cut.meaning() == {**whole.meaning(), "layers": 2}
    assert "layers" not in tiny().meaning()
    assert tiny().model_copy(update={"layers": 1}).meaning() == {**tiny().meaning(), "layers": 1}


def test_costs_are_those_of_what_is_kept(folder: Path) -> None:
    whole, cut = shape_of(named(folder)), shape_of(named(folder, 2))
    assert (whole.layers, cut.layers) == (4, 2)
    assert cut.attention == whole.attention / 2
    assert encoder_layers(named(folder, 2)) == 2


def test_heads_of_a_layer_that_is_cut_are_none(folder: Path) -> None:
    need_heads(named(folder))
    need_heads(named(folder, 4))
    with pytest.raises(NoHeads, match="read layer 4, and 2 are kept"):
        need_heads(named(folder, 2))
