"""A table's columns in, what each of them is for out: by its name, or by what the user said."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.errors import ConfigError

ROLES: dict[str, tuple[str, ...]] = {
    "image": ("image", "file_name", "filename", "file", "image_path", "path", "image_file", "img",
              "picture", "filepath", "file_path", "imgpath", "images"),
    "prompt": ("prompt", "positive_prompt", "caption", "text", "instruction", "description"),
    "negative_prompt": ("negative_prompt", "negative"),
    "expected_text": ("expected_text", "ocr_text", "text_in_image"),
    "palette": ("palette", "colors", "colours"),
    "category": ("category", "domain", "class", "challenge"),
    "made_by": ("made_by", "model", "generator", "model_name"),
    "key": (),
    "group": (),
    "face": ("reference", "reference_image", "face_reference"),
    "style": ("style_reference",),
    "product": ("product_reference",),
}  # fmt: skip
"""What a column can be for, and the names by which it is known without being told."""

SEVERAL = ("group", "face", "style", "product")
"""Roles that `--map` may give to several columns."""

Map = Mapping[str, tuple[str, ...]]


def mapping(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """`image=photo`, `group=seed,sampler` as a map of roles; ConfigError of a role there is not."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        role, equals, columns = word.partition("=")
        named = tuple(each.strip() for each in columns.split(",") if each.strip())
        if role not in ROLES or not equals or not named:
            close = difflib.get_close_matches(role, ROLES, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            told = f"--map {word!r}: {hint}write ROLE=COLUMN with ROLE one of {', '.join(ROLES)}"
            raise ConfigError(told)
        if len(named) > 1 and role not in SEVERAL:
            raise ConfigError(f"--map {word!r}: {role} is one column")
        found[role] = (*found.get(role, ()), *named)
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column has which role."""

    by_role: Map

    @classmethod
    def of(cls, names: tuple[str, ...], said: Map) -> Columns:
        """By what was said, else by their names; ConfigError of a column that is not there."""
        by_role = {role: columns for role, columns in said.items() if set(columns) <= set(names)}
        lower = {name.lower(): name for name in reversed(names)}
        taken = {column for columns in said.values() for column in columns}
        for role, known in ROLES.items():
            if role in said:
                continue
            column = next((lower[each] for each in known if lower.get(each) not in {None, *taken}),
                          None)  # fmt: skip
            if column is not None:
                by_role[role] = (column,)
                taken.add(column)
        return cls(by_role)

    def value(self, role: str, cells: Mapping[str, Any]) -> Any:
        """The one cell of a role; None where there is none, or it is blank."""
        for column in self.by_role.get(role, ()):
            value = cells.get(column)
            if value is not None and value != "":
                return value
        return None

    def text(self, role: str, cells: Mapping[str, Any]) -> str | None:
        """The same as text; None where it is blank."""
        value = self.value(role, cells)
        return None if value is None or not str(value).strip() else plain(str(value))

    def texts(self, role: str, cells: Mapping[str, Any], parted: str = "") -> tuple[str, ...]:
        """The cells of a role as several texts: a list, a JSON list, or parted by characters."""
        found: list[str] = []
        for column in self.by_role.get(role, ()):
            found += several(cells.get(column), parted)
        return tuple(found)

    def group(self, cells: Mapping[str, Any]) -> dict[str, str]:
        """The columns to group by."""
        return {
            column: plain(str(cells[column]))
            for column in self.by_role.get("group", ())
            if cells.get(column) not in {None, ""}
        }


def several(value: Any, parted: str) -> list[str]:
    """One cell as several texts."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return [plain(value)]  # "[SALE]" is a text in brackets
    if isinstance(value, list | tuple):
        return [plain(str(each)) for each in value if each is not None and str(each).strip()]
    if value is None or not str(value).strip():
        return []
    words = [str(value)]
    for each in parted:
        words = [part for word in words for part in word.split(each)]
    return [plain(word.strip()) for word in words if word.strip()]


def plain(text: str) -> str:
    """Text that every encoding can take: half characters are written as their code."""
    return text.encode("utf-8", "backslashreplace").decode()
