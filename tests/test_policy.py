"""Policies: read, explained, fingerprinted."""

from __future__ import annotations

import pytest

from sentinel.errors import PolicyError
from sentinel.policy import JudgeRule, available, builtin, load, parse


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        parse(text, "test.toml")
    return caught.value.problems


def test_the_named_policies_ship():
    assert set(builtin()) == {"default", "portrait", "product", "poster", "poster-demo"}


@pytest.mark.parametrize("name", sorted(builtin()))
def test_every_policy_that_ships_refuses_unsafe_and_broken_pictures(name):
    assert {"request", "integrity", "safety"} <= set(builtin()[name].gates)


def test_the_small_model_is_asked_by_its_own_policy_alone():
    asking = [
        policy.name
        for policy in builtin().values()
        if "poster-clip" in str([rule.options for rule in policy.judges.values()])
    ]

    assert asking == ["poster-demo"]


def test_a_mistyped_key_is_named_with_the_nearest_one():
    assert problems('name="x"\n[judges.text]\ntreshold=0.5')[0].startswith(
        "judges.text.treshold is no key here; did you mean 'threshold'?"
    )


def test_a_mistyped_top_level_key_is_named_with_the_nearest_one():
    assert "did you mean 'pass_mark'" in problems('name="x"\npassmark=0.5')[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name="x"\n[judges.text]\nthreshold=1.4', "judges.text.threshold is 1.4"),
        ('name="x"\nmode="gard"', "mode is 'gard'"),
        ('name="x"\n[budget]\nattempts=0', "budget.attempts is 0"),
        ('name="X Y"', "name is 'X Y'"),
        ("pass_mark=0.1", "name is missing"),
        ("name=", "not TOML"),
        ('name="x"\n[judges.text]\nweight=nan', "judges.text.weight is nan"),
        ('name="x"\n[judges]\ntext=0.5', "judges.text is 0.5; it should be a table, such as"),
        ('name="x"\njudges=3', "judges is 3; it should be a table, such as [judges.text]"),
        ('name="x"\n[gates.face.options]\na=2020-01-01', "options.a is 2020-01-01; it should be"),
        (f'name="x"\nmode="{"a" * 500}"', f"mode is '{'a' * 79}…; it should be 'guard'"),
    ],
    ids=[
        "threshold",
        "mode",
        "budget",
        "name",
        "no name",
        "no toml",
        "nan",
        "rule",
        "rules",
        "date",
        "long",
    ],
)
def test_a_mistake_is_told_by_key_and_value(text, told):
    assert told in problems(text)[0]


def test_every_mistake_is_told_at_once():
    assert len(problems('name="x"\nmode="gard"\npass_mark=7\n[budget]\nattempts=0')) == 3


def test_a_file_that_cannot_be_read_says_so(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path / "x.toml")


def test_your_policy_replaces_a_built_in_of_the_same_name(tmp_path):
    (tmp_path / "mine.toml").write_text('name="default"\ndescription="mine"')

    assert available(tmp_path)["default"].description == "mine"


def test_two_files_with_one_name_are_refused(tmp_path):
    for file in ("a.toml", "b.toml"):
        (tmp_path / file).write_text('name="same"')
    with pytest.raises(PolicyError, match=r"is a\.toml's too"):
        available(tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(PolicyError, match="is no folder"):
        available(tmp_path / "nowhere")


def test_the_fingerprint_changes_with_any_threshold():
    one = parse('name="x"\n[judges.text]\nthreshold=0.5', "one")
    other = parse('name="x"\n[judges.text]\nthreshold=0.6', "other")

    assert one.fingerprint != other.fingerprint


def test_a_judge_with_a_threshold_is_required_unless_it_says_otherwise():
    assert JudgeRule(threshold=0.5).is_required
    assert not JudgeRule(threshold=0.5, optional=True).is_required
    assert not JudgeRule().is_required
    assert not JudgeRule(threshold=0.5, required=False).is_required
