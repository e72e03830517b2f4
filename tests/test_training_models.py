"""The two models' parts: spelled tokens, folders that open, runs that go on where they stopped."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from training import captions
from training.posters import batches
from training.world import held_out_pairs, imagine

pytestmark = [
    pytest.mark.full,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
]


@pytest.fixture(scope="module")
def torch():
    found = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    found.set_num_threads(1)
    return found


@pytest.fixture(scope="module")
def folder(torch, tmp_path_factory):
    """All stages for a few seconds: untrained in all but name, but every file is there."""
    from training import clip, flow, latents, places, reading, vae

    place = tmp_path_factory.mktemp("out")
    second = 1 / 3600
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vae, "BATCH", 2)
        patch.setattr(vae, "statistics", lambda *_: (0.0, 1.0))
        vae.train(place, second, 0)
        vae.refine(place, second, 0)
        latents.fill(place, 24, 0, second)
        for module in (flow, clip):
            patch.setattr(module, "BATCH", 2)
        patch.setattr(clip, "SETTLED", 2)
        reading.train(place, second)
        flow.train(place, second, compiled=False)
        clip.train(place, second, 0)
        shutil.copytree(place / "clip" / "saved", place / "before")
        patch.setattr(places, "POSTERS", places.TOGETHER)
        patch.setattr(places, "BATCH", 2)
        places.train(place, second, 0)
    return place


def test_a_word_in_quotes_reaches_the_transformer_spelled(torch):
    from training.tokens import tokenizers

    _, t5 = tokenizers()

    assert t5.tokenize('two red cups "OPEN"') == ["▁two", "▁red", "▁cups", '▁"', *"OPEN", '"']


def test_training_captions_fit_and_hold_no_unknown_token(torch):
    from training.tokens import TOKENS, tokenizers

    _, t5 = tokenizers()
    random = np.random.default_rng(0)
    found = [t5(captions.vary(imagine(seed), random)).input_ids for seed in range(500)]

    assert np.mean([len(ids) <= TOKENS for ids in found]) > 0.99
    assert not any(t5.unk_token_id in ids for ids in found)


def test_telling_places_moves_the_words_and_the_last_attention_only(folder):
    from safetensors.torch import load_file

    name = "open_clip_model.safetensors"
    before, after = (load_file(folder / part / name) for part in ("before", "clip/saved"))
    moved = {key for key, value in after.items() if not value.equal(before[key])}

    assert moved
    assert {key.split(".")[0] for key in moved} <= {"text", "visual"}
    assert not [key for key in moved if key.startswith("visual") and "attnpool" not in key]


def test_latents_come_back_as_the_pipeline_packs_them(torch):
    from diffusers import FluxPipeline

    from training.flow import packed

    latents = torch.randn(2, 8, 16, 20)

    assert torch.equal(FluxPipeline._unpack_latents(packed(latents), 128, 160, 8), latents)


def test_times_are_those_at_which_the_scheduler_asks(torch):
    from training.flow import times
    from training.generator import STEPS, untrained, untrained_vae

    scheduler = untrained(untrained_vae()).scheduler
    scheduler.set_timesteps(sigmas=(1 - np.arange(STEPS) / STEPS).tolist())
    asked = scheduler.sigmas[:-1]
    drawn = times(500, torch.device("cpu"))

    assert torch.allclose(drawn.unique().flip(0), asked, atol=1e-6)


def test_noise_that_is_steered_means_its_choices_and_stays_normal(torch):
    from training.coupling import meant, steer

    torch.manual_seed(0)
    noise, choices = torch.randn(400, 80, 32), torch.rand(400, 8)
    steered = steer(noise, choices)
    flat = steered.flatten(1)
    spread = torch.linalg.svdvals(flat / 400**0.5).square()

    assert torch.allclose(meant(steered), choices, atol=2e-3)
    assert abs(flat.mean().item()) < 0.01
    assert abs(flat.std().item() - 1) < 0.01
    assert torch.allclose(
        spread.max(), torch.linalg.svdvals(noise.flatten(1) / 400**0.5).square().max(), rtol=0.05
    )


def test_noise_that_nobody_steered_means_even_choices(torch):
    from training.coupling import meant

    torch.manual_seed(0)
    found = meant(torch.randn(4000, 64, 32))

    assert found.shape == (4000, 8)
    assert all(abs((found < share).float().mean().item() - share) < 0.02 for share in (0.25, 0.5))


def test_an_untrained_transformer_hands_its_noise_through(torch):
    from training.flow import Painter, places
    from training.generator import untrained, untrained_vae
    from training.tokens import encode

    painter = Painter(untrained(untrained_vae()))
    noise, spots = torch.randn(1, 64, 32), places(torch.zeros(1, 8, 16, 16))
    ids = tuple(torch.from_numpy(each).long() for each in encode(["a red cup"]))
    with torch.inference_mode():
        flow = painter(noise, torch.ones(1), painter.reading(ids), spots)

    assert (flow - noise).square().mean() < 0.03


def test_muon_takes_the_matrices_inside_the_blocks_and_adam_every_other_parameter(torch):
    from training.flow import Painter, Steps
    from training.generator import untrained, untrained_vae

    painter = Painter(untrained(untrained_vae()))
    parts = Steps((painter,), 1e-3).parts
    inner, outer = (
        [p for g in parts[n].param_groups for p in g["params"]] for n in ("muon", "adam")
    )

    assert len(inner) + len(outer) == len(list(painter.parameters()))
    assert all(value.dim() == 2 for value in inner)
    assert painter.transformer.proj_out.weight in set(outer)
    assert painter.transformer.single_transformer_blocks[0].attn.to_q.weight in set(inner)


def test_the_folder_opens_as_a_flux_pipeline_and_paints_every_size(folder):
    from training.figures import _painted, megabytes
    from training.generator import opened

    pipeline = opened(folder / "generator" / "pipeline")
    asked = argparse.Namespace(steps=4)
    for seed in range(6):
        spec = imagine(seed)
        pixels = _painted(pipeline, asked, spec, "a red cup", seed)

        assert pixels.shape == (spec.height, spec.width, 3)
    assert type(pipeline).__name__ == "FluxPipeline"
    assert megabytes(folder / "generator" / "pipeline") < 30


def test_the_pipeline_reads_a_brief_as_training_read_its_captions(torch, folder):
    from training.flow import Painter
    from training.generator import opened
    from training.tokens import TOKENS, encode

    said = [captions.vary(imagine(seed), np.random.default_rng(seed)) for seed in range(5)]
    pipeline = opened(folder / "generator" / "pipeline")
    ids = tuple(torch.from_numpy(each).long() for each in encode(said))
    with torch.inference_mode():
        pooled, words = Painter(pipeline).reading(ids)
        its_words, its_pooled, _ = pipeline.encode_prompt(said, None, max_sequence_length=TOKENS)

    assert torch.allclose(words, its_words, atol=1e-5)
    assert torch.allclose(pooled, its_pooled, atol=1e-5)


def test_no_mistake_that_the_clip_is_shown_names_a_pair_that_is_held_out(torch):
    from training.clip import TAUGHT, _pair

    held = [f"{colour} {shape}" for colour, shape in held_out_pairs()]
    told = [
        caption
        for seed in range(300)
        for caption in _pair(imagine(seed), np.random.default_rng(seed), TAUGHT)
    ]

    assert [each for each in told if any(pair in each for pair in held)] == []


def test_the_clip_opens_as_a_local_folder(folder):
    import open_clip

    where = folder / "clip" / "saved"
    network, _ = open_clip.create_model_from_pretrained(f"local-dir:{where}")
    told = open_clip.get_tokenizer(f"local-dir:{where}")(["two red cups", "two blue cups"])
    one, other = network.encode_text(told, normalize=True)

    assert (one - other).abs().max() > 1e-4


def test_the_clip_was_taught_the_tokens_that_open_clip_will_read(folder):
    import open_clip

    from training.clip import CONTEXT
    from training.tokens import encode_t5

    random = np.random.default_rng(0)
    said = [captions.full(imagine(seed), random) for seed in range(20)]
    read = open_clip.get_tokenizer(f"local-dir:{folder / 'clip' / 'saved'}")(said)

    assert np.array_equal(read.numpy(), encode_t5(said, CONTEXT))


def test_a_run_goes_on_where_it_was_saved(torch, tmp_path):
    from training.runs import Run

    kept = torch.nn.Linear(2, 2)
    first = Run(tmp_path, 1.0, keep={"kept": kept})
    first.step, first.spent = 7, 100.0
    first.save()
    other = torch.nn.Linear(2, 2)
    second = Run(tmp_path, 1.0, keep={"kept": other})

    assert (second.step, second.spent) == (7, 100.0)
    assert torch.equal(other.weight, kept.weight)


def test_latents_end_with_their_hours_and_never_with_nothing(torch, folder, tmp_path, monkeypatch):
    from training import latents

    shutil.copytree(folder / "vae", tmp_path / "vae")
    monkeypatch.setattr(latents, "SHARD", 8)
    latents.fill(tmp_path, 24, 0, 0.0)
    assert [path.name for path in (tmp_path / "latents").iterdir()] == ["00000000.safetensors"]

    latents.fill(tmp_path, 24, 0, 1.0)
    assert len(list((tmp_path / "latents").iterdir())) == 3


def test_muon_steps_as_torchs_own_does_up_to_the_rounding_of_bfloat16(torch):
    from training.optimisers import BOLDER, Muon

    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(*shape)) for shape in ((24, 16), (16, 24))]
    theirs = [torch.nn.Parameter(each.detach().clone()) for each in ours]
    before = [each.detach().clone() for each in ours]
    steps = (
        Muon(ours, lr=BOLDER),
        torch.optim.Muon(theirs, lr=BOLDER, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(*one.shape)
            other.grad = one.grad.clone()
        for each in steps:
            each.step()

    for one, other, begun in zip(ours, theirs, before, strict=True):
        assert (one - other).norm() < 0.03 * (one - begun).norm()


def test_a_cpu_multiplies_in_bfloat16_only_where_it_has_a_unit_for_it(torch, monkeypatch):
    from training import runs

    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": False})
    assert runs.products(cpu) == torch.float32
    with runs.mixed(cpu):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "amx_bf16": True})
    assert runs.products(cpu) == torch.bfloat16
    with runs.mixed(cpu):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_a_folder_is_trained_in_by_one_process_at_a_time(torch, tmp_path):
    from training.runs import Run

    one, other = (Run(tmp_path, 1.0, keep={}) for _ in range(2))
    going = one.steps()
    next(going)
    with pytest.raises(SystemExit, match="another process trains in"):
        next(other.steps())
    going.close()

    assert next(other.steps()) == 0


def test_batches_hold_pictures_of_one_size_and_every_seed_once():
    found = list(batches(0, 4, last=40))
    seeds = sorted(seed for batch in found for seed in batch.seeds)

    assert seeds == list(range(40))
    assert all(batch.pixels.shape[0] == len(batch.seeds) <= 4 for batch in found)
