"""From questions to verdicts: confirmed, not confirmed, cannot tell, not testable here, with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis._rendering import p_text
from analysis.paper.claims.declared import PaperClaim
from analysis.paper.claims.questions import Member, Question
from analysis.significance import (
    Dagger,
    Outcome,
    daggers,
    detectable_difference,
    holm,
    nadeau_bengio,
    quasi_f,
)

Answer = Literal["confirmed", "not confirmed", "cannot tell", "not testable here"]
ALPHA = 0.05


@dataclass(frozen=True)
class Number:
    """What one member of a claim rests on, in the unit of its estimand; intervals are not corrected.

    Attributes:
        label: which comparison.
        text: estimate and interval for people.
        estimate, low, high: of the first test.
        p: by the name of the test, two-sided and not corrected.
        detectable: the difference of the tested number that would be found with 80 % power, uncorrected.
        detectable_text: the same for people.
        refuted: whether the intervals, widened to hold for all members together, exclude what the claim says.
    """

    label: str
    text: str
    estimate: float
    low: float | None
    high: float | None
    p: dict[str, float | None]
    detectable: float | None
    detectable_text: str
    refuted: bool


@dataclass(frozen=True)
class Verdict:
    """The answer of a study to one claim, in one place of it.

    Attributes:
        claim: as declared.
        where: the part of the study that answers; `this study` where nothing could be asked.
        answer: of the four.
        reason: a clause on why.
        numbers: of every member, the weakest first.
        p: by the name of the test, the largest over the members, Holm-corrected over the family.
        family_size: how many questions the correction ran over.
        coverage: which comparisons at which ratios stand for the claim's "every"; part of the reason.
    """

    claim: PaperClaim
    where: str
    answer: Answer
    reason: str
    numbers: tuple[Number, ...] = ()
    p: dict[str, float | None] | None = None
    family_size: int = 0
    coverage: str = ""

    @property
    def said(self) -> str:
        """The answer with what it speaks about, or with why there is none."""
        if self.answer == "not testable here":
            return f"{self.answer} ({self.reason})"
        return f"{self.answer} {self.claim.scope}"


def judge(questions: Sequence[Question]) -> list[Verdict]:
    """The verdicts on all questions of a study, in their order; Holm runs over each family."""
    verdicts: dict[int, Verdict] = {}
    families = dict.fromkeys(question.claim.family for question in questions)
    for family in families:
        places = [
            place
            for place, question in enumerate(questions)
            if question.claim.family == family and question.members
        ]
        asked = [questions[place] for place in places]
        for place, dagger in zip(places, _daggers(asked), strict=True):
            verdicts[place] = _verdict(questions[place], dagger, len(asked))
    return [
        verdicts.get(place) or Verdict(question.claim, question.where, "not testable here", question.reason)
        for place, question in enumerate(questions)
    ]


def _daggers(asked: Sequence[Question]) -> Sequence[Dagger]:
    """One intersection-union claim per question, by the tests of its family."""
    if any(member.tests == "folds" for question in asked for member in question.members):
        return _of_single_tests([question.members[0] for question in asked])
    return daggers([[member.evidence for member in question.members] for question in asked], ALPHA)


def _of_single_tests(members: Sequence[Member]) -> list[Dagger]:
    """The same where only the test over folds applies: a variance over seeds has no seeds to cross with."""
    ahead = [_ahead_alone(member) for member in members]
    return [
        Dagger(None, reason=_reason(member))
        if p is None or corrected is None
        else Dagger(corrected < ALPHA, p_corrected=p, corrected_holm=corrected)
        for member, p, corrected in zip(members, ahead, holm(ahead), strict=True)
    ]


def _ahead_alone(member: Member) -> float | None:
    return None if member.evidence.differences is None else _ahead(_outcomes(member)[0])


def _reason(member: Member) -> str:
    return member.evidence.reason or _outcomes(member)[0].reason


def _verdict(question: Question, dagger: Dagger, family_size: int) -> Verdict:
    found = (_number(member, len(question.members)) for member in question.members)
    numbers = sorted((number for number in found if number is not None), key=_strength)
    p = {"quasi-F": dagger.crossed_holm, "Nadeau-Bengio": dagger.corrected_holm}
    answer, reason = _answer(dagger, numbers)
    if question.coverage and answer != "not testable here":
        reason += f"; asked of {question.coverage}"
    return Verdict(
        question.claim, question.where, answer, reason, tuple(numbers), p, family_size, question.coverage
    )


def _answer(dagger: Dagger, numbers: Sequence[Number]) -> tuple[Answer, str]:
    if dagger.shown:
        return "confirmed", f"weakest of {len(numbers)}: {_said(numbers[0])}"
    refuted = [number for number in numbers if number.refuted]
    if refuted:
        more = f", and {len(refuted) - 1} more" if len(refuted) > 1 else ""
        return "not confirmed", f"excluded by {_said(refuted[0])}{more}"
    if dagger.shown is None:
        return "not testable here", dagger.reason
    bar = max(numbers, key=lambda number: number.detectable or 0.0)
    weakest = numbers[0]
    could = f"; detectable here: {bar.detectable_text}" if bar.detectable_text else ""
    return "cannot tell", f"undecided: {_said(weakest)}{could}"


def _said(number: Number) -> str:
    return f"{number.label}: {number.text}"


def _strength(number: Number) -> tuple[bool, float]:
    """Refuted ones first, then those with the largest p."""
    return not number.refuted, -max((p for p in number.p.values() if p is not None), default=1.0)


def _number(member: Member, members: int) -> Number | None:
    if member.evidence.differences is None:
        return None
    outcomes = _outcomes(member)
    first, scale = outcomes[0], member.scale
    ends = None if first.interval is None else sorted(map(scale.shown, first.interval))
    low, high = ends if ends is not None else (None, None)
    text = scale.text(scale.shown(first.estimate))
    if low is not None and high is not None:
        text += f" [{_bare(scale.text(low))}, {_bare(scale.text(high))}]"
    bars = [detectable_difference(outcome) for outcome in outcomes]
    known = [bar for bar in bars if bar is not None]
    bar = max(known) if len(known) == len(bars) else None  # every test has to find it
    return Number(
        label=member.label,
        text="no difference in any run" if first.status == "identical" else text,
        estimate=scale.shown(first.estimate),
        low=low,
        high=high,
        p={outcome.name: _ahead(outcome) for outcome in outcomes},
        detectable=bar,
        detectable_text="" if bar is None else scale.step(bar),
        refuted=_refuted(member, outcomes, members),
    )


def _bare(text: str) -> str:
    """A shown number without its unit: within brackets the first says it."""
    return text.removeprefix("ratio ").removesuffix(" points")


def _outcomes(member: Member, confidence: float = 1 - ALPHA) -> tuple[Outcome, ...]:
    """The tests of a member, with intervals of that confidence."""
    differences = member.evidence.differences
    assert differences is not None
    if member.tests == "folds":
        return (nadeau_bengio(differences, member.evidence.test_over_train, confidence),)
    ratio = member.evidence.test_over_train
    return quasi_f(differences, confidence), nadeau_bengio(differences, ratio, confidence)


def _ahead(outcome: Outcome) -> float | None:
    """A two-sided p, 1 where the estimate is not on the side of the claim."""
    return outcome.p if outcome.p is None or outcome.estimate > 0 else 1.0


def _refuted(member: Member, outcomes: Sequence[Outcome], members: int) -> bool:
    """Whether nothing differs, or every test excludes as much as would matter and none finds a lead.

    One member takes its claim, so that intervals are widened to hold for all of them together (Bonferroni).
    """
    if outcomes[0].status == "identical":
        return True
    if all(outcome.p is not None and outcome.p < ALPHA and outcome.estimate > 0 for outcome in outcomes):
        return False
    ends = [outcome.interval for outcome in _outcomes(member, 1 - ALPHA / members)]
    return all(interval is not None and interval[1] < member.smallest for interval in ends)


def p_in_words(verdict: Verdict) -> str:
    """Both corrected p-values for people."""
    known = {name: p for name, p in (verdict.p or {}).items() if p is not None}
    return ", ".join(f"{name} {p_text(p)}" for name, p in known.items())
