"""`protocol: official_code` sets what it says it sets, and nothing that a study writes itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from after_ray.adaptation.settings import TaptSettings
from after_ray.classifiers._settings import FunctionalsSettings, LightSerNetSettings
from after_ray.errors import BadValue
from after_ray.presets import OFFICIAL_CODE, PRESETS
from after_ray.training.settings import FittingSettings
from sweeps.cli import app
from sweeps.planning.opening import OpenStudy, open_study
from sweeps.reporting.in_words import preset_in_words
from sweeps.reporting.report import study_info
from sweeps.study.declaration import Study
from sweeps.study.loading import load_study
from sweeps.study.study_file import StudyError

STUDY = """\
study: official
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: [pooled_transformer, light_sernet, functionals]
backbone: {config: {hidden_size: 16, num_attention_heads: 2}}
adaptation: [none, tapt]
strategy: [random, entropy]
initialization: [random, clustering]
schedule: [10, 90, 100]
protocol: {preset: official_code, first_round: {size: 64}}
"""
PAPER, OFFICIAL = "protocol=paper", "protocol=official_code"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "study.yaml"
    path.write_text(STUDY)
    return path


def opened(path: Path, *overrides: str) -> OpenStudy:
    return open_study(path, path.parent / "store", overrides)


def keys(path: Path, *overrides: str) -> list[str]:
    return [trajectory.key for trajectory in opened(path, *overrides).plan.trajectories]


def fitting(study: Study) -> FittingSettings:
    return study.classifier[0].fitting  # type: ignore[union-attr]


def block(axis: str, name: str) -> Callable[[Study], dict[str, Any]]:
    """Reads the first block of that name."""
    return lambda study: next(
        item.model_dump() for item in getattr(study, axis) if item is not None and item.name == name
    )


def of_protocol(study: Study) -> dict[str, Any]:
    return study.protocol.model_dump()


def of_fitting(study: Study) -> dict[str, Any]:
    return fitting(study).model_dump()


DECISIONS: list[tuple[str, Callable[[Study], Any], Any, Any]] = [
    ("D2", lambda s: s.folds_wanted, "all", (1,)),
    ("D3", lambda s: s.protocol.validation.draw, "by_utterance", "half_of_test"),
    ("D6", lambda s: s.protocol.first_round.size, None, 200),
    ("D8", lambda s: (s.initialization[1].k_min, s.initialization[1].k_max), (2, 10), (3, 3)),
    ("D9", lambda s: s.initialization[1].distance, "euclidean", "cosine"),
    ("D9, as they are", lambda s: s.initialization[1].standardised, True, False),
    ("D11", lambda s: s.restarts, ("previous",), ("pretrained",)),
    ("D12", lambda s: s.protocol.selector, "exact", "official_argpartition"),
    ("D13", lambda s: fitting(s).class_weights, "none", "inverse_frequency"),
    ("D14", lambda s: (fitting(s).max_epochs, fitting(s).min_updates), (20, 200), (30, 0)),
    ("D14, looks", lambda s: (fitting(s).evaluations_per_epoch, fitting(s).keep), (5, "best"), (1, "last")),
    ("D15", lambda s: (fitting(s).batch_size, fitting(s).drop_last), (64, False), (64, True)),
    ("D15, order", lambda s: fitting(s).order, "shuffled", "acquired"),
    ("D16", lambda s: fitting(s).learning_rate, 1e-4, 1e-4),
    ("D17 to D21", lambda s: s.adaptation[1], TaptSettings(), TaptSettings(preset="official_code")),
    ("D22", lambda s: s.classifier[0].freeze_projection, True, True),
    ("D23", lambda s: s.classifier[0].drop_last_frame, False, True),
]


@pytest.mark.parametrize(
    ("read", "paper", "official"), [d[1:] for d in DECISIONS], ids=[d[0] for d in DECISIONS]
)
def test_a_decision_is_in_the_validated_study(
    path: Path, read: Callable[[Study], Any], paper: object, official: object
) -> None:
    assert read(load_study(path, [PAPER])) == paper
    assert read(load_study(path, [OFFICIAL])) == official


def test_adaptation_is_of_the_official_kind_and_not_only_called_so(path: Path) -> None:
    """D17, D18, D20, D21: spans, one term less, its scale, negatives, steps."""
    adaptation = load_study(path, [OFFICIAL]).adaptation[1]
    assert adaptation is not None
    assert (adaptation.mask_probability, adaptation.mask_span, adaptation.min_spans) == (0.05, 10, 2)
    assert (adaptation.reconstruction_weight, adaptation.diversity_weight) == (0, 0.1)
    assert (adaptation.reduction, adaptation.negatives, adaptation.steps) == ("sum", 100, 20_000)


def test_other_classifiers_keep_their_own_training(path: Path) -> None:
    """They publish schedules of their own."""
    assert load_study(path, [OFFICIAL]).classifier[1:] == (LightSerNetSettings(), FunctionalsSettings())


CLUSTERING, TAPT = block("initialization", "clustering"), block("adaptation", "tapt")
TRANSFORMER = block("classifier", "pooled_transformer")
WRITTEN = [
    ("initialization={name: clustering, distance: euclidean}", CLUSTERING, "distance", "k_max"),
    ("adaptation={name: tapt, preset: paper}", TAPT, "preset", "name"),
    ("adaptation={name: tapt, steps: 7}", TAPT, "steps", "preset"),
    ("classifier={name: pooled_transformer, drop_last_frame: false}", TRANSFORMER, "drop_last_frame", "name"),
    ("classifier={name: pooled_transformer, fitting: {keep: best}}", of_fitting, "keep", "order"),
    ("protocol={preset: official_code, fitting: {keep: best}}", of_fitting, "keep", "order"),
    ("protocol={preset: official_code, selector: exact}", of_protocol, "selector", "restart"),
    ("protocol={preset: official_code, first_round: {size: null}}", of_protocol, "first_round", "selector"),
]


@pytest.mark.parametrize(("override", "read", "written", "beside"), WRITTEN, ids=[w[0] for w in WRITTEN])
def test_what_a_study_writes_wins_and_the_rest_of_its_block_stays(
    path: Path, override: str, read: Callable[[Study], dict[str, Any]], written: str, beside: str
) -> None:
    usual, changed = (read(load_study(path, values)) for values in ([OFFICIAL], [OFFICIAL, override]))
    assert changed[written] != usual[written]
    assert changed[beside] == usual[beside]


@pytest.mark.parametrize(
    ("corpus", "preset"),
    [
        ("{name: merged, root: DIR}", "repo_json"),
        ("{name: merged, root: DIR, preset: six_corpora}", "six_corpora"),
        ("{name: merged, root: DIR, members: [emodb, cremad]}", "own"),
    ],
)
def test_merged_is_the_published_label_files_unless_a_study_chooses(
    path: Path, corpus: str, preset: str
) -> None:
    """D28."""
    (merged,) = load_study(path, [OFFICIAL, f"corpus={corpus}"]).corpus
    assert merged.preset == preset
    assert load_study(path, [PAPER, "corpus={name: merged, root: DIR}"]).corpus[0].preset == "six_corpora"


def spelled_out(path: Path, protocol: str, other: str) -> Path:
    """The study of one protocol with everything written, under the name of another protocol."""
    values = yaml.safe_load(load_study(path, [protocol]).model_dump_json())
    values = {key: value for key, value in values.items() if value != []}  # axes that are left out
    values["protocol"]["preset"] = other
    written = path.parent / f"{other}.yaml"
    written.write_text(yaml.safe_dump(values))
    return written


@pytest.mark.parametrize(("name", "other"), [("paper", "official_code"), ("official_code", "paper")])
def test_a_preset_is_no_more_than_its_values(path: Path, name: str, other: str) -> None:
    """So that the keys of a `paper` study are those of its values, whatever presets come to say."""
    protocol = f"protocol={{preset: {name}, first_round: {{size: 64}}}}"
    made = keys(path, protocol)
    assert keys(spelled_out(path, protocol, other)) == made
    assert made != keys(path, f"protocol={{preset: {other}, first_round: {{size: 64}}}}")


def test_a_selector_is_in_the_keys_of_strategies_that_have_scores(path: Path) -> None:
    """Others pick alike with every selector, and are not run again."""
    plans = [
        opened(path, "classifier=functionals", f"protocol.selector={selector}").plan.trajectories
        for selector in ("exact", "official_argpartition")
    ]
    for exact, official in zip(*plans, strict=True):
        assert exact.first.key == official.first.key
        assert (exact.key == official.key) == (exact.axes.strategy == "random")


def test_a_round_0_that_does_not_fit_is_one_sentence(path: Path) -> None:
    with pytest.raises(
        BadValue, match=r"Bad protocol.first_round.size: 200; allowed: 10 .* to 100 .*, or null"
    ):
        opened(path, OFFICIAL)


def test_a_round_0_without_a_whole_batch_is_refused_before_anything_runs(path: Path) -> None:
    small = "protocol.first_round.size=63"
    with pytest.raises(BadValue, match=r"Bad size of round 0: 63 .*allowed: 64 or more, because 'drop_last'"):
        opened(path, small)
    opened(path, small, "protocol.fitting.drop_last=false")
    opened(path, small, "classifier=[light_sernet, functionals]")


def test_every_restart_can_be_swept(path: Path) -> None:
    restarts = ("previous", "pretrained", "shrink_perturb")
    plan = opened(path, f"restart=[{','.join(restarts)}]", "classifier=light_sernet").plan
    assert {trajectory.axes.restart for trajectory in plan.trajectories} == set(restarts)
    assert len({trajectory.key for trajectory in plan.trajectories}) == len(plan.trajectories)


def test_a_selector_that_does_not_exist_is_one_sentence(path: Path) -> None:
    with pytest.raises(
        StudyError, match=r"protocol.selector: .*'exact' or 'official_argpartition', not 'top'"
    ):
        load_study(path, ["protocol.selector=top"])


def test_a_plan_says_what_the_preset_sets_and_what_it_leaves_out(path: Path) -> None:
    done = CliRunner().invoke(app, ["plan", str(path), "--store", str(path.parent / "store")])
    assert done.exit_code == 0, done.output
    output = " ".join(done.output.split())
    for part in (
        "protocol official_code: It sets fold [1], validation.draw half_of_test, restart pretrained,",
        "of pooled_transformer fitting.class_weights inverse_frequency,",
        "drop_last_frame true",
        "of clustering k_min 3, k_max 3, distance cosine, standardised false",
        "of tapt preset official_code",
        *OFFICIAL_CODE.left_out,
    ):
        assert part in output
    assert "first_round.size" not in output, "the study has its own"


def test_the_report_says_it_too(path: Path) -> None:
    said = study_info(opened(path)).protocol
    assert said.startswith("official_code, with its own first_round. It sets fold [1], ")
    assert said.endswith(f"{OFFICIAL_CODE.left_out[-1]}.")
    assert study_info(opened(path, "protocol=paper")).protocol == "paper"


def test_what_a_study_has_its_own_way_is_not_said_to_be_set(path: Path) -> None:
    own = [
        "protocol.fitting.keep=best", "fold=[0, 1]", "restart=[previous, pretrained]",
        "initialization=random", "adaptation=none",
    ]  # fmt: skip
    said = preset_in_words(load_study(path, own))
    assert "fitting.max_epochs 30" in said
    for part in ("fitting.keep", "fold [1]", "restart", "clustering k_min", "of tapt"):
        assert part not in said.partition("The study has its own")[0]
    assert "The study has its own of pooled_transformer fitting.keep. Not as its model" in said
    assert preset_in_words(load_study(path, [PAPER])) == ""
    assert preset_in_words(load_study(path, ["protocol=paper_strict"])) == (
        "It sets of pooled_transformer fitting.min_updates 0."
    )


def test_what_is_left_out_is_said_in_short_clauses() -> None:
    for preset in PRESETS.values():
        for clause in preset.left_out:
            assert len(clause) < 100
            assert ";" not in clause
            assert not clause.endswith(".")
