"""What a study would refuse of a scanned corpus, and what its block would have to say to accept it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from after_ray.corpora._base import Scan
from after_ray.corpora._settings import CorpusSettings, CsvSettings
from after_ray.errors import AfterRayError
from after_ray.manifest import Manifest
from after_ray.wording import counted

Part = tuple[CorpusSettings, Scan]
"""A corpus that is one, or a member of a merged one, and its scan with everything accepted."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and the line of the corpus' block that accepts it; empty where none does."""

    reason: str
    setting: str = ""


def refuse_unfit(manifest: Manifest, parts: Sequence[Part]) -> None:
    """Refuse what a study with these settings would refuse.

    Raises:
        AfterRayError: for unusable files, a copy that is not the official release, unknown names in
            `exclude`, and a number of classes that nothing can be learnt from.
    """
    faults = {settings.title: list(_faults(settings, found)) for settings, found in parts}
    if any(faults.values()):
        raise AfterRayError(
            f"A study would refuse the corpus '{manifest.corpus}': {_reasons(faults)}, named above; mend "
            f"that{_remedy(parts, faults)}."
        )
    if manifest.labelled:
        _ = manifest.classes


def _faults(settings: CorpusSettings, found: Scan) -> Iterator[Fault]:
    """What is wrong with one corpus and not accepted by its settings."""
    if found.problems and getattr(settings, "unusable", "refuse") == "refuse":
        entries = counted(len(found.problems), "unusable entry", "unusable entries")
        yield Fault(entries, "unusable: skip")
    if getattr(settings, "altered", "refuse") == "accept":
        return
    if found.conformity.level == "altered":
        differences = counted(len(found.conformity.differences), "difference")
        yield Fault(f"{differences} from the official release", "altered: accept")
    unknown = set(getattr(settings, "exclude", ())) - set(found.excluded)
    if unknown:
        yield Fault(counted(len(unknown), "unknown name in 'exclude'", "unknown names in 'exclude'"))


def _reasons(faults: Mapping[str, Sequence[Fault]]) -> str:
    """What is wrong; of a merged corpus with the names of the members."""
    unfit = {name: " and ".join(fault.reason for fault in found) for name, found in faults.items() if found}
    return "; ".join(
        f"{name} has {reasons}" if len(faults) > 1 else reasons for name, reasons in unfit.items()
    )


def _remedy(parts: Sequence[Part], faults: Mapping[str, Sequence[Fault]]) -> str:
    """What accepts it; of a merged corpus as the list of members, each with what its own block has to say."""
    accepted = {name: [fault.setting for fault in found if fault.setting] for name, found in faults.items()}
    if not any(accepted.values()):
        return ""
    if len(parts) > 1:
        members = ", ".join(_member(settings, accepted[settings.title]) for settings, _ in parts)
        return f", or accept it in the block of its member: members: [{members}]"
    ((name, wanted),) = accepted.items()
    quoted = " and ".join(f"'{setting}'" for setting in wanted)
    return f", or set {quoted} in the block of corpus '{name}'"


def _member(settings: CorpusSettings, accepted: Sequence[str]) -> str:
    file = [f"file: {settings.file}"] if isinstance(settings, CsvSettings) else []
    block = ", ".join([f"name: {settings.name}", *file, *accepted])
    return f"{{{block}}}" if file or accepted else settings.name
