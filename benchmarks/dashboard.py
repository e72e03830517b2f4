"""Evaluations by the million in, milliseconds of every question that the overview asks out.

    python benchmarks/dashboard.py [--evaluations 10000000] [--days 90] [--keep FOLDER]
        [--only SQLite|PostgreSQL]

Rows and rollups are written by the database itself, set by set: 800 combinations of project,
model, policy, category and mode, in every hour. Before anything is timed, rollups and rows are
compared: they must count the same. PostgreSQL is measured where SENTINEL_TEST_POSTGRES names a
server; what is written there is dropped at the end. The best of two seconds, in one process.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, func, select, text

from sentinel.store import Store, open_store
from sentinel.store.queries import PLACES, Filters, Wanted
from sentinel.store.rollup_tables import (
    GlanceDay,
    GlanceFailureDay,
    GlanceFailureHour,
    GlanceHour,
)
from sentinel.store.rollups import DAY_MS, HOUR_MS
from sentinel.store.tables import (
    EvaluationRow,
    FailureHour,
    RollupDay,
    RollupHour,
    Row,
    table_of,
)

END = 1_750_118_400_000  # 2025-06-17 00:00 UTC
PLACE = ", ".join(PLACES)
FEWEST = 5
TELLING = 5.0
"""Seconds from which on a step is worth a line."""

SERIES = {
    "sqlite": "(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < {n})"
              " SELECT i FROM s)",
    "postgresql": "(SELECT i FROM generate_series(0, CAST({n} - 1 AS bigint)) AS g(i))",
}  # fmt: skip

EVALUATION = """
INSERT INTO evaluation (trace_id, number, created_ms, project, model, policy, policy_fingerprint,
 category, mode, standing, first, superseded_by, delivered, retried, guarded, added, score, rank,
 failed_judges, picture, fingerprint, width, height, seconds, cost, brief, payload)
SELECT 't' || i, 1, {begin} + CAST(i * {step} AS bigint), 'project-' || (h % 20),
 'model-' || (h / 20 % 5), 'policy-' || (h / 100 % 2), 'fp-' || (i / {third}),
 'category-' || (h / 200 % 4), 'guard',
 CASE WHEN r < 895 THEN 'passed' WHEN r < 992 THEN 'failed' WHEN r < 999 THEN 'refused'
  ELSE 'undecided' END,
 true, NULL, true, r % 10 = 0, true, 1.5,
 CASE WHEN r < 992 THEN 1.0 - r / 1000.0 END, CASE WHEN r < 992 THEN 1.0 - r / 1000.0 ELSE -1 END,
 CASE WHEN r >= 895 AND r < 992 THEN 4 ELSE 0 END, NULL, NULL, 1024, 1024,
 0.5 + (r % 64) / 8.0, 0.0005, NULL, '{{}}'
FROM (SELECT i, i * 7919 % 800 AS h, i * 2654435761 % 4294967291 % 1000 AS r
 FROM {series} AS n) AS d
"""

FAILURE = """
INSERT INTO failure (trace_id, attempt, quality, subcategory)
SELECT trace_id, 1, CASE WHEN width % 2 = 0 AND created_ms % 3 = 0 THEN 'text' ELSE 'alignment' END,
 'kind-' || (created_ms % 5) FROM evaluation WHERE standing = 'failed'
"""

ROLLUP_HOUR = f"""
INSERT INTO rollup_hour (start_ms, {PLACE}, evaluations, passed, failed, refused, undecided, traces,
 first_passed, failed_judges, scored, score_millionths, microseconds, nanodollars, delivered,
 retried, guarded, added_microseconds)
SELECT created_ms - created_ms % {HOUR_MS}, {PLACE}, count(*),
 sum(CASE standing WHEN 'passed' THEN 1 ELSE 0 END),
 sum(CASE standing WHEN 'failed' THEN 1 ELSE 0 END),
 sum(CASE standing WHEN 'refused' THEN 1 ELSE 0 END),
 sum(CASE standing WHEN 'undecided' THEN 1 ELSE 0 END), count(*),
 sum(CASE standing WHEN 'passed' THEN 1 ELSE 0 END), sum(failed_judges), count(score),
 sum(CAST(round(coalesce(score, 0) * 1000000) AS bigint)),
 sum(CAST(round(seconds * 1000000) AS bigint)), sum(500000), count(*),
 sum(CASE WHEN retried THEN 1 ELSE 0 END), count(*), sum(1500000)
