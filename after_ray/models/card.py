"""The model card: what a model was made of, what it was measured at, and what it should not be used for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from after_ray.models.facts import ModelFacts
from after_ray.models.intervals import Measured
from after_ray.wording import counted

CARD_FILE = "README.md"
_TAGS = ("after-ray", "speech-emotion-recognition", "active-learning", "audio-classification")
_LIMITS = (
    "The numbers are those of one fold and one seed; another split or seed gives others, by more than the "
    "intervals say, which know the test utterances alone.",
    "Probabilities are not calibrated. Of a clip without any of the classes they say nothing: silence, noise "
    "and other emotions are given the probabilities of these classes too.",
    "Speech of other languages, rooms, microphones or speaking styles than those of the corpus was not "
    "tested. Acted emotion, which most corpora have, differs from emotion in life.",
    "An emotion label is what annotators or actors meant, not what a person feels. Do not decide about "
    "people by it.",
)


@dataclass(frozen=True)
class Group:
    """UA and recalls of a group of test utterances, which so many `speakers` said."""

    name: str
    speakers: int
    ua: Measured
    recalls: tuple[Measured, ...]


@dataclass(frozen=True)
class Story:
    """What is told of a model beside its facts; every part is sentences.

    `groups` is by the name of what tells them apart. `speakers`: how many said the test part. `licences` and
    `heard`: terms that may bind the model, and what its weights knew before.
    """

    title: str
    data: Sequence[str]
    labels: Sequence[str]
    training: Sequence[str]
    heard: Sequence[str]
    licences: Sequence[str]
    metrics: Sequence[Measured]
    recalls: Sequence[Measured]
    groups: dict[str, tuple[Group, ...]]
    speakers: int
    notes: Sequence[str] = ()


def card(facts: ModelFacts, story: Story) -> str:
    """README.md in Markdown, with a front matter as hubs of models read it."""
    parts = [
        _front_matter(facts),
        f"# {story.title}\n",
        f"Speech emotion recognition in {len(facts.classes)} classes: {', '.join(facts.classes)}. Trained by "
        f"after-ray {facts.version}; study `{facts.study}`, key `{facts.key[:12]}`.\n",
        _section("Data", story.data),
        _section("Labels spent", story.labels),
        _section("Training", story.training),
        "## Results on test\n",
        _metrics(story),
        *(_groups(name, groups) for name, groups in story.groups.items()),
        _section("What it heard before", story.heard),
        _section("Limits", (*_LIMITS, *story.notes)),
        _section("Licences", story.licences),
        _usage(facts),
    ]
    return "\n".join(parts)


def _front_matter(facts: ModelFacts) -> str:
    library = "transformers" if facts.kind == "transformer" else "pytorch"
    lines = ["---", f"library_name: {library}", "pipeline_tag: audio-classification", "license: other"]
    lines += ["tags:", *(f"- {tag}" for tag in _TAGS), "---", ""]
    return "\n".join(lines)


def _section(title: str, sentences: Sequence[str]) -> str:
    lines = "\n".join(f"* {sentence}" for sentence in sentences)
    return f"## {title}\n\n{lines}\n"


def _metrics(story: Story) -> str:
    rows = [
        *((one.name, one) for one in story.metrics),
        *((f"recall of {one.name}", one) for one in story.recalls),
    ]
    lines = ["| measure | value | 95 % interval | utterances |", "|---|---|---|---|"]
    for name, one in rows:
        lines.append(f"| {name} | {_percent(one.value)} | {_interval(one)} | {one.of} |")
    note = (
        "UA is the mean recall, WA the share of right answers. One fold, one seed. Intervals of UA, WA and "
        "macro-F1 by bootstrap over test utterances within their class, those of recalls by Wilson's score; "
        "a bootstrap of classes that are always or never found has no width, and says little. Utterances are "
        "taken as independent, and those of one speaker are not: these are of "
        f"{counted(story.speakers, 'speaker')}, and with others the numbers differ by more than that."
    )
    return "\n".join([*lines, "", note, ""])


def _groups(name: str, groups: Sequence[Group]) -> str:
    classes = list(dict.fromkeys(one.name for group in groups for one in group.recalls))
    columns = (name, "speakers", "utterances", "UA", *classes)
    lines = [_row(columns), "|---" * len(columns) + "|"]
    for group in groups:
        of = {one.name: f"{_shown(one)}, {one.of} utt." for one in group.recalls}
        cells = (of.get(label, "") for label in classes)
        lines.append(_row((group.name, str(group.speakers), str(group.ua.of), _shown(group.ua), *cells)))
    alone = [group.name for group in groups if group.speakers == 1]
    note = "Utterances of one speaker are not independent, as the intervals take them to be: a difference "
    note += "between groups of few speakers may be one between these people. "
    if alone:
        note += f"Of {' and of '.join(alone)} there is a single speaker: nothing follows for others. "
    title = f"By {name}: UA and recall, in brackets their 95 % intervals, and the number of utterances:\n"
    return "\n".join([title, *lines, "", note.strip(), ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(one: Measured) -> str:
    return f"{_percent(one.value)} ({_interval(one)})"


def _interval(one: Measured) -> str:
    return f"{_percent(one.low)} to {_percent(one.high)}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _usage(facts: ModelFacts) -> str:
    lines = ["## Use\n", "```sh\nafter-ray predict FOLDER clip.wav\n```\n"]
    if facts.kind == "transformer":
        lines.append(_TRANSFORMERS)
    if facts.scripted is not None:
        names = json.dumps(list(facts.classes))
        lines.append(_SCRIPT.format(file=facts.scripted.file, names=names))
    if facts.kind != "transformer" and facts.scripted is None:
        lines.append(
            "There is no TorchScript file: the classifier is code of its author, which has to be on "
            f"PYTHONPATH, and is imported only where `--own-classifier {facts.classifier.name}` is said.\n"
            if ":" in facts.classifier.name
            else "The TorchScript file was left out.\n"
        )
    if facts.max_seconds is not None:
        lines.append(
            f"It hears {facts.max_seconds:g} s of a clip at most; cut longer recordings into windows, as "
            "`after-ray predict --window` does.\n"
        )
    return "\n".join(lines)


_TRANSFORMERS = """With transformers, which runs `modeling_after_ray.py` of this folder if it is trusted:

```python
import torch
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

extractor = AutoFeatureExtractor.from_pretrained("FOLDER")
model = AutoModelForAudioClassification.from_pretrained("FOLDER", trust_remote_code=True)
inputs = extractor(waves, sampling_rate=16000, padding=True, return_tensors="pt")  # waves: list of arrays
with torch.no_grad():
    probabilities = model(**inputs).logits.softmax(dim=1)  # columns: model.config.id2label
```
"""
_SCRIPT = """With torch alone, features inside:

```python
import torch

model = torch.jit.load("FOLDER/{file}")
probabilities = model(samples)  # samples: float32, shape (n,), 16 kHz, in [-1, 1]; classes: {names}
```
"""
