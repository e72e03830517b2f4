"""What was told before and a new verdict in, the next feedback out. Pure.

Each issue becomes a remark. A remark is said once, said again in stronger words where it was of no
use, and then no more. What was said and helped stays said: the prompt is put together from the
brief as it was asked and all remarks in force, so the next attempt does not lose what the last won.

Of a category that the rule wants confirmed nothing is said before another seed had the same fault:
such a judge is often wrong, and words change what was right, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sentinel.contracts import Brief, Capabilities, Change, FailureMode, Feedback, Verdict
from sentinel.feedback.composing import compose, heard, heeded
from sentinel.feedback.driving import Driving, driving
from sentinel.feedback.remarks import Case, Remark
from sentinel.feedback.table import strategy_for
from sentinel.policy import FeedbackRule

PHRASES, BESIDE_TEXT = 2, 1
"""Remarks on phrases of the prompt at a time, and beside a text that is wrong: the judge of the
demo's posters names one of them on 39 % of right pictures, the reader of letters hardly ever."""

SHOWN = 300
"""Characters of a reason."""

TWICE = 2

Issues = tuple[FailureMode, ...]


@dataclass(frozen=True, slots=True)
class _Point:
    """A remark with the issues it answers; `now`: the latest verdict names them."""

    remark: Remark
    issues: Issues
    rank: tuple[object, ...]
    again: bool
    now: bool


def advise(  # noqa: PLR0913 - what the loop knows
    verdict: Verdict, sent: Brief, *, asked: Brief, capabilities: Capabilities,
    told: Sequence[Feedback] = (), rule: FeedbackRule = FeedbackRule(),  # noqa: B008 - frozen
) -> Feedback:  # fmt: skip
    """What the next attempt is told, and why; no changes where nothing more can be said.

    `asked` is the caller's brief, `sent` the one that failed, `told` what was said before in this
    trace, to this generator. The seed is the loop's.
    """
    nothing = Feedback(issues=(), changes=(), brief=sent)
    if not rule.enabled:
        return nothing
    voice = _Voice(sent, asked, capabilities, rule, tuple(told))
    points, idle, unsure = voice.points(driving(verdict))
    chosen = _few(points)
    remarks = heeded([point.remark for point in chosen], asked, capabilities)
    by_key = {remark.key: remark for remark in remarks}
    kept = [(point, by_key[point.remark.key]) for point in chosen if point.remark.key in by_key]
    fresh = [(point, remark) for point, remark in kept if not heard(remark, sent, asked)]
    if not fresh and not unsure:
        return nothing
    brief = compose(remarks, sent, asked=asked, capabilities=capabilities)
    said = [point for point in (*idle, *points) if heard(point.remark, sent, asked)]
    gone = [point for point in said if not heard(point.remark, brief, asked)]
    return Feedback(
        issues=tuple(i for point in (*(p for p, _ in fresh), *unsure) for i in point.issues),
        changes=(
            *(_change(point, remark, sent, asked) for point, remark in fresh),
            *(_put_off(point) for point in unsure),
            *(_taken_back(point, vain=point in idle) for point in gone),
        ),
        brief=brief,
    )


def parameters(before: Brief, after: Brief, reason: str) -> tuple[Change, ...]:
    """The changes from one brief to the next that are not words of its prompt."""
    told = []
    if before.steps != after.steps:
        told.append(Change(category="steps", change=_steps(after, before), reason=reason))
    if (before.width, before.height) != (after.width, after.height):
        told.append(Change(category="size", change=_size(after, before), reason=reason))
    if before.negative_prompt != after.negative_prompt:
        words = f"not wanted: {after.negative_prompt or 'nothing'}"
        told.append(Change(category="negative_prompt", change=words, reason=reason))
    return tuple(told)


