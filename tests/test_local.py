"""A tiny FLUX from its folder: one seed one picture, batches, memory, and stopping between steps."""

from __future__ import annotations

import asyncio
import logging
import runpy
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from generator.local import Local
from sentinel.contracts import Brief, Reference, Runtime
from sentinel.errors import (
    BriefError,
    Cancelled,
    ConfigError,
    NoPicture,
    ProviderFailed,
    SafetyRefused,
)
from sentinel.failover import Failover, Link
from sentinel.imaging import encode, read
from sentinel.testing import GeneratorConformance, scene

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_diffusers.py")))
POSTERS = Path(__file__).parent.parent / "generator" / "posters"
pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]
SMALL = {"dtype": "float32", "size": 32, "prompt_tokens": 32}
CUP = Brief(prompt="two red cups", width=32, height=32, seed=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("diffusers")
    return TINY["flux"](tmp_path_factory.mktemp("flux"))


def opened(folder, **options):
    made = Local(folder=str(folder), **{**SMALL, **options})
    made.load(Runtime())
    return made


@pytest.fixture(scope="module")
def local(folder):
    return opened(folder, batch=4)


@pytest.fixture(scope="module")
def alone(folder):
    return opened(folder, batch=1)


@pytest.fixture
def calls(local, monkeypatch):
    """Arguments of each call of the pipeline; `before` is asked first."""
    painter = local._opened.painter
    pipeline, heard = painter._pipeline, SimpleNamespace(given=[], before=lambda given: None)

    class Heard:
        def __call__(self, **given):
            heard.given.append(given)
            heard.before(given)
            return pipeline(**given)

        def maybe_free_model_hooks(self):
            heard.freed = True

    monkeypatch.setattr(painter, "_pipeline", Heard())
    return heard


class TestLocal(GeneratorConformance):
    """Compares bytes, hence picture by picture."""

    sizes = ((48, 32), (4, 64), (32, 32))

    @pytest.fixture(autouse=True)
    def _opened(self, folder, alone):
        self.folder, self.local = folder, alone

    def make(self):
        return Local(folder=str(self.folder), **SMALL)

    def loaded(self):
        return self.local

    def test_a_prompt_that_is_cut_is_not_repeated_in_the_log(self, caplog, monkeypatch):
        monkeypatch.setattr(logging.getLogger("diffusers"), "propagate", True)
        self.local.generate(Brief(prompt="a stranger's words " * 40, seed=1))

        assert "stranger" not in caplog.text


# ── what schnell is meant for ─────────────────────────────────────────────────────────────────


def test_a_flux_without_guidance_is_schnell_and_says_what_it_understands(folder):
    made = opened(folder, size=None, prompt_tokens=None)
    rules = made.capabilities

    assert (made.default_steps, rules.max_steps, rules.context_tokens) == (4, 4, 256)
    assert (rules.multiple_of, rules.smallest, rules.negative_prompt) == (4, 4, False)
    assert rules.references == ()
    assert made._opened.manner.size == 32  # what the VAE was trained at


def test_schnell_is_called_as_its_card_says(local, calls):
    [made] = local.generate(CUP)
    [given] = calls.given

    assert (given["num_inference_steps"], given["guidance_scale"]) == (4, 0.0)
    assert (given["max_sequence_length"], given["num_images_per_prompt"]) == (32, 1)
    assert "negative_prompt" not in given
    assert made.cost == 0
    assert made.measurements == {
        "model": Path(local.folder).name, "family": "schnell", "steps": 4, "batch": 1,
    }  # fmt: skip


def test_what_schnell_does_not_know_is_told_and_not_sent(local, calls):
    face = Reference(kind="face", image=encode(scene(32, 32)))
    brief = CUP.model_copy(update={
        "guidance": 3.5, "negative_prompt": "blue", "references": (face,),
    })  # fmt: skip
    [made] = local.generate(brief)

    assert made.measurements["ignored"] == ["negative_prompt", "guidance", "references"]
    assert calls.given[0]["guidance_scale"] == 0.0
    assert made.image == local.generate(CUP)[0].image


def test_a_flux_with_guidance_is_dev_and_heeds_it(tmp_path):
    made = opened(TINY["flux"](tmp_path, guidance_embeds=True), prompt_tokens=None, max_steps=30)
    one, other = (
        made.generate(CUP.model_copy(update={"steps": 2, "guidance": guidance}))[0]
        for guidance in (None, 20.0)
    )

    assert (made.default_steps, made.capabilities.max_steps) == (28, 30)
    assert made._opened.manner.guidance == 3.5
    assert made.capabilities.context_tokens == 512
    assert one.image != other.image
    assert "ignored" not in other.measurements


def test_options_go_before_what_the_family_is_meant_for(folder):
    made = opened(folder, steps=6, size=48, largest=50)

    assert (made.default_steps, made.capabilities.max_steps) == (6, 6)
    assert made.capabilities.largest == 48
    assert read(made.generate(Brief(prompt="cup"))[0].image).pixels.shape == (48, 48, 3)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"size": 33}, "size is 33; use a multiple of 4, 4 to 2048"),
        ({"family": "sdxl"}, "family is 'sdxl', and the folder holds a FluxPipeline"),
        ({"max_steps": 2}, "max_steps is 2, and schnell takes 4 steps; set the option steps too"),
        ({"attention": "xformers"}, "attention is 'xformers'"),
    ],
    ids=["size", "family", "steps", "attention"],
)
def test_options_that_do_not_fit_the_folder_stop_the_start(folder, options, told):
    with pytest.raises(ConfigError, match=told):
        opened(folder, **options)


