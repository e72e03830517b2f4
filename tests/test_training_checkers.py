"""The checkers see what is there, and see what is wrong."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from training.checkers import compare, look
from training.painting import paint
from training.silhouettes import UNKNOWN, classify, measure
from training.world import COLOURS, Group, Spec, imagine, with_one_wrong

SPEC = Spec(128, 128, "yellow", (Group(2, "red", "heart"), Group(1, "blue", "ring")), "", "OPEN", "top",
            "black", "aileron")  # fmt: skip


def test_posters_are_seen_as_they_are():
    right = []
    for seed in range(900, 920):
        spec = imagine(seed)
        marks = compare(look(paint(spec, seed)), spec)
        right.append(all(mark in (True, None) for mark in (marks.background, marks.colour, marks.shape, marks.count, marks.word)))  # fmt: skip

    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("attribute", ["colour", "background", "shape", "count", "word"])
def test_the_attribute_that_is_wrong_is_the_one_that_is_marked(attribute):
    wrong = with_one_wrong(SPEC, attribute, np.random.default_rng(1))
    marks = compare(look(paint(SPEC, 1)), wrong)

    assert getattr(marks, attribute) is False
    if attribute != "colour":
        assert marks.colour
    if attribute != "shape":
        assert marks.shape


def test_swapped_colours_are_a_mistake_of_the_count_of_each_pair():
    swapped = replace(SPEC, groups=(Group(2, "blue", "heart"), Group(1, "red", "ring")))
    marks = compare(look(paint(SPEC, 1)), swapped)

    assert marks.colour
    assert marks.shape
    assert not marks.count


def test_three_rings_are_no_word():
    spec = replace(SPEC, groups=(Group(3, "black", "ring"),), arrangement="row", word="")
    seen = look(paint(spec, 0))

    assert seen.word == ""
    assert seen.objects == (("black", "ring"),) * 3


def test_a_bare_sheet_has_a_colour_and_nothing_else():
    sheet = np.full((128, 128, 3), COLOURS["green"], dtype=np.uint8)
    seen = look(sheet)

    assert (seen.background, seen.objects, seen.word) == ("green", (), "")


def test_a_blot_is_no_shape():
    points = np.array([[5, 5], [60, 20], [95, 8], [80, 60], [90, 95], [40, 70], [8, 90], [25, 50]])
    mask = np.zeros((100, 100), dtype=np.uint8)
    cv2.fillPoly(mask, [points], 255)

    assert classify(measure(mask)) == UNKNOWN
    assert classify(measure(np.zeros((10, 10), dtype=np.uint8))) == UNKNOWN
