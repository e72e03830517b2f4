"""The generator that ships: torch's noise, diffusers' arithmetic and sizes without torch."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from generator.embedded import CARD, SHIPPED, Embedded
from generator.embedded.noise import noise
from generator.embedded.painter import FILES, levels, packed, places, unpacked
from generator.embedded.sizes import NATIVE, NEIGHBOURS, nearest, resized
from sentinel.contracts import Brief, Runtime
from sentinel.errors import BriefError, ConfigError, MissingRequirement
from sentinel.imaging import read
from sentinel.testing import GeneratorConformance, flat, scene
from sentinel.testing import noise as grain

full = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]
SHAPES = [(1, 8, height // 8, width // 8) for width, height in NATIVE]
CAPTION = 'A poster with two red cups, "OPEN" in blue'


@pytest.fixture(scope="module")
def pipeline_folder(tmp_path_factory):
    """A pipeline whose weights are large enough that its pictures are not flat, exported."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    from training.export import export
    from training.generator import save, untrained, untrained_vae

    pipeline = untrained(untrained_vae())
    for part in ("vae", "text_encoder", "text_encoder_2", "transformer"):
        for weights in getattr(pipeline, part).parameters():
            if weights.dim() > 1:
                torch.nn.init.normal_(weights, std=1.2 / weights[0].numel() ** 0.5)
    place = tmp_path_factory.mktemp("pipeline")
    save(pipeline, place)
    export(place)
    return place


@pytest.fixture(scope="module")
def untaught(pipeline_folder):
    made = Embedded(folder=str(pipeline_folder))
    made.load(Runtime())
    return made


@pytest.fixture(scope="module")
def taught():
    made = Embedded()
    made.load(Runtime())
    return made


# ── without a model ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seed", "begins"),
    [
        (0, [-1.1258398, -1.1523602, -0.2505786, -0.4338788, 0.8487104, 0.6920092]),
        (2**32 + 7, [-0.8201345, 0.3956312, 0.8989085, -1.3884039, -0.1669960, 0.2851500]),
    ],
    ids=["nought", "beyond 32 bits"],
)
def test_noise_begins_as_torchs_does(seed, begins):
    assert np.allclose(noise((16,), seed)[:6], begins, atol=1e-6)


def test_noise_of_another_count_than_torch_draws_in_blocks_is_refused():
    with pytest.raises(ValueError, match="18 numbers are no multiple of 16"):
        noise((3, 6), 0)


