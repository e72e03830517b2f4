"""Picture files in, verdicts out: `sentinel score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentinel.cli.examples import examples

if TYPE_CHECKING:
    from sentinel.contracts import Brief, Reference

ANNOTATED = (".png", ".jpg", ".jpeg", ".webp")
KINDS = ("face", "style", "product")


EXAMPLES = examples(
    'sentinel score cup.png --prompt "a red cup on a table"',
    'sentinel score sign.png -t "GRAND OPENING" --annotate sign-judged.png',
    "sentinel score ana-*.png -r face:ana.jpg --policy portrait --json > scores.jsonl",
)


Pictures = Annotated[
    list[str], typer.Argument(metavar="PICTURE…", help="Picture files; - reads standard input.")
]
Prompt = Annotated[str | None, typer.Option("--prompt", "-p", help="What was asked for.")]
Unwanted = Annotated[str | None, typer.Option(help="What was not wanted.")]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference", "-r", metavar="[KIND:]FILE",
        help="A picture to compare with: face:FILE (the default kind), style:FILE, product:FILE. "
        "Repeatable.",
    ),
]  # fmt: skip
Texts = Annotated[
    list[str] | None,
    typer.Option("--expect-text", "-t", help="Text the picture must show. Repeatable."),
]
Palette = Annotated[
    list[str] | None,
    typer.Option(metavar="COLOUR", help="A colour it must have: #c8102e or red. Repeatable."),
]
Category = Annotated[str | None, typer.Option(help="Kind of picture, for the trace.")]
Policy = Annotated[str | None, typer.Option(help="Policy by name (sentinel policy list).")]
Maker = Annotated[str | None, typer.Option(help="Who made the picture, for the trace.")]
Annotate = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.png",
        help="Write the picture with the evidence drawn on it; several pictures give OUT-1.png, "
        "OUT-2.png, …",
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One line of JSON per picture, as POST /v1/score.")
]
Show = Annotated[bool, typer.Option("--show", help="Show the annotated picture here.")]


def score(  # noqa: PLR0913 - each is an option of the command
    pictures: Pictures,
    *,
    prompt: Prompt = None,
    negative_prompt: Unwanted = None,
    reference: References = None,
    expect_text: Texts = None,
    palette: Palette = None,
    category: Category = None,
    policy: Policy = None,
    model: Maker = None,
    annotate: Annotate = None,
    as_json: AsJson = False,
    show: Show = False,
) -> None:
    """Score pictures: gates, judges, verdict, reasons.

    Judges that did not run are named, with the command that brings what they
    need.

    Exit codes: 0 all passed; 1 one did not pass; 2 wrong usage or
    configuration; 3 one could not be scored; 130 interrupted (what was scored
    until then is kept).
    """
    from sentinel.cli import scored  # noqa: PLC0415 - heavy

    brief = brief_of(prompt, negative_prompt, reference, (expect_text, palette), category)
    files, target = _files(pictures), _target(annotate)
    wanted = scored.Wanted(files, brief, policy, model, target, as_json=as_json, show=show)
    raise typer.Exit(scored.run(wanted))


def brief_of(
    prompt: str | None,
    negative_prompt: str | None,
    references: list[str] | None,
    texts: tuple[list[str] | None, list[str] | None],
    category: str | None,
) -> Brief:
    """The brief these words make; a value that cannot be used is wrong usage."""
    from sentinel.contracts import Brief  # noqa: PLC0415 - heavy

    expected, palette = (tuple(each or ()) for each in texts)
    said = {
        "--prompt": (prompt,), "--negative-prompt": (negative_prompt,), "--category": (category,),
        "--expect-text": expected, "--palette": palette,
    }  # fmt: skip
    for option, words in said.items():
        for word in words:
            _check_text(option, word or "")
    return Brief(
        prompt=prompt,
        negative_prompt=negative_prompt,
        references=tuple(_reference(given) for given in references or ()),
        expected_text=expected,
        palette=palette,
        category=category,
    )


def _check_text(option: str, text: str) -> None:
    """Refuse bytes that are no text in the terminal's encoding: nobody can store or read them."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        told = f"{text!a} is no text in this terminal's encoding; use UTF-8"
        raise typer.BadParameter(told, param_hint=option) from error


def _reference(given: str) -> Reference:
    """KIND:FILE, or FILE alone for a face."""
    from sentinel import imaging  # noqa: PLC0415 - heavy
    from sentinel.contracts import Reference  # noqa: PLC0415 - heavy
    from sentinel.errors import PictureError  # noqa: PLC0415 - with them
    from sentinel.settings import Settings  # noqa: PLC0415 - heavy

    kind, colon, name = given.partition(":")
    if not colon or kind not in KINDS:
        kind, name = "face", given
    path = Path(name)
    if not path.is_file():
        hint = f"write KIND:FILE with KIND one of {', '.join(KINDS)}, or FILE alone for a face"
        raise typer.BadParameter(f"there is no file {name!r}; {hint}", param_hint="--reference")
    data = path.read_bytes()
    try:
        imaging.read(data, Settings.read().limits, field=name)
    except PictureError as error:
        raise typer.BadParameter(str(error), param_hint="--reference") from error
    return Reference.model_validate({"kind": kind, "image": data})


def _files(pictures: list[str]) -> tuple[str, ...]:
    """The pictures as given; folders, and - twice, are wrong usage."""
    for name in pictures:
        if name != "-" and Path(name).is_dir():
            hint = f"name the files: sentinel score {name.rstrip('/')}/*.png"
            raise typer.BadParameter(f"{name!r} is a folder; {hint}", param_hint="PICTURE")
    if pictures.count("-") > 1:
        raise typer.BadParameter("standard input can be read once", param_hint="PICTURE")
    return tuple(pictures)


def _target(annotate: Path | None) -> Path | None:
    if annotate is None:
        return None
    if annotate.suffix.lower() not in ANNOTATED:
        told = f"{annotate.name!r} ends with none of {', '.join(ANNOTATED)}"
        raise typer.BadParameter(told, param_hint="--annotate")
    if not annotate.absolute().parent.is_dir():
        told = f"there is no folder {str(annotate.parent)!r}; make it first"
        raise typer.BadParameter(told, param_hint="--annotate")
    return annotate