def test_a_folder_that_is_broken_is_told_with_the_way_out(tmp_path):
    pytest.importorskip("diffusers")
    told = '{"_class_name": "FluxPipeline", "vae": ["diffusers", "AutoencoderKL"]}'
    (tmp_path / "model_index.json").write_text(told, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"cannot be opened .*save it again"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"width": 33}, "width is 33: use a multiple of 4, 4 to 2048"),
        ({"height": 4096}, "height is 4096: use a multiple of 4"),
        ({"steps": 5}, "steps is 5: use 1 to 4; the option max_steps"),
        ({"steps": 0}, "steps is 0: use 1 to 4"),
        ({"guidance": -1.0}, "guidance is -1.0: use 0 to 30"),
        ({"seed": -1}, "seed is -1: use 0 or more"),
        ({"seed": 2**63}, "seed is 9223372036854775808: use 0 or more"),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_a_brief_it_cannot_paint_is_refused_with_the_rule(local, asked, told):
    with pytest.raises(BriefError, match=told):
        local.generate(CUP.model_copy(update=asked))


def test_one_side_alone_means_a_square_and_the_format_is_the_briefs(local):
    [made] = local.generate(Brief(prompt="cup", height=40, output_format="jpeg"))

    assert read(made.image).pixels.shape == (40, 40, 3)
    assert made.image.startswith(b"\xff\xd8")


def test_no_seed_draws_one_and_tells_it(local):
    one, other = (local.generate(Brief(prompt="cup"))[0] for _ in range(2))

    assert one.seed != other.seed
    assert local.generate(Brief(prompt="cup", seed=one.seed))[0].image == one.image


# ── how it is opened ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offload", ["model", "sequential"])
def test_offload_asks_diffusers_for_it_on_the_right_card(offload):
    from generator.local.opening import place

    asked = []
    pipeline = SimpleNamespace(
        enable_model_cpu_offload=lambda device: asked.append(("model", device)),
        enable_sequential_cpu_offload=lambda device: asked.append(("sequential", device)),
    )
    place(pipeline, Local(offload=offload), "cuda:1")

    assert asked == [(offload, "cuda:1")]


@pytest.mark.parametrize(
    ("compiles", "wanted"),
    [
        ("blocks", ("compile_repeated_blocks", {"fullgraph": True})),
        ("full", ("compile", {"fullgraph": True, "mode": "max-autotune"})),
    ],
    ids=["blocks", "full"],
)
def test_compilation_is_asked_of_the_denoiser(folder, monkeypatch, compiles, wanted):
    from diffusers import FluxTransformer2DModel

    asked = []
    for name in ("compile_repeated_blocks", "compile"):
        monkeypatch.setattr(
            FluxTransformer2DModel, name,
            lambda self, name=name, **given: asked.append((name, given)),
        )  # fmt: skip
    opened(folder, compile=compiles)

    assert asked == [wanted]


def test_plain_attention_paints_the_same_picture(folder, local):
    from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

    try:
        plain = opened(folder, attention="math").generate(CUP)[0]
    finally:
        _AttentionBackendRegistry.set_active_backend(AttentionBackendName.NATIVE)

    assert apart(plain, local.generate(CUP)[0]) <= 1


