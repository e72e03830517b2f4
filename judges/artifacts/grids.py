"""View in, symptoms out: blocking, checkerboard and seams, the faults that lie on a grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from judges.artifacts.view import Plane, Symptom, View, blocks

GRID = 8
"""Pixels a side of a JPEG block."""
CAP = 16.0
"""Grey levels above which a step is an edge of the scene, not of a block."""
STILL = 0.1
"""Mean step in grey levels below which an 8 × 8 block is flat and shows no grid."""
SEEN = 0.01
"""Share of blocks that must not be flat."""
TILE = 128
"""Pixels a side of the tiles among which the worst is shown."""


def blocking(view: View) -> Symptom:
    """How much steeper steps are on one 8-pixel grid than off it: 0 none, 1 twice as steep."""
    grey = view.native_grey
    steps = [
        np.minimum(np.abs(np.diff(plane, axis=1, prepend=plane[:, :1])), CAP)
        for plane in (grey, grey.T)
    ]
    active = float((blocks(steps[0] + steps[1].T, GRID).mean(axis=(2, 3)) > STILL).mean())
    if active < SEEN:
        return Symptom(0.0, "the picture is too even to show blocks")
    found = [_excess(part.mean(axis=0) / active) for part in steps]
    strength = min(found[0][0], found[1][0])
    column, row = found[0][1], found[1][1]
    grid = steps[0] * _comb(grey.shape[1], column) + (steps[1] * _comb(grey.shape[0], row)).T
    top, left, side = _worst(grid)
    box = view.from_native(left, top, side, side)
    return Symptom(
        strength, f"steps on an 8-pixel grid are {strength:.0%} steeper than off it", box
    )


def _excess(profile: NDArray[np.float32]) -> tuple[float, int]:
    """Relative excess of the steepest of the eight phases, and that phase."""
    whole = profile[: len(profile) // GRID * GRID].reshape(-1, GRID)
    phases = whole.mean(axis=0)
    worst = int(phases.argmax())
    others = float(np.delete(phases, worst).mean())
    return (float(phases[worst]) - others) / (others + 0.5), worst


def _comb(length: int, phase: int) -> NDArray[np.float32]:
    """+7 on the grid, −1 off it: a local sum is the excess."""
    comb = np.full(length, -1.0, np.float32)
    comb[phase::GRID] = GRID - 1
    return comb


def _worst(plane: NDArray[np.float32]) -> tuple[int, int, int]:
    """Top, left and side of the tile with the largest mean."""
    side = min(TILE, *plane.shape)
    means = blocks(np.ascontiguousarray(plane), side).mean(axis=(2, 3))
    row, column = np.unravel_index(int(means.argmax()), means.shape)
    return int(row) * side, int(column) * side, side


WAVES = 64
"""Pixels a side of the blocks whose spectra are averaged."""
PEAKS = ((32, 32), (16, 16), (48, 16), (32, 16), (16, 32))
"""Row and column of the checkerboards of 2 and 4 pixels in a 64-point spectrum. Pure rows and
columns are left out: JPEG blocks and blinds live there."""


def checkerboard(view: View) -> Symptom:
    """Power of 2- and 4-pixel checkerboards over their spectral neighbours, in powers of ten."""
    grey = view.native_grey
    side = min(WAVES, *grey.shape)
    if side < WAVES:
        return Symptom(0.0, "the picture is too small to show a checkerboard")
    tiles = blocks(grey, WAVES)
    window = np.outer(np.hanning(WAVES), np.hanning(WAVES)).astype(np.float32)
    flat = tiles - tiles.mean(axis=(2, 3), keepdims=True)
    power = np.abs(np.fft.fft2(flat * window)) ** 2
    mean = power.mean(axis=(0, 1)) + FLOOR
    ratios = [float(np.log10(mean[peak] / _around(mean, peak))) for peak in PEAKS]
    worst = int(np.argmax(ratios))
    local = power[..., *PEAKS[worst]]
    row, column = np.unravel_index(int(local.argmax()), local.shape)
    box = view.from_native(int(column) * WAVES, int(row) * WAVES, WAVES, WAVES)
    period = 2 if worst == 0 else 4
    claim = f"a {period}-pixel checkerboard is 10^{ratios[worst]:.1f} times its surroundings"
    return Symptom(max(0.0, ratios[worst]), claim, box)


FLOOR = 30.0
"""Power of a checkerboard of about 0.01 grey levels in a block: rounding, never seen."""


NEAR, FAR = 3, 5
"""Bins from a peak between which its surroundings are measured; the window spreads a peak by 1."""


def _around(power: NDArray[np.float64], peak: tuple[int, int]) -> float:
    """Median power of the ring 3 to 5 bins away."""
    reach = np.arange(-FAR, FAR + 1)
    rows, columns = np.meshgrid(reach, reach, indexing="ij")
    ring = np.maximum(np.abs(rows), np.abs(columns)) >= NEAR
    return float(
        np.median(power[(rows[ring] + peak[0]) % WAVES, (columns[ring] + peak[1]) % WAVES])
    )


RUN = 32
"""Pixels of a seam that are asked together; the median over them is deaf to texture."""
STEEP = 30.0
"""Grey levels above which a straight step is an edge of the scene: frames, panels, horizons."""


def seam(view: View) -> Symptom:
    """How much steadier the steadiest straight one-pixel step is than those beside it, as a ratio.

    Both sides of the seam must have detail: the clean edge of a panel or frame is design.
    """
    grey = view.whole_grey
    found = [_seam(grey), _seam(np.ascontiguousarray(grey.T))]
    worst = int(found[1][0] > found[0][0])
    strength, at, start, length = found[worst]
    across = (start, at - 8, length, 16) if worst else (at - 8, start, 16, length)
    way = "horizontal" if worst else "vertical"
    claim = f"a straight {way} step, {strength:.0f} times as steady as any beside it"
    return Symptom(strength, claim, view.from_whole(*across))


def _seam(grey: Plane) -> tuple[float, int, int, int]:
    """Strength, column, first row and length of the strongest vertical seam."""
    runs = grey.shape[0] // RUN
    lasting = max(LEAST, round(runs * LASTING))
    margin = round(grey.shape[1] * MARGIN) + 2
    if runs < lasting or grey.shape[1] < 2 * RUN:
        return 0.0, 0, 0, 0
    step = np.diff(grey, axis=1)
    sharp = step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2
    parts = sharp[: runs * RUN].reshape(runs, RUN, -1).astype(np.float32, copy=False)
    jump = _median(parts)
    spread = _median(np.abs(parts - jump[:, None]))
    usual = _usual(spread)
    jump[(np.abs(jump) > STEEP) | (usual < GRAIN) | ~_detailed(grey, runs)] = 0
    jump *= np.minimum(1, (usual + 0.5) / (spread + 0.5)) ** 2
    jump[:, :margin] = jump[:, -margin:] = 0
    summed = np.cumsum(np.vstack([np.zeros((1, jump.shape[1]), np.float32), jump]), axis=0)
    steady = np.abs(summed[lasting:] - summed[:-lasting]) / lasting
    excess = steady / (_beside(steady) + 1.0)
    row, column = np.unravel_index(int(excess.argmax()), excess.shape)
    return float(excess[row, column]), int(column) + 2, int(row) * RUN, lasting * RUN


def _median(parts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over the rows of each run; np.median takes seven times as long."""
    ordered = np.sort(parts, axis=1)
    return np.asarray((ordered[:, RUN // 2 - 1] + ordered[:, RUN // 2]) / 2, np.float32)


def _usual(spread: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spread of the steps in the columns around: content that goes on across a seam has it too."""
    from scipy.ndimage import percentile_filter  # noqa: PLC0415

    return np.asarray(percentile_filter(spread, 50, size=(1, 15)), np.float32)


LEAST, LASTING = 3, 0.25
"""Runs, and share of the side, that a seam must last: words and eaves are shorter."""
GRAIN = 0.2
"""Usual spread of the steps, in grey levels, below which a run is drawn: lettering, panels."""
MARGIN = 0.04
"""Share of the side at either edge where a straight step is a frame."""


def _detailed(grey: Plane, runs: int) -> NDArray[np.bool_]:
    """Where both sides of a column boundary have detail, near it and further off, per run."""
    rough = np.abs(np.diff(grey[: runs * RUN], axis=0, prepend=grey[:1]))
    mean = rough.reshape(runs, RUN, -1).mean(axis=1)
    sides = np.minimum.reduce([mean[:, :-3], mean[:, 1:-2], mean[:, 2:-1]])
    padded = np.pad(mean, ((0, 0), (RINGING, RINGING)), mode="edge")
    width = sides.shape[1]
    off = np.minimum(padded[:, 1 : 1 + width], padded[:, 2 * RINGING + 1 : 2 * RINGING + 1 + width])
    return np.asarray((sides > ROUGH) & (off > ROUGH))


ROUGH = 0.25
"""Mean grey levels between neighbours along a seam: drawn panels have none."""

RINGING = 12
"""Columns from an edge where JPEG's ringing has ended (a block has 8): a panel is flat there."""


def _beside(steady: NDArray[np.float32]) -> NDArray[np.float32]:
    """The third largest steadiness within 16 columns: what straight steps are common here."""
    from scipy.ndimage import rank_filter  # noqa: PLC0415

    return np.asarray(rank_filter(steady, -4, size=(1, 33)), np.float32)
