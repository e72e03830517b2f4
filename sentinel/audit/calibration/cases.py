"""Labels and an audit's rows in, pictures of which both speak out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from sentinel.audit.calibration.labels import Labels
from sentinel.audit.rows import Row
from sentinel.contracts import Score

Matrix = NDArray[np.float64]


@dataclass(slots=True)
class Cases:
    """Pictures that people and judges speak of; `values` is NaN where a judge said nothing.

    Refused pictures have a verdict that no threshold changes: they count, and are not fitted.
    """

    judges: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    good: list[bool] = field(default_factory=list)
    undecided: int = 0
    unknown: list[str] = field(default_factory=list)
    """Labelled pictures that the audit does not hold."""
    tied: int = 0
    """Pictures of which as many people say good as bad."""

    @property
    def labels(self) -> NDArray[np.bool_]:
        """What people say."""
        return np.array(self.good, bool)

    @property
    def refused(self) -> NDArray[np.bool_]:
        """Which a gate refused."""
        return np.array([row.status == "refused" for row in self.rows], bool)

    @property
    def passed(self) -> NDArray[np.bool_]:
        """Which passed under the audit's policy."""
        return np.array([row.passed is True for row in self.rows], bool)

    @property
    def values(self) -> Matrix:
        """A line a picture, a column a judge."""
        matrix = np.full((len(self.rows), len(self.judges)), np.nan)
        for at, row in enumerate(self.rows):
            for outcome in row.verdict.outcomes if row.verdict else ():
                if isinstance(outcome, Score) and outcome.judge in self.judges:
                    matrix[at, self.judges.index(outcome.judge)] = outcome.value
        return matrix


def cases_of(labels: Labels, rows: Iterable[Row], judges: tuple[str, ...]) -> Cases:
    """Each labelled picture with its row: by key, path, sha256, or a name that only one has."""
    verdicts = labels.verdicts
    cases, named = Cases(judges), _names(verdicts)
    seen: set[str] = set()
    for row in rows:
        picture = next((named[name] for name in _names_of(row) if name in named), None)
        if picture is None or picture in seen or row.status == "duplicate":
            continue
        seen.add(picture)
        good = verdicts[picture]
        if good is None:
            cases.tied += 1
        elif row.status in ("scored", "refused"):
            cases.rows.append(row)
            cases.good.append(good)
        else:
            cases.undecided += 1
    cases.unknown = [picture for picture in verdicts if picture not in seen]
    return cases


def _names(pictures: Iterable[str]) -> dict[str, str]:
    """Each picture by what people wrote and, where it is nobody else's, its last part."""
    written = list(pictures)
    short: dict[str, list[str]] = {}
    for picture in written:
        short.setdefault(PurePath(picture.replace("\\", "/")).name, []).append(picture)
    alone = {name: whose[0] for name, whose in short.items() if len(whose) == 1}
    return {**alone, **{picture: picture for picture in written}}


def _names_of(row: Row) -> list[str]:
    last = [PurePath(name.replace("\\", "/")).name for name in (row.key, row.where)]
    return [row.key, row.where, row.sha256 or row.key, *last]
