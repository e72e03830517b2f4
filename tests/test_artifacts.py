from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from judges.artifacts import Artifacts
from judges.artifacts.panel import PANEL
from sentinel.contracts import Declined, Reading, Runtime, Sample
from sentinel.errors import ConfigError
from sentinel.testing import JudgeConformance, scene


def photograph(name: str = "astronaut") -> np.ndarray:
    """A photograph of the wheel, 384 pixels a side, as it came."""
    from skimage import data

    picture = np.asarray(getattr(data, name)())
    picture = np.dstack([picture] * 3) if picture.ndim == 2 else picture
    return np.ascontiguousarray(picture[:384, :384, :3])


def cut_out() -> np.ndarray:
    """A lit ball with a soft shadow on white, like a studio photograph of a product."""
    rows, columns = np.mgrid[0:400, 0:400]
    shadow = 60 * np.exp(-(((columns - 200) / 110.0) ** 2) - ((rows - 300) / 22.0) ** 2)
    ground = np.repeat((255 - shadow)[..., None], 3, axis=2)
    inside = (columns - 200) ** 2 + (rows - 190) ** 2 < 110**2
    light = 0.35 + 0.65 * np.exp(-((columns - 160) ** 2 + (rows - 140) ** 2) / 9000)
    ground[inside] = (np.array([210, 60, 50]) * light[..., None] + 25)[inside]
    soft = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
    return np.asarray(soft.filter(ImageFilter.GaussianBlur(0.6)))


def poster() -> np.ndarray:
    """Flat colours, a panel and lettering, drawn without grain."""
    from PIL import ImageFont

    picture = Image.new("RGB", (480, 640), (246, 222, 180))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 480, 150), fill=(30, 60, 110))
    draw.ellipse((110, 210, 370, 470), fill=(214, 70, 50))
    draw.text((60, 40), "SUMMER SALE", fill="white", font=ImageFont.load_default(52))
    draw.text((60, 520), "everything must go\neverything must go", fill=(30, 60, 110),
              font=ImageFont.load_default(36))  # fmt: skip
    return np.asarray(picture)


def gradient() -> np.ndarray:
    """A smooth sky over a dark hill: every tone an 8-bit picture can hold."""
    rows, columns = np.mgrid[0:360, 0:480]
    sky = np.stack([90 + rows * 0.3, 140 + rows * 0.25, 235 - rows * 0.1], axis=-1)
    sky[rows > 280 + 30 * np.sin(columns / 70)] = (34, 52, 30)
    return sky.astype(np.uint8)


CLEAN = {
    "a photograph": photograph,
    "a cut-out on white": cut_out,
    "a flat poster with text": poster,
    "a smooth gradient": gradient,
    "grass": lambda: photograph("grass"),
    "bricks": lambda: photograph("brick"),
    "a scene": lambda: np.asarray(scene(320, 240)),
}


def blurred(picture):
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(3)))


def noisy(picture):
    grain = np.random.default_rng(3).normal(0, 18, picture.shape)
    return (picture + grain).clip(0, 255).astype(np.uint8)


def squeezed(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=8)
    return np.asarray(Image.open(buffer).convert("RGB"))


def banded(picture):
    return (np.round(np.round(picture / 255 * 15) / 15 * 255)).astype(np.uint8)


def chequered(picture):
    rows, columns = np.indices(picture.shape[:2])
    return (
        (picture + 9.0 * (1 - 2 * ((rows + columns) % 2))[..., None]).clip(0, 255).astype(np.uint8)
    )


def tiled(picture):
    made = picture.astype(float)
    made[:, 192:] += 26
    return made.clip(0, 255).astype(np.uint8)


def stretched(picture):
    return ((picture - 128.0) * 2.4 + 128).clip(0, 255).astype(np.uint8)


def tinted(picture):
    return np.clip(picture * 0.5 + np.array([110, 60, 0.0]), 0, 255).astype(np.uint8)


def copied(picture):
    made = picture.copy()
    made[250:330, 30:110] = picture[120:200, 200:280]
    return made


FAULTS = {
    "blur": blurred,
    "noise": noisy,
    "blocking": squeezed,
    "banding": banded,
    "checkerboard": chequered,
    "seam": tiled,
    "clipping": stretched,
    "cast": tinted,
    "repetition": copied,
}


def read(picture: np.ndarray, **options) -> Reading:
    (answer,) = Artifacts(**options).judge([Sample(picture)])
    assert isinstance(answer, Reading)
    return answer


