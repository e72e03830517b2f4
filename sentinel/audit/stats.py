"""Counts and values in, what they can and cannot tell out. Pure; the same in, the same out.

The formulas are SciPy's where it has them; each docstring names the paper. What cannot be said
(no pictures, values that never change) is None, never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Of every interval in a report."""

RESAMPLES = 10_000
"""Of the bootstrap of shares; one more changes an end of an interval in its third digit."""

MEANS = 1_000
"""Of the bootstrap of means, which draws one by one."""

SEED = 20_240_607
"""Of every resampling: two reports over the same rows are the same bytes."""

BINS = 10
"""Classes of the stability index, by the deciles of what came first (Siddiqi's choice); with
fewer values than classes nothing is said."""

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share and the interval that holds the true one 95 times in 100."""

    hits: int
    of: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How far apart two shares are (after less before), its interval, and the chance of it.

    `p` is the probability of a difference at least as large if there were none.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cohen's kappa and its interval: 0 is what chance gives, 1 is one mind."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How far values moved: the stability index and the two-sample Kolmogorov-Smirnov test.

    A stability index below 0.1 is called steady, from 0.25 on a shift (Siddiqi, Credit Risk
    Scorecards, 2006). `distance` is the largest gap between the two distributions, 0 to 1; `p` is
    the asymptotic one.
    """

    index: float
    distance: float
    p: float


def rate(hits: int, of: int) -> Rate | None:
    """A share with Wilson's score interval (JASA 22, 1927); None of nothing.

    It stays within 0 and 1 and is honest for few trials, unlike the normal approximation
    (Brown, Cai, DasGupta, Statistical Science 16, 2001).
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - heavy

    if of == 0:
        return None
    found = binomtest(hits, of).proportion_ci(CONFIDENCE, method="wilson")
    value = hits / of
    # rounding may put an end of the interval beyond the share itself at 0 and at 1
    return Rate(hits, of, value, min(float(found.low), value), max(float(found.high), value))


def mcnemar(lost: int, won: int) -> float:
    """The exact two-sided p of McNemar's test (Psychometrika 12, 1947).

    `lost` pairs passed before and fail now, `won` the other way round; pairs that did not change
    tell nothing. Under no difference each of them is the toss of a fair coin.
    """
    from scipy.stats import binomtest  # noqa: PLC0415 - heavy

    changed = lost + won
    return 1.0 if changed == 0 else float(binomtest(won, changed, 0.5).pvalue)


def paired(both: int, lost: int, won: int, neither: int) -> Difference | None:
    """The difference between two shares over the same things; None without any.

    Percentile bootstrap over pairs (Efron, Annals of Statistics 7, 1979). A pair is one of three
    (lost, won, unchanged), so drawing n of n pairs anew is drawing from a multinomial; `p` is
    McNemar's.
    """
    pairs = both + lost + won + neither
    if pairs == 0:
        return None
    shares = [lost / pairs, won / pairs, (both + neither) / pairs]
    drawn = np.random.default_rng(SEED).multinomial(pairs, shares, size=RESAMPLES)
    low, high = _middle((drawn[:, 1] - drawn[:, 0]) / pairs)
    return Difference((won - lost) / pairs, low, high, mcnemar(lost, won))


def unpaired(hits: int, of: int, hits_before: int, of_before: int) -> Difference | None:
    """The difference between two shares over different things; None if either has none.

    Interval: Newcombe's hybrid score (Statistics in Medicine 17, 1998, method 10); `p`: Fisher's
    exact test, two-sided.
    """
    from scipy.stats import fisher_exact  # noqa: PLC0415 - heavy

    now, before = rate(hits, of), rate(hits_before, of_before)
    if now is None or before is None:
        return None
    value = now.value - before.value
    low = value - math.hypot(now.value - now.low, before.high - before.value)
    high = value + math.hypot(now.high - now.value, before.value - before.low)
    table = [[hits, of - hits], [hits_before, of_before - hits_before]]
    return Difference(value, low, high, float(fisher_exact(table).pvalue))


def mean_change(before: Values, after: Values) -> tuple[float, float, float] | None:
    """The mean of after less before over the same things, and its interval; None of fewer than two.

    Percentile bootstrap over pairs, as `paired`.
    """
    changes = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    if len(changes) < 2:  # noqa: PLR2004 - one alone varies by nothing
        return None
    draw = np.random.default_rng(SEED)
    means = [float(np.mean(draw.choice(changes, len(changes)))) for _ in range(MEANS)]
    return float(np.mean(changes)), *_middle(np.array(means))


def of_many(ps: Sequence[float]) -> tuple[float, ...]:
    """The p-values of many looks, raised so that the share of false alarms stays what they say.

    Benjamini and Hochberg (JRSS B 57, 1995).
    """
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - heavy

    return tuple(float(p) for p in false_discovery_control(ps)) if ps else ()


def spearman(one: Values, other: Values) -> float | None:
    """Spearman's rank correlation (1904), −1 to 1; None below three pairs or without variation."""
    from scipy.stats import spearmanr  # noqa: PLC0415 - heavy

    if len(one) < 3 or min(np.ptp(one), np.ptp(other)) == 0:  # noqa: PLR2004 - two points always agree
        return None
    return float(spearmanr(one, other).statistic)


