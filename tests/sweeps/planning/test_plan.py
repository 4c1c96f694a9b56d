"""A plan names every cell once and shares what means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from after_ray.errors import AfterRayError, BadValue, NoHeads, TooManyLayers
from after_ray.stages import AdaptationStage, FeaturesStage, NextRoundStage, PretrainingStage
from sweeps.planning.counting import counts as counts_of
from sweeps.planning.jobs import ORDER, jobs_of
from sweeps.planning.opening import open_study
from sweeps.planning.plan import Plan, make_plan
from sweeps.planning.trajectories import NO_STRATEGY
from sweeps.study.loading import load_study

STUDY = """\
study: small
corpus: {name: synthetic, speakers: 6, sentences: 5}
classifier: [functionals, pooled_transformer]
backbone: {config: {hidden_size: 16, num_attention_heads: 2}}
adaptation: [none, tapt]
strategy: [random, entropy]
initialization: [random, clustering]
schedule: [10, 50, 100]
fold: [0, 1]
seed: 0..2
protocol: {preset: paper, folds: {count: 3}}
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def plan(scans: Path, *overrides: str) -> Plan:
    path = scans / "study.yaml"
    path.write_text(STUDY)
    return open_study(path, scans, overrides).plan


def test_cells_are_the_product_of_the_axes_that_mean_something(scans: Path) -> None:
    # functionals has no adaptation: 1 method x 1; the transformer has two.
    trajectories = 3 * 2 * 2 * 2 * 3
    made = plan(scans)
    counts = counts_of([made], set())
    assert counts["trajectories"] == trajectories
    assert counts["cells"] == trajectories * 3
    assert counts["missing"] == counts["cells"]
    assert counts["adaptations"] == 2, "one per fold, shared by strategies, initializations and seeds"
    assert counts["first_rounds"] == 3 * 2 * 2 * 3, "no strategy has a round 0 of its own"
    assert len({cell.key for cell in made.cells}) < counts["cells"], (
        "round 0 is one record for all strategies"
    )


def test_adaptation_per_seed_is_repeated_per_seed(scans: Path) -> None:
    counts = counts_of([plan(scans, "adaptation={name: tapt, repeat: per_seed}")], set())
    assert counts["adaptations"] == 2 * 3


def test_ratios_report_fewer_cells_of_the_same_trajectories(scans: Path) -> None:
    whole, part = plan(scans), plan(scans, "ratios=[50]")
    assert [t.key for t in part.trajectories] == [t.key for t in whole.trajectories]
    assert len(part.cells) * 3 == len(whole.cells)


def test_lengthening_a_schedule_keeps_what_is_done_and_inserting_a_point_does_not(scans: Path) -> None:
    short = plan(scans, "schedule=[10,50]")
    longer = plan(scans, "schedule=[10,50,100]")
    inserted = plan(scans, "schedule=[10,30,50]")
    assert [s.key for s in short.trajectories[0].stages] == [s.key for s in longer.trajectories[0].stages][:2]
    assert short.trajectories[0].stages[0].key == inserted.trajectories[0].stages[0].key
    assert short.trajectories[0].key != inserted.trajectories[0].key


def test_a_budget_in_seconds_is_of_the_audio_and_has_keys_of_its_own(scans: Path) -> None:
    counted, heard = plan(scans), plan(scans, "protocol.budget=seconds")
    assert not {t.key for t in counted.trajectories} & {t.key for t in heard.trajectories}
    assert all(stage.seconds is None for t in counted.trajectories for stage in t.stages)
    seconds = [stage.seconds or 0.0 for stage in heard.trajectories[0].stages]
    manifest = open_study(scans / "study.yaml", scans).scans[0].manifest
    train = manifest.table["seconds"].to_numpy()[heard.splits[0].table.folds[0].train]
    assert seconds[1:] == pytest.approx([train.sum() / 2, train.sum()])
    assert seconds[0] == pytest.approx(8 * train.mean()), "two of each class are more than 10 %"
    # The same audio for everybody who starts alike, whatever it is called.
    again = plan(scans, "protocol.budget=seconds", "study=other")
    assert {t.key for t in again.trajectories} == {t.key for t in heard.trajectories}


def test_strategies_have_one_name_however_they_are_written(scans: Path) -> None:
    written = "[{name: power, over: entropy}, {name: power, over: margin, exponent: 2}, random]"
    made = plan(scans, f"strategy={written}", "reference={name: power, over: entropy, exponent: 1}")
    assert {t.axes.strategy for t in made.trajectories} == {
        "power(entropy)",
        "power(margin, exponent=2)",
        "random",
    }
    assert made.study.compared_with == "power(entropy)"
    with pytest.raises(AfterRayError, match=r"'power\(entropy\)' is listed twice|power\(entropy\) is listed"):
        plan(scans, "strategy=[power(entropy), {name: power, over: entropy}]")
    with pytest.raises(AfterRayError, match="it goes over another strategy, and names none"):
        plan(scans, "strategy=[power]")


