"""A place and what is told of it in, an entry out; or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sentinel.audit.entries import Entry, Found, Location, Prompted, Unreadable, Wanted
from sentinel.audit.sources.columns import Columns
from sentinel.audit.sources.words import Words
from sentinel.contracts import ReferenceKind

LONGEST = 100_000
"""Characters of a prompt; longer ones are a mistake in the table."""

KINDS: tuple[ReferenceKind, ...] = ("face", "style", "product")

Finds = Callable[[str], Location | str]
"""A path as a table writes it to its place, or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Named:
    """How a picture is called, where it lies, and the folder it counts under."""

    key: str
    where: str
    picture: Location
    folder: str = ""


def entry(named: Named, cells: Mapping[str, Any], columns: Columns, finds: Finds) -> Found:
    """The entry that a row or sidecar describes."""
    words = {role: columns.text(role, cells) for role in ("prompt", "negative_prompt")}
    group = {"folder": named.folder} if named.folder else {}
    category, made_by = columns.text("category", cells), columns.text("made_by", cells)
    group |= {key: value for key, value in (("category", category), ("made_by", made_by)) if value}
    group |= columns.group(cells)
    if any(len(word or "") > LONGEST for word in words.values()):
        return Unreadable(
            named.key, named.where, f"its prompt has more than {LONGEST:,} characters", "invalid",
            group,
        )  # fmt: skip
    references: list[Wanted] = []
    for kind in KINDS:
        for name in columns.texts(kind, cells, ";"):
            place = finds(name)
            if isinstance(place, str):
                told = f"its {kind} reference {name!r}: {place}"
                return Unreadable(named.key, named.where, told, "invalid", group, words["prompt"])
            references.append(Wanted(kind, place))
    return Entry(
        key=named.key,
        where=named.where,
        picture=named.picture,
        prompt=words["prompt"],
        negative_prompt=words["negative_prompt"],
        expected_text=columns.texts("expected_text", cells),
        palette=columns.texts("palette", cells, ",;"),
        category=category,
        references=tuple(references),
        group=group,
        made_by=made_by,
        prompted="table" if words["prompt"] else "",
    )


def filled(found: Entry, words: Words, source: Prompted) -> Entry:
    """The entry with what it lacks taken from elsewhere; what it has stays."""
    if found.prompt is not None:
        return found
    group = found.group
    if words.made_by and "made_by" not in group:
        group = {**group, "made_by": words.made_by}
    return replace(
        found,
        prompt=words.prompt,
        negative_prompt=found.negative_prompt or words.negative_prompt,
        made_by=found.made_by or words.made_by,
        group=group,
        prompted=source if words.prompt else found.prompted,
    )


def merged(found: Entry, told: Entry, source: Prompted) -> Entry:
    """The entry with everything it lacks taken from what a sidecar tells."""
    fields = ("prompt", "negative_prompt", "expected_text", "palette", "category", "references",
              "made_by")  # fmt: skip
    taken = {name: getattr(told, name) for name in fields if not getattr(found, name)}
    prompted = source if taken.get("prompt") else found.prompted
    return replace(found, **taken, group={**told.group, **found.group}, prompted=prompted)
