"""FLUX Redux by folder: references of style and product go where FLUX reads its words."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from generator.local import Local
from sentinel.contracts import Brief, Reference, Runtime
from sentinel.errors import Cancelled, ConfigError, MissingRequirement, PictureError
from sentinel.imaging import encode, read
from sentinel.testing import flat, noise, scene

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_diffusers.py")))
pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]
SMALL = {"dtype": "float32", "size": 32, "prompt_tokens": 32}
CUP = Brief(prompt="two red cups", width=32, height=32, seed=5)
STYLE, OTHER = encode(scene(2000, 60)), encode(noise(40, 40))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    pytest.importorskip("diffusers")
    pytest.importorskip("torchvision")
    place = tmp_path_factory.mktemp("redux")
    return TINY["flux"](place / "flux"), TINY["redux"](place / "prior")


def opened(folders, **options):
    flux, prior = folders
    made = Local(folder=str(flux), **{**SMALL, "redux": str(prior), **options})
    made.load(Runtime())
    return made


@pytest.fixture(scope="module")
def local(folders):
    return opened(folders)


def referring(*images, kind="style", **given):
    references = tuple(Reference(kind=kind, image=each) for each in images)
    return CUP.model_copy(update={"references": references, **given})


def image(local, brief):
    return local.generate(brief)[0].image


def test_references_are_a_capability_only_with_redux(folders, local):
    assert local.capabilities.references == ("style", "product")
    assert opened(folders, redux="").capabilities.references == ()


def test_a_reference_changes_the_picture_and_another_one_changes_it_otherwise(local):
    plain, one, other = (image(local, brief) for brief in (CUP, referring(STYLE), referring(OTHER)))

    assert len({plain, one, other}) == 3
    assert image(local, referring(STYLE)) == one
    assert image(local, referring(STYLE, kind="product")) == one


def test_the_words_are_read_beside_the_reference(local):
    assert image(local, referring(STYLE)) != image(local, referring(STYLE, prompt="a green hat"))


def said(local, *images):
    """What FLUX reads: 32 tokens of words, then 16 patches."""
    import torch

    with torch.no_grad():
        told = local._opened.redux.said("cup", referring(*images).references, 32)
    return told["prompt_embeds"].numpy()


def test_of_several_references_the_mean_is_taken(local):
    both, one, other = said(local, STYLE, OTHER), said(local, STYLE), said(local, OTHER)

    assert both.shape == (1, 32 + 16, 32)
    assert np.allclose(both, (one + other) / 2, atol=1e-5)


def test_its_strength_is_how_loud_the_pictures_tokens_are(folders):
    quiet, loud = (said(opened(folders, redux_strength=each), STYLE) for each in (0.5, 2.0))

    assert np.array_equal(quiet[:, :32], loud[:, :32])
    assert np.allclose(quiet[:, 32:] * 4, loud[:, 32:], atol=1e-5)


def test_a_seed_is_the_same_picture_alone_and_in_a_batch_with_a_reference(local):
    batch = local.generate(referring(STYLE, count=3))
    alone = [local.generate(referring(STYLE, seed=each.seed))[0] for each in batch]
    pixels = [[read(each.image).pixels.astype(int) for each in made] for made in (batch, alone)]

    assert np.abs(np.subtract(*pixels)).max() <= 1


def test_a_face_is_not_looked_at_and_that_is_told(local):
    [made] = local.generate(referring(encode(flat(32, 32)), kind="face"))

    assert made.measurements["ignored"] == ["references"]
    assert made.image == image(local, CUP)


def test_a_reference_that_cannot_be_read_is_named(local):
    with pytest.raises(PictureError, match=r"references\[1\]"):
        local.generate(referring(STYLE, b"no picture"))


def test_a_folder_without_a_prior_is_named(folders, tmp_path):
    with pytest.raises(MissingRequirement, match="set the option redux to FLUX"):
        opened(folders, redux=str(tmp_path))


def test_a_prior_of_another_flux_is_refused_at_the_start(folders, tmp_path):
    other = TINY["redux"](tmp_path, speaks=48)
    with pytest.raises(ConfigError, match="redux speaks in 48 numbers a token, this FLUX in 32"):
        opened(folders, redux=str(other))


def test_models_that_wait_in_main_memory_paint_the_same_picture_also_after_a_stop(folders, local):
    made = Local(folder=str(folders[0]), redux=str(folders[1]), offload="model", **SMALL)
    made.load(Runtime(device="cpu:0"))  # what moves there moves nowhere, but all hooks are run
    brief, stopped = referring(STYLE, count=2), referring(STYLE)
    pipeline = made._opened.painter._pipeline
    calls = []
    moved = pipeline.transformer.register_forward_hook(
        lambda *_: calls.append(made.cancel(stopped)) if len(calls) < 2 else None
    )
    with pytest.raises(Cancelled, match="after step 1 of 4"):
        made.generate(stopped)
    moved.remove()

    assert [each.image for each in made.generate(brief)] == [
        each.image for each in local.generate(brief)
    ]