def test_four_steps_stand_where_the_scheduler_puts_them():
    assert np.allclose(levels(4, 3.0), [1, 0.9, 0.75, 0.5, 0])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_latents_come_back_as_they_were_packed(shape):
    latents = noise(shape, 1)
    _, _, height, width = shape

    assert packed(latents).shape == (1, height * width // 4, 32)
    assert np.array_equal(unpacked(packed(latents), height, width), latents)
    assert places(height // 2, width // 2)[-1].tolist() == [0, height // 2 - 1, width // 2 - 1]


@pytest.mark.parametrize(
    ("asked", "native"),
    [
        ((1024, 1024), (128, 128)), ((64, 64), (128, 128)), ((640, 480), (160, 128)),
        ((480, 640), (128, 160)), ((2048, 64), (160, 128)), ((110, 100), (128, 128)),
    ],
    ids=str,
)  # fmt: skip
def test_it_paints_the_native_size_of_the_nearest_ratio(asked, native):
    assert nearest(*asked) == native


@pytest.mark.parametrize(("width", "height"), [*product((64, 128, 517, 2048), repeat=2)])
def test_a_resized_picture_has_the_size_asked_for(width, height):
    assert resized(scene(128, 128), width, height).shape == (height, width, 3)


@pytest.mark.parametrize("pixels", [scene(128, 160), grain(128, 160)], ids=["scene", "noise"])
def test_enlarging_rings_nowhere(pixels):
    import cv2

    large = resized(pixels, 128 * 4, 160 * 4)
    low, high = (
        edge(pixels, NEIGHBOURS).repeat(4, 0).repeat(4, 1) for edge in (cv2.erode, cv2.dilate)
    )

    assert np.all((low <= large) & (large <= high))


def test_a_flat_picture_stays_flat_at_every_size():
    for size in ((64, 64), (300, 200), (2048, 128)):
        assert np.array_equal(resized(flat(128, 128), *size), flat(*size))


def test_a_native_size_is_handed_out_untouched():
    pixels = scene(160, 128)

    assert resized(pixels, 160, 128) is pixels


def test_a_folder_without_weights_is_named_with_the_way_out(tmp_path):
    with pytest.raises(MissingRequirement, match=r"reading\.onnx in .* python -m training\.export"):
        Embedded(folder=str(tmp_path)).load(Runtime())


def test_missing_weights_of_our_own_are_brought_by_installing_again(tmp_path, monkeypatch):
    monkeypatch.setattr("generator.embedded.SHIPPED", tmp_path)
    with pytest.raises(MissingRequirement, match="pip install --force-reinstall"):
        Embedded().load(Runtime())


def test_a_brief_before_load_is_told_what_to_call():
    with pytest.raises(MissingRequirement, match=r"call load\(\) first"):
        Embedded().generate(Brief())


@pytest.mark.parametrize("steps", [0, 51, 2.5, True, "4"], ids=str)
def test_a_number_of_steps_that_is_none_stops_the_start(steps):
    with pytest.raises(ConfigError, match=r"steps is .*; use a whole number from 1 to 50"):
        Embedded(steps=steps)


def test_it_says_that_it_knows_no_negative_prompt_and_no_reference():
    assert Embedded.capabilities.negative_prompt is False
    assert Embedded.capabilities.references == ()


def test_its_card_is_in_the_catalogue(tmp_path):
    from sentinel.models import find

    entry = find(tmp_path, "poster-flux")

    assert entry.card == CARD
    assert entry.users == ("generator embedded",)
    assert (entry.card.licence, entry.card.commercial) == ("Apache-2.0", True)


# ── the shipped weights ───────────────────────────────────────────────────────────────────────


class TestShipped(GeneratorConformance):
    sizes = (*NATIVE, (64, 64), (517, 303), (2048, 64))

    @pytest.fixture(autouse=True)
    def _opened(self, taught):
        self.taught = taught

    def make(self):
        return Embedded()

    def loaded(self):
        return self.taught

    def test_it_weighs_what_its_card_says(self):
        weight = sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) / 1e6

        assert weight == pytest.approx(CARD.megabytes, rel=0.05)

    def test_its_graphs_hold_no_weights(self):
        assert sum(path.stat().st_size for path in SHIPPED.glob("*.onnx")) < 2e6

    def test_it_paints_no_flat_picture_and_says_which_size_it_painted(self, taught):
        [made] = taught.generate(Brief(prompt=CAPTION, width=512, height=512, seed=3))

        assert read(made.image).pixels.std() > 5
        assert made.measurements == {
            "model": "poster-flux", "native_size": "128x128", "steps": 4,
        }  # fmt: skip


# ── beside torch and diffusers ────────────────────────────────────────────────────────────────


class TestUntaught(GeneratorConformance):
    pytestmark = full
    sizes = (*NATIVE, (64, 64), (517, 303), (2048, 64))

    @pytest.fixture(autouse=True)
    def _opened(self, untaught, pipeline_folder):
        self.untaught, self.folder = untaught, pipeline_folder

    def make(self):
        return Embedded(folder=str(self.folder))

    def loaded(self):
        return self.untaught

    @pytest.mark.parametrize("size", NATIVE, ids=str)
    def test_it_paints_what_diffusers_paints(self, size):
        import torch

        from training.generator import opened

        width, height = size
        pipeline = opened(self.folder)
        for seed, steps in ((7, 4), (2**32 + 3, 3)):
            theirs = pipeline(
                CAPTION, width=width, height=height, num_inference_steps=steps, guidance_scale=0.0,
                max_sequence_length=80, generator=torch.Generator("cpu").manual_seed(seed),
                output_type="np",
            ).images[0]  # fmt: skip
            brief = Brief(prompt=CAPTION, width=width, height=height, seed=seed, steps=steps)
            [made] = self.untaught.generate(brief)

            assert theirs.std() > 0.1
            assert np.abs(theirs * 255 - read(made.image).pixels).max() < 2

    def test_local_paints_the_same_picture_for_the_same_seed(self):
        from generator.local import Local

        local = Local(folder=str(self.folder), dtype="float32", prompt_tokens=80)
        local.load(Runtime())
        brief = Brief(prompt=CAPTION, width=128, height=128, seed=11, count=2)
        both = [
            [read(made.image).pixels.astype(int) for made in each.generate(brief)]
            for each in (local, self.untaught)
        ]

        assert np.abs(np.subtract(*both)).max() <= 2

    def test_it_reads_a_brief_as_training_read_its_captions(self):
        from training import captions
        from training.tokens import encode
        from training.world import imagine

        said = [captions.vary(imagine(seed), np.random.default_rng(seed)) for seed in range(200)]
        said += ["“curly” ‘quotes’ zebra", "", "a\0b", "\u202eabc é 東京 🎉", "red " * 300]
        said += ["<pad> </s> <|endoftext|>", "  two\n\tlines", CAPTION]
        wanted = encode(said)
        found = [self.untaught._painter.ids(text) for text in said]

        assert np.array_equal(np.concatenate([ids["clip"] for ids in found]), wanted.clip)
        assert np.array_equal(np.concatenate([ids["t5"] for ids in found]), wanted.t5)

    def test_it_survives_half_a_character(self):
        painted = self.untaught._painter

        assert np.array_equal(painted.ids("a \ud83d")["t5"], painted.ids("a ?")["t5"])

    def test_no_seed_gives_another_picture_each_time_and_tells_the_seed(self):
        one, other = (self.untaught.generate(Brief(prompt=CAPTION))[0] for _ in range(2))
        [again] = self.untaught.generate(Brief(prompt=CAPTION, seed=one.seed))

        assert one.seed != other.seed
        assert again.image == one.image

    def test_no_size_means_128_pixels_and_one_side_a_square(self):
        sizes = [Brief(seed=1), Brief(seed=1, width=200), Brief(seed=1, height=70)]
        made = [read(self.untaught.generate(brief)[0].image).pixels for brief in sizes]

        assert [pixels.shape[:2] for pixels in made] == [(128, 128), (200, 200), (70, 70)]

    @pytest.mark.parametrize("steps", [0, 51, -1])
    def test_steps_beyond_the_limits_are_refused(self, steps):
        with pytest.raises(BriefError, match=f"steps is {steps}: use 1 to 50"):
            self.untaught.generate(Brief(prompt=CAPTION, steps=steps))

    @pytest.mark.parametrize(
        ("format", "begins"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8"), ("webp", b"RIFF")]
    )
    def test_it_hands_out_the_format_the_brief_asks_for(self, format, begins):
        [made] = self.untaught.generate(Brief(prompt=CAPTION, seed=1, output_format=format))

        assert made.image.startswith(begins)

    def test_a_scheduler_that_moves_with_the_size_is_refused(self, tmp_path):
        for name in FILES:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((self.folder / name).read_bytes())
        config = tmp_path / "scheduler" / "scheduler_config.json"
        told = config.read_text().replace(
            '"use_dynamic_shifting": false', '"use_dynamic_shifting": true'
        )
        config.write_text(told)
        with pytest.raises(ConfigError, match="with use_dynamic_shifting; use"):
            Embedded(folder=str(tmp_path)).load(Runtime())

    def test_it_knows_after_load_how_many_tokens_are_read(self):
        assert self.untaught.capabilities.context_tokens == 80


@pytest.mark.full
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_noise_is_torchs_for_every_seed(shape):
    torch = pytest.importorskip("torch")
    for seed in (*range(100), 2**31, 2**32 - 1, 2**32, 2**63 + 7, 2**64 - 1, -1, -5):
        theirs = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)).numpy()

        assert np.abs(noise(shape, seed) - theirs).max() < 1e-5
