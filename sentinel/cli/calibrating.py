"""People's verdicts in, a policy that agrees with them out: `sentinel calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentinel.cli.examples import examples

EXAMPLES = examples(
    "sentinel calibrate labels.csv --audit audit-1 --out calibrated",
    "sentinel calibrate labels.csv --policy poster --out calibrated --precision 0.98",
    "sentinel calibrate labels.csv --audit audit-1 --map picture=file label=keep",
)

LabelsFile = Annotated[
    list[str],
    typer.Argument(
        metavar="LABELS", help="A table with a picture and a verdict (pass, fail, 1, 0 …) a row."
    ),
]
AuditFolder = Annotated[
    Path | None,
    typer.Option("--audit", metavar="FOLDER", help="Where these pictures were audited before."),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where policy and figures go.")
]
PolicyName = Annotated[
    str | None, typer.Option("--policy", help="Without --audit: score now, under this policy.")
]
Name = Annotated[str | None, typer.Option(help="Name of the policy that is written.")]
Precision = Annotated[
    float | None, typer.Option(min=0, max=1, help="Hold this share good among what passes.")
]
Recall = Annotated[
    float | None, typer.Option(min=0, max=1, help="Hold this share passed of what is good.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="ROLE=COLUMN", help="picture, label and rater; repeatable."),
]


def calibrate(  # noqa: PLR0913 - each is an option of the command
    labels: LabelsFile,
    *,
    audit: AuditFolder = None,
    out: Out = Path("calibrated"),
    policy: PolicyName = None,
    name: Name = None,
    precision: Precision = None,
    recall: Recall = None,
    mapped: Mapped = None,
) -> None:
    """Fit thresholds and weights to people's verdicts, and say how sure that is.

    Writes a policy, calibration.json and a sheet with the pictures that it
    would get wrong. Every figure is cross-validated: it is of pictures that
    the rule had not seen. Needs the extra `calibrate`.

    Exit codes: 0 done; 2 wrong usage, or labels that do not suffice; 130
    interrupted.
    """
    from sentinel.cli import calibrated  # noqa: PLC0415 - heavy

    if precision is not None and recall is not None:
        raise typer.BadParameter("hold one of --precision and --recall, not both")
    files = [word for word in labels if "=" not in word or Path(word).exists()]
    if len(files) != 1:
        raise typer.BadParameter("name one table of labels", param_hint="LABELS")
    words = [*(mapped or ()), *(word for word in labels if word not in files)]
    wanted = calibrated.Wanted(
        labels=Path(files[0]), out=out, audit=audit, policy=policy, name=name,
        precision=precision, recall=recall, mapped=tuple(words),
    )  # fmt: skip
    raise typer.Exit(calibrated.run(wanted))
