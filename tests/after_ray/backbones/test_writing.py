"""A written folder is loaded by `backbone:` and by transformers to the bit, or is not there at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModel
from transformers.utils import logging

from after_ray.backbones import writing
from after_ray.backbones.identity import identity, resolve
from after_ray.backbones.loading import arrays, build, build_for_adaptation
from after_ray.backbones.origin import Began, Origin, Trained
from after_ray.backbones.settings import BackboneSettings
from after_ray.backbones.writing import write_backbone
from after_ray.errors import MissingBackbone, OccupiedFolder

Tiny = Callable[..., BackboneSettings]
TRAINED = Trained(
    study="pre", corpus="synthetic", manifest="ab", fold=0, seed=None, key="k", adaptation={"name": "tapt"},
    audio=("a", "b"), seconds=4500.0,
)  # fmt: skip


def origin(found: str, random: bool = True, heads: bool = False) -> Origin:
    began = Began(random=random, model_type="wav2vec2", name=None if random else "wav2vec2-base")
    return Origin(identity=found, began=began, trainings=(TRAINED,), heads=heads)


def changed(settings: BackboneSettings) -> dict[str, np.ndarray]:
    """Weights that no seed draws."""
    generator = np.random.default_rng(3)
    return {
        name: value + generator.normal(scale=0.01, size=value.shape).astype(np.float32)
        for name, value in arrays(build(settings)).items()
    }


def heads_of(settings: BackboneSettings) -> dict[str, np.ndarray]:
    whole = arrays(build_for_adaptation(settings))
    return {name: value + 1 for name, value in whole.items() if not name.startswith("wav2vec2.")}


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_what_is_loaded_is_what_was_written(tiny: Tiny, tmp_path: Path, family: str, norm: str) -> None:
    settings = tiny(norm, model_type=family)
    weights = changed(settings)
    write_backbone(tmp_path / "made", settings, weights, None, origin)
    named = BackboneSettings(name=str(tmp_path / "made"), seed=9)
    loaded = arrays(build(resolve(named)))
    plain = AutoModel.from_pretrained(tmp_path / "made")
    assert weights.keys() == loaded.keys() == plain.state_dict().keys()
    for name, value in weights.items():
        assert np.array_equal(loaded[name], value), name
        assert np.array_equal(plain.state_dict()[name].numpy(), value), name
    waves = torch.randn(2, 4000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = build(settings, weights)(waves).last_hidden_state
        assert torch.equal(build(named)(waves).last_hidden_state, ours)
        assert torch.allclose(plain.eval()(waves).last_hidden_state, ours, atol=1e-5)  # other attention


def test_heads_of_pre_training_come_back(tiny: Tiny, tmp_path: Path) -> None:
    weights, heads = changed(tiny()), heads_of(tiny())
    write_backbone(tmp_path / "made", tiny(), weights, heads, origin)
    named = BackboneSettings(name=str(tmp_path / "made"), seed=9)
    loaded = arrays(build_for_adaptation(named))
    assert all(np.array_equal(loaded[name], value) for name, value in heads.items())
    assert all(np.array_equal(loaded[f"wav2vec2.{name}"], value) for name, value in weights.items())
    plain = AutoModel.from_pretrained(tmp_path / "made").state_dict()
    assert all(np.array_equal(plain[name].numpy(), value) for name, value in weights.items())


def test_a_cut_backbone_is_written_as_deep_as_it_is(tiny: Tiny, tmp_path: Path) -> None:
    cut = tiny(num_hidden_layers=3).model_copy(update={"layers": 1})
    weights = changed(cut)
    write_backbone(tmp_path / "made", cut, weights, None, origin)
    assert json.loads((tmp_path / "made" / "config.json").read_text())["num_hidden_layers"] == 1
    loaded = arrays(build(BackboneSettings(name=str(tmp_path / "made"))))
    assert all(np.array_equal(loaded[name], value) for name, value in weights.items())


@pytest.mark.parametrize(("norm", "mask"), [("group", False), ("layer", True)])
def test_transformers_hears_what_is_heard_here(tiny: Tiny, tmp_path: Path, norm: str, mask: bool) -> None:
    write_backbone(tmp_path / "made", tiny(norm), changed(tiny(norm)), None, origin)
    heard = AutoFeatureExtractor.from_pretrained(tmp_path / "made")
    wave = np.linspace(-0.5, 0.9, 4000, dtype=np.float32)
    values = heard(wave, sampling_rate=16_000, return_tensors="np")
    assert np.array_equal(values["input_values"][0], wave)
    assert ("attention_mask" in values) == mask


def test_the_same_again_changes_nothing_and_anything_else_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    out, weights = tmp_path / "made", changed(tiny())
    first = write_backbone(out, tiny(), weights, None, origin)
    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert write_backbone(out, tiny(), weights, None, origin) == first
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == times
    weights["masked_spec_embed"] = weights["masked_spec_embed"] + 1
    with pytest.raises(OccupiedFolder, match=r"made is there already .* nothing is written over"):
        write_backbone(out, tiny(), weights, None, origin)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == times
    assert [path.name for path in tmp_path.iterdir()] == ["made"], "no temporary folder is left"


def test_an_empty_folder_and_a_file_are_refused(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    for name in ("folder", "file"):
        with pytest.raises(OccupiedFolder):
            write_backbone(tmp_path / name, tiny(), changed(tiny()), None, origin)
    assert (tmp_path / "file").read_text() == "mine"


def test_nobody_sees_half_of_it(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, value: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(writing, "write_json", fail)
    with pytest.raises(OSError, match="full"):
        write_backbone(tmp_path / "made", tiny(), changed(tiny()), None, origin)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_drawn_and_bars_stay_as_they_were(tiny: Tiny, tmp_path: Path) -> None:
    logging.enable_progress_bar()
    weights, before = changed(tiny()), torch.get_rng_state()
    write_backbone(tmp_path / "made", tiny(), weights, heads_of(tiny()), origin)
    assert torch.equal(torch.get_rng_state(), before)
    assert logging.is_progress_bar_enabled()
    modes = {path.stat().st_mode for path in (tmp_path / "made").iterdir()}
    assert len(modes) == 1, "the weights are as readable as the rest"


def test_what_began_from_random_weights_is_not_pretrained(tiny: Tiny, tmp_path: Path) -> None:
    for name, random in (("own", True), ("published", False)):
        write_backbone(
            tmp_path / name, tiny(), changed(tiny()), None, lambda found, r=random: origin(found, r)
        )
    own, published = (resolve(BackboneSettings(name=str(tmp_path / name))) for name in ("own", "published"))
    assert (own.pretrained, published.pretrained) == (False, True)
    assert own.origin is not None
    assert own.origin.told == ("pre-trained here from random weights on 75 min (synthetic, train of fold 0)")
    assert published.origin is not None
    assert published.origin.told == "wav2vec2-base, adapted here to 75 min (synthetic, train of fold 0)"


def test_the_origin_is_in_no_key_and_in_no_dump(tiny: Tiny, tmp_path: Path) -> None:
    write_backbone(tmp_path / "made", tiny(), changed(tiny()), None, origin)
    resolved = resolve(BackboneSettings(name=str(tmp_path / "made")))
    (tmp_path / "made" / "after_ray.json").unlink()
    bare = resolve(BackboneSettings(name=str(tmp_path / "made")))
    assert bare.pretrained
    assert bare.meaning() == resolved.meaning()
    assert bare.model_dump() == resolved.model_dump()


def test_an_origin_that_a_user_states_is_not_believed(tiny: Tiny, tmp_path: Path) -> None:
    write_backbone(tmp_path / "made", tiny(), changed(tiny()), None, origin)
    stated = BackboneSettings(name=str(tmp_path / "made"), origin=origin("x", random=False))
    assert not resolve(stated).pretrained
    assert resolve(tiny().model_copy(update={"origin": origin("x")})).origin is None


def test_an_origin_of_other_weights_or_of_no_sense_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    made = tmp_path / "made"
    write_backbone(made, tiny(), changed(tiny()), None, origin)
    named = BackboneSettings(name=str(made))
    found = identity(named)
    build(tiny().model_copy(update={"seed": 6})).save_pretrained(made)
    with pytest.raises(MissingBackbone, match=rf"speaks of other files \(identity {found[:12]}\)"):
        resolve(named)
    for text in ('{"format": 2}', "{", "[]"):
        (made / "after_ray.json").write_text(text)
        with pytest.raises(MissingBackbone, match=r"its after_ray\.json cannot be read .*export it again"):
            resolve(named)