def drift(before: Values, after: Values) -> Drift | None:
    """How far values moved from `before` to `after`; None of fewer than ten values.

    Population stability index: Σ (q − p)·ln(q / p) over the deciles of `before`, each class
    raised by half a picture so that an empty one costs much and not infinity.
    """
    from scipy.stats import ks_2samp  # noqa: PLC0415 - heavy

    if min(len(before), len(after)) < BINS:
        return None
    inner = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    p, q = _shares(before, inner), _shares(after, inner)
    test = ks_2samp(before, after, method="asymp")  # the exact one fails for many ties
    index = float(np.sum((q - p) * np.log(q / p)))
    return Drift(max(0.0, index), float(test.statistic), float(test.pvalue))


def histogram(values: Values, bins: int = 20) -> tuple[int, ...]:
    """How many of the values lie in each of `bins` equal classes of 0 to 1; 1 is in the last."""
    counts, _ = np.histogram(values, bins=bins, range=(0.0, 1.0))
    return tuple(int(count) for count in counts)


def kappa(both: int, only_one: int, only_other: int, neither: int) -> Agreement | None:
    """Cohen's kappa (1960) of two yes-or-no raters over the same things, by percentile bootstrap.

    None without any, or where both always said the same one word: then chance agrees as well.
    """
    cells = np.array([both, only_one, only_other, neither])
    total = int(cells.sum())
    if total == 0 or total in (both, neither):
        return None
    drawn = np.random.default_rng(SEED).multinomial(total, cells / total, size=RESAMPLES)
    low, high = _middle(_kappas(drawn))
    return Agreement(float(_kappas(cells[None])[0]), low, high)


def _kappas(tables: NDArray[np.int64]) -> NDArray[np.float64]:
    """Kappa of each row (both, only one, only other, neither); 0 where it is not defined."""
    total = tables.sum(axis=1)
    both, one, other, neither = tables.T / total
    chance = (both + one) * (both + other) + (other + neither) * (one + neither)
    room = 1 - chance
    agreed: NDArray[np.float64] = np.divide(
        both + neither - chance, room, out=np.zeros_like(room), where=room > 1e-12  # noqa: PLR2004 - rounding
    )  # fmt: skip
    return agreed


def _shares(values: Values, inner: NDArray[np.float64]) -> NDArray[np.float64]:
    classes = np.searchsorted(inner, values, side="right")
    counts = np.bincount(classes, minlength=len(inner) + 1) + 0.5
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _middle(drawn: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