FROM evaluation GROUP BY created_ms - created_ms % {HOUR_MS}, {PLACE}
"""  # noqa: S608 - nothing in it comes from outside

FAILURE_HOUR = f"""
INSERT INTO failure_hour (start_ms, {PLACE}, quality, subcategory, n)
SELECT e.created_ms - e.created_ms % {HOUR_MS}, {PLACE}, quality, subcategory, count(*)
FROM failure JOIN evaluation AS e ON e.trace_id = failure.trace_id AND e.number = failure.attempt
GROUP BY e.created_ms - e.created_ms % {HOUR_MS}, {PLACE}, quality, subcategory
"""  # noqa: S608 - as above

IN_FORCE = f"""
INSERT INTO in_force_hour (policy, policy_fingerprint, model, start_ms, n)
SELECT policy, policy_fingerprint, model, created_ms - created_ms % {HOUR_MS}, count(*)
FROM evaluation GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - as above


def summed(source: type[Row], target: type[Row], kind: str | None = None) -> str:
    """The statement that sums one table of rollups up into a coarser one.

    With `kind` the target is by one name at a time: of that kind, or "" for all.
    """
    into = table_of(target)
    counted = [c.name for c in into.c if not c.primary_key]
    keys = [c.name for c in into.c if c.primary_key]
    day = f"start_ms - start_ms % {DAY_MS}" if into.name.endswith("day") else "start_ms"
    said = {"start_ms": day, "kind": f"'{kind}'", "name": kind or "''"}
    chosen = ", ".join([*(said.get(key, key) for key in keys), *(f"sum({c})" for c in counted)])
    groups = ", ".join(str(at + 1) for at in range(len(keys)))
    named = ", ".join([*keys, *counted])
    return f"INSERT INTO {into.name} ({named}) SELECT {chosen} FROM {table_of(source).name} GROUP BY {groups}"  # noqa: E501, S608 - nothing in it comes from outside


def statements(rows: str) -> Iterator[tuple[str, str]]:
    """What is written, in order, each with its name."""
    yield "rows", rows
    yield "failures", FAILURE
    yield "by the hour", ROLLUP_HOUR
    yield "failures by the hour", FAILURE_HOUR
    yield "in force", IN_FORCE
    yield "by the day", summed(RollupHour, RollupDay)
    for kind in ("", *PLACES):
        yield f"{kind or 'all'} by the hour", summed(RollupHour, GlanceHour, kind)
        yield f"{kind or 'all'} by the day", summed(RollupDay, GlanceDay, kind)
        yield f"{kind or 'all'}, failures", summed(FailureHour, GlanceFailureHour, kind)
        yield f"{kind or 'all'}, failures by the day", summed(FailureHour, GlanceFailureDay, kind)
    yield "statistics", "ANALYZE"


