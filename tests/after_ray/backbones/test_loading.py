from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from after_ray.backbones import loading
from after_ray.backbones._transformers import Wav2Vec2Config
from after_ray.backbones.identity import resolve
from after_ray.backbones.loading import (
    arrays,
    build,
    build_for_adaptation,
    configuration,
    frames,
    shortest,
)
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import BadValue, ChangedBackbone, MissingBackbone, UnknownName

Tiny = Callable[..., BackboneSettings]


@pytest.mark.parametrize(("samples", "expected"), [(1, 1), (400, 1), (719, 1), (720, 2)])
def test_the_shortest_utterances_have_a_frame(samples: int, expected: int) -> None:
    assert frames(Wav2Vec2Config(), samples) == expected


def test_frames_are_what_the_front_end_gives(tiny: Tiny) -> None:
    model = build(tiny())
    for samples in (shortest(model.config), 5_000, 12_345):
        assert model.feature_extractor(torch.zeros(1, samples)).shape[2] == frames(model.config, samples)


def test_equal_seeds_give_equal_bits_and_other_seeds_other_bits(tiny: Tiny) -> None:
    first, again = arrays(build(tiny())), arrays(build(tiny()))
    other = arrays(build(tiny().model_copy(update={"seed": 6})))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(
        first["encoder.layers.0.attention.q_proj.weight"], other["encoder.layers.0.attention.q_proj.weight"]
    )


def test_building_moves_no_global_generator(tiny: Tiny) -> None:
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    build(tiny())
    build_for_adaptation(tiny())
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


def test_adaptation_starts_from_the_backbone_itself(tiny: Tiny) -> None:
    backbone, adapted = arrays(build(tiny())), arrays(build_for_adaptation(tiny()).wav2vec2)
    assert all(np.array_equal(backbone[name], adapted[name]) for name in backbone)


def test_adapted_weights_replace_those_of_the_seed(tiny: Tiny) -> None:
    changed = {name: value + 1 for name, value in arrays(build(tiny())).items()}
    loaded = arrays(build(tiny(), changed))
    assert all(np.array_equal(loaded[name], changed[name]) for name in changed)


def test_weights_with_other_names_are_refused(tiny: Tiny) -> None:
    weights = arrays(build(tiny()))
    weights["other"] = weights.pop("masked_spec_embed")
    with pytest.raises(ValueError, match=r"weights of another network: \['masked_spec_embed', 'other'\]"):
        build(tiny(), weights)


def test_weights_of_other_shapes_are_refused(tiny: Tiny) -> None:
    weights = arrays(build(tiny()))
    weights["masked_spec_embed"] = weights["masked_spec_embed"][:1]  # torch would repeat it
    with pytest.raises(ValueError, match=r"masked_spec_embed has the shape \(1,\), not \(32,\)"):
        build(tiny(), weights)


def test_a_damaged_file_is_named(tiny: Tiny, tmp_path: Path) -> None:
    build(tiny()).save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(bytes(range(256)) * 2)
    with pytest.raises(MissingBackbone, match=r"cannot be read \(.*\); copy or download it again"):
        build(BackboneSettings(name=str(tmp_path)))


def test_a_folder_gives_the_weights_in_it(tiny: Tiny, tmp_path: Path) -> None:
    model = build_for_adaptation(tiny())
    model.save_pretrained(tmp_path)
    settings = BackboneSettings(name=str(tmp_path))
    backbone, again = arrays(build(settings)), arrays(build_for_adaptation(settings))
    assert all(np.array_equal(backbone[name], value) for name, value in arrays(model.wav2vec2).items())
    assert all(np.array_equal(again[name], value) for name, value in arrays(model).items())


def test_a_checkpoint_without_pretraining_heads_gets_seeded_ones(tiny: Tiny, tmp_path: Path) -> None:
    build(tiny()).save_pretrained(tmp_path)
    settings = BackboneSettings(name=str(tmp_path), seed=3)
    first, again = arrays(build_for_adaptation(settings)), arrays(build_for_adaptation(settings))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first["quantizer.weight_proj.weight"].std() == pytest.approx(1, abs=0.1)


def test_a_checkpoint_that_lacks_encoder_weights_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    build(tiny()).save_pretrained(tmp_path)
    config = configuration(tiny(num_hidden_layers=3))
    config.save_pretrained(tmp_path)
    with pytest.raises(MissingBackbone, match=r"lack 16 weights of the encoder, the first being .*layers\.2"):
        build(BackboneSettings(name=str(tmp_path)))


@pytest.mark.parametrize("adapted", [False, True])
def test_other_files_than_the_study_was_resolved_with_are_refused(
    tiny: Tiny, tmp_path: Path, adapted: bool
) -> None:
    model = build(tiny())
    model.save_pretrained(tmp_path)
    settings = resolve(BackboneSettings(name=str(tmp_path)))
    build(tiny().model_copy(update={"seed": 6})).save_pretrained(tmp_path)
    with pytest.raises(ChangedBackbone, match=rf"other files in .* \({settings.identity[:12]}\)"):
        build(settings, arrays(model) if adapted else None)
    with pytest.raises(ChangedBackbone):
        build_for_adaptation(settings)
    model.save_pretrained(tmp_path)
    build(settings)  # a refusal is not remembered: the mended folder is taken


def test_files_are_verified_once_per_process(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tiny()).save_pretrained(tmp_path)
    settings, read = resolve(BackboneSettings(name=str(tmp_path))), loading.files_digest
    verified: list[str] = []
    monkeypatch.setattr(
        loading, "files_digest", lambda folder, name: verified.append(name) or read(folder, name)
    )
    for _ in range(2):
        build(settings)
        build_for_adaptation(settings)
    assert verified == [str(tmp_path)]


def test_a_misspelt_argument_is_refused_with_the_right_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'hidden_size'"):
        build(BackboneSettings(config={"hidden_sise": 32}))


def test_an_argument_of_the_wrong_type_is_refused(tiny: Tiny) -> None:
    with pytest.raises(BadValue, match="hidden_size"):
        build(tiny(hidden_size="wide"))
