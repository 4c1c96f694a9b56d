"""Classifiers of a user's own: found by their path, validated by their settings, keyed by their source."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from after_ray.classifiers import Trained
from after_ray.classifiers._settings import ClassifierSettings, FunctionalsSettings, own_model, version_of
from after_ray.initialization._settings import RandomSettings
from after_ray.sources import parts_of
from after_ray.splits._settings import FoldChoice
from after_ray.stages import AudioStage, FirstRoundStage, PretrainingStage
from tests.after_ray.classifiers.own_page import write_files

SETTINGS: TypeAdapter[Trained] = TypeAdapter(ClassifierSettings)
AUDIO = AudioStage("0123")


def first_round(classifier: Trained) -> FirstRoundStage:
    return FirstRoundStage(AUDIO, FoldChoice(), classifier, RandomSettings(), 8, 0)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(tmp_path, monkeypatch)
    return tmp_path


def of(name: str, **settings: Any) -> Trained:
    return SETTINGS.validate_python({"name": name, **settings})


@pytest.mark.usefixtures("files")
def test_settings_are_those_of_the_model_that_the_class_names() -> None:
    chosen = of("mine:Nearest", k=3)
    assert type(chosen) is own_model("mine:Nearest")
    assert chosen.meaning() == {"name": "mine:Nearest", "k": 3}
    assert SETTINGS.dump_python(chosen, mode="json") == {"name": "mine:Nearest", "k": 3}
    assert pickle.loads(pickle.dumps(chosen)) == chosen
    assert version_of("mine:Nearest") == 1


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kk": 3}, "unknown key 'kk'; allowed: name, k. Did you mean 'k'"),
        ({"k": 0}, "greater than or equal to 1"),
    ],
)
def test_what_they_do_not_take_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        of("mine:Nearest", **settings)


BASE = "from after_ray.classifiers import Classifier, Trained\n\n\n"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            None,
            "cannot be imported: ModuleNotFoundError: No module named 'unfit'; name module:Class in a Pyth",
        ),
        ("", "cannot be imported: AttributeError: module 'unfit' has no attribute 'Mine'; name module:Class"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero; name"),
        ("class Mine: ...", "is no class that extends after_ray.classifiers.Classifier; name one that does"),
        (
            "class Mine(Classifier): ...",
            "it names none, where a model of its settings is needed; write 'setti",
        ),
        ("class Mine(Classifier):\n    settings_model = 3", "its 'settings_model' is 3, where a model"),
        (
            "class Mine(Classifier):\n    settings_model = Trained",
            "Mine has no build, embeddings, fit, load, ",
        ),
        (
            "from mine import Nearest\n\n\nclass Mine(Nearest):\n    settings_model = Trained",
            "Trained has no features; write them, docs/own_classifier.md says how",
        ),
    ],
)
def test_what_is_no_classifier_is_refused_in_a_sentence(
    files: Path, monkeypatch: pytest.MonkeyPatch, code: str | None, said: str
) -> None:
    if code is None:
        monkeypatch.delitem(sys.modules, "unfit", raising=False)
    else:
        write_files(files, monkeypatch, unfit=BASE + code)
    with pytest.raises(ValidationError) as told:
        of("unfit:Mine")
    (mistake,) = told.value.errors()
    assert mistake["type"] == "own_classifier"
    assert mistake["msg"].startswith("The classifier 'unfit:Mine' ")
    assert said in mistake["msg"]


def test_the_source_of_its_file_is_in_its_keys_and_in_no_others(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = first_round(FunctionalsSettings())
    own, with_five = first_round(of("mine:Nearest", k=3)), first_round(of("mine:Nearest"))
    assert "source" not in plain.meaning()
    assert own.features.key == plain.features.key, "features are shared"
    assert own.key != with_five.key
    with (files / "mine.py").open("a") as file:
        file.write("# changed\n")
    assert first_round(of("mine:Nearest", k=3)).key != own.key
    assert first_round(FunctionalsSettings()).key == plain.key


def test_the_file_of_its_settings_is_as_well(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apart = "from mine import Nearest\nfrom its_settings import Its\n\n\nclass Mine(Nearest):\n"
    settings = "from mine import NearestSettings\n\n\nclass Its(NearestSettings): ...\n"
    write_files(files, monkeypatch, apart=f"{apart}    settings_model = Its\n", its_settings=settings)
    before = first_round(of("apart:Mine")).key
    (files / "its_settings.py").write_text(settings + "# changed\n")
    changed = first_round(of("apart:Mine")).key
    assert changed != before
    with (files / "mine.py").open("a") as file:
        file.write("# changed\n")
    assert first_round(of("apart:Mine")).key not in (before, changed), "and that of what both extend"


def test_its_code_is_its_own_and_that_of_the_classifiers_that_it_extends(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extending = (
        "from after_ray.classifiers.functionals import FunctionalsClassifier\n"
        "from mine import NearestSettings\n"
        "\n\nclass Mine(FunctionalsClassifier):\n    settings_model = NearestSettings\n"
    )
    write_files(files, monkeypatch, extending=extending)
    assert parts_of(first_round(of("mine:Nearest"))) == ("learning", "initialization:random")
    assert parts_of(first_round(of("extending:Mine"))) == (
        "learning",
        "classifier:functionals",
        "initialization:random",
    )


def test_its_pretraining_has_its_source_as_well(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from after_ray.classifiers import PretrainingStep\nfrom mine import Nearest, NearestSettings\n\n\n"
        "class ItsSettings(NearestSettings):\n    version = 2\n\n    @property\n    def pretraining(self):\n"
        "        return (PretrainingStep(name='look'),)\n\n\nclass Mine(Nearest):\n"
        "    settings_model = ItsSettings\n"
    )
    write_files(files, monkeypatch, pretrained=code)

    def last() -> PretrainingStage:
        first = first_round(of("pretrained:Mine"))
        stage = PretrainingStage.of(AUDIO, first.fold, first.features, first.classifier, 0)
        assert stage is not None
        return stage

    stage, before = last(), last().key
    assert stage.meaning()["classifier_version"] == 2
    assert parts_of(stage) == ("pretraining",)
    (files / "pretrained.py").write_text(code + "# changed\n")
    assert last().key != before


def test_a_classifier_that_keeps_torch_out_is_validated_without(files: Path) -> None:
    code = (
        "import sys\nfrom after_ray.classifiers._settings import own_model\n"
        "from after_ray.own_code import source_digest\n"
        "own_model('mine:Nearest'), source_digest('mine:Nearest')\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
