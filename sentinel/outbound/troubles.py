"""What can go wrong on the way out of the house, by whether another try may help."""

from __future__ import annotations


class Trouble(Exception):  # noqa: N818 - what happened; callers make their own error of it
    """An address that gave nothing; `passing` says whether another try may help."""

    def __init__(self, told: str, *, passing: bool = False) -> None:
        """What went wrong, in words that tell nothing of the networks inside."""
        self.passing = passing
        super().__init__(told)


class Forbidden(Trouble):
    """An address that is not dialled, whoever asks."""
