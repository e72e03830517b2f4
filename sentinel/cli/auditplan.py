"""What an audit would find in, words for `sentinel audit --dry-run` out."""

from __future__ import annotations

import json

from rich.table import Table

from sentinel.audit.rehearsing import Rehearsed
from sentinel.cli import display
from sentinel.cli.auditbar import spoken

PROMPTED = {
    "table": "from a column", "json": "from a .json beside the picture",
    "text": "from a .txt beside the picture", "embedded": "from the picture itself",
}  # fmt: skip


def show(told: Rehearsed, *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        display.print_json(json.dumps(_plain(told), ensure_ascii=False))
        return
    console = display.out()
    table = Table.grid(padding=(0, 2))
    for name, words in _lines(told):
        table.add_row(display.safe(name, display.QUIET), display.safe(words))
    console.print(table)


def _lines(told: Rehearsed) -> list[tuple[str, str]]:
    account = told.account
    lines = [("source", told.source), ("policy", told.policy), ("pictures", f"{account.entries:,}")]
    lines += [("prompts", words) for words in _prompts(told)]
    for table in account.tables:
        lines.append(("table", table.name))
        lines += [("", f"{role} = {', '.join(used)}") for role, used in table.used.items()]
        if table.unused:
            lines.append(("", f"not used: {', '.join(table.unused)}"))
    if account.ignored:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in account.ignored.most_common(12))
        lines.append(("no pictures", f"{kinds} (left alone)"))
    lines += [("note", note) for note in account.notes]
    lines += [(each.code, f"{each.where}: {each.reason}") for each in told.problems]
    more = sum(account.problems.values()) - len(told.problems)
    lines += [("", f"and {more:,} more that cannot be entries")] if more > 0 else []
    lines += [("unreadable", f"{where}: {reason}") for where, reason in told.unreadable]
    lines += [("not run", f"{name}: {why}") for name, why in told.missing.items()]
    return [*lines, ("time", _time(told))]


def _prompts(told: Rehearsed) -> list[str]:
    counted = told.account.prompted
    words = [f"{counted[key]:,} {said}" for key, said in PROMPTED.items() if counted[key]]
    if without := counted[""]:
        seen = f"; {told.embedded} of {told.looked_at} looked at have one inside"
        words.append(f"{without:,} have none beside them" + (seen if told.looked_at else ""))
    return words


def _time(told: Rehearsed) -> str:
    if told.seconds is None:
        return "nothing to score"
    rate = told.account.entries / max(told.seconds, 1e-9)
    return f"about {spoken(told.seconds)} ({rate:.1f}/s, by {told.looked_at} pictures)"


def _plain(told: Rehearsed) -> dict[str, object]:
    account = told.account
    return {
        "source": told.source,
        "policy": told.policy,
        "pictures": account.entries,
        "problems": dict(account.problems),
        "first_problems": [
            {"key": each.key, "where": each.where, "status": each.code, "reason": each.reason}
            for each in told.problems
        ],
        "prompts": {key or "none": number for key, number in account.prompted.items()},
        "tables": [
            {"name": each.name, "used": each.used, "unused": each.unused} for each in account.tables
        ],
        "ignored": dict(account.ignored),
        "notes": account.notes,
        "looked_at": told.looked_at,
        "unreadable": [{"where": where, "reason": why} for where, why in told.unreadable],
        "embedded": told.embedded,
        "not_run": told.missing,
        "seconds": told.seconds,
    }
