"""The small CLIP that ships: it runs without torch, and tells what it says that it tells."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from judges.alignment import Alignment
from sentinel import registry
from sentinel.contracts import Brief, Declined, Loads, Runtime, Sample
from sentinel.detectors.clip import open_model
from sentinel.detectors.clip_folders import CARDS, CONFIG, SHIPPED, find
from sentinel.models import find as entry_of
from sentinel.policy import builtin
from sentinel.testing import JudgeConformance
from training import captions
from training.painting import paint
from training.world import COLOURS, imagine, with_one_wrong

NAME = "poster-clip"
(CARD,) = (card for card in CARDS if card.name == NAME)
ATTRIBUTES = {"object": "shape", "colour": "colour", "count": "count", "position": "position"}
FIRST = 7 * 10**8

here = pytest.mark.skipif(
    not (SHIPPED / "open_clip_model.safetensors").is_file(),
    reason=f"no weights in {SHIPPED.name} yet: python training/train.py clip",
)


def brief(spec, seed):
    shown = (spec.background, *(group.colour for group in spec.groups))
    return Brief(
        prompt=captions.full(spec, np.random.default_rng(seed)),
        palette=tuple(dict.fromkeys("#" + bytes(COLOURS[name]).hex() for name in shown)),
    )


@pytest.fixture(scope="module")
def judge():
    made = Alignment(model=NAME)
    made.load(Runtime())
    return made


def ask(judge, spec, seed, asked=None):
    (answer,) = judge.judge([Sample(paint(spec, seed), brief(asked or spec, seed))])
    return answer


def test_it_is_known_as_part_of_the_package(tmp_path):
    entry = entry_of(tmp_path, NAME)

    assert (entry.state, entry.remedy) == ("ships", "")
    assert (entry.card.licence, entry.card.commercial, entry.card.extra) == (
        "Apache-2.0",
        True,
        None,
    )


@here
def test_every_file_of_its_card_is_there():
    assert [name for name in CARD.files if not (SHIPPED / name).is_file()] == []


@here
def test_it_runs_where_torch_and_open_clip_are_not():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'open_clip', 'transformers')))\n"
        "import numpy as np\n"
        "from sentinel.contracts import Runtime\n"
        "from sentinel.detectors.clip import open_model\n"
        f"model = open_model({NAME!r}, Runtime())\n"
        "assert model.text(['two red cups']).shape == (1, 128)\n"
        "assert model.image(np.zeros((96, 160, 3), np.uint8)).shape == (128,)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert ran.returncode == 0, ran.stderr


@here
def test_its_vectors_have_length_one():
    model = open_model(NAME, Runtime())
    pictures = [paint(imagine(seed), seed) for seed in range(3)]
    vectors = np.vstack([model.text(["two red cups", ""]), model.images(pictures)])

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@here
class TestConformance(JudgeConformance):
    def make(self):
        return Alignment(model=NAME)


@here
def test_the_reading_names_the_model(judge):
    measured = ask(judge, imagine(FIRST), FIRST).measurements

    assert measured["model"] == NAME
    assert len(measured["fingerprint"]) == 12


@here
def test_what_it_does_not_tell_is_named_in_the_reading(judge):
    spec = next(s for s in map(imagine, range(FIRST, FIRST + 99)) if s.groups[0].count > 1)
    left_out = ask(judge, spec, FIRST).measurements["not_judged"]["kinds"]

    assert not set(left_out) & find(NAME, Runtime()).world.tells


@here
def test_eight_of_ten_right_posters_pass(judge):
    values = [ask(judge, imagine(seed), seed).value for seed in range(FIRST, FIRST + 60)]

    assert np.mean(np.array(values) >= 0.5) >= 0.8


@here
def test_a_wrong_background_is_named(judge):
    named = []
    for seed in range(FIRST, FIRST + 40):
        wrong = with_one_wrong(imagine(seed), "background", np.random.default_rng(seed))
        answer = ask(judge, imagine(seed), seed, asked=wrong)
        named.append("wrong_colour" in {issue.subcategory for issue in answer.issues})

    assert np.mean(named) >= 0.8


@here
@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_a_mistake_of_a_kind_that_it_tells_costs_value(judge, kind):
    if kind not in find(NAME, Runtime()).world.tells:
        measured = json.loads((SHIPPED / CONFIG).read_text())["world"]["measured"]
        pytest.skip(f"it says itself that it does not tell the {ATTRIBUTES[kind]}: {measured}")
    lower = []
    for seed in range(FIRST, FIRST + 60):
        spec = imagine(seed)
        wrong = with_one_wrong(spec, ATTRIBUTES[kind], np.random.default_rng(seed))
        if wrong is not None:
            lower.append(ask(judge, spec, seed, wrong).value < ask(judge, spec, seed).value)

    assert np.mean(lower) >= 0.7


@here
def test_a_prompt_of_another_world_is_declined(judge):
    picture = paint(imagine(0), 0)
    (answer,) = judge.judge([Sample(picture, Brief(prompt="a giraffe beside a lighthouse"))])

    assert isinstance(answer, Declined)
    assert "knows" in answer.reason


@here
def test_most_right_posters_pass_every_threshold_of_the_policy_made_for_them():
    rules = builtin()["poster-demo"].judges
    judges = {name: registry.make("judge", name, rule.options) for name, rule in rules.items()}
    for each in judges.values():
        if isinstance(each, Loads):
            each.load(Runtime())
    passed = {name: [] for name in judges}
    for seed in range(FIRST, FIRST + 24):
        spec = imagine(seed)
        for name, each in judges.items():
            answer = ask(each, spec, seed)
            if not isinstance(answer, Declined):
                passed[name].append(answer.value >= (rules[name].threshold or 0.5))

    assert {name for name, claims in passed.items() if np.mean(claims) < 0.75} == set()
