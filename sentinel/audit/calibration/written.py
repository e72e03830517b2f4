"""A calibration in, its policy, figures and sheet of mistakes in a folder out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from sentinel.audit.calibration.findings import Calibration, Point, Wrong
from sentinel.audit.report.page import page
from sentinel.audit.report.rendering import Card, card_of
from sentinel.audit.report.thumbnails import Thumbnail
from sentinel.audit.report.written import Pictures, thumbnails
from sentinel.audit.rows import Row, Rows
from sentinel.audit.writing import written
from sentinel.errors import ConfigError
from sentinel.imaging import Limits
from sentinel.policy import Policy

PAGE, JSON = "calibration.html", "calibration.json"

SHOWN = 24
"""Mistakes of either kind that the sheet shows; all stand in the JSON."""

PLOT = (656, 220)
"""Width and height of the curves, in their own units."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written."""

    policy: Path
    page: Path
    json: Path


def write_calibration(
    folder: Path, found: Calibration, rows: Rows, pictures: Pictures, limits: Limits
) -> Written:
    """Into a folder, made where it is not there; the same labels and rows give the same bytes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made ({error.strerror or error})") from error
    policy = folder / f"{found.policy.name}.toml"
    with written(policy) as stream:
        stream.write(toml_of(found.policy).encode())
    with written(folder / JSON) as stream:
        told = json.dumps(found.model_dump(mode="json"), indent=1, ensure_ascii=False)
        stream.write(told.encode() + b"\n")
    shown = [*_of(found, people=False), *_of(found, people=True)]
    known = {row.key: row for row in rows if row.key in {each.key for each in shown}}
    with written(folder / PAGE) as stream:
        stream.write(_sheet(found, known, thumbnails(known, pictures, limits)))
    return Written(policy, folder / PAGE, folder / JSON)


def toml_of(policy: Policy) -> str:
    """The policy as a file that `sentinel.policy.load` reads back as the same."""
    return tomli_w.dumps(policy.model_dump(mode="json", exclude_defaults=True, exclude_none=True))


def _of(found: Calibration, *, people: bool) -> Sequence[Wrong]:
    return [each for each in found.wrong if each.people is people][:SHOWN]


def _sheet(found: Calibration, known: dict[str, Row], thumbs: dict[str, Thumbnail]) -> bytes:
    return page(
        "calibration.html",
        "report.js",
        found=found,
        line=_line,
        told=_told(found.points),
        shipped=list(_cards(_of(found, people=False), known, thumbs)),
        held=list(_cards(_of(found, people=True), known, thumbs)),
    )


def _cards(
    wrong: Sequence[Wrong], known: dict[str, Row], thumbs: dict[str, Thumbnail]
) -> Iterator[Card]:
    for each in wrong:
        note = f"calibrated {each.score:.2f}, mark {each.mark:.2f}"
        yield card_of(known[each.key], thumbs.get(each.key), note)


def _told(points: Sequence[Point]) -> list[Point]:
    """Every second point from the last on that still holds nothing back, at most twelve."""
    first = max((at for at, point in enumerate(points) if point.passed == points[0].passed))
    return list(points[first::2])[:12]


def _line(points: Sequence[Point], name: str) -> str:
    width, height = PLOT
    return " ".join(
        f"{width * point.mark:.1f},{height - height * getattr(point, name):.1f}" for point in points
    )
