"""A folder in, pictures scored and posters guarded out: on sheets, as traces, in a store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sentinel.annotation import annotate
from sentinel.annotation.contact_sheet import contact_sheet
from sentinel.contracts import Pixels, Trace
from sentinel.demo.pictures import Case, cases
from sentinel.demo.posters import POLICY, Poster, posters, sheet
from sentinel.imaging import encode
from sentinel.settings import Settings
from sentinel.wiring import Scored, Sentinel

MAKER = "sentinel demo"


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A case, what came out, and the files it left."""

    case: Case
    trace: Trace
    pixels: Pixels
    picture: Path
    annotated: Path


def settings_for(out: Path) -> Settings:
    """The store and its pictures inside the folder; models where they always are."""
    return Settings.read(
        database=f"sqlite:///{out / 'sentinel.db'}", media_folder=out / "media", policy="default"
    )


async def tour(
    out: Path, step: Callable[[str], None]
) -> tuple[tuple[Shown, ...], tuple[Poster, ...]]:
    """Score the eight, then guard the six; `step` hears each name before its turn."""
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    shown = []
    async with Sentinel.open(settings_for(out), only=("default", POLICY)) as house:
        judges = tuple(house.policies["default"].judges)
        for case in cases():
            step(case.name)
            data = await asyncio.to_thread(case.make)
            scored = await house.score(data, case.brief, policy="default", model=MAKER)
            shown.append(await asyncio.to_thread(_keep, out, case, data, scored, judges))
        made = await posters(house, step)
    await asyncio.to_thread(_keep_all, out, shown, made)
    return tuple(shown), made


def _keep(out: Path, case: Case, data: bytes, scored: Scored, judges: tuple[str, ...]) -> Shown:
    """The picture as it was scored, and what was found drawn on it."""
    picture = out / f"{case.name}{'.jpg' if scored.picture.format == 'JPEG' else '.png'}"
    picture.write_bytes(data)
    annotated = out / f"{case.name}-annotated.png"
    drawn = annotate(scored.picture.pixels, scored.trace.last, judges=judges)
    annotated.write_bytes(encode(drawn))
    return Shown(case, scored.trace, scored.picture.pixels, picture, annotated)


def _keep_all(out: Path, shown: list[Shown], made: tuple[Poster, ...]) -> None:
    traces = [*(each.trace for each in shown), *(each.trace for each in made)]
    lines = (trace.model_dump_json() + "\n" for trace in traces)
    (out / "traces.jsonl").write_text("".join(lines), encoding="utf-8")
    scored = contact_sheet([(each.case.name, each.pixels, each.trace.last) for each in shown])
    (out / "contact-sheet.png").write_bytes(encode(scored))
    (out / "posters.png").write_bytes(encode(sheet(made)))
    for each in made:
        if each.guarded.picture is not None:
            (out / f"poster-{each.name}.png").write_bytes(each.guarded.picture)
