"""A brief in, more steps or a neighbouring size out, within what the generator takes. Pure."""

from __future__ import annotations

from sentinel.contracts import Brief, Capabilities, Change, Feedback

UNITS = 33
"""Units that the longer side has at most: it changes by 3 to 6 %, more where the generator's own
multiple is larger than that."""

Size = tuple[int, int]


def strengthen(
    sent: Brief, *, capabilities: Capabilities, default_steps: int | None = None
) -> Feedback:
    """Twice the steps while the generator has them, else a neighbouring size, else nothing.

    `default_steps` is what it takes where the brief names none. Asked again and again with its own
    answer, it comes to an end.
    """
    now = sent.steps or default_steps
    steps = more_steps(now, capabilities)
    if steps is not None:
        was = f"{now}" if now else "its own number"
        told = Change(
            category="steps",
            change=f"{steps} steps instead of {was}",
            reason=f"scores stopped rising, and the generator takes up to {steps_of(capabilities)}",
        )
        return Feedback(issues=(), changes=(told,), brief=sent.model_copy(update={"steps": steps}))
    size = neighbour(sent, capabilities)
    if size is None:
        return Feedback(issues=(), changes=(), brief=sent)
    told = Change(
        category="size",
        change=f"{size[0]}×{size[1]} pixels instead of {sent.width}×{sent.height}",
        reason="scores stopped rising; at another size the same faults seldom stand again",
    )
    brief = sent.model_copy(update={"width": size[0], "height": size[1]})
    return Feedback(issues=(), changes=(told,), brief=brief)


def steps_of(capabilities: Capabilities) -> int:
    """The most steps; 0 where the generator names no limit."""
    return capabilities.max_steps or 0


def more_steps(now: int | None, capabilities: Capabilities, *, most: bool = False) -> int | None:
    """Twice as many, or the most; None where there is no room or nobody knows how many there are.

    Where neither the brief nor the generator says how many steps are taken, they are left alone:
    few-step models are made for their own number.
    """
    limit = steps_of(capabilities)
    if now is None or now >= limit:
        return None
    return limit if most else min(limit, max(2 * now, 1))


def neighbour(brief: Brief, capabilities: Capabilities) -> Size | None:
    """Another size of nearly the same area and ratio; None where there is none.

    Sides are counted in units, and one side becomes the nearest odd number of them, the longer one
    first. Whoever asks again gets the other side, and then nothing: sizes never run away.
    """
    if not brief.width or not brief.height:
        return None
    wide, high = brief.width, brief.height
    unit = unit_of(max(wide, high), capabilities.multiple_of)
    for longer in (True, False):
        across = (wide >= high) is longer
        side = odd(wide if across else high, unit, capabilities)
        if side is not None:
            return (side, high) if across else (wide, side)
    return None


def unit_of(longest: int, multiple_of: int) -> int:
    """The generator's own multiple, doubled until at most UNITS of it make up the longer side."""
    unit = max(1, multiple_of)
    while UNITS * unit < longest:
        unit *= 2
    return unit


def odd(side: int, unit: int, capabilities: Capabilities) -> int | None:
    """The nearest odd number of units within the limits; None where it is one, or none lies near.

    The larger of two that are equally near.
    """
    if side % (2 * unit) == unit:
        return None
    below = (side // (2 * unit)) * 2 * unit - unit
    near = [below, below + 2 * unit, below + 4 * unit]
    lawful = [
        each
        for each in near
        if capabilities.smallest <= each <= capabilities.largest and abs(each - side) <= unit
    ]
    return min(lawful, key=lambda each: (abs(each - side), -each), default=None)
