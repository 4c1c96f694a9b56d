import pytest
import yaml
from pydantic import ValidationError

from analysis.paper.claims.declared import FILE, Claims, declared


def raw():
    return yaml.safe_load(FILE.read_text())


def test_every_experiment_of_the_paper_has_a_claim():
    assert {claim.experiment for claim in declared().claims} == {"E1", "E2", "E3", "E4", "E5"}


def test_claims_about_tapt_baselines_and_time_need_pretrained_weights():
    needs = {claim.id for claim in declared().claims if claim.weights == "pretrained"}
    kinds = {claim.id: claim.contrast.kind for claim in declared().claims}
    about_time = {name for name, kind in kinds.items() if kind in ("linear_time", "time_share")}
    about_baselines = {name for name, kind in kinds.items() if kind == "baselines"}
    about_tapt = {claim.id for claim in declared().claims if "tapt" in str(claim.contrast)}
    assert about_time
    assert about_baselines
    assert about_tapt
    assert needs == about_time | about_baselines | about_tapt


def test_claims_about_strategy_and_initialization_speak_of_this_classifier_on_this_corpus():
    scopes = {claim.scope for claim in declared().claims if claim.weights == "any"}
    assert scopes == {"for this classifier on this corpus"}


def test_an_unknown_key_is_refused():
    content = raw()
    content["claims"][0]["contrast"]["axes"] = "strategy"
    with pytest.raises(ValidationError, match="axes"):
        Claims.model_validate(content)


def test_a_claim_that_is_listed_twice_is_refused():
    content = raw()
    content["claims"].append(content["claims"][0])
    with pytest.raises(ValidationError, match="listed twice: clustering-helps"):
        Claims.model_validate(content)


def test_families_of_unlike_tests_are_refused():
    content = raw()
    for claim in content["claims"]:
        claim["family"] = "one"
    with pytest.raises(ValidationError, match="mix stability"):
        Claims.model_validate(content)
