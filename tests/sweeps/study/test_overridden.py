"""What an override says wrongly is told of the override, never of a line of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sweeps.planning.opening import open_study
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: small
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: {name: light_sernet, steps: 10}
schedule: [10, 20]
seed: 0
protocol: {preset: paper, folds: {count: 3}}
"""


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        (
            "classifier.steps=abc",
            "--set 'classifier.steps=abc': classifier.steps: input should be a valid integer",
        ),
        ("classifier.foo=3", "--set 'classifier.foo=3': classifier: unknown key 'foo'; allowed: name, "),
        (
            "adaptation=taptt",
            "--set 'adaptation=taptt': adaptation: unknown name 'taptt'; allowed: none, tapt",
        ),
        ("protocol={preset: none}", "--set 'protocol={preset: none}': "),
        (
            "seed=2026-13-45",
            "the value of the override 'seed=2026-13-45' is not YAML (month must be in 1..12)",
        ),
        ("seed=0x_", "the value of the override 'seed=0x_' is not YAML (invalid literal"),
    ],
)
def test_an_override_is_blamed_itself(tmp_path: Path, override: str, sentence: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    with pytest.raises(StudyError) as caught:
        load_study(tmp_path / "study.yaml", [override])
    assert sentence in str(caught.value)
    assert ", line" not in str(caught.value)


@pytest.mark.parametrize(("value", "kind"), [("2026-13-45", "a date"), ("0x_", "a whole number")])
def test_what_only_looks_like_a_date_or_a_number_is_told(tmp_path: Path, value: str, kind: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("seed: 0", f"seed: {value}"))
    with pytest.raises(StudyError, match=rf"study\.yaml, line 5: '{value}' looks like {kind} but is none"):
        load_study(tmp_path / "study.yaml")


def test_a_mistake_of_the_file_keeps_its_line_beside_overrides(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("steps: 10", "steps: none"))
    with pytest.raises(StudyError, match=r"study\.yaml, line 3: classifier\.steps: "):
        load_study(tmp_path / "study.yaml", ["seed=1"])


def test_backbones_go_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    tiny = "hidden_size: 16, num_attention_heads: 2"
    configs = (
        f"{{{tiny}}}",
        f"{{{tiny}, model_type: hubert}}",
        f"{{{tiny}, model_type: hubert, layerdrop: 0.0}}",
    )
    backbones = f"backbone=[{', '.join(f'{{config: {config}}}' for config in configs)}]"
    plan = open_study(tmp_path / "study.yaml", tmp_path, ["classifier=pooled_transformer", backbones]).plan
    assert [trajectory.axes.method for trajectory in plan.trajectories if trajectory.axes.fold == 0] == [
        "pooled_transformer/random-wav2vec2",
        "pooled_transformer/random-hubert-1",
        "pooled_transformer/random-hubert-2",
    ]
