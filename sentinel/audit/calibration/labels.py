"""A table of people's verdicts in, labels out; what cannot be read as one with its reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sentinel.audit.sources.tables import BadLine, Line, Told, kind_of, lines_of
from sentinel.errors import ConfigError

GOOD = ("pass", "passed", "good", "ok", "okay", "yes", "y", "true", "1", "1.0", "keep", "ship", "+")
BAD = ("fail", "failed", "bad", "no", "n", "false", "0", "0.0", "reject", "rejected", "drop", "-")

PICTURE = ("key", "file_name", "picture", "image", "file", "filename", "path", "name", "sha256")
VERDICT = ("label", "verdict", "good", "passed", "pass", "ok", "human", "rating")
RATER = ("rater", "annotator", "reviewer", "who", "user", "person")
"""Names of columns, the first that is there; `--map` names others."""


@dataclass(frozen=True, slots=True)
class Label:
    """What one person says of one picture."""

    picture: str
    good: bool
    rater: str = ""


@dataclass(frozen=True, slots=True)
class Labels:
    """All of them, in order, and the lines that are none."""

    labels: tuple[Label, ...]
    problems: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[str, bool | None]:
        """What most people say of each picture; None where as many say yes as no."""
        votes: defaultdict[str, int] = defaultdict(int)
        for label in self.labels:
            votes[label.picture] += 1 if label.good else -1
        return {picture: vote > 0 if vote else None for picture, vote in votes.items()}

    @property
    def pairs(self) -> Counter[tuple[bool, bool]]:
        """What two people said of the same picture: first and second, the first two of each."""
        said: defaultdict[str, dict[str, bool]] = defaultdict(dict)
        for label in self.labels:
            said[label.picture].setdefault(label.rater, label.good)
        twice = (list(each.values())[:2] for each in said.values() if len(each) > 1)
        return Counter((one, other) for one, other in twice)


def labels_of(path: Path, said: dict[str, tuple[str, ...]]) -> Labels:
    """The labels of a csv, tsv, jsonl or parquet file.

    `said` maps picture, label and rater to columns. ConfigError where the file is no such table or
    holds no label at all.
    """
    kind = kind_of(path.name)
    if kind is None:
        raise ConfigError(f"{path} is no table; name a file that ends with .csv, .tsv or .jsonl")
    told = Told()
    try:
        lines = list(lines_of(kind, lambda: path.open("rb"), told, str(path)))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    found = _labels(lines, _columns(path, told.columns, said))
    if not found.labels:
        why = f"; {found.problems[0]}" if found.problems else ""
        raise ConfigError(f"{path} holds no label{why}")
    return found


def _columns(
    path: Path, names: tuple[str, ...], said: dict[str, tuple[str, ...]]
) -> tuple[str, str, str | None]:
    lower = {name.strip().lower(): name for name in reversed(names)}
    chosen: list[str | None] = []
    for role, known in (("picture", PICTURE), ("label", VERDICT), ("rater", RATER)):
        wanted = said.get(role, ())
        wrong = [name for name in wanted if name not in names]
        if wrong:
            told = f"{path}: --map names a column {wrong[0]!r}; the columns are {', '.join(names)}"
            raise ConfigError(told)
        usual = next((lower[name] for name in known if name in lower), None)
        chosen.append(wanted[0] if wanted else usual)
    picture, label, rater = chosen
    if picture is None or label is None:
        lacking = "picture" if picture is None else "label"
        told = (
            f"{path}: no column is known to be the {lacking}; say --map {lacking}=COLUMN "
            f"(the columns are {', '.join(names) or 'none'})"
        )
        raise ConfigError(told)
    return picture, label, rater


def _labels(lines: Iterable[Line | BadLine], columns: tuple[str, str, str | None]) -> Labels:
    picture, label, rater = columns
    labels, problems = [], []
    for line in lines:
        if isinstance(line, BadLine):
            problems.append(f"row {line.number}: {line.reason}")
            continue
        named, said = _text(line.cells.get(picture)), _text(line.cells.get(label)).lower()
        if not named or said not in (*GOOD, *BAD):
            wrong = "it names no picture" if not named else f"{said!r} is neither good nor bad"
            problems.append(f"row {line.number}: {wrong}")
            continue
        who = _text(line.cells.get(rater)) if rater else ""
        labels.append(Label(named, said in GOOD, who))
    return Labels(tuple(labels), tuple(problems))


def _text(cell: object) -> str:
    return "" if cell is None else str(cell).strip()
