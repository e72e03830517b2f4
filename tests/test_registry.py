"""Names to plugins, through entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from sentinel import registry
from sentinel.errors import ConfigError, PluginError


@pytest.fixture
def offer(monkeypatch):
    """Offer entry points as if packages were installed."""

    def with_points(**points: str) -> None:
        offered = [
            EntryPoint(name.rstrip("_"), value, "sentinel.judges") for name, value in points.items()
        ]
        monkeypatch.setattr(registry, "entry_points", lambda group: offered)
        registry._offered.cache_clear()

    yield with_points
    registry._offered.cache_clear()


def test_the_built_ins_come_through_entry_points():
    assert set(registry.names("judge")) >= {"text", "alignment", "artifacts", "color"}
    assert set(registry.names("gate")) >= {"request", "integrity", "safety", "face"}


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match="there is no judge 'txet'; did you mean 'text'"):
        registry.load_class("judge", "txet")


def test_one_name_from_two_packages_stops_the_start(offer):
    offer(fixed="sentinel.testing:FixedJudge", fixed_="sentinel.testing:RaisingJudge")
    with pytest.raises(ConfigError, match="offered twice"):
        registry.names("judge")


def test_a_plugin_that_cannot_be_imported_is_named(offer):
    offer(lost="nowhere.at.all:Judge")
    with pytest.raises(
        PluginError, match=r"judge 'lost' broke its contract: nowhere\.at\.all:Judge"
    ):
        registry.load_class("judge", "lost")


def test_a_plugin_that_fills_no_role_is_refused(offer):
    offer(gate="sentinel.testing:FixedGate")
    with pytest.raises(PluginError, match="fills no role"):
        registry.make("judge", "gate", {})


def test_options_a_plugin_does_not_take_are_named(offer):
    offer(fixed="sentinel.testing:FixedJudge")
    with pytest.raises(ConfigError, match="does not take the options"):
        registry.make("judge", "fixed", {"colour": 1})


def test_options_reach_the_plugin(offer):
    offer(fixed="sentinel.testing:FixedJudge")

    assert registry.make("judge", "fixed", {"value": 0.25}).answer.value == 0.25


def test_something_that_is_no_class_is_refused(offer):
    offer(module="sentinel.testing:flat")
    with pytest.raises(PluginError, match="is no class"):
        registry.load_class("judge", "module")
