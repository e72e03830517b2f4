"""Environment in, settings out: read once, frozen. Every variable starts with SENTINEL_."""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sentinel.errors import ConfigError
from sentinel.imaging import FORMATS, PIXEL_CAP, SIDE_CAP, Limits


def _listed(text: object) -> object:
    """PNG,TIFF and ["PNG", "TIFF"] alike."""
    if not isinstance(text, str):
        return text
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"no JSON list ({error}); write PNG,TIFF") from error
    return [part.strip().upper() for part in text.split(",")]


def _parted(text: object) -> object:
    """A,B and ["A", "B"] alike."""
    if not isinstance(text, str):
        return text
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what no browser sends as an origin, and would therefore never fit."""
    for each in origins:
        if not re.fullmatch(r"\*|[a-z][a-z0-9+.-]*://[^/\s*]+", each):
            raise ValueError(f"{each!r} is no origin; write https://shop.example (no path), or *")
    return origins


def _networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is no address or network."""
    for each in networks:
        ip_network(each)  # its ValueError says what is wrong
    return networks


def _reachable(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is neither an address nor a network nor a host."""
    from sentinel.outbound import Private  # noqa: PLC0415 - an HTTP library, where any is listed

    Private.of(entries)
    return entries


def _decodable(formats: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse names that no decoder here answers to; without any, nothing could be read."""
    from PIL import Image  # noqa: PLC0415 - with every decoder, which few installations ask for

    Image.init()
    unknown = sorted(set(formats) - set(Image.OPEN))
    if unknown or not formats:
        told = f"no decoder reads {', '.join(unknown)}" if unknown else "nothing could be read"
        raise ValueError(f"{told}; name some of {', '.join(sorted(Image.OPEN))}")
    return formats


class Settings(BaseSettings):
    """How this process runs. What is asked of pictures is the policy's."""

    model_config = SettingsConfigDict(
        env_prefix="SENTINEL_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    home: Path = Path.home() / ".sentinel"
    """Folder of the database, the pictures and the models, unless those say otherwise."""
    database: str = ""
    """SQLAlchemy address of the store; empty means SQLite in `home`."""
    models_folder: Path | None = None
    """Folder of pulled weights; default `home`/models."""
    media_folder: str | Path | None = None
    """Folder of kept pictures, or an address such as s3://bucket/prefix; default `home`/media."""
    media_options: dict[str, JsonValue] = Field(default_factory=dict)
    """Options of that address as a JSON object, such as {"endpoint_url": …}."""
    media_days: float = Field(default=7.0, ge=0)
    """Days a picture is kept; 0 keeps none."""
    retention: Literal["full", "none"] = "full"
    """`none` keeps nothing of a prompt or picture: traces without a word, and no pictures."""
    handover_minutes: float = Field(default=10.0, gt=0)
    """With retention `none`: minutes that a job's result waits for its caller, then it is gone."""
    policies: Path | None = None
    """Folder of your own policies (*.toml); a name that is built in is replaced by yours."""
    policy: str = "default"
    """Policy used where a request names none."""
    generator: str = Field(default="embedded", pattern=r"^[a-z0-9_-]+( *, *[a-z0-9_-]+)*$")
    """Who paints; several names, parted by commas, stand in for each other in that order."""
    generator_options: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Options of generators by name, as a JSON object."""
    failover: dict[str, JsonValue] = Field(default_factory=dict)
    """How hard generators are tried, as a JSON object (docs/failover.md, the plan)."""
    formats: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_listed), AfterValidator(_decodable)
    ] = FORMATS
    """Accepted formats by Pillow's names, such as PNG,TIFF (or as a JSON list)."""
    pixel_cap: int = Field(default=PIXEL_CAP, ge=1)
    """Pixels a picture may have before anything is decoded."""
    side_cap: int = Field(default=SIDE_CAP, ge=1)
    """Pixels a side may have."""
    body_mb: float = Field(default=64.0, gt=0)
    """Megabytes of a request's body."""
    threads: int = Field(default=1, ge=1)
    """Threads each model may use for itself; more than one makes them fight for the cores."""
    workers: int = Field(default_factory=lambda: max(2, os.cpu_count() or 2), ge=1)
    """Judges and gates that run at the same time."""
    queue: int = Field(default=64, ge=1)
    """Pictures in the house at once; one more is told to come back (503, Retry-After)."""
    pixels_in_house: int = Field(default=100_000_000, ge=1)
    """Decoded pixels in the house at once; one picture alone may always enter."""
    jobs_at_once: int = Field(default=2, ge=1)
    """Jobs (requests with `async`) that this process works at side by side."""
    jobs_waiting: int = Field(default=1000, ge=1)
    """Jobs that may wait; one more is told to come back."""
    jobs_days: float = Field(default=30.0, gt=0)
    """Days a job is known after it has ended; its trace stays."""
    outbound_private: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_parted), AfterValidator(_reachable)
    ] = ()
    """Addresses, networks and hosts that are not public and may be dialled on a caller's word."""
    webhook_delays: Annotated[
        tuple[Annotated[float, Field(ge=0, le=86_400)], ...], NoDecode, BeforeValidator(_parted)
    ] = (15, 30, 60, 120, 240, 480, 960, 1920, 3375)
    """Seconds between the attempts to deliver a webhook; ten attempts over two hours."""
    webhook_seconds: float = Field(default=15.0, gt=0, le=600)
    """Seconds that a receiver has to answer one."""
    judges: Literal["local", "ray"] = "local"
    """Where judges run: in this process, or as deployments of Ray Serve (docs/cli.md)."""
    device: str = Field(default="cpu", pattern=r"^(cpu|mps|cuda(:[0-9]+)?)$")
    """Where models run: cpu, cuda, cuda:1, … or mps."""
    host: str = "127.0.0.1"
    """Address that `sentinel serve` listens on."""
    port: int = Field(default=8600, ge=1, le=65535)
    """Port that `sentinel serve` listens on."""
    anybody: bool = False
    """While there is no access key, serve whoever reaches the port instead of this machine only."""
    origins: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_parted), AfterValidator(_origins)
    ] = ()
    """Web pages that may ask from a browser (CORS), such as https://shop.example; none."""
    proxies: Annotated[
        tuple[str, ...], NoDecode, BeforeValidator(_parted), AfterValidator(_networks)
    ] = ()
    """Addresses and networks of proxies whose X-Forwarded-For and -Proto are believed; none."""

    @classmethod
    def read(cls, **given: object) -> Settings:
        """Settings from the environment; ConfigError names each wrong variable."""
        try:
            return cls(**given)  # type: ignore[arg-type]  # pydantic checks them
        except ValidationError as error:
            lines = [
                f"SENTINEL_{'_'.join(map(str, problem['loc'])).upper()} is "
                f"{problem['input']!r}: {problem['msg']}"
                for problem in error.errors()
            ]
            raise ConfigError("; ".join(lines)) from error

    @cached_property
    def database_url(self) -> str:
        """Address of the store."""
        return self.database or f"sqlite:///{self.home / 'sentinel.db'}"

    @cached_property
    def generators(self) -> tuple[str, ...]:
        """Who paints, by name, each once."""
        return tuple(dict.fromkeys(name.strip() for name in self.generator.split(",")))

    @cached_property
    def models(self) -> Path:
        """Folder of pulled weights."""
        return self.models_folder or self.home / "models"

    @cached_property
    def media(self) -> str | Path:
        """Folder or address of kept pictures."""
        return self.media_folder or self.home / "media"

    @property
    def keeps_words(self) -> bool:
        """Whether prompts and pictures may be kept at all."""
        return self.retention == "full"

    @property
    def limits(self) -> Limits:
        """What pictures are accepted."""
        return Limits(self.formats, self.pixel_cap, self.side_cap)
