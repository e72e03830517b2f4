"""Findings and what was asked of them in, whether a CI job should go red out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sentinel.audit.report.findings import Findings
from sentinel.audit.report.sentences import chance, percent


@dataclass(frozen=True, slots=True)
class Told:
    """One target: whether it was missed, in a sentence."""

    missed: bool
    text: str

    def as_json(self) -> dict[str, bool | str]:
        """For `report.json`."""
        return {"missed": self.missed, "text": self.text}


@dataclass(frozen=True, slots=True)
class Targets:
    """What was asked: a least pass rate, an earlier audit's folder."""

    fail_under: float | None = None
    no_worse_than: Path | None = None

    def told(self, found: Findings) -> tuple[Told, ...]:
        """What became of each; nothing where nothing was asked.

        A rate that is not there misses every target: a job must not go green because nothing ran.
        """
        told = []
        if self.fail_under is not None:
            told.append(_under(found, self.fail_under))
        if self.no_worse_than is not None:
            told.append(_worse(found))
        return tuple(told)


def _under(found: Findings, least: float) -> Told:
    if found.rate is None:
        return Told(missed=True, text=f"At least {percent(least)} were to pass: none was judged.")
    missed = found.rate.value < least
    word = "missed" if missed else "met"
    text = f"At least {percent(least)} were to pass: {word} with {percent(found.rate.value)}."
    return Told(missed=missed, text=text)


def _worse(found: Findings) -> Told:
    compared = found.comparison
    if compared is None or compared.difference is None:
        return Told(missed=True, text="No worse than before: there is nothing to compare with.")
    test = "McNemar" if compared.paired else "Fisher"
    shown = f"{100 * compared.difference:+.1f}".replace("-", "−") if compared.difference else "0.0"
    text = (
        f"No worse than {compared.folder}: {'missed' if compared.worse else 'met'}, "
        f"{shown} points ({test}, {chance(compared.p or 0)})."
    )
    return Told(missed=compared.worse, text=text)
