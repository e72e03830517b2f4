"""Sizes in, a small FLUX pipeline of FLUX's own classes out: untrained, or opened from a folder.

A text goes through two encoders, as in the big one; tokens.py says how it is cut up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    T5Config,
    T5EncoderModel,
)

from training.tokens import tokenizers

SHIFT = 3.0
"""Moves the four steps towards noise (0, 0.1, 0.25, 0.5 of the way): where things stand is decided
there, and a mean over places is what makes shapes into blobs."""

STEPS = 4
LATENTS = 8
"""Channels of a latent, half of FLUX's: a token is 32 numbers in a transformer 256 wide."""

DOWN = 8
"""Pixels a side of one latent."""

EYES = (1, 2, 3, 4, 5, 6, 17)
"""T5's buckets of distance that heads begin with: so many tokens before, and the next one."""

FIXED = 5.0
"""The bias there: four fifths of a head's attention in a caption of 30 tokens."""

WIDTH = 256
"""Numbers per token, in the transformer and in the T5."""


def untrained_vae() -> AutoencoderKL:
    """A convolutional autoencoder without attention, so that any size works alike.

    One group per norm: with more, a plain background loses its colour to the normalisation (the
    loss stood at 0.40 after 200 steps with 8 groups, see docs/training.md).
    """
    return AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=[16, 32, 64, 128], layers_per_block=1,
        down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=LATENTS, norm_num_groups=1, mid_block_add_attention=False,
        use_quant_conv=False, use_post_quant_conv=False, force_upcast=False, sample_size=128,
        scaling_factor=1.0, shift_factor=0.0,
    )  # fmt: skip


def untrained(vae: AutoencoderKL, *, width: int = WIDTH, double: int = 2, single: int = 4) -> Any:
    """A pipeline around that VAE; its transformer begins as the identity: what it is given, out.

    Blocks begin as adaLN-zero does. The way in and the way out are each other's inverse, since the
    flow is mostly the noise that came in. The first 250 steps were no faster than with a way out of
    zeros, as is usual; later ones were not compared (docs/training.md).
    """
    clip_tokens, t5_tokens = tokenizers()
    clip = CLIPTextModel(CLIPTextConfig(
        vocab_size=len(clip_tokens), hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, projection_dim=128, bos_token_id=len(clip_tokens) - 2,
        eos_token_id=len(clip_tokens) - 1, pad_token_id=len(clip_tokens) - 1,
    ))  # fmt: skip
    t5 = T5EncoderModel(T5Config(
        vocab_size=len(t5_tokens), d_model=width, d_kv=32, d_ff=2 * width, num_layers=3,
        num_heads=width // 32, dropout_rate=0.0,
    ))  # fmt: skip
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=4 * LATENTS, num_layers=double, num_single_layers=single,
        attention_head_dim=32, num_attention_heads=width // 32, joint_attention_dim=width,
        pooled_projection_dim=128, axes_dims_rope=[8, 12, 12], guidance_embeds=False,
    )  # fmt: skip
    for name, parameter in transformer.named_parameters():
        if (".norm" in name and ".linear." in name) or name.startswith("norm_out"):
            torch.nn.init.zeros_(parameter)
    _hand_through(transformer, width)
    _look_around(t5)
    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=SHIFT),
        vae=vae,
        text_encoder=clip,
        tokenizer=clip_tokens,
        text_encoder_2=t5,
        tokenizer_2=t5_tokens,
        transformer=transformer,
    )


def _hand_through(transformer: Any, width: int) -> None:
    """Make the way out undo the way in, the last norm between them included."""
    channels = transformer.x_embedder.in_features
    torch.nn.init.orthogonal_(transformer.x_embedder.weight)
    spread = (channels / width) ** 0.5  # what the last norm divides a token of unit noise by
    with torch.no_grad():
        transformer.proj_out.weight.copy_(transformer.x_embedder.weight.T * spread)
        transformer.x_embedder.bias.zero_()
        transformer.proj_out.bias.zero_()


def _look_around(t5: Any) -> None:
    """Let each head of the T5 begin with its eye on one distance: six tokens before, one after.

    A letter is told by how far it stands behind the opening quote. Left to itself the bias, which
    begins near zero, had not found that after 640 steps: a word right in 0.16 of captions.
    """
    bias = t5.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight
    with torch.no_grad():
        bias.zero_()
        for head, bucket in enumerate(EYES[: bias.shape[1]]):
            bias[bucket, head] = FIXED


def opened(folder: Path, device: torch.device | str = "cpu") -> Any:
    """The pipeline of a folder, in float32, without its progress bar."""
    pipeline = FluxPipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def save(pipeline: Any, folder: Path) -> None:
    """Write the pipeline's folder in half precision; the pipeline given stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("vae", "text_encoder", "text_encoder_2", "transformer")
    for name in names:
        getattr(pipeline, name).half()
    pipeline.save_pretrained(folder)
    for name in names:
        getattr(pipeline, name).float()
