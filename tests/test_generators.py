"""Generators: the double, and the real diffusers path on a tiny FLUX that the test builds."""

from __future__ import annotations

import pytest

from generator.fixed import Fixed
from generator.local import Local
from sentinel.contracts import Brief, Generator, Runtime
from sentinel.errors import BriefError, ConfigError, MissingRequirement
from sentinel.testing import GeneratorConformance


class TestFixed(GeneratorConformance):
    sizes = ()

    def make(self):
        return Fixed()


def test_the_double_fills_the_role_and_hands_out_what_it_was_given():
    double = Fixed([b"one", b"two"])

    assert isinstance(double, Generator)
    assert [c.image for c in double.generate(Brief(count=3))] == [b"one", b"two", b"one"]


def test_a_folder_that_is_no_pipeline_is_named_with_the_way_out(tmp_path):
    with pytest.raises(MissingRequirement, match=r"model_index\.json"):
        Local(folder=str(tmp_path)).load(Runtime())


def test_a_wrong_dtype_is_refused():
    with pytest.raises(ConfigError, match="dtype is 'int4'"):
        Local(dtype="int4")


@pytest.fixture(scope="module")
def tiny_flux(tmp_path_factory):
    """A FLUX pipeline of a few hundred kilobytes with random weights and a fixed seed."""
    torch = pytest.importorskip("torch")
    from diffusers import (
        AutoencoderKL,
        FlowMatchEulerDiscreteScheduler,
        FluxPipeline,
        FluxTransformer2DModel,
    )
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTokenizer,
        T5Config,
        T5EncoderModel,
        T5Tokenizer,
    )

    torch.manual_seed(0)
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    clip_tokens = CLIPTokenizer(
        vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77
    )
    pieces = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -1.0),
        *((c, -2.0) for c in letters),
    ]
    t5_tokens = T5Tokenizer(vocab=pieces, extra_ids=0)
    clip = CLIPTextModel(CLIPTextConfig(vocab_size=len(words), hidden_size=32, intermediate_size=37,
        num_hidden_layers=1, num_attention_heads=4, bos_token_id=len(words) - 2, eos_token_id=len(words) - 1))  # fmt: skip
    t5 = T5EncoderModel(
        T5Config(vocab_size=len(pieces), d_model=32, d_kv=8, d_ff=37, num_layers=1, num_heads=4)
    )
    vae = AutoencoderKL(in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, block_out_channels=[4, 8], latent_channels=4, norm_num_groups=1,
        use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0, scaling_factor=1.0)  # fmt: skip
    transformer = FluxTransformer2DModel(patch_size=1, in_channels=16, num_layers=1, num_single_layers=1,
        attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
        axes_dims_rope=[4, 4, 8], guidance_embeds=False)  # fmt: skip
    folder = tmp_path_factory.mktemp("flux")
    FluxPipeline(scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0), vae=vae, text_encoder=clip, tokenizer=clip_tokens,
        text_encoder_2=t5, tokenizer_2=t5_tokens, transformer=transformer).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def local(tiny_flux):
    made = Local(folder=str(tiny_flux), dtype="float32", size=32, prompt_tokens=32)
    made.load(Runtime())
    return made


@pytest.mark.full
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
class TestLocal(GeneratorConformance):
    sizes = ((48, 32), (4, 64))

    @pytest.fixture(autouse=True)
    def _opened(self, tiny_flux, local):
        self.folder, self.local = tiny_flux, local

    def make(self):
        return Local(folder=str(self.folder), dtype="float32", size=32, prompt_tokens=32)

    def loaded(self):
        return self.local

    def test_a_size_it_cannot_paint_is_refused_with_the_rule(self, local):
        with pytest.raises(BriefError, match="width is 33: use a multiple of 4"):
            local.generate(Brief(prompt="cup", width=33))

    def test_schnell_has_no_negative_prompt_and_says_so(self, local):
        assert local.capabilities.negative_prompt is False
