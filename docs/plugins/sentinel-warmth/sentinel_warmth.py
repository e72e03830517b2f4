"""Pictures in, how warm their light is out."""

from sentinel.contracts import Reading


class Warmth:
    """Share of red in red and blue: 0 is cold, 1 is warm."""

    version = "1"

    def judge(self, samples):
        """One reading per sample."""
        sums = [sample.pixels.sum(axis=(0, 1), dtype=float) for sample in samples]
        values = [(red + 1) / (red + blue + 2) for red, _, blue in sums]
        return [Reading(value=value, reason=f"{value:.0%} red") for value in values]
