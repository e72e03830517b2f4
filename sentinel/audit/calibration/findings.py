"""What a calibration says: the values that `calibration.json` holds and the sheet shows."""

from __future__ import annotations

from sentinel.audit.report.findings import Share
from sentinel.contracts import Value
from sentinel.policy import Policy


class Kappa(Value):
    """Cohen's kappa with its 95 % interval."""

    value: float
    low: float
    high: float


class Accuracy(Value):
    """How verdicts agree with people's, each share with Wilson's interval."""

    good_passed: int
    good_failed: int
    bad_passed: int
    bad_failed: int
    precision: Share | None
    """Of what passed, the share that people call good."""
    recall: Share | None
    """Of what people call good, the share that passed."""
    caught: Share | None
    """Of what people call bad, the share that did not pass."""
    kappa: Kappa | None


class Point(Value):
    """What one pass mark gives, with the thresholds as fitted; cross-validated."""

    mark: float
    precision: float
    recall: float
    passed: float
    """Share of all that passes."""


class JudgeSet(Value):
    """One judge's threshold and weight, before and after; `fitted` False where it keeps them."""

    name: str
    fitted: bool
    auc: float | None
    """Chance that a good picture has the higher value than a bad one; 0.5 knows nothing."""
    threshold_before: float | None
    threshold: float | None
    weight_before: float
    weight: float


class Wrong(Value):
    """A picture that the fitted rule, not having seen it, judges against people."""

    key: str
    people: bool
    score: float
    mark: float
    """The pass mark of the rule that had not seen it."""


class Calibration(Value):
    """Everything that is said of it."""

    source: str
    pictures: int
    good: int
    bad: int
    folds: int
    before: Accuracy
    """The audit's own policy; it was not fitted to these labels."""
    after: Accuracy
    """The fitted rule over pictures that it had not seen (cross-validated)."""
    p: float
    """McNemar's exact test: are more pictures judged as people do than before?"""
    judges: tuple[JudgeSet, ...]
    mark_before: float
    mark: float
    points: tuple[Point, ...]
    wrong: tuple[Wrong, ...]
    raters: Kappa | None
    """Of two people over the same pictures, where there are such."""
    warnings: tuple[str, ...]
    policy: Policy
