"""A prompt in, a picture that passed or the best there was out: `sentinel guard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sentinel.cli.examples import examples
from sentinel.cli.scoring import (
    ANNOTATED,
    Category,
    Palette,
    Policy,
    References,
    Texts,
    Unwanted,
    brief_of,
)

if TYPE_CHECKING:
    from sentinel.guarding import Wanted

EXAMPLES = examples(
    'sentinel guard "a red cup on a white table" --out cup.png',
    'sentinel guard "a shop sign" -t "SALE" --max-attempts 4 --sheet attempts.png',
    'sentinel guard "two blue stars" --generator embedded --seed 7 --json',
)

Asked = Annotated[str, typer.Argument(metavar="PROMPT", help="What is to be painted.")]
Size = Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="Pixels of that side.")]
Painter = Annotated[
    str | None,
    typer.Option(
        "--generator", "-g", metavar="NAME[,NAME…]",
        help="Who paints; those that follow stand in for the first (SENTINEL_GENERATOR).",
    ),
]  # fmt: skip
Folder = Annotated[
    Path | None, typer.Option(help="Model folder for the generator (its option folder).")
]
Mode = Annotated[
    Literal["guard", "score", "off"] | None, typer.Option(help="Enforce, only score, or neither.")
]
Candidates = Annotated[int, typer.Option(metavar="N", help="Paint N at once, take the best.")]
Count = Annotated[
    int, typer.Option(min=1, max=4, metavar="N", help="Deliver N; --out cup.png, cup-2.png, …")
]
Attempts = Annotated[int | None, typer.Option(metavar="N", help="Pictures at most.")]
Seconds = Annotated[float | None, typer.Option(metavar="S", help="Seconds at most.")]
Cost = Annotated[float | None, typer.Option(metavar="USD", help="US dollars at most.")]
Target = Annotated[Path | None, typer.Option("--out", "-o", help="Write the picture there.")]
Sheet = Annotated[
    Path | None, typer.Option(metavar="OUT.png", help="Write all attempts with their verdicts.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Steps of the generator.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of the first attempt.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer of POST /v1/generate.")]


def guard(  # noqa: PLR0913 - each is an option of the command
    prompt: Asked,
    *,
    negative_prompt: Unwanted = None,
    reference: References = None,
    expect_text: Texts = None,
    palette: Palette = None,
    category: Category = None,
    width: Size = None,
    height: Size = None,
    steps: Steps = None,
    seed: Seed = None,
    policy: Policy = None,
    generator: Painter = None,
    folder: Folder = None,
    mode: Mode = None,
    candidates: Candidates = 1,
    count: Count = 1,
    max_attempts: Attempts = None,
    max_seconds: Seconds = None,
    max_cost: Cost = None,
    out: Target = None,
    sheet: Sheet = None,
    as_json: AsJson = False,
) -> None:
    """Paint, judge, say what went wrong, try again.

    Ends with a picture that passed, or with the best there was, marked as not
    passed. Every attempt is shown as it happens and kept under one trace.

    Exit codes: 0 it passed; 1 it did not; 2 wrong usage or configuration; 3 no
    picture came; 130 interrupted (what was painted until then is kept).
    """
    from sentinel.cli import guarded  # noqa: PLC0415 - heavy

    brief = brief_of(prompt, negative_prompt, reference, (expect_text, palette), category)
    given = {"width": width, "height": height, "steps": steps, "seed": seed}
    task = guarded.Task(
        brief=brief.model_copy(update=given), count=count, as_json=as_json,
        wanted=_wanted(policy, mode, candidates, (max_attempts, max_seconds, max_cost)),
        generator=generator, folder=folder, out=_to(out, "--out"), sheet=_to(sheet, "--sheet"),
    )  # fmt: skip
    raise typer.Exit(guarded.run(task))


def _wanted(
    policy: str | None,
    mode: Literal["guard", "score", "off"] | None,
    candidates: int,
    most: tuple[int | None, float | None, float | None],
) -> Wanted:
    from sentinel.guarding import Wanted  # noqa: PLC0415 - heavy
    from sentinel.loop import Wish  # noqa: PLC0415 - with it

    attempts, seconds, cost = most
    wish = Wish(attempts=attempts, seconds=seconds, cost=cost)
    return Wanted(policy=policy, mode=mode, candidates=candidates, wish=wish)


def _to(path: Path | None, option: str) -> Path | None:
    """A path that a picture can be written to."""
    if path is None:
        return None
    if path.suffix.lower() not in ANNOTATED:
        told = f"{path.name!r} ends with none of {', '.join(ANNOTATED)}"
        raise typer.BadParameter(told, param_hint=option)
    if not path.absolute().parent.is_dir():
        told = f"there is no folder {str(path.parent)!r}; make it first"
        raise typer.BadParameter(told, param_hint=option)
    return path
