"""A source of pictures in, an audit's folder and an exit code out: `sentinel audit`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from sentinel.cli.examples import examples

EXAMPLES = examples(
    "sentinel audit pictures/ --out audit-1",
    "sentinel audit list.csv --map image=photo prompt=words --out audit-1 --dry-run",
    "sentinel audit data.zip --out audit-2 --policy product --fail-under 0.95",
)

ROLE = re.compile(r"[a-z_]+=")
"""Begins what a column is said to be for."""

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="A folder, a zip or tar, or a table (csv, tsv, jsonl, parquet)."
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FOLDER", help="Where the audit is kept.")
]
Policy = Annotated[str | None, typer.Option(help="Policy by name (sentinel policy list).")]
EngineOption = Annotated[
    Literal["local", "ray"], typer.Option(help="This machine's cores, or a Ray cluster.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Look at the first N entries only.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="ROLE=COLUMN",
        help="What a column is for: image, prompt, negative_prompt, expected_text, palette, "
        "category, made_by, key, face, style, product; group=A,B keeps columns to group by. "
        "Repeatable.",
    ),
]  # fmt: skip
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what is understood and how long it would take.")
]
FailUnder = Annotated[
    float | None, typer.Option(min=0, max=1, help="Exit with 1 where the pass rate is lower.")
]
NoWorseThan = Annotated[
    Path | None,
    typer.Option(
        "--no-worse-than", metavar="FOLDER",
        help="Exit with 1 where fewer pass than in an earlier audit, by more than chance.",
    ),
]  # fmt: skip
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep", metavar="PROJECT",
        help="Keep the evaluations in the store too, under this project: the dashboard shows them.",
    ),
]  # fmt: skip
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")]
JsonLines = Annotated[
    bool, typer.Option("--json-lines", help="A line of JSON per entry, and one at the end.")
]


def audit(  # noqa: PLR0913 - each is an option of the command
    words: Words,
    *,
    out: Out = None,
    policy: Policy = None,
    engine: EngineOption = "local",
    limit: Limit = None,
    mapped: Mapped = None,
    dry_run: DryRun = False,
    fail_under: FailUnder = None,
    no_worse_than: NoWorseThan = None,
    keep: Keep = None,
    quiet: Quiet = False,
    json_lines: JsonLines = False,
) -> None:
    """Score what you already have, and write a report.

    What was measured is kept in the folder: interrupted or killed, the same
    command goes on where it was, and a changed judge, policy or picture is
    measured again, alone.

    Exit codes: 0 done; 1 below --fail-under or worse than --no-worse-than; 2
    wrong usage, configuration, or a folder that cannot be written; 3 some
    entries could not be scored; 130 interrupted (what was measured is kept).
    """
    from sentinel.cli import audited  # noqa: PLC0415 - heavy

    if out is None and not dry_run:
        raise typer.BadParameter("say where the audit is kept: --out FOLDER", param_hint="--out")
    source, more = _parted(words, mapped or [])
    wanted = audited.Wanted(
        source=source, out=out or Path("audit"), policy=policy, engine=engine, limit=limit,
        mapped=(*(mapped or ()), *more), fail_under=fail_under,
        no_worse_than=no_worse_than, keep=keep, quiet=quiet, json_lines=json_lines,
    )  # fmt: skip
    raise typer.Exit(audited.rehearse(wanted) if dry_run else audited.run(wanted))


def _parted(words: list[str], mapped: list[str]) -> tuple[Path, tuple[str, ...]]:
    """The source, and what follows a `--map`: `--map image=photo prompt=words` is one breath."""
    more = tuple(word for word in words if mapped and ROLE.match(word) and not Path(word).exists())
    sources = [word for word in words if word not in more]
    if len(sources) != 1:
        told = f"name one source, not {len(sources)}: {', '.join(map(repr, sources))}"
        raise typer.BadParameter(told, param_hint="SOURCE")
    return Path(sources[0]), more
