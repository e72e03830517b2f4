"""What `sentinel calibrate` was asked in, files and a summary out."""

from __future__ import annotations

import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sentinel.audit.calibration.calibrating import calibrated
from sentinel.audit.calibration.findings import Accuracy, Calibration
from sentinel.audit.calibration.fitting import Aim
from sentinel.audit.calibration.labels import labels_of
from sentinel.audit.calibration.written import Written, write_calibration
from sentinel.audit.picturing import pictures_of
from sentinel.audit.report.findings import Head
from sentinel.audit.report.sentences import chance, percent
from sentinel.audit.report.written import head_of
from sentinel.audit.rows import Rows
from sentinel.audit.sources import open_source
from sentinel.cli import audited, display
from sentinel.errors import ConfigError, MissingRequirement
from sentinel.policy import NAME
from sentinel.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `sentinel calibrate` was asked."""

    labels: Path
    out: Path
    audit: Path | None = None
    policy: str | None = None
    name: str | None = None
    precision: float | None = None
    recall: float | None = None
    mapped: tuple[str, ...] = ()


def run(wanted: Wanted) -> int:
    """Score where no audit is named, fit, write, tell."""
    if importlib.util.find_spec("sklearn") is None:
        remedy = "pip install 'sentinel-gatekeeper[calibrate]'"
        raise MissingRequirement("sentinel calibrate", "scikit-learn", remedy)
    said = _mapping(wanted.mapped)
    labels = labels_of(wanted.labels, said)
    folder = wanted.audit or wanted.out / "audit"
    if wanted.audit is None and (code := _score(wanted, folder, said)) is not None:
        return code
    head, rows = head_of(folder), Rows(folder)
    name = _name(wanted.name or f"{head.policy.name}-calibrated")
    found = calibrated(labels, rows, head, Aim(wanted.precision, wanted.recall), name)
    settings = Settings.read()
    most = int(settings.body_mb * 1e6)
    files = write_calibration(
        wanted.out, found, rows, lambda keys: _pictures(head, said, keys, most), settings.limits
    )
    _tell(found, files)
    return audited.DONE


def _score(wanted: Wanted, folder: Path, said: dict[str, tuple[str, ...]]) -> int | None:
    """Audit the labelled pictures now; an exit code where that did not come to an end."""
    picture = said.get("picture", ())
    code = audited.run(
        audited.Wanted(
            source=wanted.labels,
            out=folder,
            policy=wanted.policy,
            quiet=True,
            mapped=tuple(f"image={column}" for column in picture),
        )
    )
    return code if code == audited.INTERRUPTED else None


def _mapping(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    said: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for word in words:
        role, _, column = word.partition("=")
        if role not in ("picture", "label", "rater") or not column:
            told = f"--map {word!r}: say picture=COLUMN, label=COLUMN or rater=COLUMN"
            raise ConfigError(told)
        said[role] += (column,)
    return dict(said)


def _name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise ConfigError(f"--name is {name!r}; use lower-case letters, digits, '-' and '_'")
    return name


def _pictures(
    head: Head, said: dict[str, tuple[str, ...]], keys: set[str], most: int
) -> Iterator[tuple[str, bytes]]:
    """The pictures from where they were audited; none where that is not there any more."""
    mapped = {"image": said["picture"]} if "picture" in said else {}
    try:
        yield from pictures_of(open_source(Path(head.audit.source), mapped), keys, most)
    except ConfigError as error:
        display.say(f"the sheet shows no pictures: {error}", display.WARN)


def _tell(found: Calibration, files: Written) -> None:
    for warning in found.warnings:
        display.say(warning, display.WARN)
    display.say(f"{found.good:,} good and {found.bad:,} bad pictures, {found.folds} folds")
    display.say(f"as it was:  {_accuracy(found.before)}")
    display.say(f"calibrated: {_accuracy(found.after)} ({chance(found.p)})")
    display.say(f"policy:     {files.policy}")
    display.say(f"            sentinel policy check {files.policy}")
    display.say(f"mistakes:   {files.page}")


def _accuracy(found: Accuracy) -> str:
    kappa = f"kappa {found.kappa.value:.2f}" if found.kappa else "kappa –"
    shares = (("precision", found.precision), ("recall", found.recall), ("caught", found.caught))
    told = [f"{name} {percent(share.value) if share else '–'}" for name, share in shares]
    return ", ".join((kappa, *told))