def test_a_schedule_of_one_point_has_no_strategy(scans: Path) -> None:
    made = plan(scans, "schedule=[100]", "classifier=functionals")
    assert {trajectory.axes.strategy for trajectory in made.trajectories} == {NO_STRATEGY}
    assert len(made.trajectories) == 2 * 2 * 3


def test_a_fold_that_does_not_exist_is_refused(scans: Path) -> None:
    with pytest.raises(BadValue, match="Bad fold: 3; allowed: 0 to 2"):
        plan(scans, "fold=3")


def test_a_point_that_adds_nothing_is_refused_with_the_numbers(scans: Path) -> None:
    with pytest.raises(AfterRayError, match=r"1 % of the .* training utterances"):
        plan(scans, "schedule=[0.5, 1, 100]")


def test_jobs_wait_for_what_they_rest_on_and_finished_work_is_no_job(scans: Path) -> None:
    made = plan(scans)
    jobs = jobs_of([made], set())
    kinds = [job.kind for job in jobs.values()]
    assert kinds == sorted(kinds, key=["adaptation", "features", "first_round", "trajectory"].index)
    for job in jobs.values():
        if isinstance(job.stage, NextRoundStage):
            assert job.stage.first.key in job.needs
    adapted = [key for key, job in jobs.items() if isinstance(job.stage, AdaptationStage)]
    features = [job for job in jobs.values() if isinstance(job.stage, FeaturesStage) and job.stage.adapted]
    assert all(job.needs & set(adapted) for job in features)
    everything = made.keys
    assert jobs_of([made], set(everything)) == {}
    one = made.trajectories[0]
    left = jobs_of([made], set(everything) - {one.key})
    assert list(left) == [one.key]
    assert left[one.key].needs == frozenset()


def test_done_missing_and_failed_are_counted_by_cell(scans: Path) -> None:
    made = plan(scans)
    some = made.trajectories[0]
    counts = counts_of([made], {stage.key for stage in some.stages})
    shares_round_0 = sum(cell.key == some.first.key for cell in made.cells)
    assert counts["done"] == 2 + shares_round_0
    broken = next(iter(made.of_kind(AdaptationStage)))
    failed = counts_of([made], set(), {broken})["failed"]
    assert failed == sum(
        3 for t in made.trajectories if t.first.adapted is not None and t.first.adapted.key == broken
    )


def test_ten_thousand_cells_are_few_seconds_of_nothing_but_expansion(scans: Path) -> None:
    made = plan(scans, "seed=0..99", "classifier=functionals", "schedule=[10,20,30,40,50,60,70,80,90,100]")
    assert len(made.cells) == 2 * 2 * 2 * 100 * 10
    assert len({cell.trial for cell in made.cells}) == len(made.trajectories)


def test_manifests_decide_the_keys_and_paths_do_not(scans: Path) -> None:
    path = scans / "study.yaml"
    path.write_text(STUDY)
    opened = open_study(path, scans)
    again = make_plan(load_study(path), [scan.manifest for scan in opened.scans])
    assert again.trajectories[-1].key == opened.plan.trajectories[-1].key


def test_an_adaptation_that_its_backbone_cannot_have_is_refused_before_anything_runs(scans: Path) -> None:
    hubert = "backbone.config.model_type=hubert"
    with pytest.raises(AfterRayError, match="is a HuBERT, which has no quantiser"):
        plan(scans, hubert, "adaptation=[{name: tapt, objective: quantizer}]")
    with pytest.raises(AfterRayError, match=r"'adaptation\.clusters' is 50, but .* is 'quantizer'"):
        plan(scans, "adaptation=[{name: tapt, clusters: 50}]")
    assert plan(scans, hubert, "adaptation=[{name: tapt, clusters: 50}]").trajectories


def test_w2v2_l_r_12_on_a_deeper_backbone_is_refused_and_a_cut_is_its_remedy(scans: Path) -> None:
    deep = "backbone={config: {hidden_size: 16, num_attention_heads: 2, num_hidden_layers: 24}}"
    both = "classifier=[pooled_transformer, w2v2_l_r_12]"
    with pytest.raises(TooManyLayers, match=r"w2v2_l_r_12 is made of the first 12 layers .* has 24"):
        plan(scans, both, deep)
    made = plan(scans, both, deep, "backbone.layers=12")
    assert {cell.axes.method for cell in made.cells} == {"pooled_transformer", "w2v2_l_r_12"}
    counts = counts_of([made], set())
    assert counts["adaptations"] == 2, "both classifiers share the adapted backbones"
    features = {
        (one.axes.method, one.first.features.features.meaning().get("standardised"))
        for one in made.trajectories
    }
    assert features == {("pooled_transformer", None), ("w2v2_l_r_12", True)}


def test_a_backbone_and_its_cut_are_told_apart_in_tables(scans: Path) -> None:
    small = "config: {hidden_size: 16, num_attention_heads: 2}"
    made = plan(scans, "classifier=pooled_transformer", f"backbone=[{{{small}, layers: 3}}, {{{small}}}]")
    methods = {cell.axes.method for cell in made.cells}
    assert methods == {"pooled_transformer/random-wav2vec2-l3", "pooled_transformer/random-wav2vec2"}


