"""A failure mode in, what is said about it out: the shape that every strategy shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.contracts import Brief, Capabilities, FailureMode


@dataclass(frozen=True, slots=True)
class Case:
    """One failure mode, the brief as it was asked, and who is to paint it.

    `again`: it was told once, in vain; the wording may be stronger now.
    """

    issue: FailureMode
    asked: Brief
    capabilities: Capabilities
    again: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """What one strategy wants in the next brief.

    `key` is what it is about; two remarks with one key say the same thing. `front` is a phrase
    before the caller's prompt, `back` sentences after it (`shorter` where those have no room),
    `unwanted` goes into the negative prompt.
    """

    key: str
    front: str = ""
    back: str = ""
    shorter: str = ""
    unwanted: str = ""
    steps: int | None = None
    size: tuple[int, int] | None = None

    def __bool__(self) -> bool:
        """Whether it would change anything."""
        return bool(self.front or self.back or self.unwanted or self.steps or self.size)


Strategy = Callable[[Case], Remark | None]
"""Pure. None: there is nothing to say, and only another seed can help."""


def unwanted(case: Case, words: str) -> str:
    """Words for a negative prompt, where the generator has one."""
    return words if case.capabilities.negative_prompt else ""