def fill(store: Store, evaluations: int, days: int, say: Callable[[str], None]) -> None:
    """Rows and rollups, by the database itself."""
    if store.engines.write.dialect.name == "sqlite":
        raw = store.engines.write.raw_connection()  # there is but one: its settings stay
        raw.cursor().execute("PRAGMA foreign_keys=OFF")
        raw.cursor().execute("PRAGMA temp_store=FILE")
        raw.close()
    with store.engines.write.connect() as connection:
        name = connection.dialect.name
        begin = END - days * DAY_MS
        values = {"begin": begin, "step": repr(days * DAY_MS / evaluations),
                  "third": max(1, evaluations // 3)}  # fmt: skip
        rows = EVALUATION.format(**values, series=SERIES[name].format(n=evaluations))
        if name == "postgresql":
            apart = "ALTER TABLE evaluation DROP CONSTRAINT fk_evaluation_trace_id"
            connection.exec_driver_sql(apart)
        for told, statement in statements(rows):
            start = time.perf_counter()
            connection.execute(text(statement))
            connection.commit()
            if (taken := time.perf_counter() - start) > TELLING:
                say(f"{name}: {told} in {taken:.0f} s")


def agree(store: Store, evaluations: int) -> bool:
    """Whether rows, hours and days count the same."""
    with store.engines.read.begin() as connection:
        raw = connection.execute(select(func.count()).select_from(table_of(EvaluationRow))).scalar()
        sums = [
            connection.execute(select(func.sum(table_of(table).c.evaluations))).scalar()
            for table in (RollupHour, RollupDay, GlanceHour, GlanceDay)
        ]
    kinds = 1 + len(PLACES)
    return [raw, *map(int, sums)] == [evaluations] * 3 + [evaluations * kinds] * 2


def questions(store: Store) -> dict[str, Callable[[], object]]:
    """Everything that the overview asks, over its ranges and with its filters; then the wall."""
    ask = store.queries
    found: dict[str, Callable[[], object]] = {"names to filter by": ask.names}
    for told, days in (("24 h", 1), ("7 d", 7), ("30 d", 30), ("90 d", 90)):
        whole = Filters(since_ms=END - days * DAY_MS, until_ms=END)
        one = Filters(since_ms=END - days * DAY_MS, until_ms=END, model="model-1")
        two = Filters(
            since_ms=END - days * DAY_MS, until_ms=END, model="model-1", project="project-1"
        )
        spans = ask.by_hour if whole.hourly else ask.by_day
        found |= {
            f"line and cards, {told}": lambda w=whole, s=spans: s(w),
            f"line and cards, {told}, one model": lambda w=one, s=spans: s(w),
            f"line and cards, {told}, one model and project": lambda w=two, s=spans: s(w),
            f"by category, {told}, one model": lambda w=one: ask.by("category", w),
            f"the range before, {told}": lambda w=whole: ask.counts(w),
            f"failure modes, {told}": lambda w=whole: ask.failure_modes(w),
            f"by category, {told}": lambda w=whole: ask.by("category", w),
            f"by model, {told}": lambda w=whole: ask.by("model", w),
            f"what changed, {told}": lambda w=whole: ask.turns(w),
            f"wall, the worst 60, {told}": lambda w=whole: ask.pictures(Wanted(w)),
        }
    return found


def best(work: Callable[[], object], seconds: float = 2.0) -> float:
    """Milliseconds of the quickest in so many seconds: machines have other work, too."""
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while len(taken) < FEWEST or time.perf_counter() < until:
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1000)
    return min(taken)


@contextmanager
def databases(keep: Path | None) -> Iterator[dict[str, str]]:
    """URLs of empty databases; `keep` is a folder whose SQLite file stays."""
    server = os.environ.get("SENTINEL_TEST_POSTGRES")
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{keep or folder}/sentinel.db"}
        if server is None:
            yield urls
            return
        schema = f"bench_{uuid.uuid4().hex}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            try:
                yield urls | {"PostgreSQL": f"{server}?options=-csearch_path%3D{schema}"}
            finally:
                connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--evaluations", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    given, console = parser.parse_args(), Console()
    taken: dict[str, dict[str, float]] = {}
    with databases(given.keep) as urls:
        for name, url in urls.items():
            if given.only not in (None, name):
                continue
            store = open_store(url, Path(tempfile.mkdtemp()), 0)
            fill(store, given.evaluations, given.days, console.print)
            if not agree(store, given.evaluations):
                raise SystemExit(f"{name}: rollups and rows do not count the same")
            taken[name] = {told: best(work) for told, work in questions(store).items()}
            store.close()
    table = Table("milliseconds", *taken, title=f"{given.evaluations:,} evaluations")
    for told in next(iter(taken.values())):
        table.add_row(told, *(f"{each[told]:.1f}" for each in taken.values()))
    console.print(table)


if __name__ == "__main__":
    main()
