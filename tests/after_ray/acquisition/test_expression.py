"""A strategy with options has one line of text, however a study writes it, and mistakes are named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from after_ray.acquisition import Call, of_mapping, parse, strategy_of, write
from after_ray.acquisition.power import Power
from after_ray.errors import AfterRayError, BadStrategy, UnknownName
from after_ray.files import sha256_of
from after_ray.own_code import source_digest


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("entropy", "entropy"),
        ("  entropy ( ) ", "entropy"),
        ("power(entropy)", "power(entropy)"),
        ("power( entropy ,exponent = 1.0)", "power(entropy)"),
        ("power(entropy, exponent=2)", "power(entropy, exponent=2)"),
        ("power(entropy, exponent=2.50)", "power(entropy, exponent=2.5)"),
        ("power(class_balanced(margin), exponent=3)", "power(class_balanced(margin), exponent=3)"),
    ],
)
def test_one_strategy_has_one_line(written: str, line: str) -> None:
    assert write(parse(written)) == line
    assert write(parse(line)) == line


@pytest.mark.parametrize(
    ("mapping", "line"),
    [
        ({"name": "entropy"}, "entropy"),
        ({"name": "power", "over": "entropy"}, "power(entropy)"),
        ({"exponent": 2, "name": "power", "over": {"name": "margin"}}, "power(margin, exponent=2)"),
        ({"name": "power", "over": "class_balanced(margin)"}, "power(class_balanced(margin))"),
    ],
)
def test_a_mapping_is_the_same_line(mapping: dict[str, object], line: str) -> None:
    assert write(of_mapping(mapping)) == line


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "a name is missing"),
        ("entropy)", r"'\)' is left over"),
        ("power(entropy", r"',' or '\)' is missing"),
        ("power(entropy exponent=2)", r"',' or '\)' is missing"),
        ("power(exponent=2, entropy)", "a strategy within comes first, and alone"),
        ("power(entropy, exponent=2, exponent=3)", "'exponent' is there twice"),
        ("power(entropy, exponent=)", "a value is missing"),
        ("power", "it goes over another strategy, and names none; it takes: over, exponent"),
        ("power(entropy, exponent=0)", "exponent 0: input should be greater than 0"),
        ("power(entropy, exponent=much)", "exponent 'much': input should be a valid number"),
        ("power(entropy, temperature=2)", "it has no option 'temperature'; it takes: over, exponent"),
        ("entropy(margin)", "no options"),
        ("power(entropy, exponent=.inf)", "exponent inf: input should be a finite number"),
        ("power(entropy, exponent=[1)", r"the value \[1 cannot be read"),
        ("power(entropy, exponent='1)", "a value is missing|cannot be read"),
        ("typiclust(neighbours=true)", "neighbours True: input should be a valid integer"),
        ("bald(draws=1)", "draws 1: input should be greater than or equal to 2"),
        ("probcover(delta=3)", "delta 3: input should be less than or equal to 2"),
    ],
)
def test_a_mistake_is_named(written: str, said: str) -> None:
    with pytest.raises(BadStrategy, match=said):
        write(parse(written))


def test_a_strategy_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownName, match=r"'entropie'.*entropy"):
        write(parse("power(entropie)"))


def test_a_mapping_without_a_name_is_refused() -> None:
    with pytest.raises(BadStrategy, match="it has no name"):
        of_mapping({"over": "entropy"})


def test_values_keep_their_kind_and_strings_are_quoted_where_they_must_be() -> None:
    text = "x:Y(a=1, b=1.5, c=true, d='1', e='a, b', f=plain, g='it''s')"
    options = parse(text).options
    assert options == {"a": 1, "b": 1.5, "c": True, "d": "1", "e": "a, b", "f": "plain", "g": "it's"}


def test_the_options_reach_the_strategy() -> None:
    strategy = strategy_of("power(margin, exponent=2)")
    assert isinstance(strategy, Power)
    assert strategy.exponent == 2.0


OWN = """
from dataclasses import dataclass
from after_ray.acquisition import Picked, Strategy
import numpy as np

@dataclass(frozen=True)
class Every(Strategy):
    step: int = 2
    name: str = "x y"

    def _select(self, evidence, budget, generator):
        return Picked(np.arange(evidence.size)[::-self.step][:budget])

class Plain(Strategy):
    def __init__(self, second, first=1):
        self.first, self.second = first, second

    def _select(self, evidence, budget, generator):
        return Picked(np.arange(budget))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_strategies.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own_strategies", raising=False)


@pytest.mark.usefixtures("own")
def test_a_strategy_of_one_s_own_takes_options_as_well() -> None:
    assert write(parse("own_strategies:Every(step=2)")) == "own_strategies:Every"
    line = "own_strategies:Every(step=3, name='a (b)')"
    assert write(parse(line)) == line
    assert write(parse("own_strategies:Plain(second=2)")) == "own_strategies:Plain(second=2)"
    assert write(parse("power(own_strategies:Every)")) == "power(own_strategies:Every)"
    assert [call.own for call in parse("power(own_strategies:Every)").calls()] == [False, True]
    with pytest.raises(BadStrategy, match="missing 1 required positional argument: 'second'"):
        write(parse("own_strategies:Plain"))
    with pytest.raises(AfterRayError, match="cannot be imported"):
        write(parse("own_strategies:Nobody"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def (", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(7)", "SystemExit: 7"),
        ("", "has no attribute 'Mine'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    (tmp_path / "unfit_strategy.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "unfit_strategy", raising=False)
    with pytest.raises(AfterRayError, match=f"cannot be imported: .*{said}.*PYTHONPATH"):
        strategy_of("unfit_strategy:Mine")


@pytest.mark.parametrize("needs", ['"probabilities"', 'frozenset({"probabilities"})', "None"])
def test_needs_that_are_no_kinds_of_evidence_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: str
) -> None:
    code = f"class Asking(Random):\n    needs = {needs}\n"
    (tmp_path / "asking_wrongly.py").write_text(f"from after_ray.acquisition.random import Random\n{code}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "asking_wrongly", raising=False)
    with pytest.raises(BadStrategy, match=r"no set of kinds of evidence; it takes: EvidenceKind\.PROB"):
        strategy_of("asking_wrongly:Asking")


def test_the_files_of_classes_that_are_extended_are_part_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("extending", "extended"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    base = tmp_path / "extended.py"
    base.write_text("from after_ray.acquisition.random import Random\nclass Base(Random): ...\n")
    own = tmp_path / "extending.py"
    own.write_text("from extended import Base\nclass Own(Base): ...\n")
    alone = source_digest("extended:Base")
    assert alone == sha256_of(base), "a file that extends what is installed is itself"
    together = source_digest("extending:Own")
    base.write_text(base.read_text() + "# changed\n")
    assert source_digest("extending:Own") != together
    assert source_digest("extended:Base") != alone


def test_calls_are_this_one_and_those_within() -> None:
    calls = [call.name for call in parse("power(class_balanced(entropy))").calls()]
    assert calls == ["power", "class_balanced", "entropy"]
    assert parse("entropy") == Call("entropy")