def test_half_precision_paints(folder):
    [made] = opened(folder, dtype="bfloat16").generate(CUP)

    assert read(made.image).pixels.std() > 1


def test_a_closed_one_has_let_go(folder):
    made = opened(folder)
    made.close()

    assert made._opened is None


# ── batches and memory ────────────────────────────────────────────────────────────────────────


def apart(one, other):
    """Levels of 255 between two pictures at most."""
    pixels = [read(each.image).pixels.astype(int) for each in (one, other)]
    return int(np.abs(np.subtract(*pixels)).max())


def test_a_seed_gives_the_same_bytes_alone_and_as_one_of_several_unless_a_batch_is_set(folder):
    made = opened(folder, dtype="bfloat16")
    several = made.generate(CUP.model_copy(update={"count": 3}))
    alone = [made.generate(CUP.model_copy(update={"seed": each.seed}))[0] for each in several]

    assert [each.image for each in several] == [each.image for each in alone]


def test_a_seed_is_the_same_picture_alone_and_in_every_batch(folder):
    brief = CUP.model_copy(update={"count": 7})
    batches = [opened(folder, batch=batch).generate(brief) for batch in (1, 2, 4, 7)]

    for batch in batches[1:]:
        assert [each.seed for each in batch] == list(range(5, 12))
        assert max(map(apart, batches[0], batch)) <= 1
    assert min(apart(batches[0][0], each) for each in batches[0][1:]) > 20


def test_pictures_go_through_together_batch_by_batch(local, calls):
    made = local.generate(CUP.model_copy(update={"count": 6}))

    assert [each["num_images_per_prompt"] for each in calls.given] == [4, 2]
    assert [each.measurements["batch"] for each in made] == [4] * 6


def full_above(most, error):
    """A card that holds so many pictures."""

    def before(given):
        if given["num_images_per_prompt"] > most:
            raise error

    return before


def out_of_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB.\nMore.")


def test_out_of_memory_is_tried_once_more_with_half_the_batch(local, calls):
    alone = local.generate(CUP.model_copy(update={"count": 5}))
    calls.given.clear()
    calls.before = full_above(2, out_of_memory())
    made = local.generate(CUP.model_copy(update={"count": 5}))

    assert [each["num_images_per_prompt"] for each in calls.given] == [4, 2, 2, 1]
    assert [each.measurements["batch"] for each in made] == [2] * 5
    assert [each.seed for each in made] == [5, 6, 7, 8, 9]
    assert max(map(apart, alone, made)) <= 1


@pytest.mark.parametrize(("count", "tried"), [(4, [4, 2]), (1, [1])])
def test_out_of_memory_in_half_a_batch_too_is_a_failure_of_the_provider(local, calls, count, tried):
    calls.before = full_above(0, out_of_memory())
    with pytest.raises(ProviderFailed) as told:
        local.generate(CUP.model_copy(update={"count": count}))

    pictures = "2 pictures at once" if count == 4 else "1 picture"
    assert [each["num_images_per_prompt"] for each in calls.given] == tried
    assert f"ran out of memory with {pictures} of 32x32" in str(told.value)
    assert "set the option offload" in str(told.value)
    assert "Tried to allocate 2.50 GiB" in str(told.value)
    assert told.value.submitted is False


def test_main_memory_runs_out_the_same_way_and_another_error_is_another(local, calls):
    told = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    calls.before = full_above(1, RuntimeError(told))
    assert len(local.generate(CUP.model_copy(update={"count": 2}))) == 2

    calls.before = full_above(0, RuntimeError("mat1 and mat2"))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        local.generate(CUP)


def test_memory_is_given_back_before_the_smaller_batch(local, calls, monkeypatch):
    freed = []
    monkeypatch.setattr("gc.collect", lambda: freed.append(len(calls.given)))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: freed.append("cache"))
    calls.before = full_above(1, out_of_memory())
    local.generate(CUP.model_copy(update={"count": 2}))

    assert freed == [1, "cache"]
    assert calls.freed


def test_a_folder_too_large_for_the_card_stops_the_start(folder, monkeypatch):
    from diffusers import FluxPipeline

    def to(self, device):
        raise out_of_memory()

    monkeypatch.setattr(FluxPipeline, "to", to)
    with pytest.raises(ConfigError, match="does not fit on cpu; use dtype bfloat16, or set"):
        opened(folder)


