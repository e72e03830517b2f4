"""The double; every other generator has tests of its own."""

from __future__ import annotations

from generator.fixed import Fixed
from sentinel.contracts import Brief, Generator
from sentinel.testing import GeneratorConformance


class TestFixed(GeneratorConformance):
    sizes = ()

    def make(self):
        return Fixed()


def test_the_double_fills_the_role_and_hands_out_what_it_was_given():
    double = Fixed([b"one", b"two"])

    assert isinstance(double, Generator)
    assert [c.image for c in double.generate(Brief(count=3))] == [b"one", b"two", b"one"]
