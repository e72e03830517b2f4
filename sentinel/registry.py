"""Names in, plugin classes out, through entry points.

Built-ins come through the same door as a stranger's plugin: the groups `sentinel.judges`,
`sentinel.gates` and `sentinel.generators`. Two packages that offer one name stop the start.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from sentinel.contracts import Gate, Generator, InputGate, Judge, Options
from sentinel.errors import ConfigError, PluginError, SentinelError

Kind = Literal["judge", "gate", "generator"]

ROLES: Mapping[Kind, tuple[type, ...]] = {
    "judge": (Judge,),
    "gate": (Gate, InputGate),
    "generator": (Generator,),
}


@cache
def _offered(kind: Kind) -> dict[str, EntryPoint]:
    found: dict[str, set[EntryPoint]] = defaultdict(set)
    for point in entry_points(group=f"sentinel.{kind}s"):
        found[point.name].add(point)
    for name, points in found.items():
        if len({point.value for point in points}) > 1:
            owners = sorted(f"{point.value} ({_owner(point)})" for point in points)
            raise ConfigError(
                f"{kind} {name!r} is offered twice: {' and '.join(owners)}; uninstall one of them"
            )
    return {name: next(iter(points)) for name, points in sorted(found.items())}


def names(kind: Kind) -> tuple[str, ...]:
    """Every name on offer, sorted."""
    return tuple(_offered(kind))


def owner(kind: Kind, name: str) -> str:
    """The distribution that offers a plugin."""
    return _owner(_point(kind, name))


def load_class(kind: Kind, name: str) -> type[Any]:
    """The plugin's class; ConfigError if nobody offers it, PluginError if it fills no role."""
    point = _point(kind, name)
    try:
        found = point.load()
    except Exception as error:
        problem = f"{point.value} cannot be imported ({type(error).__name__}: {error})"
        raise PluginError(kind, name, problem) from error
    if not isinstance(found, type):
        raise PluginError(kind, name, f"{point.value} is no class; name the class itself")
    return found


def make(kind: Kind, name: str, options: Options) -> Any:
    """An instance with the policy's options; wrong options are a ConfigError that names them."""
    plugin = load_class(kind, name)
    try:
        made = plugin(**options)
    except SentinelError:
        raise
    except TypeError as error:
        told = f"{kind} {name!r} does not take the options {sorted(options)}: {error}"
        raise ConfigError(told) from error
    if not isinstance(made, ROLES[kind]) or not getattr(made, "version", ""):
        wanted = " or ".join(role.__name__ for role in ROLES[kind])
        raise PluginError(kind, name, f"{plugin.__qualname__} fills no role ({wanted}, version)")
    return made


def _point(kind: Kind, name: str) -> EntryPoint:
    offered = _offered(kind)
    if name in offered:
        return offered[name]
    raise ConfigError(f"there is no {kind} {name!r}; {nearest(name, tuple(offered))}")


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Words that help someone who mistyped: the nearest name, and all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"
