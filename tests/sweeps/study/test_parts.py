"""A study of several crosses of axes: each part is a cross, and their runs together are the study."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from after_ray.errors import BadValue
from sweeps.planning.joining import TwoOfOneName
from sweeps.planning.opening import open_study
from sweeps.planning.plan import Plan
from sweeps.reporting.methods import methods_of
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError
from sweeps.tracking.mirroring import mirrored_rows

STUDY = """\
study: parts
corpus: {name: synthetic, speakers: 6, sentences: 5}
seed: 0..1
fold: 0
protocol: {preset: paper, folds: {count: 3}}
parts:
  - classifier: pooled_transformer
    backbone: {config: {hidden_size: 16, num_attention_heads: 2}}
    adaptation: tapt
    strategy: [random, entropy]
    schedule: [10, 20, 50]
    ratios: 20
  - {classifier: [functionals, light_sernet], schedule: [100]}
  - classifier: w2v2_l_r_12
    backbone: {config: {hidden_size: 32, num_attention_heads: 4}, layers: 3}
    schedule: [100]
"""


def written(folder: Path, text: str = STUDY) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def plan(folder: Path, text: str = STUDY, *overrides: str) -> Plan:
    return open_study(written(folder, text), folder / "store", overrides).plan


def test_a_study_is_what_its_parts_are_and_nothing_between_them(tmp_path: Path) -> None:
    made = plan(tmp_path)
    found = {(t.axes.method, t.axes.adaptation, t.axes.strategy, t.percents) for t in made.trajectories}
    assert found == {
        ("pooled_transformer", "tapt", "random", (10, 20, 50)),
        ("pooled_transformer", "tapt", "entropy", (10, 20, 50)),
        ("functionals", "none", "none", (100,)),
        ("light_sernet", "none", "none", (100,)),
        ("w2v2_l_r_12", "none", "none", (100,)),
    }
    assert {(cell.axes.method, cell.percent) for cell in made.cells} == {
        ("pooled_transformer", 20),
        ("functionals", 100),
        ("light_sernet", 100),
        ("w2v2_l_r_12", 100),
    }
    assert made.study.schedule == (10, 20, 50, 100)
    assert made.study.reported == (20, 100)


def test_a_part_has_the_keys_of_a_study_of_its_own(tmp_path: Path) -> None:
    values = yaml.safe_load(STUDY)
    parts = values.pop("parts")
    alone = {t.key for part in parts for t in plan(tmp_path, yaml.safe_dump({**values, **part})).trajectories}
    assert {t.key for t in plan(tmp_path).trajectories} == alone


def test_what_is_common_need_not_be_said_in_parts(tmp_path: Path) -> None:
    study = load_study(
        written(
            tmp_path,
            "study: s\ncorpus: synthetic\nclassifier: functionals\nstrategy: [random, margin]\n"
            "parts:\n  - {schedule: [10, 20]}\n  - {schedule: [100], initialization: clustering}\n",
        )
    )
    assert [part.strategy for part in study.parts] == [("random", "margin")] * 2
    assert [one.name for one in study.initialization] == ["random", "clustering"]


def test_what_two_parts_have_is_one_trajectory_with_the_cells_of_both(tmp_path: Path) -> None:
    text = (
        "study: s\ncorpus: {name: synthetic, speakers: 6, sentences: 5}\nclassifier: functionals\n"
        "protocol: {preset: paper, folds: {count: 3}}\nfold: 0\nschedule: [10, 20, 50]\n"
        "parts:\n  - {ratios: 10}\n  - {ratios: 50}\n"
    )
    made = plan(tmp_path, text)
    assert len(made.trajectories) == 1
    assert [cell.percent for cell in made.cells] == [10, 50]


def test_a_backbone_is_named_only_where_a_classifier_has_several(tmp_path: Path) -> None:
    second = (
        "  - {classifier: pooled_transformer, backbone: {config: {hidden_size: 64, num_attention_heads: 2}}, "
        "schedule: [100]}\n"
    )
    methods = {t.axes.method for t in plan(tmp_path, STUDY + second).trajectories}
    assert methods == {
        "pooled_transformer/random-wav2vec2-1",
        "pooled_transformer/random-wav2vec2-2",
        "functionals",
        "light_sernet",
        "w2v2_l_r_12",
    }


def test_a_strategy_of_one_part_that_draws_gives_all_parts_the_head_for_it(tmp_path: Path) -> None:
    drawing = STUDY.replace("[random, entropy]", "[random, batchbald]") + (
        "  - {classifier: pooled_transformer, backbone: {config: {hidden_size: 16, num_attention_heads: 2}}, "
        "adaptation: tapt, schedule: [100]}\n"
    )
    heads = {
        one.head_dropout_share
        for part in load_study(written(tmp_path, drawing)).parts
        for one in part.classifier
        if one.name == "pooled_transformer"
    }
    assert heads == {0.1}


def test_relative_folders_of_parts_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    text = STUDY.replace("{config: {hidden_size: 32, num_attention_heads: 4}, layers: 3}", "small")
    study = load_study(written(tmp_path, text))
    assert study.parts[2].backbone[0].name == str((tmp_path / "small").resolve())


def test_the_resolved_study_is_read_back_as_the_same(tmp_path: Path) -> None:
    opened = open_study(written(tmp_path), tmp_path / "store")
    again = written(tmp_path, opened.resolved_yaml)
    assert {t.key for t in open_study(again, tmp_path / "store").plan.trajectories} == {
        t.key for t in opened.plan.trajectories
    }


def test_a_tracker_is_told_of_the_cells_of_each_part(tmp_path: Path) -> None:
    rows = mirrored_rows(open_study(written(tmp_path), tmp_path / "store"))
    told = {(row.tags["method"], cell.percent) for row in rows for cell in row.cells}
    assert ("pooled_transformer", 20) in told
    assert ("pooled_transformer", 50) not in told
    assert ("functionals", 100) in told


def test_the_methods_say_what_holds_for_which_model(tmp_path: Path) -> None:
    text = " ".join(methods_of(open_study(written(tmp_path), tmp_path / "store")))
    assert "Of pooled_transformer with tapt: Round 0 (10 % of train" in text
    assert "Of functionals and light_sernet: The model is trained once, on 100 % of train." in text


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            "  - {seed: 3, schedule: [100]}\n",
            ["line 17", "part 4 says 'seed'", "same for all parts", "schedule"],
        ),
        ("  - {classifer: functionals, schedule: [100]}\n", ["part 4 says 'classifer'", "allowed in a part"]),
        ("  - {classifier: functionalz, schedule: [100]}\n", ["line 17", "functionalz", "functionals"]),
        ("  - {classifier: functionals, schedule: [100, 50]}\n", ["line 17", "50 follows 100"]),
        ("  - {classifier: functionals}\n", ["parts.3.schedule", "missing"]),
        ("  - 7\n", ["line 17", "part 4 is 7 and no mapping"]),
        ("  -\n", ["line 17", "part 4 is None and no mapping", "written {}"]),
        (
            "  - {study: x, seed: 7, classifier: functionals, schedule: [100]}\n",
            ["line 17", "part 4 says 'study'", "same for all parts"],
        ),
        ("schedule: [10, 100]\n", ["line 17", "'schedule' is said by every part", "take it out"]),
        ("search: {space: {classifier.regularization: [1, 2]}}\n", ["study with parts cannot be searched"]),
        (
            "  - {strategy: {name: replay, over: entropy, file: a.csv}, schedule: [10, 20]}\n",
            ["a study with parts replays nothing"],
        ),
    ],
)
def test_mistakes_in_parts_are_one_sentence_with_their_line(
    tmp_path: Path, wrong: str, told: list[str]
) -> None:
    with pytest.raises(StudyError) as caught:
        load_study(written(tmp_path, STUDY + wrong))
    for part in told:
        assert part in str(caught.value)


def test_parts_are_a_list(tmp_path: Path) -> None:
    for wrong in ("{schedule: [100]}", ""):
        with pytest.raises(StudyError, match=r"line 3: 'parts' is .* allowed is a list"):
            load_study(written(tmp_path, f"study: s\ncorpus: synthetic\nparts: {wrong}\n"))


def test_an_override_that_no_part_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"--set 'schedule=50': 'schedule' is said by every part"):
        load_study(written(tmp_path), ["schedule=50"])
    with pytest.raises(StudyError, match=r"goes through 'parts', which is a list; change it in the file"):
        load_study(written(tmp_path), ["parts.0.strategy=margin"])
    strategies = {part.strategy for part in load_study(written(tmp_path), ["strategy=margin"]).parts}
    assert strategies == {("random", "entropy"), ("margin",)}, "parts that name none take the study's"


def test_a_part_that_learns_nothing_actively_brings_no_strategy_to_be_compared_with(tmp_path: Path) -> None:
    study = load_study(written(tmp_path, STUDY.replace("[random, entropy]", "[margin, entropy]")))
    assert study.strategy == ("margin", "entropy")
    assert study.compared_with == "margin"
    with pytest.raises(StudyError, match="reference 'random' is not among"):
        load_study(
            written(tmp_path, STUDY.replace("[random, entropy]", "[margin, entropy]")), ["reference=random"]
        )


TWO = """\
study: s
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: functionals
protocol: {preset: paper, folds: {count: 3}}
fold: 0
parts:
  - {schedule: [10, 20, 50]}
  - {schedule: SECOND}
