"""Families of comparisons are declared in the study file, and speak only of what the study has."""

import pytest

from after_ray.errors import AfterRayError
from sweeps.reporting.describing import study_info
from sweeps.study.families import digest_of
from tests.sweeps.small import small_study

FAMILY = {"name": "few labels", "compare": "strategy", "against": "random", "ratios": 20}


def test_a_declared_family_reaches_the_report(tmp_path):
    info = study_info(small_study(tmp_path, families=[FAMILY], equivalence=2.5))
    (family,) = info.families
    assert (family.name, family.axis, family.reference) == ("few labels", "strategy", "random")
    assert (family.percents, family.declared, family.equivalence) == ((20.0,), True, 0.025)


def test_families_are_in_no_key(tmp_path):
    plain, declaring = small_study(tmp_path), small_study(tmp_path, families=[FAMILY])
    assert [cell.key for cell in plain.plan.cells] == [cell.key for cell in declaring.plan.cells]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"against": "margin"},
            r"Bad strategy: 'margin' \(family 'few labels'\); allowed: .* entropy, random",
        ),
        (
            {"ratios": 30},
            r"Bad ratios: 30.0 \(family 'few labels'\); allowed: .* cells are compared: 10, 20, 40",
        ),
        ({"where": {"corpus": "emodb"}}, r"Bad corpus: 'emodb' .*allowed: what the study has: synthetic"),
        ({"where": {"strategy": "entropy"}}, r"Bad where: 'strategy' .*other than the one that is compared"),
        ({"compare": "initialization"}, r"Bad family: 'few labels'; allowed: more than one initialization"),
        ({"compare": "fold"}, r"families.*compare.*'strategy', 'initialization'"),
        ({"metric": "f1"}, r"families.*metric.*'ua', 'wa' or 'macro_f1'"),
        ({"with": "random"}, r"unknown key 'with'; allowed: name, compare, against"),
    ],
)
def test_what_the_study_does_not_have_is_refused_with_what_it_has(tmp_path, changed, sentence):
    with pytest.raises(AfterRayError, match=sentence):
        small_study(tmp_path, families=[FAMILY | changed])


def test_two_families_of_one_name_are_refused(tmp_path):
    with pytest.raises(AfterRayError, match="a name of its own for every family"):
        small_study(tmp_path, families=[FAMILY, FAMILY | {"ratios": 40}])


def test_the_order_of_families_tells_nothing_apart(tmp_path):
    other = FAMILY | {"name": "more labels", "ratios": 40}
    one = small_study(tmp_path, families=[FAMILY, other]).study.families
    turned = small_study(tmp_path, families=[other, FAMILY]).study.families
    assert digest_of(one, 1) == digest_of(turned, 1) != digest_of(one[:1], 1)
    assert digest_of(one, 1) != digest_of(one, 2)


@pytest.mark.parametrize(
    "against", ["power(entropy,exponent=2)", {"name": "power", "over": "entropy", "exponent": 2}]
)
def test_a_strategy_with_options_may_be_written_in_any_way(tmp_path, against):
    strategies = ["random", "power(entropy, exponent=2)"]
    opened = small_study(tmp_path, strategy=strategies, families=[FAMILY | {"against": against}])
    assert opened.study.families[0].against == "power(entropy, exponent=2)"
