"""Pipelines of a few hundred kilobytes with random weights and a fixed seed, saved by folder."""

from __future__ import annotations

from functools import partial

LETTERS = [chr(code) for code in range(33, 127)]
WORDS = [*LETTERS, *(f"{each}</w>" for each in LETTERS), "<|startoftext|>", "<|endoftext|>"]
PIECES = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((c, -2.0) for c in LETTERS)]


def clip_tokens():
    from transformers import CLIPTokenizer

    return CLIPTokenizer(
        vocab={word: i for i, word in enumerate(WORDS)}, merges=[], model_max_length=77
    )


def clip(kind, **given):
    from transformers import CLIPTextConfig

    return kind(CLIPTextConfig(**{
        "vocab_size": len(WORDS), "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2,
        "num_attention_heads": 4, "projection_dim": 32, "bos_token_id": len(WORDS) - 2,
        "eos_token_id": len(WORDS) - 1, "pad_token_id": len(WORDS) - 1, **given,
    }))  # fmt: skip


def vae(**given):
    from diffusers import AutoencoderKL

    return AutoencoderKL(in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, block_out_channels=[4, 8], latent_channels=4,
        norm_num_groups=1, **given)  # fmt: skip


def flux(folder, *, guidance_embeds=False):
    import torch
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel, T5Config, T5EncoderModel, T5Tokenizer

    torch.manual_seed(0)
    t5 = T5EncoderModel(
        T5Config(vocab_size=len(PIECES), d_model=32, d_kv=8, d_ff=37, num_layers=1, num_heads=4)
    )
    transformer = FluxTransformer2DModel(patch_size=1, in_channels=16, num_layers=1,
        num_single_layers=1, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=32,
        pooled_projection_dim=32, axes_dims_rope=[4, 4, 8], guidance_embeds=guidance_embeds)  # fmt: skip
    FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0),
        vae=vae(use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.0, scaling_factor=1.0, sample_size=32),
        text_encoder=clip(CLIPTextModel), tokenizer=clip_tokens(), text_encoder_2=t5,
        tokenizer_2=T5Tokenizer(vocab=PIECES, extra_ids=0), transformer=transformer,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def redux(folder, *, speaks=32):
    import torch
    from diffusers import FluxPriorReduxPipeline
    from diffusers.pipelines.flux.modeling_flux import ReduxImageEncoder
    from transformers import SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(1)
    looks = SiglipVisionConfig(hidden_size=32, intermediate_size=37, num_hidden_layers=1,
        num_attention_heads=4, image_size=32, patch_size=8)  # fmt: skip
    FluxPriorReduxPipeline(
        image_encoder=SiglipVisionModel(looks),
        feature_extractor=SiglipImageProcessor(size={"height": 32, "width": 32}),
        image_embedder=ReduxImageEncoder(redux_dim=32, txt_in_features=speaks),
    ).save_pretrained(folder)
    return folder


def unet(**given):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**{
        "block_out_channels": (8, 16), "layers_per_block": 1, "sample_size": 48, "in_channels": 4,
        "out_channels": 4, "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"), "cross_attention_dim": 32,
        "norm_num_groups": 2, "attention_head_dim": 4, **given,
    })  # fmt: skip


NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def sd(folder):
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextModel

    torch.manual_seed(0)
    scheduler = DDIMScheduler(**NOISE, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    StableDiffusionPipeline(
        vae=vae(sample_size=96), text_encoder=clip(CLIPTextModel), tokenizer=clip_tokens(), unet=unet(),
        scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def sdxl(folder, *, turbo=False):
    import torch
    from diffusers import (
        EulerAncestralDiscreteScheduler,
        EulerDiscreteScheduler,
        StableDiffusionXLPipeline,
    )
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    torch.manual_seed(0)
    if turbo:
        scheduler = EulerAncestralDiscreteScheduler(**NOISE, timestep_spacing="trailing")
    else:
        scheduler = EulerDiscreteScheduler(**NOISE, timestep_spacing="leading", steps_offset=1)
    wide = unet(cross_attention_dim=64, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=80, use_linear_projection=True)  # fmt: skip
    StableDiffusionXLPipeline(
        vae=vae(sample_size=96), text_encoder=clip(CLIPTextModel),
        text_encoder_2=clip(CLIPTextModelWithProjection), tokenizer=clip_tokens(),
        tokenizer_2=clip_tokens(), unet=wide, scheduler=scheduler, add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


FAMILIES = {"sd": sd, "sdxl": sdxl, "turbo": partial(sdxl, turbo=True)}
