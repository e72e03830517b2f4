"""An audit's folder in, its report beside the rows out: page, JSON, tables and JUnit XML."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sentinel import __version__
from sentinel.audit.about import ABOUT, About
from sentinel.audit.report.analysis import findings_of
from sentinel.audit.report.columns import Columns, columns_of
from sentinel.audit.report.comparison import comparison_of
from sentinel.audit.report.findings import Comparison, Findings, Head
from sentinel.audit.report.junit import write_junit
from sentinel.audit.report.rendering import Said, rendered
from sentinel.audit.report.showing import Shown, shown_of
from sentinel.audit.report.tables import write_csv, write_parquet
from sentinel.audit.report.targets import Targets, Told
from sentinel.audit.report.thumbnails import Thumbnail, thumbnail_of
from sentinel.audit.rows import ROWS, Row, Rows
from sentinel.audit.writing import written
from sentinel.errors import ConfigError
from sentinel.imaging import Limits
from sentinel.policy import Policy

PAGE, JSON, CSV, PARQUET, JUNIT = (
    "report.html", "report.json", "scores.csv", "scores.parquet", "junit.xml",
)  # fmt: skip

Pictures = Callable[[set[str]], Iterator[tuple[str, bytes]]]
"""Keys in, each key with its picture's bytes out, in any order; what is gone is left out."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was written and what it says."""

    findings: Findings
    told: tuple[Told, ...]
    files: tuple[Path, ...]
    left_out: tuple[str, ...] = ()
    """Files that were not written, and the command that brings what they need."""

    @property
    def missed(self) -> bool:
        """Whether a target was missed."""
        return any(target.missed for target in self.told)


def write_report(
    folder: Path, policy: Policy, pictures: Pictures, asked: Targets, limits: Limits
) -> Report:
    """Write everything into an audit's folder; the same rows give the same bytes.

    ConfigError where the folder, or the one to compare with, holds no audit that has ended.
    """
    rows = Rows(folder)
    head = Head(audit=_about(folder), policy=policy, version=__version__)
    columns = columns_of(rows)
    found = findings_of(columns, head, _compared(columns, head, asked.no_worse_than))
    told = asked.told(found)
    said = Said(found, shown_of(columns, found.comparison), told, asked.fail_under)
    thumbs = _thumbs(rows, said.shown, pictures, limits)
    with written(folder / PAGE) as stream:
        stream.write(rendered(said, columns, rows, thumbs))
    with written(folder / JSON) as stream:
        stream.write(_json(found, told))
    with written(folder / CSV) as stream:
        write_csv(stream, rows, columns)
    with written(folder / JUNIT) as stream:
        write_junit(stream, rows, found, told)
    files = [PAGE, JSON, CSV, JUNIT, *_parquet(folder, rows, columns)]
    missing = () if PARQUET in files else (MISSING,)
    return Report(found, told, tuple(folder / name for name in files), missing)


MISSING = "scores.parquet needs pyarrow; run: pip install 'sentinel-gatekeeper[parquet]'"


def _about(folder: Path) -> About:
    try:
        return About.model_validate_json((folder / ABOUT).read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigError(_no_audit(folder)) from error


def _no_audit(folder: Path) -> str:
    return f"{folder} holds no audit that has ended; run sentinel audit … --out {folder} to its end"


def _compared(columns: Columns, head: Head, baseline: Path | None) -> Comparison | None:
    if baseline is None:
        return None
    before = head_of(baseline)
    return comparison_of(columns, head, columns_of(Rows(baseline)), before, baseline.name)


def head_of(folder: Path) -> Head:
    """Which audit a folder holds, of its report; ConfigError where there is none."""
    try:
        report = json.loads((folder / JSON).read_bytes())
        if not (folder / ROWS).is_file():
            raise ConfigError(_no_audit(folder))
        return Head.model_validate(report["head"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(_no_audit(folder)) from error


def _thumbs(rows: Rows, shown: Shown, pictures: Pictures, limits: Limits) -> dict[str, Thumbnail]:
    wanted = shown.pictured
    known = {row.key: row for place, row in enumerate(rows) if place in wanted}
    return thumbnails(known, pictures, limits)


def thumbnails(known: dict[str, Row], pictures: Pictures, limits: Limits) -> dict[str, Thumbnail]:
    """Small pictures of rows, by key; none where the bytes are not those that were judged."""
    found = {}
    for key, data in pictures(set(known)) if known else ():
        if hashlib.sha256(data).hexdigest() != known[key].sha256:
            continue  # it has changed since: the boxes would not fit
        made = thumbnail_of(data, known[key].verdict, limits)
        if made is not None:
            found[key] = made
    return found


def _json(found: Findings, told: tuple[Told, ...]) -> bytes:
    report = {**found.model_dump(mode="json"), "targets": [target.as_json() for target in told]}
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _parquet(folder: Path, rows: Rows, columns: Columns) -> tuple[str, ...]:
    if importlib.util.find_spec("pyarrow") is None:
        (folder / PARQUET).unlink(missing_ok=True)  # one of an earlier run would not be of these
        return ()
    with written(folder / PARQUET) as stream:
        write_parquet(stream, rows, columns)
    return (PARQUET,)