# ── stopping ──────────────────────────────────────────────────────────────────────────────────


def test_it_stops_between_two_steps_and_paints_again_afterwards(local, calls):
    before = local.generate(CUP)[0].image
    steps = []

    def listen(given):
        told = given["callback_on_step_end"]

        def heard(pipeline, step, time, tensors):
            steps.append(step)
            if step == 1:
                threading.Thread(target=local.cancel, args=(brief,)).run()
            return told(pipeline, step, time, tensors)

        given["callback_on_step_end"] = heard

    brief = CUP.model_copy()
    calls.before = listen
    with pytest.raises(Cancelled, match="called off after step 2 of 4"):
        local.generate(brief)

    assert steps == [0, 1]
    assert calls.freed
    assert local._asked == {}
    calls.before = lambda given: None
    assert local.generate(CUP)[0].image == before


def test_another_briefs_cancel_is_none_of_its_business(local, calls):
    brief = CUP.model_copy()
    calls.before = lambda given: local.cancel(CUP)

    assert len(local.generate(brief)) == 1
    local.cancel(brief)  # after it has ended


def test_a_batch_that_was_called_off_is_not_begun(local, calls):
    brief = CUP.model_copy(update={"count": 6})
    calls.before = lambda given: local.cancel(brief) if len(calls.given) == 1 else None
    with pytest.raises(Cancelled):
        local.generate(brief)

    assert len(calls.given) == 1


def test_a_caller_who_hangs_up_stops_it_through_the_chain(folder):
    patient = opened(folder, steps=1000)
    begun, steps = threading.Event(), []
    chain = Failover([Link("local", patient)])

    def heard(*_):
        steps.append(1)
        begun.set()

    patient._opened.painter._pipeline.transformer.register_forward_hook(heard)

    async def go():
        asked = asyncio.create_task(chain.generate(CUP))
        await asyncio.to_thread(begun.wait, 20)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await chain.close()

    asyncio.run(go())

    assert 0 < len(steps) < 900


# ── what comes out ────────────────────────────────────────────────────────────────────────────


def test_what_the_safety_checker_holds_back_is_a_refusal_and_no_black_picture(local, monkeypatch):
    answer = SimpleNamespace(images=np.zeros((1, 8, 8, 3)), nsfw_content_detected=[True])
    painted(local, monkeypatch, answer)
    with pytest.raises(SafetyRefused, match="safety checker"):
        local.generate(CUP)


def test_numbers_that_are_none_are_told_with_the_dtype_that_mends_them(local, monkeypatch):
    painted(local, monkeypatch, SimpleNamespace(images=np.full((1, 8, 8, 3), np.nan)))
    with pytest.raises(NoPicture, match=r"NaN.*bfloat16 or float32"):
        local.generate(CUP)


def painted(local, monkeypatch, answer):
    class Told:
        def __call__(self, **given):
            return answer

        def maybe_free_model_hooks(self):
            pass

    monkeypatch.setattr(local._opened.painter, "_pipeline", Told())


# ── the small FLUX that ships ─────────────────────────────────────────────────────────────────


def posters(**options):
    """Four of its posters."""
    if not (POSTERS / "model_index.json").is_file():
        pytest.skip("the weights are not in this checkout")
    local = opened(POSTERS, **{"size": None, "prompt_tokens": 80, **options})
    made = local.generate(
        Brief(prompt='A poster with two red cups, "OPEN" in blue', seed=3, count=4)
    )
    return local.capabilities, [read(each.image).pixels.astype(int) for each in made]


def test_the_small_flux_that_ships_is_opened_by_folder_and_paints_its_own_size():
    rules, made = posters()

    assert rules.multiple_of == 16
    assert [each.shape for each in made] == [(128, 128, 3)] * 4
    assert all(each.std() > 5 for each in made)


@pytest.mark.parametrize(("dtype", "most", "mean"), [("float32", 1, 0.001), ("bfloat16", 255, 0.5)])
def test_trained_weights_paint_the_same_picture_alone_and_in_a_batch(dtype, most, mean):
    both = [posters(dtype=dtype, batch=batch)[1] for batch in (1, 4)]
    between = np.abs(np.subtract(*both))

    assert between.max() <= most
    assert between.mean() <= mean
