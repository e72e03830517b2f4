"""A tiny SD, SDXL and SDXL-Turbo by folder: what each is meant for, and one seed one picture."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from generator.local import Local
from sentinel.contracts import Brief, Runtime
from sentinel.errors import BriefError, ConfigError
from sentinel.imaging import read
from sentinel.testing import GeneratorConformance

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_diffusers.py")))
pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]
CUP = Brief(prompt="two red cups", width=64, height=64, seed=5)
SMALL = {"dtype": "float32", "steps": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("diffusers")
    place = tmp_path_factory.mktemp("unets")
    return {name: make(place / name) for name, make in TINY["FAMILIES"].items()}


@pytest.fixture(scope="module")
def alone(folders):
    return {name: opened(folder, batch=1) for name, folder in folders.items()}


@pytest.fixture(scope="module")
def locals_(folders):
    return {name: opened(folder) for name, folder in folders.items()}


def opened(folder, **options):
    made = Local(folder=str(folder), **{**SMALL, **options})
    made.load(Runtime())
    return made


class Conformance(GeneratorConformance):
    """Compares bytes, hence picture by picture."""

    family = ""
    sizes = ((64, 64), (72, 64), (64, 128))

    @pytest.fixture(autouse=True)
    def _opened(self, folders, alone):
        self.folder, self.local = folders[self.family], alone[self.family]

    def make(self):
        return Local(folder=str(self.folder), **SMALL)

    def loaded(self):
        return self.local


class TestSd(Conformance):
    family = "sd"


class TestSdxl(Conformance):
    family = "sdxl"


class TestTurbo(Conformance):
    family = "turbo"


@pytest.mark.parametrize(
    ("family", "steps", "most", "guidance", "negative"),
    [
        ("sd", 50, 100, 7.5, True),
        ("sdxl", 50, 100, 5.0, True),
        ("turbo", 1, 4, 0.0, False),
    ],
    ids=["sd", "sdxl", "turbo"],
)
def test_a_family_is_told_by_its_folder(folders, family, steps, most, guidance, negative):
    made = opened(folders[family], steps=None)
    manner, rules = made._opened.manner, made.capabilities

    assert (manner.family, made.default_steps, manner.guidance) == (family, steps, guidance)
    assert (rules.max_steps, rules.negative_prompt, rules.context_tokens) == (most, negative, 77)
    assert (rules.multiple_of, rules.smallest, manner.size) == (8, 64, 96)


@pytest.mark.parametrize("family", ["sd", "sdxl"])
def test_a_negative_prompt_changes_the_picture_while_there_is_guidance(locals_, family):
    local = locals_[family]
    against = CUP.model_copy(update={"negative_prompt": "blue"})
    plain, other = local.generate(CUP)[0], local.generate(against)[0]
    unguided = [
        local.generate(each.model_copy(update={"guidance": 1.0}))[0] for each in (CUP, against)
    ]

    assert plain.image != other.image
    assert unguided[0].image == unguided[1].image
    assert unguided[1].measurements["ignored"] == ["negative_prompt"]
    assert "ignored" not in other.measurements


def test_guidance_of_the_options_decides_whether_negative_prompts_are_understood(folders):
    assert opened(folders["sd"], guidance=1.0).capabilities.negative_prompt is False
    assert opened(folders["turbo"], family="sdxl").capabilities.negative_prompt is True


def test_turbo_takes_one_step_and_no_guidance_and_at_most_four(folders):
    made = opened(folders["turbo"], steps=None)
    [painted] = made.generate(CUP)

    assert painted.measurements["steps"] == 1
    with pytest.raises(BriefError, match="steps is 5: use 1 to 4"):
        made.generate(CUP.model_copy(update={"steps": 5}))


@pytest.mark.parametrize("family", ["sd", "sdxl", "turbo"])
def test_a_seed_is_the_same_picture_alone_and_in_a_batch(folders, locals_, family):
    brief = CUP.model_copy(update={"count": 5, "steps": 3})
    alone = opened(folders[family], batch=1).generate(brief)
    together = locals_[family].generate(brief)
    pixels = [[read(each.image).pixels.astype(int) for each in made] for made in (alone, together)]

    assert np.abs(np.subtract(*pixels)).max() <= 1
    assert np.abs(pixels[0][0] - pixels[0][1]).max() > 20


def test_a_u_net_that_knows_torchs_attention_only_says_so(folders):
    with pytest.raises(ConfigError, match="UNet2DConditionModel knows torch's own choice only"):
        opened(folders["sd"], attention="math")


def test_a_reference_is_for_flux(folders, tmp_path):
    (tmp_path / "model_index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="redux is for FLUX, and the folder holds a Stable"):
        opened(folders["sd"], redux=str(tmp_path))


def test_a_folder_of_half_precision_files_is_opened_by_its_variant(folders, tmp_path):
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(folders["sd"], local_files_only=True)
    pipeline.save_pretrained(tmp_path, variant="fp16")

    assert len(opened(tmp_path, variant="fp16").generate(CUP)) == 1