class TestArtifacts(JudgeConformance):
    def make(self):
        return Artifacts()


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_picture_has_no_issue(name, golden):
    answer = read(CLEAN[name]())
    golden("artifacts", name, answer, tolerance=0.05)

    assert answer.value > 0.5
    assert answer.issues == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_lowers_its_own_score(fault, golden):
    clean, faulty = photograph(), FAULTS[fault](photograph())
    before, after = read(clean), read(faulty)
    golden("artifacts", fault, after, tolerance=0.05)

    assert fault in [issue.subcategory for issue in after.issues]
    assert after.value < 0.5
    assert after.measurements["scores"][fault] < before.measurements["scores"][fault]


def test_every_check_leaves_its_score_and_the_worst_is_the_value():
    answer = read(noisy(photograph()))
    scores = answer.measurements["scores"]

    assert set(scores) == set(PANEL)
    assert answer.value == pytest.approx(min(scores.values()), abs=1e-4)


@pytest.mark.parametrize(
    ("fault", "spot"), [("seam", (192, 200)), ("repetition", (70, 290))], ids=["seam", "copy"]
)
def test_a_local_fault_has_a_box_around_it(fault, spot):
    answer = read(FAULTS[fault](photograph()))
    claim = next(issue.detail for issue in answer.issues if issue.subcategory == fault)
    box = next(item.box for item in answer.evidence if item.claim == claim)
    x = spot[0]

    assert box.left <= x <= box.right
    if fault == "repetition":
        source = (120, 200, 200, 280)
        assert box.top <= 290 <= box.bottom or box.top <= source[0] + 40 <= box.bottom
        assert (box.right - box.left) * (box.bottom - box.top) < 150**2


def test_blocks_in_one_corner_are_shown_there():
    picture = photograph().copy()
    picture[:192, :192] = squeezed(np.ascontiguousarray(picture[:192, :192]))
    (answer,) = Artifacts(checks=["blocking"], limits={"blocking": 0.05}).judge([Sample(picture)])

    assert answer.evidence[0].box.right <= 256
    assert answer.evidence[0].box.bottom <= 256


def test_a_picture_posterised_to_few_flat_colours_is_not_banded():
    answer = read(banded(poster()))

    assert "banding" not in [issue.subcategory for issue in answer.issues]


def test_checks_that_are_not_asked_for_are_not_run():
    answer = read(noisy(photograph()), checks=["blur"])

    assert list(answer.measurements["scores"]) == ["blur"]
    assert answer.issues == ()


def test_a_stricter_limit_finds_more():
    mild = np.asarray(Image.fromarray(photograph()).filter(ImageFilter.GaussianBlur(0.9)))

    assert read(mild).issues == ()
    assert read(mild, limits={"blur": 1.6}).issues[0].subcategory == "blur"


def test_a_picture_of_a_few_pixels_is_declined():
    (answer,) = Artifacts().judge([Sample(photograph()[:20, :200])])

    assert isinstance(answer, Declined)
    assert "200x20" in answer.reason


def test_a_large_picture_is_judged_on_bounded_copies():
    import time

    large = np.tile(photograph(), (10, 10, 1))
    started = time.perf_counter()
    answer = read(large)

    assert time.perf_counter() - started < 5
    assert all(e.box is None or e.box.right <= 3840 for e in answer.evidence)


@pytest.mark.parametrize(
    "options",
    [{"checks": ["sharpness"]}, {"checks": []}, {"checks": "blur"}, {"limits": {"haze": 1}},
     {"limits": {"blur": 0}}, {"limits": {"blur": "low"}}, {"zero_shot": 3}],
    ids=["unknown check", "no check", "a string", "unknown limit", "zero", "word", "number"],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_name(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        Artifacts(**options)


def test_loading_without_zero_shot_needs_no_model():
    judge = Artifacts()
    judge.load(Runtime())

    assert judge.judge([Sample(photograph())])[0].value > 0.5


@pytest.mark.parametrize("quality", [95, 92, 85, 75])
def test_a_banner_on_a_photograph_saved_as_jpeg_is_no_seam(quality):
    image = Image.fromarray(photograph()).resize((900, 600))
    draw = ImageDraw.Draw(image)
    draw.rectangle((140, 60, 640, 220), fill=(200, 16, 46))
    draw.rectangle((300, 400, 820, 470), fill=(40, 60, 40))
    saved = io.BytesIO()
    image.save(saved, "JPEG", quality=quality)
    judge = Artifacts()
    judge.load(Runtime())
    [reading] = judge.judge([Sample(np.asarray(Image.open(saved)))])

    assert "seam" not in {issue.subcategory for issue in reading.issues}
