"""Numbers of a foreign body in, numbers within limits out; and what is wrong, in a sentence.

width: Annotated[Whole, Within(256, 1536)]        "width must be between 256 and 1536"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def given(value: object) -> object:
    """A value that is no boolean: JSON's true and false are no numbers, though Python counts so."""
    if isinstance(value, bool):
        raise PydanticCustomError("number", "must be a number, not a boolean")
    return value


Whole = Annotated[int, BeforeValidator(given)]
"""An integer; 7.0 and "7" are, 7.5 and true are not."""


@dataclass(frozen=True, slots=True)
class Within:
    """A number from `low` to `high`, both included; the OpenAPI document says so too."""

    low: int
    high: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def _checked(self, value: float) -> float:
        if not self.low <= value <= self.high:
            limits = {"low": self.low, "high": self.high}
            raise PydanticCustomError("range", "must be between {low} and {high}", limits)
        return value


def sentence(field: str, found: Mapping[str, Any]) -> str:
    """One of pydantic's complaints, as a sentence that begins with the field."""
    if found["type"] == "missing":
        return f"{field} is required"
    said = str(found["msg"]).removeprefix("Value error, ").replace("Input should", "must", 1)
    return f"{field} {said}"