"""


def test_a_part_that_is_the_beginning_of_another_is_a_part_of_it(tmp_path: Path) -> None:
    made = plan(tmp_path, TWO.replace("SECOND", "[10, 20]"))
    (trajectory,) = made.trajectories
    assert trajectory.percents == (10, 20, 50)
    assert [cell.percent for cell in made.cells] == [10, 20, 50]


def test_two_runs_that_tables_could_not_tell_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TwoOfOneName, match=r"synthetic, functionals, none, random, random in two ways"):
        plan(tmp_path, TWO.replace("SECOND", "[40, 50]"))


def test_a_family_names_ratios_at_which_something_is_compared(tmp_path: Path) -> None:
    """All labels at once are reported here, and no strategy is among them."""
    family = "families: [{name: f, compare: strategy, against: random, ratios: RATIO}]\n"
    assert plan(tmp_path, STUDY + family.replace("RATIO", "20")).study.families
    with pytest.raises(BadValue, match=r"allowed: ratios at which cells are compared: 20"):
        plan(tmp_path, STUDY + family.replace("RATIO", "100"))


def test_functionals_are_not_said_to_be_an_unadapted_backbone(tmp_path: Path) -> None:
    one = STUDY.partition("  - classifier: w2v2")[0]
    said = " ".join(methods_of(open_study(written(tmp_path, one), tmp_path / "store")))
    assert "adapted by tapt" in said
    assert "without adaptation beside it" not in said
    both = one.replace("adaptation: tapt", "adaptation: [none, tapt]")
    assert "without adaptation beside it" in " ".join(
        methods_of(open_study(written(tmp_path, both), tmp_path / "store"))
    )


def test_a_classifier_of_one_part_is_not_asked_for_what_another_part_wants(tmp_path: Path) -> None:
    """Functionals have no dropout to draw from; only a study that crosses them with BatchBALD is refused."""
    text = STUDY.replace("[random, entropy]", "[random, batchbald]")
    assert "batchbald" in load_study(written(tmp_path, text)).strategy
