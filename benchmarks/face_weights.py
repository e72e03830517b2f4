"""Judged faces in, the weights of fidelity's measures out: what `benchmarks/faces.py --fit` prints.

A logistic regression in which no weight may be negative, so that no measure can excuse another.
Every kind of defect counts the same, and all defects as much as all real faces. The figures after
it are for sources (people) left out of the fit in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.optimize import minimize

from judges.fidelity import WEAKNESSES
from judges.fidelity.measures import Measures

RIDGE = 0.003
"""Penalty on squared weights: enough that a fit to eleven people does not run away."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One picture of a face: whose, what was done to it, its value, its raw measures."""

    source: str
    kind: str
    bad: bool
    value: float | None
    raw: dict[str, float]


def print_fit(rows: list[Row], console: Console) -> None:
    seen = [row for row in rows if row.raw]
    amounts, bad = penalties(seen), np.array([row.bad for row in seen])
    shares, sources = balance(seen), np.array([row.source for row in seen])
    kinds = np.array([row.kind for row in seen])
    weights, bias = fit(amounts, bad, shares)
    for weakness, weight in zip(WEAKNESSES, weights, strict=True):
        console.print(f"  {weakness.measure:12} {weight:.2f} (now {weakness.weight})")
    totals = np.zeros(len(seen))
    for source in set(sources):
        out = sources == source
        own, own_bias = fit(amounts[~out], bad[~out], shares[~out])
        totals[out] = amounts[out] @ own - own_bias
    most = np.percentile(amounts[~bad] @ weights, 95)
    console.print(f"95 % of the real faces have a penalty below {most:.2f}; turning at {bias:.2f}")
    console.print("AUC, each source left out of its own fit:")
    areas = []
    for kind in dict.fromkeys(kinds[bad]):
        mine, good = totals[kinds == kind], totals[~bad]
        areas.append((mine[:, None] > good).mean() + (mine[:, None] == good).mean() / 2)
        console.print(f"  {kind:16} {areas[-1]:.2f}")
    console.print(f"  mean             {np.mean(areas):.2f}")


def penalties(rows: list[Row]) -> Numbers:
    """One column per weakness, unweighted."""
    plain = [replace(weakness, weight=1.0) for weakness in WEAKNESSES]
    return np.array([[one.penalty(Measures(**row.raw)) for one in plain] for row in rows])


def balance(rows: list[Row]) -> Numbers:
    """Shares that add up to 1 for the real faces and for every kind of defect alike."""
    defects = {row.kind for row in rows if row.bad}
    counts = {kind: sum(row.kind == kind for row in rows) for kind in defects}
    good = sum(not row.bad for row in rows)
    return np.array([1 / counts[row.kind] / len(defects) if row.bad else 1 / good for row in rows])


def fit(amounts: Numbers, bad: NDArray[np.bool_], shares: Numbers) -> tuple[Numbers, float]:
    signs = np.where(bad, 1.0, -1.0)

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        weights, bias = parameters[:-1], parameters[-1]
        margins = signs * (amounts @ weights - bias)
        slopes = -signs * shares / (1.0 + np.exp(margins))
        value = float((shares * np.logaddexp(0, -margins)).sum() + RIDGE * (weights**2).sum())
        return value, np.append(amounts.T @ slopes + 2 * RIDGE * weights, -slopes.sum())

    width = amounts.shape[1]
    bounds = [(0.0, None)] * width + [(None, None)]
    found = minimize(loss, np.append(np.ones(width), 2.0), jac=True, bounds=bounds).x
    return found[:-1], float(found[-1])