def test_pretrainings_are_made_once_for_each_fold_and_in_their_order(scans: Path) -> None:
    made = plan(scans, "classifier={name: rh_emo}", "adaptation=none", "schedule=[100]")
    counts = counts_of([made], set())
    assert (counts["pretrainings"], counts["pretrainings_done"]) == (2 * 2, 0), "two steps on two folds"
    assert counts["features"] == 1
    jobs = jobs_of([made], set())
    kinds = [job.kind for job in jobs.values()]
    assert kinds == sorted(kinds, key=ORDER.__getitem__)
    found = {key: job for key, job in jobs.items() if job.kind == "pretraining"}
    for place, (key, job) in enumerate(found.items()):
        assert isinstance(job.stage, PretrainingStage)
        before = job.stage.previous
        assert before is None or before.key in list(found)[:place], "in their order"
        assert (before is not None and before.key in job.needs) == (job.stage.step.name == "emotion")
        assert job.needs & made.of_kind(FeaturesStage).keys()
        starting = [one for one in jobs.values() if one.kind == "first_round" and key in one.needs]
        assert len(starting) == len(made.first_rounds) / 2
    shorter = plan(scans, "classifier={name: rh_emo, supervised: false}", "adaptation=none")
    assert made.of_kind(PretrainingStage).keys() > shorter.of_kind(PretrainingStage).keys()
    assert len(shorter.of_kind(PretrainingStage)) == 2
    own = plan(scans, "classifier={name: rh_emo, repeat: per_seed}", "schedule=[100]")
    assert counts_of([own], set())["pretrainings"] == 2 * 2 * 3


def test_frame_losses_are_made_once_for_each_adapted_backbone_and_fold(scans: Path) -> None:
    made = plan(scans, "strategy=[random, alps]", "classifier=pooled_transformer")
    counts = counts_of([made], set())
    assert counts["frame_losses"] == 2 * 2, "adapted or not, two folds; seeds and initializations share them"
    assert counts["frame_losses_done"] == 0
    jobs = jobs_of([made], set())
    losses = {key for key, job in jobs.items() if job.kind == "frame_losses"}
    for job in jobs.values():
        asks = job.kind == "trajectory" and job.stage.strategy == "alps"  # type: ignore[attr-defined]
        assert bool(losses & job.needs) == asks, "neither round 0 nor another strategy waits for them"
    assert counts_of([plan(scans)], set())["frame_losses"] == 0


def test_frame_losses_of_a_backbone_without_heads_are_refused_when_the_study_is_planned(scans: Path) -> None:
    hubert = "backbone={config: {model_type: hubert, hidden_size: 16, num_attention_heads: 2}}"
    asking = ("strategy=alps", "classifier=pooled_transformer", hubert)
    with pytest.raises(NoHeads, match="'hubert' cannot be computed without an adaptation"):
        plan(scans, *asking)
    assert plan(scans, *asking, "adaptation=tapt").trajectories
    assert plan(scans, *asking, "schedule=[100]").trajectories, "nothing is acquired"


def test_an_adaptation_that_reads_labels_is_made_once_per_fold(scans: Path) -> None:
    reading = ("classifier=pooled_transformer", "schedule=[100]", "seed=[0, 1]", "strategy=random")
    made = plan(scans, *reading, "adaptation=pseudo_tapt")
    adapted = [trajectory.first.adapted for trajectory in made.trajectories]
    folds = {trajectory.axes.fold for trajectory in made.trajectories}
    assert None not in adapted
    assert len({stage.key for stage in adapted if stage is not None}) == len(folds) == 2
    assert len(adapted) > len(folds)
    repeated = plan(scans, *reading, "adaptation={name: pseudo_tapt, repeat: per_seed}")
    assert counts_of([repeated], set())["adaptations"] == 4


def test_how_frame_losses_are_measured_is_in_the_key_of_those_that_ask_for_them(scans: Path) -> None:
    def last(*overrides: str) -> NextRoundStage:
        made = plan(scans, "classifier=pooled_transformer", "adaptation=tapt", *overrides)
        stage = made.trajectories[0].last
        assert isinstance(stage, NextRoundStage)
        return stage

    changed = "frame_losses={mask_share: 0.3}"
    assert last("strategy=alps").key != last("strategy=alps", changed).key
    assert last("strategy=alps", changed).first.key == last("strategy=alps").first.key
    assert last("strategy=entropy").key == last("strategy=entropy", changed).key
    with pytest.raises(AfterRayError, match="frame_losses"):
        plan(scans, "frame_losses={mask_share: 1.5}")


@pytest.mark.parametrize(
    "adaptation",
    ["none", "{name: tapt, objective: clusters}", "{name: tapt, reconstruction_weight: 0}"],
)
def test_a_reconstruction_that_was_never_learned_is_refused(scans: Path, adaptation: str) -> None:
    asking = ("strategy=alps", "classifier=pooled_transformer", "frame_losses={reconstruction_weight: 1}")
    assert plan(scans, *asking, "adaptation=tapt").trajectories
    with pytest.raises(BadValue, match=r"frame_losses\.reconstruction_weight: 1.0; allowed: 0, since"):
        plan(scans, *asking, f"adaptation={adaptation}")
