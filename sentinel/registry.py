"""Names in, plugin classes out, through entry points.

Built-ins come through the same door as a stranger's plugin: the groups `sentinel.judges`,
`sentinel.gates` and `sentinel.generators`. Two packages that offer one name stop the start.
"""

from __future__ import annotations

import difflib
import inspect
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

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
    except Exception as error:  # foreign code may stumble over a value in any way
        given = ", ".join(f"{key} = {value!r}" for key, value in options.items()) or "none"
        told = f"does not take its options ({given}): {type(error).__name__}: {error}"
        wrong = "; ".join(_wrong_options(plugin, options))
        raise ConfigError(f"{kind} {name!r}: {wrong or told}") from error
    if wrong := "; ".join(_wrong_options(plugin, options)):
        raise ConfigError(f"{kind} {name!r}: {wrong}")
    if not isinstance(made, ROLES[kind]) or not getattr(made, "version", ""):
        wanted = " or ".join(role.__name__ for role in ROLES[kind])
        raise PluginError(kind, name, f"{plugin.__qualname__} fills no role ({wanted}, version)")
    return made


def _wrong_options(plugin: type[Any], options: Options) -> Iterator[str]:
    """What is wrong with options, by the names and types that the constructor declares."""
    known = inspect.signature(plugin).parameters
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return
    for key, value in options.items():
        if key not in known:
            yield f"{key} is no option here; {nearest(key, tuple(known))}"
        elif mismatch := _mismatch(_declared(plugin).get(key, Any), value):
            yield f"{key} is {value!r}; it should be {mismatch}"


def _declared(plugin: type[Any]) -> dict[str, Any]:
    """The constructor's types; none where they cannot be known."""
    try:
        return get_type_hints(plugin.__init__)
    except (NameError, TypeError, AttributeError):
        return {}


def _mismatch(declared: Any, value: object) -> str:
    """Why a TOML value is not of a type, taken strictly; "" where it is, or nobody can tell."""
    try:
        adapter: TypeAdapter[object] = TypeAdapter(declared)
    except PydanticUserError:
        return ""
    try:
        written = json.dumps(value, allow_nan=False)
    except ValueError:
        return "made of finite numbers"
    try:
        adapter.validate_json(written, strict=True)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Input should be ")
    return ""


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
