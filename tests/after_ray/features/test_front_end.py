from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from after_ray.backbones.families import FAMILIES
from after_ray.backbones.loading import arrays, build
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import UnstorableFeatures
from after_ray.features import extractors
from after_ray.features._settings import FrontEndFeatures
from after_ray.features.front_end import FrontEnd
from after_ray.ragged import Ragged

Tiny = Callable[..., BackboneSettings]


def make(backbone: BackboneSettings, seconds: float = 10.0) -> FrontEnd:
    return FrontEnd(FrontEndFeatures(backbone=backbone, max_seconds=seconds), None, "cpu")


def wave(samples: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


def test_it_is_found_by_name() -> None:
    assert extractors.resolve("front_end") is FrontEnd


@pytest.mark.parametrize("family", list(FAMILIES))
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_features_are_the_front_end_before_the_projection(tiny: Tiny, norm: str, family: str) -> None:
    """To the nearest float16: half a unit of its 11 bits, and of its smallest step below 2**-14."""
    model = build(tiny(norm, model_type=family))
    features = make(tiny(norm, model_type=family)).extract(wave(9_000))
    with torch.no_grad():
        expected = model.feature_extractor(torch.from_numpy(wave(9_000))[None])[0].T.numpy()
        normalised = model.feature_projection.layer_norm(torch.from_numpy(expected)).numpy()
    assert features.dtype == np.float16
    np.testing.assert_allclose(features.astype(np.float64), expected, rtol=2**-11, atol=2**-25)
    assert not np.allclose(features, normalised, atol=0.05)


@pytest.mark.parametrize("value", [70_000.0, np.nan, np.inf])
def test_what_half_precision_cannot_hold_is_refused(tiny: Tiny, value: float) -> None:
    weights = arrays(build(tiny("layer")))
    affine = "feature_extractor.conv_layers.2.layer_norm"
    weights[f"{affine}.weight"][:] = 0
    weights[f"{affine}.bias"][:] = value  # GELU leaves large positive values as they are
    extractor = FrontEnd(FrontEndFeatures(backbone=tiny("layer")), weights, "cpu")
    with pytest.raises(UnstorableFeatures, match=r"gave (70000|nan|inf) for .* allowed: .* up to 65504"):
        extractor.extract(wave(9_000))


def test_the_largest_half_is_kept(tiny: Tiny) -> None:
    weights = arrays(build(tiny("layer")))
    affine = "feature_extractor.conv_layers.2.layer_norm"
    weights[f"{affine}.weight"][:] = 0
    weights[f"{affine}.bias"][:] = 65_504
    extractor = FrontEnd(FrontEndFeatures(backbone=tiny("layer")), weights, "cpu")
    assert (extractor.extract(wave(9_000)) == 65_504).all()


def test_standardised_waveforms_are_those_of_transformers(tiny: Callable[..., BackboneSettings]) -> None:
    from transformers import Wav2Vec2FeatureExtractor

    backbone, wave = tiny("layer"), 0.1 + 0.05 * np.sin(np.arange(9_000) / 9).astype(np.float32)
    plain = FrontEndFeatures(backbone=backbone, max_seconds=0.5)
    theirs = Wav2Vec2FeatureExtractor(do_normalize=True)(wave[:8_000], sampling_rate=16_000)
    standardised = FrontEnd(plain.model_copy(update={"standardised": True}), None, "cpu")
    expected = FrontEnd(plain, None, "cpu").extract(np.asarray(theirs["input_values"][0], np.float32))
    assert standardised.extract(wave) == pytest.approx(expected, abs=2e-3)
    assert np.abs(standardised.extract(wave) - FrontEnd(plain, None, "cpu").extract(wave)).max() > 0.01
    assert standardised.extract(100 * wave) == pytest.approx(expected, abs=2e-3)
    for silent in (np.zeros(16_000, np.float32), np.zeros(1, np.float32), np.ones(8_000, np.float32)):
        assert np.isfinite(standardised.extract(silent)).all()
    assert "standardised" not in plain.meaning()


@pytest.mark.gpu
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_a_gpu_gives_the_same_features(tiny: Tiny, norm: str) -> None:
    """Up to one unit of float16; ten-bit convolutions would be several off."""
    on_cpu = make(tiny(norm)).extract(wave(40_000)).astype(np.float64)
    on_gpu = FrontEnd(FrontEndFeatures(backbone=tiny(norm)), None, "cuda").extract(wave(40_000))
    np.testing.assert_allclose(on_gpu.astype(np.float64), on_cpu, rtol=2**-10, atol=1e-6)


@pytest.mark.parametrize("samples", [1, 300, 5_000, 16_000, 40_000])
def test_the_announced_frames_are_what_comes_out(tiny: Tiny, samples: int) -> None:
    extractor = make(tiny(), seconds=2.0)
    assert extractor.extract(wave(samples)).shape == (extractor.frames(samples), *extractor.inner)


def test_only_the_first_seconds_count(tiny: Tiny) -> None:
    long = wave(40_000)
    assert np.array_equal(make(tiny(), 1.0).extract(long), make(tiny(), 1.0).extract(long[:16_000]))


def test_no_utterance_depends_on_the_one_before(tiny: Tiny, sound: Ragged) -> None:
    extractor = make(tiny("group"))
    first = extractor.extract(sound[0].astype(np.float32) / 32768)
    extractor.extract(sound[1].astype(np.float32) / 32768)
    assert np.array_equal(first, extractor.extract(sound[0].astype(np.float32) / 32768))


def test_level_is_left_as_it_is(tiny: Tiny) -> None:
    extractor = make(tiny("layer", conv_bias=True))  # without a bias, layer norm itself would take it away
    assert not np.allclose(extractor.extract(wave(8_000)), extractor.extract(10 * wave(8_000)), atol=0.01)


def test_adapted_weights_make_other_features(tiny: Tiny) -> None:
    changed = {name: 1.5 * value for name, value in arrays(build(tiny())).items()}
    settings = FrontEndFeatures(backbone=tiny())
    adapted = FrontEnd(settings, changed, "cpu").extract(wave(8_000))
    assert not np.allclose(adapted, make(tiny()).extract(wave(8_000)), atol=0.01)


def test_the_summary_is_the_mean_over_time(tiny: Tiny) -> None:
    extractor = make(tiny())
    features = np.array([[1, 2, 1], [3, 4, 1 + 2**-10]], dtype=np.float16)
    summary = extractor.summary(features)
    assert summary.dtype == np.float64
    assert summary.tolist() == [2, 3, 1 + 2**-11]  # finer than half precision
