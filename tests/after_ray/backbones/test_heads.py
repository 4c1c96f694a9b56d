"""Whether a backbone brings its pre-training heads along is read off its files, without loading them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from after_ray.backbones._transformers import Wav2Vec2Model
from after_ray.backbones.identity import need_heads
from after_ray.backbones.loading import build, build_for_adaptation
from after_ray.backbones.settings import BackboneSettings
from after_ray.errors import MissingBackbone, NoHeads

Tiny = Callable[..., BackboneSettings]


def test_files_with_heads_pass_and_files_without_are_refused_by_name(tiny: Tiny, tmp_path: Path) -> None:
    build_for_adaptation(tiny()).save_pretrained(tmp_path / "whole")
    backbone = build(tiny())
    assert isinstance(backbone, Wav2Vec2Model)
    backbone.save_pretrained(tmp_path / "encoder")
    need_heads(BackboneSettings(name=str(tmp_path / "whole")))
    with pytest.raises(
        NoHeads, match=r"encoder' .*project_hid\., project_q\., quantizer\.\*.*adaptation: tapt"
    ):
        need_heads(BackboneSettings(name=str(tmp_path / "encoder")))


def test_families_without_published_heads_are_refused_and_drawn_ones_are_not(tiny: Tiny) -> None:
    need_heads(tiny())
    for family in ("hubert", "wavlm"):
        with pytest.raises(NoHeads, match="'adaptation: tapt'"):
            need_heads(tiny(model_type=family))


def test_a_cut_file_is_no_file_without_heads(tiny: Tiny, tmp_path: Path) -> None:
    build_for_adaptation(tiny()).save_pretrained(tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(MissingBackbone, match="cannot be read"):
        need_heads(BackboneSettings(name=str(tmp_path)))
