"""The whole test of a judge plugin: it keeps the contract."""

from sentinel_warmth import Warmth

from sentinel.testing import JudgeConformance


class TestWarmth(JudgeConformance):
    """Warmth keeps the contract."""

    def make(self):
        """A fresh judge."""
        return Warmth()
