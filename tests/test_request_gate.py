"""The request gate: what is refused before anything is spent, and what is not."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gates.request import RequestGate
from gates.request.words import WordList
from sentinel.contracts import Brief, Reference
from sentinel.errors import ConfigError
from sentinel.testing import GateConformance

GATE = RequestGate()
FACE = (Reference(kind="face", image=b"a face"),)


class TestConformance(GateConformance):
    def make(self):
        return RequestGate()


def screen(prompt=None, **fields):
    return GATE.screen(Brief(prompt=prompt, **fields))


def kinds(finding):
    return [issue.subcategory for issue in finding.issues]


def test_a_plain_brief_has_the_full_score():
    finding = screen("a red fox in the snow", width=1024, height=768, steps=4, guidance=0)

    assert finding.passed
    assert finding.measurements["score"] == 1
    assert finding.measurements["lowered_by"] == {}


def test_a_picture_may_be_scored_without_a_prompt():
    assert screen(None).passed
    assert screen(None).measurements["score"] == 1


@pytest.mark.parametrize(
    "prompt", ["", "   ", "\n\t", "\u200b\u200d\ufeff", "\x07\x1b", "\u3164\u2800", "\u202e \u2066"]
)
def test_a_blank_prompt_is_refused_and_no_other_picture_mends_it(prompt):
    finding = screen(prompt)

    assert not finding.passed
    assert not finding.mendable
    assert "empty" in kinds(finding)
    assert finding.issues[0].category == "input"
    assert finding.measurements["score"] <= 0


@pytest.mark.parametrize(
    ("brief", "kind", "says"),
    [(Brief(prompt="a cup", width=32), "size", "width is 32"),
     (Brief(prompt="a cup", height=4096), "size", "height is 4096"),
     (Brief(prompt="a cup", width=-5), "size", "64 to 2048"),
     (Brief(prompt="a cup", steps=0), "steps", "steps is 0"),
     (Brief(prompt="a cup", guidance=float("nan")), "guidance", "guidance is nan"),
     (Brief(prompt="a cup", guidance=float("inf")), "guidance", "guidance is inf"),
     (Brief(prompt="a cup", count=0), "count", "count is 0"),
     (Brief(prompt="a cup", count=1000), "count", "1 to 16"),
     (Brief(prompt="a cup", palette=("#c8102e", "reddish")), "palette", "“reddish”"),
     (Brief(prompt="a cup", palette=("crimsn",)), "palette", "did you mean crimson"),
     (Brief(prompt="a cup", palette=("red",) * 65), "palette", "65 colours"),
     (Brief(prompt="a\0cup"), "nul", "NUL"),
     (Brief(prompt="a cup", negative_prompt="x\0"), "nul", "negative_prompt holds a NUL"),
     (Brief(prompt="word " * 4001), "too_long", "20,005 characters"),
     (Brief(prompt="a cup", expected_text=("x" * 20_001,)), "too_long", "expected_text has")],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_by_name_and_value(brief, kind, says):
    finding = GATE.screen(brief)

    assert not finding.passed
    assert kinds(finding) == [kind]
    assert says in finding.reason
    assert says in finding.evidence[0].claim
    assert finding.measurements["lowered_by"] == {kind: 0.6}


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"prompt": "a red car", "negative_prompt": "red car"}, "“red car”"),
     ({"prompt": "two dogs in a park", "negative_prompt": "dog, blurry"}, "“dog”"),
     ({"prompt": "an apple and a pear", "negative_prompt": "(pears:1.3)"}, "“pears”"),
     ({"prompt": 'a sign that says "OPEN"', "expected_text": ("CLOSED",)}, "“closed”"),
     ({"prompt": "a poster reading “Grand Opening”", "expected_text": ("SALE",)}, "opening"),
     ({"prompt": "店の看板「大売り出し」", "expected_text": ("営業中",)}, "営業中"),
     ({"prompt": "a street sign without any text", "expected_text": ("STOP",)}, "without any text"),
     ({"prompt": "a black and white photo of a dog", "palette": ("white", "#c8102e")}, "#c8102e"),
     ({"prompt": "a street in black and white", "palette": ("navy",)}, "navy"),
     ({"prompt": "an empty street, no people", "references": FACE}, "face reference"),
     ({"prompt": "a beach", "negative_prompt": "people, blur", "references": FACE}, "“people”"),
     ({"prompt": "two cats, three cats"}, "“two cats” and “three cats”"),
     ({"prompt": "a shoe, plain white background, cluttered background"}, "cluttered")],
)  # fmt: skip
def test_a_brief_that_contradicts_itself_is_refused_with_both_sides(fields, says):
    finding = GATE.screen(Brief(**fields))

    assert not finding.passed
    assert kinds(finding) == ["contradiction"]
    assert says.casefold() in finding.reason.casefold()


@pytest.mark.parametrize(
    "fields",
    [{"prompt": "a city without cars", "negative_prompt": "cars"},
     {"prompt": "a red car", "negative_prompt": "blue car, truck"},
     {"prompt": "a red house and a car", "negative_prompt": "red car"},
     {"prompt": 'a sign that says "red car"', "negative_prompt": "red car"},
     {"prompt": "a dark forest", "negative_prompt": "lowres, dark, blurry, bad anatomy"},
     {"prompt": 'a sign that says "OPEN"', "expected_text": ("open",)},
     {"prompt": 'a sign that says "OPEN" beside SALE', "expected_text": ("SALE",)},
     {"prompt": 'a sign that says "Café"', "expected_text": ("CAFE",)},
     {"prompt": 'a cat named "Tom" in a shop', "expected_text": ("SALE",)},
     {"prompt": "don't stop the rock 'n' roll", "expected_text": ("SALE",)},
     {"prompt": "a black and white cat on a sofa", "palette": ("#c8102e",)},
     {"prompt": "a black and white photo with one red rose", "palette": ("red",)},
     {"prompt": "a black and white photo", "palette": ("black", "#808080", "white")},
     {"prompt": "a portrait, no people in the background blur", "negative_prompt": "crowd"},
     {"prompt": "two cats on the left and three cats on the right"},
     {"prompt": "On the left two cats, on the right three cats"},
     {"prompt": "four dogs, two of the dogs asleep, one dog barking"},
     {"prompt": "a bottle on a plain background, detailed label"}],
)  # fmt: skip
def test_an_honest_brief_is_no_contradiction(fields):
    assert GATE.screen(Brief(**fields)).passed


@pytest.mark.parametrize(
    "prompt",
    ["porn", "PORN!", "a p0rn scene", "p o r n", "p.o.r.n", "a p*rn film", "\u0440orn",
     "p\u043ern\u043e", "\uff50\uff4f\uff52\uff4e", "po\u200brn", "po\u0301rn", "pooorn", "h3nt4i",
     "naked_woman", "n4ked w0men", "a child, naked", "a nude toddler", "no naked children",
     "$exually explicit", "severed heads", "decapitated man"],
)  # fmt: skip
def test_unsafe_words_are_found_however_they_are_written(prompt):
    finding = screen(prompt)

    assert not finding.passed
    assert kinds(finding) == ["unsafe_words"]
    assert finding.measurements["score"] == 0


@pytest.mark.parametrize(
    "prompt",
    ["a cocktail in Scunthorpe", "roast breast of chicken", "a shooting star", "Essex and Sussex",
     "stars seen with the naked eye", "a child beside a naked mole rat", "Al Gore in a Gore-Tex",
     "a naked tree in winter", "nude lipstick", "no porn, no nudity", "a class assassin",
     "the Dickens museum", "****", "a b c d e", "room 1990s retro",
     "kids playing; on the far side of the street near the church a sexy red dress in a window"],
)  # fmt: skip
def test_innocent_words_are_not_unsafe(prompt):
    assert screen(prompt).passed


def test_a_negative_prompt_may_name_the_unsafe():
    assert screen("a woman reading", negative_prompt="nsfw, naked woman, gore, porn").passed


def test_expected_text_is_screened_too():
    assert kinds(screen("a shirt", expected_text=("PORN",))) == ["unsafe_words"]


def test_the_operator_adds_words_in_any_language_and_takes_words_away(tmp_path):
    path = tmp_path / "more.txt"
    path.write_text("# ours\nacme gizmo|widget\n порно\n裸体\n", encoding="utf-8")
    gate = RequestGate(words=["dragon"], words_file=str(path), allow=["naked woman", "hentai"])

    for prompt in ("two Dragons", "an ACME widget", "порно", "一张裸体照片"):
        assert not gate.screen(Brief(prompt=prompt)).passed
    for prompt in ("acme", "a painting of a naked woman", "hentai", "dragonfly"):
        assert gate.screen(Brief(prompt=prompt)).passed


def test_characters_that_mislead_are_remarked_and_not_refused():
    finding = screen("a sign \u202ereversed\u202c and a bell \x07")

    assert finding.passed
    assert finding.issues == ()
    assert finding.measurements["score"] == 0.8
    assert finding.measurements["lowered_by"] == {
        "control_characters": 0.1,
        "bidirectional_override": 0.1,
    }
    assert "U+202C, U+202E" in finding.evidence[1].claim


def test_remarks_alone_never_refuse():
    odd = tuple(f"\x07\u202e{n}" for n in range(30))

    assert screen("a cup", expected_text=odd).measurements["score"] == 0.6
    assert screen("a cup", expected_text=odd).passed


def test_a_habitual_negative_is_a_remark():
    finding = screen("a dark forest", negative_prompt="lowres, dark")

    assert finding.passed
    assert finding.measurements["lowered_by"] == {"negative_habit": 0.1}
    assert finding.reason.startswith("accepted with a remark")


def test_what_is_repeated_of_a_hostile_prompt_is_short_and_printable():
    finding = screen("a cup", palette=("\u202e\x1b[31mred" + "x" * 500,))

    assert len(finding.reason) < 160
    assert finding.reason.isprintable()


def test_two_problems_cost_more_than_one_and_both_are_named():
    finding = screen("a cup", width=1, palette=("reddish",))

    assert finding.measurements["score"] == 0
    assert finding.measurements["wrong"] == 2
    assert kinds(finding) == ["size", "palette"]
    assert "and 1 more" in finding.reason


def test_limits_are_the_policys():
    gate = RequestGate(limits={"side": [256, 4096], "count": [1, 4]}, max_characters=10)

    assert gate.screen(Brief(prompt="a cup", width=4096, count=4, steps=150)).passed
    assert not gate.screen(Brief(prompt="a cup", width=128)).passed
    assert not gate.screen(Brief(prompt="a cup", count=5)).passed
    assert not gate.screen(Brief(prompt="a cup of tea")).passed


@pytest.mark.parametrize(
    ("options", "says"),
    [({"max_characters": 0}, "max_characters is 0"), ({"words": "porn"}, "words is 'porn'"),
     ({"allow": [3]}, "allow is"), ({"words_file": "/nowhere/words.txt"}, "cannot be read"),
     ({"limits": {"sides": [1, 2]}}, "limits holds 'sides'"),
     ({"limits": {"steps": 5}}, r"limits\.steps is 5"),
     ({"limits": {"steps": [9, 2]}}, r"limits\.steps is 2"), ({"words": ["a + "]}, "around a plus"),
     ({"words": ["!!"]}, "holds no word")],
)  # fmt: skip
def test_a_wrong_option_is_refused_by_key_and_value(options, says):
    with pytest.raises(ConfigError, match=says):
        RequestGate(**options)


@pytest.mark.parametrize(
    "brief",
    [Brief(prompt="two cats, " * 2000), Brief(prompt="child " * 1600 + "x " * 10 + "nude " * 1900),
     Brief(prompt=" ".join(f"q{n}*z" for n in range(2500))), Brief(prompt='"' * 20_000),
     Brief(prompt=' says "ab"' * 1900, expected_text=tuple(f"z{n}" for n in range(3000))),
     Brief(prompt="a b " * 5000, negative_prompt=",".join(f"n{n}" for n in range(3000)))],
    ids=["counts", "near misses", "stars", "quotes", "texts", "negatives"],
)  # fmt: skip
def test_a_hostile_brief_costs_no_more_than_a_second(brief):
    begun = time.perf_counter()
    GATE.screen(brief)

    assert time.perf_counter() - begun < 1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200), st.text(max_size=60), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_gets_a_finding_that_survives_json(prompt, negative, texts):
    finding = screen(
        prompt, negative_prompt=negative, expected_text=tuple(texts), palette=tuple(texts)
    )

    assert 0 <= finding.measurements["score"] <= 1
    assert "\n" not in finding.reason
    assert type(finding).model_validate_json(finding.model_dump_json()) == finding


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["porn", "cup", "tree", "no", "naked", "woman", "child"]), max_size=9)
)
def test_more_words_in_the_list_never_find_less(words):
    text = " ".join(words)
    less, more = WordList(["porn"]), WordList(["porn", "naked woman", "child + naked"])

    assert set(less.find(text)) <= set(more.find(text))


@pytest.mark.shared
def test_no_public_prompt_is_refused(shared_data):
    refused = []
    for path in sorted((shared_data / "prompts").rglob("*")):
        if path.suffix == ".jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            prompts = [row.get("prompt") or row.get("txt") for row in rows]
        elif path.suffix in {".txt", ".tsv"}:
            prompts = [
                line.split("\t")[0] for line in path.read_text().splitlines() if line.strip()
            ]
        else:
            continue
        refused += [prompt for prompt in prompts if not screen(prompt).passed]

    assert refused == []
