"""A folder in, a tiny CLIP in it out: trained in seconds on discs and squares, or left random.

The real open_clip code opens it. It knows this world and nothing else.
"""

import json
import logging
from pathlib import Path

import numpy as np

COLOURS = {"red": (210, 30, 40), "green": (40, 160, 60), "blue": (40, 70, 200),
           "yellow": (240, 210, 40)}  # fmt: skip
GROUNDS = {"white": (245, 245, 245), "black": (20, 20, 20), "grey": (128, 128, 128)}
SHAPES = ("disc", "frame", "grid")
SIDE = 32


def paint(colour: str, shape: str, ground: str = "white", *, side: int = SIDE, seed: int = 0):
    """A picture of one shape on a ground; the seed moves and scales it."""
    draw = np.random.default_rng(seed)
    pixels = np.empty((side, side, 3), dtype=np.uint8)
    pixels[:] = GROUNDS[ground]
    rows, columns = np.mgrid[0:side, 0:side] / side
    x, y, r = draw.uniform(0.4, 0.6), draw.uniform(0.4, 0.6), draw.uniform(0.2, 0.3)
    if shape == "disc":
        inside = (columns - x) ** 2 + (rows - y) ** 2 < r * r
    elif shape == "frame":
        edge = np.minimum.reduce([rows, columns, 1 - rows, 1 - columns])
        inside = edge < r / 2
    else:
        inside = ((rows + x) * 4 % 1 < r) | ((columns + y) * 4 % 1 < r)
    pixels[inside] = COLOURS[colour]
    return pixels


def write(folder: Path, *, context: int = 24, own_tokenizer: bool = True, seed: int = 0):
    """A random model in `folder`; returns the network and its tokenizer."""
    import open_clip
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    text = {"context_length": context, "vocab_size": 49408, "width": 48, "heads": 2, "layers": 2}
    if own_tokenizer:
        words = _tokenizer(folder)
        text |= {"vocab_size": words, "hf_tokenizer_name": "of/this-folder", "pad_id": 0,
                 "no_causal_mask": True, "pool_type": "last"}  # fmt: skip
    vision = {"image_size": SIDE, "patch_size": 8, "width": 48, "layers": 2, "head_width": 24,
              "pool_type": "avg"}  # fmt: skip
    model = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    if own_tokenizer:
        model |= {"custom_text": True, "init_logit_bias": -10}
    config = {"model_cfg": model, "preprocess_cfg": {"resize_mode": "squash"}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(seed)
    logging.disable(
        logging.WARNING
    )  # open_clip says that the weights are random; they are meant to be
    try:
        network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    finally:
        logging.disable(logging.NOTSET)
    save(network, folder)
    return network, open_clip.get_tokenizer(f"local-dir:{folder}")


def save(network, folder: Path) -> None:
    from safetensors.torch import save_file

    weights = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")


def train(  # noqa: PLR0915 - one recipe, read from top to bottom
    folder: Path, *, steps: int = 400
) -> None:
    """Teach the model in `folder` its world; about 5 s on one idle core."""
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from PIL import Image

    torch.set_num_threads(1)
    network, tokenizer = write(folder)
    torch.manual_seed(0)
    look = image_transform_v2(PreprocessCfg(size=SIDE, resize_mode="squash"), is_train=False)
    things = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    pool = [
        torch.stack([look(Image.fromarray(paint(*thing, ground, seed=seed))) for thing in things])
        for seed, ground in enumerate(list(GROUNDS) * 20)
    ]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.1)
    captions = [f"a {colour} {shape}" for colour, shape in things]
    strange = ["a giraffe", "a piano of giraffes", "a red piano", "a giraffe on a giraffe"]
    network.train()
    for step in range(steps):
        bare = step % 2 == 1
        texts = [f"a {shape}" for shape in SHAPES] if bare else captions
        labels = [SHAPES.index(shape) for _, shape in things] if bare else range(len(things))
        seen = network.encode_image(pool[step % len(pool)], normalize=True)
        read = network.encode_text(tokenizer([*texts, *strange]), normalize=True)
        logits = network.logit_scale.exp() * seen @ read.T
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(list(labels)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        plan.step()
    save(network, folder)


def _tokenizer(folder: Path) -> int:
    """A word-level tokenizer over the world's words; every other word is [UNK]."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    known = ["[PAD]", "[UNK]", "[EOS]", "a", "one", "two", "three", "and", "on", *COLOURS, *SHAPES]
    vocabulary = {word: index for index, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [EOS]", special_tokens=[("[EOS]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]",
                "unk_token": "[UNK]", "eos_token": "[EOS]", "padding_side": "right"}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(known)
