"""Numbers of a foreign body in, numbers within limits out; and what is wrong, in a sentence.

width: Annotated[Whole, Within(256, 1536)]        "width must be between 256 and 1536"
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError


def given(value: object) -> object:
    """A value that is no boolean: JSON's true and false are no numbers, though Python counts so."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number, not a boolean")
    return value


Whole = Annotated[int, BeforeValidator(given)]
"""An integer; 7.0 and "7" are, 7.5 and true are not."""


def Within(low: int, high: int) -> AfterValidator:  # noqa: N802 - reads as the type it stands beside
    """A number from `low` to `high`, both included."""

    def within(value: float) -> float:
        if not low <= value <= high:
            limits = {"low": low, "high": high}
            raise PydanticCustomError("range", "must be between {low} and {high}", limits)
        return value

    return AfterValidator(within)


def sentence(field: str, found: Mapping[str, Any]) -> str:
    """One of pydantic's complaints, as a sentence that begins with the field."""
    if found["type"] == "missing":
        return f"{field} is required"
    said = str(found["msg"]).removeprefix("Value error, ").replace("Input should", "must", 1)
    return f"{field} {said}"
