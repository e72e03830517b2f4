"""The later lever: more steps, else another size, else nothing."""

from __future__ import annotations

import pytest

from sentinel import feedback
from sentinel.contracts import Brief, Capabilities


@pytest.mark.parametrize(
    ("sent", "default", "most", "steps"),
    [(4, None, 50, 8), (None, 28, 50, 50), (40, 28, 50, 50), (50, 28, 50, None), (None, None, 50, None), (4, 4, None, None)],
    ids=["doubled", "doubled from its own", "up to the most", "at the most", "nobody knows", "no limit named"],
)  # fmt: skip
def test_steps_are_doubled_up_to_the_generators_most(sent, default, most, steps):
    can = Capabilities(max_steps=most)
    found = feedback.strengthen(
        Brief(prompt="p", steps=sent), capabilities=can, default_steps=default
    )

    assert (found.brief.steps if found.changes else None) == steps


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        ((1024, 1024), [(1056, 1024), (1056, 1056)]),
        ((1344, 768), [(1344, 832)]),
        ((1088, 1088), []),
        ((1000, 1000), [(992, 1000), (992, 992)]),
    ],
    ids=["a square", "landscape", "nothing left", "off the grid"],
)
def test_one_side_after_the_other_becomes_an_odd_number_of_units(size, sizes):
    can = Capabilities(multiple_of=16, largest=2048)
    sent = Brief(prompt="p", width=size[0], height=size[1])
    found = []
    while (told := feedback.strengthen(sent, capabilities=can)).changes:
        sent = told.brief
        found.append((sent.width, sent.height))

    assert found == sizes


def test_a_size_that_is_at_its_limit_shrinks():
    sent = Brief(prompt="p", width=1024, height=1024)
    found = feedback.strengthen(sent, capabilities=Capabilities(multiple_of=64, largest=1024))

    assert (found.brief.width, found.brief.height) == (960, 1024)
    assert found.changes[0].change == "960×1024 pixels instead of 1024×1024"


def test_a_size_far_below_the_limits_is_not_made_another_picture():
    sent = Brief(prompt="p", width=128, height=128)
    can = Capabilities(multiple_of=64, smallest=256)

    assert feedback.strengthen(sent, capabilities=can).changes == ()


def test_a_size_that_nobody_named_is_left_to_the_generator():
    assert feedback.strengthen(Brief(prompt="p"), capabilities=Capabilities()).changes == ()
