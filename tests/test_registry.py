"""Names to plugins, through entry points."""

from __future__ import annotations

import inspect
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


def test_an_option_that_a_plugin_does_not_have_is_answered_with_those_it_has(offer):
    offer(fixed="sentinel.testing:FixedJudge")
    with pytest.raises(
        ConfigError, match=r"judge 'fixed': valu is no option .* mean 'value'\? known"
    ):
        registry.make("judge", "fixed", {"valu": 1})


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("alignment", {"max_phrases": "many"}, "max_phrases is 'many'; it should be a valid int"),
        ("alignment", {"max_phrases": float("nan")}, "max_phrases is nan; .* finite numbers"),
        ("alignment", {"pickles": "yes"}, "pickles is 'yes'; it should be a valid boolean"),
        ("artifacts", {"checks": 5}, "checks is 5; it should be a valid"),
        ("style", {"model": 5}, "model is 5; it should be a valid string"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_by_option_and_value(name, options, told):
    with pytest.raises(ConfigError, match=told):
        registry.make("judge", name, options)


@pytest.mark.parametrize("kind", ["judge", "gate"])
def test_every_default_of_every_plugin_is_of_its_declared_type(kind):
    for name in registry.names(kind):
        plugin = registry.load_class(kind, name)
        given = {
            key: list(each.default) if isinstance(each.default, tuple) else each.default
            for key, each in inspect.signature(plugin).parameters.items()
        }

        assert not [*registry._wrong_options(plugin, given)], name


def test_a_constructor_that_stumbles_over_a_value_is_told_with_the_value():
    with pytest.raises(ConfigError, match=r"gate 'request': does not take .*words_file.*null byte"):
        registry.make("gate", "request", {"words_file": "a\x00b"})


def test_options_reach_the_plugin(offer):
    offer(fixed="sentinel.testing:FixedJudge")

    assert registry.make("judge", "fixed", {"value": 0.25}).answer.value == 0.25


def test_something_that_is_no_class_is_refused(offer):
    offer(module="sentinel.testing:flat")
    with pytest.raises(PluginError, match="is no class"):
        registry.load_class("judge", "module")
