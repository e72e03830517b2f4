"""What an operator may say of a local pipeline, without torch; and the page that says it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from generator.local import Local
from generator.local.families import FAMILIES
from generator.local.options import WORDS
from sentinel import registry
from sentinel.contracts import Brief, Cancels, Closes, Generator, Loads, Runtime
from sentinel.errors import ConfigError, MissingRequirement

PAGE = (Path(__file__).parent.parent / "docs" / "generators" / "local.md").read_text("utf-8")
OPTIONS = PAGE.split("\n## Options\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "int4"}, "dtype is 'int4'; use float32, bfloat16 or float16"),
        ({"offload": "disk"}, "offload is 'disk'; use none, model or sequential"),
        ({"compile": "all"}, "compile is 'all'; use none, blocks or full"),
        ({"attention": "fast"}, "attention is 'fast'; use sdpa, math"),
        ({"family": "sd3"}, "family is 'sd3'; use auto, schnell"),
        ({"batch": 0}, "batch is 0; use a whole number from 1 to 64"),
        ({"batch": None}, "batch is None; use a whole number"),
        ({"steps": 2.5}, r"steps is 2\.5; use a whole number"),
        ({"steps": True}, "steps is True; use a whole number"),
        ({"guidance": float("nan")}, "guidance is nan; use a number from 0 to 30"),
        ({"guidance": "7"}, "guidance is '7'; use a number"),
        ({"redux_strength": -1}, "redux_strength is -1; use a number from 0 to 2"),
        ({"prompt_tokens": 513}, "prompt_tokens is 513; use a whole number from 1 to 512"),
        ({"steps": 8, "max_steps": 4}, "steps is 8; max_steps is 4"),
        ({"compile": "full", "offload": "sequential"}, "compile is 'full'; layers that are moved"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_options_that_cannot_be_meant_are_refused_with_the_way_out(options, told):
    with pytest.raises(ConfigError, match=f"generator local: {told}"):
        Local(**options)


def test_the_registry_makes_it_and_it_fills_every_role():
    made = registry.make("generator", "local", {"folder": "somewhere", "batch": 2})

    assert all(isinstance(made, role) for role in (Generator, Loads, Closes, Cancels))
    assert (made.price, made.default_steps, made.capabilities.references) == (0.0, None, ())


@pytest.mark.parametrize("folder", ["", "absent"])
def test_a_folder_that_is_no_pipeline_is_named_with_the_way_out(folder, tmp_path):
    named = str(tmp_path / folder) if folder else ""
    with pytest.raises(MissingRequirement, match=r"model_index\.json.*set the option folder"):
        Local(folder=named).load(Runtime())


def test_a_brief_before_load_is_told_what_to_call():
    with pytest.raises(MissingRequirement, match=r"call load\(\) first"):
        Local().generate(Brief())


def test_offload_without_an_accelerator_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "model_index.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="the device is cpu: there is nothing to move"):
        Local(folder=str(tmp_path), offload="model").load(Runtime())


# ── the page ──────────────────────────────────────────────────────────────────────────────────


def test_the_page_names_every_option_with_its_default():
    made = Local()
    for option in (each for each in fields(made) if each.init):
        [row] = [line for line in OPTIONS.splitlines() if line.startswith(f"| `{option.name}` |")]
        default = getattr(made, option.name)
        shown = row.split(" | ")[1].strip("`")
        wanted = {None: "the family's", "": "none"}.get(default, str(default))

        assert shown == wanted, option.name


@pytest.mark.parametrize("option", [*WORDS])
def test_the_page_names_every_word_of_an_option(option):
    [row] = [line for line in OPTIONS.splitlines() if line.startswith(f"| `{option}` |")]

    assert [word for word in WORDS[option] if f"`{word}`" not in row] == []


@pytest.mark.parametrize("name", [*FAMILIES])
def test_the_page_names_every_family_with_its_numbers(name):
    family = FAMILIES[name]
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]

    assert cells[2] == str(family.steps or "the pipeline's")
    assert cells[3] == str(family.most)
    assert cells[4] == ("the pipeline's" if family.guidance is None else f"{family.guidance:g}")
