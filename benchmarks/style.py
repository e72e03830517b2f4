"""Tell styles apart: same filter on different pictures against different filters; AUC per part.

    python benchmarks/style.py [--quick] [--fit]

A style here is a rendering (grey, poster, pencil, …) laid over photographs, so that two pictures of
one style show different things, and two styles may show the same thing. The weights of the judge
were fitted (--fit) on one half of renderings and photographs; the table is about the other half.
The second test is crops of one picture against crops of different pictures, without any rendering.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.style import resemblance, share
from judges.style.descriptors import PARTS, Described, Distances, describe, distances

SHARED = Path(__file__).parents[2] / "shared" / "data"
WHEEL = Path(skimage.data.__file__).parent
SIDE = 384
EVEN = 0.5
DAMPING = 1e-3
"""Ridge on the weights: without it, distances that go together get opposite signs."""


def pencil(rgb: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    blurred = cv2.GaussianBlur(255 - grey, (21, 21), 0)
    drawn = cv2.divide(grey, 255 - blurred, scale=256)
    return cv2.cvtColor(drawn, cv2.COLOR_GRAY2RGB)


def lines(rgb: np.ndarray) -> np.ndarray:
    edges = cv2.Canny(cv2.GaussianBlur(rgb, (5, 5), 0), 40, 120)
    return cv2.cvtColor(255 - cv2.dilate(edges, np.ones((2, 2), np.uint8)), cv2.COLOR_GRAY2RGB)


def cartoon(rgb: np.ndarray) -> np.ndarray:
    flat = rgb
    for _ in range(5):
        flat = cv2.bilateralFilter(flat, 9, 50, 9)
    flat = (flat // 40) * 40 + 20
    grey = cv2.medianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 7)
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 4)
    return cv2.bitwise_and(flat, flat, mask=ink)


def toned(dark: tuple[int, int, int], light: tuple[int, int, int]) -> Callable[..., np.ndarray]:
    def tone(rgb: np.ndarray) -> np.ndarray:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] / 255
        return (np.array(dark) * (1 - grey) + np.array(light) * grey).astype(np.uint8)

    return tone


def oil(rgb: np.ndarray) -> np.ndarray:
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    for _ in range(3):
        small = cv2.medianBlur(small, 7)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV).astype(float)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.6, 0, 255)
    painted = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return cv2.resize(painted, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def halftone(rgb: np.ndarray) -> np.ndarray:
    grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 9), 0)
    rows, columns = np.mgrid[0 : rgb.shape[0], 0 : rgb.shape[1]]
    screen = 127 + 127 * np.cos(rows * 0.9) * np.cos(columns * 0.9)
    return np.repeat(np.where(grey > screen, 255, 0)[..., None], 3, axis=2).astype(np.uint8)


def levels(rgb: np.ndarray, low: float, high: float, saturation: float) -> np.ndarray:
    grey = rgb.mean(axis=2, keepdims=True)
    spread = grey + (rgb - grey) * saturation
    return np.clip(low + spread * (high - low) / 255, 0, 255).astype(np.uint8)


def grainy(rgb: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float)
    noisy = (grey - 128) * 1.4 + 128 + np.random.default_rng(3).normal(0, 22, grey.shape)
    return np.repeat(np.clip(noisy, 0, 255)[..., None], 3, axis=2).astype(np.uint8)


def poster(rgb: np.ndarray) -> np.ndarray:
    return ((cv2.medianBlur(rgb, 9) // 85) * 85 + 42).astype(np.uint8)


def pixelled(rgb: np.ndarray) -> np.ndarray:
    small = cv2.resize(rgb, (48, 48), interpolation=cv2.INTER_AREA) // 32 * 32
    return cv2.resize(small, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)


FITTED = {"photo": lambda rgb: rgb, "grey": lambda rgb: levels(rgb, 0, 255, 0), "pencil": pencil,
          "cartoon": cartoon, "sepia": toned((40, 25, 10), (250, 235, 200)), "pixel art": pixelled,
          "pastel": lambda rgb: levels(rgb, 140, 255, 0.8),
          "low key": lambda rgb: levels(rgb, 0, 110, 0.7),
          "rose": toned((60, 5, 40), (255, 225, 235)),
          "lemon": toned((30, 60, 0), (255, 250, 120))}  # fmt: skip
HELD_OUT = {"photo": lambda rgb: rgb, "lines": lines, "oil": oil, "halftone": halftone,
            "cyanotype": toned((5, 25, 70), (225, 240, 245)), "grainy grey": grainy,
            "poster": poster, "vivid": lambda rgb: levels(rgb, 0, 255, 2.2)}  # fmt: skip
PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png",
          "hubble_deep_field.jpg", "ihc.png", "retina.jpg")  # fmt: skip
SHARED_PHOTOS = ("quality/product/*.jpg", "faces/gate/dog_*.jpg", "faces/gate/backpack*.jpg",
                 "faces/gate/clock*.jpg", "generated/*/*.jp*g", "generated/*/*.png")  # fmt: skip


def square(path: Path) -> np.ndarray:
    image = Image.open(path).convert("RGB")
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return np.asarray(image.crop((left, top, left + edge, top + edge)).resize((SIDE, SIDE)))


Labelled = list[tuple[str, str, Described]]


def rendered(photos: list[Path], renderings: dict[str, Callable[..., np.ndarray]]) -> Labelled:
    made: Labelled = []
    for path in track(photos, "rendering"):
        plain = square(path)
        for name, render in renderings.items():
            style = describe(np.ascontiguousarray(render(plain)))
            if style:
                made.append((name, path.name, style))
    return made


def crops(photos: list[Path]) -> Labelled:
    made: Labelled = []
    for path in photos:
        image = np.asarray(Image.open(path).convert("RGB"))
        height, width = image.shape[0] // 2, image.shape[1] // 2
        for row, column in itertools.product((0, 1), (0, 1)):
            part = image[row * height : (row + 1) * height, column * width : (column + 1) * width]
            style = describe(np.ascontiguousarray(part))
            if style:
                made.append((path.name, f"{row}{column}", style))
    return made


def pairs(made: Labelled) -> tuple[list[Distances], np.ndarray]:
    """Distances of pairs that show different things, and whether their style is the same."""
    every = [(a, b) for a, b in itertools.combinations(made, 2) if a[1] != b[1]]
    same = np.array([a[0] == b[0] for a, b in every])
    return [distances(a[2], b[2]) for a, b in every], same


def auc(scores: np.ndarray, same: np.ndarray) -> float:
    ranks = scores.argsort().argsort() + 1
    positive = int(same.sum())
    below = ranks[same].sum() - positive * (positive + 1) / 2
    return float(below / (positive * (len(same) - positive)))


def fit(found: list[Distances], same: np.ndarray) -> None:
    """Logistic regression, classes balanced; a distance may speak against a style, never for it."""
    from scipy.optimize import minimize

    plain = np.array(found)
    near = np.median(plain[same], axis=0)
    rows = np.sqrt(np.maximum(plain, near))
    weights = np.where(same, 0.5 / same.mean(), 0.5 / (1 - same.mean())) / len(same)
    signs = np.where(same, 1.0, -1.0)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (theta[0] + rows @ theta[1:])
        pull = -weights * signs / (1 + np.exp(margins))
        slope = np.r_[pull.sum(), pull @ rows] + np.r_[0, 2 * DAMPING * theta[1:]]
        return float(weights @ np.logaddexp(0, -margins) + DAMPING * theta[1:] @ theta[1:]), slope

    bounds = [(None, None), *[(None, 0.0)] * rows.shape[1]]
    theta = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, bounds=bounds).x
    print("bias", round(theta[0], 3), Distances(*np.round(theta[1:], 3).tolist()))
    print("near :", Distances(*np.round(near, 3).tolist()))
    print("usual:", Distances(*np.round(np.quantile(plain[same], 0.9, axis=0), 3).tolist()))


def report(title: str, found: list[Distances], same: np.ndarray, table: Table) -> None:
    values = np.array([resemblance(each) for each in found])
    parts = [auc(np.array([share(each, part) for each in found]), same) for part in PARTS]
    right = ((values[same] >= EVEN).mean() + (values[~same] < EVEN).mean()) / 2
    table.add_row(title, f"{same.sum()} / {(~same).sum()}", f"{auc(values, same):.3f}",
                  *(f"{part:.3f}" for part in parts), f"{right:.3f}")  # fmt: skip


def main() -> None:
    quick = "--quick" in sys.argv
    wheel = [WHEEL / name for name in PHOTOS if (WHEEL / name).exists()]
    outside = sorted(path for pattern in SHARED_PHOTOS for path in SHARED.glob(pattern))
    if not outside:
        print("the folder of real pictures is not beside the checkout: pictures of the wheel only")
    known, tested = [*wheel, *outside[::2]], (outside[1::2] or wheel)[: 6 if quick else None]
    if "--fit" in sys.argv:
        fit(*pairs(rendered(known, FITTED)))
        return
    table = Table(
        title="Style judge without weights", caption="AUC; last: balanced accuracy at 0.5"
    )
    for head in ("test", "same / different", "all", "palette", "contrast", "texture", "at 0.5"):
        table.add_column(head, justify="left" if head == "test" else "right")
    report(
        "renderings and pictures of the fit",
        *pairs(rendered(known[: 6 if quick else None], FITTED)),
        table,
    )
    report("other renderings, other pictures", *pairs(rendered(tested, HELD_OUT)), table)
    report("crops of one picture or of two", *pairs(crops(tested)), table)
    start = time.perf_counter()
    big = np.ascontiguousarray(np.asarray(Image.fromarray(square(wheel[0])).resize((1024, 1024))))
    for _ in range(10):
        describe(big)
    Console().print(table)
    print(f"describe at 1024 × 1024: {(time.perf_counter() - start) * 100:.0f} ms")


if __name__ == "__main__":
    main()