@dataclass(frozen=True, slots=True)
class _Voice:
    """Turns issues into points, by what was told before."""

    sent: Brief
    asked: Brief
    capabilities: Capabilities
    rule: FeedbackRule
    told: tuple[Feedback, ...]

    def points(self, now: Sequence[Driving]) -> tuple[list[_Point], list[_Point], list[_Point]]:
        """What may be said, the most important first; what was in vain; what is not confirmed."""
        counts = Counter(key for feedback in self.told for key in self._grouped(feedback.issues))
        doubts = {each.issue: each.doubt for each in reversed(now)}
        grouped = self._grouped(each.issue for each in now)
        points: list[_Point] = []
        idle: list[_Point] = []
        unsure: list[_Point] = []
        for key, issues in grouped.items():
            times = counts[key] - self._to_confirm(issues)
            point = self._point(issues, times, doubts)
            spent = times >= TWICE or not point.remark or self._stale(point)
            (unsure if times < 0 else idle if spent else points).append(point)
        for key, issues in self._before().items():
            if key not in grouped:
                point = self._point(issues, counts[key] - self._to_confirm(issues) - 1)
                points += [point] if heard(point.remark, self.sent, self.asked) else []
        return sorted(points, key=lambda point: point.rank), idle, unsure

    def _to_confirm(self, issues: Issues) -> int:
        """How often an issue is only noted before it is told."""
        return int(issues[0].category in self.rule.confirm)

    def _before(self) -> dict[str, Issues]:
        """What was told, by key; of several times the latest."""
        found: dict[str, Issues] = {}
        for feedback in self.told:
            found |= self._grouped(feedback.issues)
        return found

    def _grouped(self, issues: Iterable[FailureMode]) -> dict[str, Issues]:
        found: dict[str, Issues] = {}
        for issue in issues:
            remark = self._remark(issue, again=False)
            if remark is not None:
                found[remark.key] = (*found.get(remark.key, ()), issue)
        return found

    def _point(
        self, issues: Issues, count: int, doubts: dict[FailureMode, float] | None = None
    ) -> _Point:
        issue, again = issues[0], count > 0
        remark = self._remark(issue, again=again) or Remark("")
        now = doubts is not None
        order, doubt, *names = Driving(issue, (doubts or {}).get(issue, 1.0)).rank
        return _Point(remark, issues, (order, not now, doubt, *names), again, now)

    def _stale(self, point: _Point) -> bool:
        """Whether saying it again would be in the very same words."""
        return point.again and point.remark == self._remark(point.issues[0], again=False)

    def _remark(self, issue: FailureMode, *, again: bool) -> Remark | None:
        strategy = strategy_for(issue, self.rule.strategies)
        if strategy is None:
            return None
        return strategy(Case(issue, self.asked, self.capabilities, again))


def _few(points: Sequence[_Point]) -> list[_Point]:
    """All points but the phrases beyond the limit; `points` come in their order."""
    text = any(point.now and point.issues[0].category == "text" for point in points)
    left = BESIDE_TEXT if text else PHRASES
    chosen = []
    for point in points:
        if point.issues[0].category == "alignment":
            left -= 1
            if left < 0:
                continue
        chosen.append(point)
    return chosen


def _change(point: _Point, remark: Remark, sent: Brief, asked: Brief) -> Change:
    """A remark in words, as far as it is not in the brief that was sent."""
    told = (issue.detail or issue.subcategory or issue.category for issue in point.issues)
    why = _short("; ".join(dict.fromkeys(told)))
    vain = " (told before, in vain)" if point.again and point.now else ""
    parts = (Remark("", front=remark.front), Remark("", back=remark.back),
             Remark("", unwanted=remark.unwanted))  # fmt: skip
    fresh = [_said(part) for part in parts if not heard(part, sent, asked)]
    words = "; ".join([*fresh, *_numbers(remark, sent)])
    return Change(category=point.issues[0].category, change=words, reason=why + vain)


def _put_off(point: _Point) -> Change:
    why = point.issues[0].detail or point.issues[0].subcategory
    change = "a new seed first; it is told if it comes back"
    return Change(category=point.issues[0].category, change=change, reason=_short(why))


def _short(why: str) -> str:
    return why if len(why) <= SHOWN else why[:SHOWN] + "…"


def _taken_back(point: _Point, *, vain: bool) -> Change:
    words = point.remark.front, point.remark.back, point.remark.unwanted
    why = "told twice, in vain" if vain else "there is no room for it beside what matters more"
    change = f"no longer said: {'; '.join(each for each in words if each)}"
    return Change(category=point.issues[0].category, change=change, reason=why)


def _said(part: Remark) -> str:
    if part.front:
        return f"put first: {part.front}"
    return f"added: {part.back}" if part.back else f"not wanted: {part.unwanted}"


def _numbers(remark: Remark, sent: Brief) -> Iterator[str]:
    if remark.steps and remark.steps > (sent.steps or 0):
        yield _steps(sent.model_copy(update={"steps": remark.steps}), sent)
    if remark.size and remark.size != (sent.width, sent.height):
        wide, high = remark.size
        yield _size(sent.model_copy(update={"width": wide, "height": high}), sent)


def _steps(after: Brief, before: Brief) -> str:
    return f"{after.steps} steps instead of {before.steps or 'its own number'}"


def _size(after: Brief, before: Brief) -> str:
    now = f"{after.width}×{after.height} pixels"
    return f"{now} instead of {before.width}×{before.height}" if before.width else now
