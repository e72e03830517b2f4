"""View in, symptoms out: blur, noise and smear, the three faults of fine detail."""

from __future__ import annotations

import numpy as np

from judges.artifacts.view import Symptom, View, blocks

WINDOW = 9
"""Pixels across of the neighbourhood in which an edge must rise; wider blur reads as
width 9 at most."""
EDGE = 24.0
"""Grey levels of local contrast below which there is no edge to be blurred."""

FEWEST = 20
"""Edge points below which the sharpest tenth of them is chance."""


def blur(view: View) -> Symptom:
    """Width in pixels of the sharpest tenth of the edges: contrast over steepest step.

    A crisp edge needs 1 to 2 pixels; a Gaussian blur of σ makes it about 2.5 σ. The sharpest
    tenth is asked, so a soft background behind a sharp subject is no blur.
    """
    import cv2  # noqa: PLC0415

    grey = view.whole_grey
    kernel = np.ones((WINDOW, WINDOW), np.uint8)
    contrast = cv2.dilate(grey, kernel) - cv2.erode(grey, kernel)
    step = np.zeros_like(grey)
    step[:, 1:] = np.abs(np.diff(grey, axis=1))
    step[1:] = np.maximum(step[1:], np.abs(np.diff(grey, axis=0)))
    strong = contrast >= max(EDGE, float(np.percentile(contrast, 90)) * 0.5)
    edge = strong & (step >= cv2.dilate(step, kernel))
    if edge.sum() < FEWEST:
        return Symptom(0.0, "no edge is strong enough to be called blurred")
    width = 1 / max(1e-3, float(np.percentile(step[edge] / contrast[edge], 90)))
    return Symptom(width, f"the sharpest edges are {width:.1f} pixels wide")


BLOCK = 16
"""Pixels a side of the blocks noise is measured in."""
KERNEL = ((1, -2, 1), (-2, 4, -2), (1, -2, 1))
"""Immerkær's mask (Fast Noise Variance Estimation, 1996): blind to planes, RMS 6 on white noise."""

FLAT = 0.3
"""Standard deviation in grey levels up to which a block is exactly flat: rounding alone."""
DARKEST, LIGHTEST = 6, 249
"""Mean levels outside which noise is cut off by the limits of the scale."""


def noise(view: View) -> Symptom:
    """Standard deviation in grey levels of white noise in the quietest tenth of the blocks.

    Fine texture is told from noise by its own neighbours: noise is as strong one pixel away as
    it is in the whole block, texture is not. Clipped and exactly flat blocks say nothing.
    """
    import cv2  # noqa: PLC0415

    grey = view.native_grey
    residual = np.abs(cv2.filter2D(grey, cv2.CV_32F, np.array(KERNEL, np.float32)))
    sigma = blocks(residual, BLOCK).mean(axis=(2, 3)) * np.sqrt(np.pi / 2) / 6
    local = blocks(grey, BLOCK)
    spread, level = local.std(axis=(2, 3)), local.mean(axis=(2, 3))
    told = (spread > FLAT) & (level > DARKEST) & (level < LIGHTEST)
    if told.sum() < max(4, 0.01 * told.size):
        return Symptom(0.0, "there is no even ground to see noise on")
    sigma, spread = sigma[told], spread[told]
    quiet = spread <= np.percentile(spread, 10)
    whiteness = np.clip(sigma[quiet] / spread[quiet], 0, 1)
    strength = float(np.median(sigma[quiet] * whiteness**2))
    return Symptom(strength, f"noise of {strength:.1f} grey levels lies over even areas")


SMEAR, AREA = 12, 7
"""Pixels a side of the blocks whose direction is asked for, and how many blocks a side must agree:
84 × 84 pixels, about the size of a hand or a face in a picture of 512."""
FELT = 1.0
"""Mean squared gradient, in grey levels squared, below which a block has no direction."""
CAP = 8.0
"""Grey levels a pixel at which a gradient stops counting more, so one hard edge is no region."""


def smear(view: View) -> Symptom:
    """How far detail of the worst region runs one way more than in the rest, 0 to 1.

    Motion-like smearing leaves detail across its direction and none along it, everywhere in a
    region. The 75th percentile of the picture is taken off: planks and stripes are everywhere.
    """
    import cv2  # noqa: PLC0415

    grey = view.native_grey
    across, along = (cv2.Scharr(grey, cv2.CV_32F, *way) / 16 for way in ((1, 0), (0, 1)))
    damped = np.minimum(1, CAP / (np.hypot(across, along) + 1e-6))
    across, along = across * damped, along * damped
    products = (across**2, along**2, across * along)
    xx, yy, xy = (blocks(part, SMEAR).mean(axis=(2, 3)) for part in products)
    if min(xx.shape) < 2 * AREA:
        return Symptom(0.0, "the picture is too small to show a smeared region")
    total = xx + yy + FELT
    mean = [cv2.blur(part / total, (AREA, AREA)) for part in (xx - yy, 2 * xy)]
    reach = AREA // 2
    oneway = np.hypot(*mean)[reach:-reach, reach:-reach]
    row, column = np.unravel_index(int(oneway.argmax()), oneway.shape)
    strength = float(oneway[row, column] - np.percentile(oneway, 75))
    side = SMEAR * AREA
    box = view.from_native(int(column) * SMEAR, int(row) * SMEAR, side, side)
    claim = f"{oneway[row, column]:.0%} of the detail here runs one way, as smeared"
    return Symptom(strength, claim, box)
