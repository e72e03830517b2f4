"""Traces in, milliseconds out: a save beside a bare insert, and a rollup beside the raw rows.

    python benchmarks/store.py [--quick]

PostgreSQL is measured where SENTINEL_TEST_POSTGRES names a server; each run makes its own
database objects and drops them. A bare insert writes the same JSON as one row, one transaction.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import case, create_engine, func, insert, select, text
from ulid import ULID

from sentinel.contracts import (
    Attempt,
    Brief,
    Evidence,
    FailureMode,
    GateResult,
    Score,
    Trace,
    Verdict,
)
from sentinel.store import Store, open_store
from sentinel.store.queries import Filters
from sentinel.store.rollups import DAY_MS, HOUR_MS, rebuild
from sentinel.store.tables import EvaluationRow, FailureRow, TraceRow, table_of

NOON = 1_750_075_200_000
JUDGES = ("alignment", "artifacts", "background", "color", "fidelity", "likeness", "style", "text")
GATES = ("request", "integrity", "safety", "face")
PROCESSES = 4


def trace_of(number: int) -> Trace:
    """A typical scored picture: four gates, eight judges, one of which fails with an issue."""
    gates = tuple(
        GateResult(gate=gate, version="1", passed=True, reason="as asked") for gate in GATES
    )
    issue = FailureMode(category="text", subcategory="misspelled", detail="SALE reads SAIE")
    outcomes = tuple(
        Score(judge=judge, version="1", value=0.5 if judge == "text" else 0.9, threshold=0.7,
              reason="a sentence of about the usual length", measurements={"state": "match"},
              issues=(issue,) if judge == "text" else (), evidence=(Evidence(claim="here"),))
        for judge in JUDGES
    )  # fmt: skip
    verdict = Verdict(action="score", standing="failed", score=0.85, gates=gates,
                      outcomes=outcomes, reason="text is below its threshold")  # fmt: skip
    brief = Brief(prompt="A shop window with a red 'SALE' sign " * 8)
    attempt = Attempt(number=1, brief=brief, generator="unknown", verdict=verdict, seconds=0.8)
    return Trace(
        id=str(ULID()), created_ms=NOON + number, policy="default", policy_fingerprint="f00d",
        mode="score", brief=brief, attempts=(attempt,), delivered=1,
    )  # fmt: skip


@contextmanager
def databases() -> Iterator[dict[str, tuple[str, Path]]]:
    """URLs of empty databases, and a folder for each."""
    server = os.environ.get("SENTINEL_TEST_POSTGRES")
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": (f"sqlite:///{folder}/sentinel.db", Path(folder))}
        if server is None:
            yield urls
            return
        schema = f"bench_{uuid.uuid4().hex}"
        engine = create_engine(server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            url = f"{server}?options=-csearch_path%3D{schema}"
            yield urls | {"PostgreSQL": (url, Path(folder))}
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


def milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def saves(store: Store, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each save and of each bare insert, taken in turns."""
    with store.engines.write.begin() as connection:
        connection.execute(text("CREATE TABLE bare (id TEXT PRIMARY KEY, payload TEXT NOT NULL)"))
    bare = text("INSERT INTO bare VALUES (:id, :payload)")

    def insert_bare(values: dict[str, str]) -> None:
        with store.engines.write.begin() as connection:
            connection.execute(bare, values)

    saved, plain = [], []
    for number in range(count + 20):
        trace = trace_of(number)
        values = {"id": trace.id, "payload": trace.model_dump_json()}
        saved.append(milliseconds(lambda trace=trace: store.traces.save(trace)))
        plain.append(milliseconds(lambda values=values: insert_bare(values)))
    return saved[20:], plain[20:]


def write_for(url: str, folder: Path, seconds: float) -> list[float]:
    """Milliseconds of each save that one process makes in so many seconds."""
    store = open_store(url, folder / "media", 1)
    taken = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        trace = trace_of(len(taken))
        taken.append(milliseconds(lambda trace=trace: store.traces.save(trace)))
    store.close()
    return taken


def together(url: str, folder: Path, processes: int, seconds: float) -> list[float]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        runs = [pool.submit(write_for, url, folder, seconds) for _ in range(processes)]
        return [value for run in runs for value in run.result()]


def fill(store: Store, count: int, progress: Progress) -> None:
    """Evaluations over 90 days, straight into the tables, and their rollups."""
    rng = random.Random(1)  # noqa: S311 - the same rows every time
    task = progress.add_task(f"{count:,} synthetic evaluations", total=count)
    for start in range(0, count, 5000):
        stop = min(start + 5000, count)
        keys = {f"synthetic-{index:08}": synthetic(rng) for index in range(start, stop)}
        with store.engines.write.begin() as connection:
            connection.execute(
                insert(table_of(TraceRow)),
                [key | AS_TRACE | {"id": name} for name, key in keys.items()],
            )
            connection.execute(
                insert(table_of(EvaluationRow)),
                [key | AS_EVALUATION | {"trace_id": name} for name, key in keys.items()],
            )
            connection.execute(
                insert(table_of(FailureRow)),
                [
                    {"trace_id": name, "attempt": 1, "quality": "text", "subcategory": kind}
                    for name, key in keys.items()
                    for kind in rng.sample(("misspelled", "missing", "illegible"), k=1)
                    if key["standing"] == "failed"
                ],
            )
        progress.advance(task, stop - start)
    rebuild(store, NOON - 91 * DAY_MS)


AS_TRACE = {"policy_fingerprint": "", "attempts": 1, "action": "score", "delivered": 1,
            "stopped_because": None}  # fmt: skip
AS_EVALUATION = {"number": 1, "policy_fingerprint": "", "first": True, "superseded_by": None,
                 "delivered": False, "retried": False, "guarded": False, "added": 0.0,
                 "rank": 0.5, "failed_judges": 0, "picture": None, "fingerprint": None,
                 "width": 1024, "height": 1024}  # fmt: skip


def synthetic(rng: random.Random) -> dict[str, Any]:
    """What a trace and its evaluation share."""
    return {
        "created_ms": NOON - rng.randrange(90 * DAY_MS), "policy": "default", "category": "",
        "project": f"project-{rng.randrange(20)}", "model": f"model-{rng.randrange(5)}",
        "mode": rng.choice(["guard", "score"]), "seconds": rng.random(), "score": rng.random(),
        "standing": rng.choice(["passed"] * 8 + ["failed", "refused"]), "cost": 0.0,
        "payload": "{}", "brief": "{}",
    }  # fmt: skip


def best(work: Callable[[], object]) -> float:
    return min(milliseconds(work) for _ in range(5))


def reads(store: Store) -> list[tuple[str, float, float]]:
    """Question, milliseconds from rollups, milliseconds from raw rows."""
    evaluation, failure = table_of(EvaluationRow), table_of(FailureRow)
    created = evaluation.c.created_ms
    passed = func.sum(case((evaluation.c.standing == "passed", 1), else_=0))

    def raw(since: int, width: int, *conditions: Any) -> Callable[[], object]:
        bucket = created - created % width
        wanted = select(bucket, func.count(), passed).where(created >= since, *conditions)
        return lambda: ask(store, wanted.group_by(bucket))

    own = (failure.c.trace_id == evaluation.c.trace_id) & (failure.c.attempt == evaluation.c.number)
    modes = select(failure.c.quality, failure.c.subcategory, func.count()).join(evaluation, own)
    week, quarter, month = NOON - 7 * DAY_MS, NOON - 90 * DAY_MS, NOON - 30 * DAY_MS
    queries, end = store.queries, NOON + DAY_MS
    one = Filters(since_ms=week + DAY_MS, until_ms=end, model="model-1")
    monthly = modes.where(created >= month).group_by(failure.c.quality, failure.c.subcategory)
    return [
        ("pass rate per day, 90 days",
         best(lambda: queries.by_day(Filters(since_ms=quarter, until_ms=end))),
         best(raw(quarter, DAY_MS))),
        ("pass rate per hour, 6 days, one model", best(lambda: queries.by_hour(one)),
         best(raw(week + DAY_MS, HOUR_MS, evaluation.c.model == "model-1"))),
        ("failure modes, 30 days",
         best(lambda: queries.failure_modes(Filters(since_ms=month, until_ms=end))),
         best(lambda: ask(store, monthly))),
        ("newest 50 traces", best(queries.recent), math.nan),
    ]  # fmt: skip


def ask(store: Store, wanted: Any) -> object:
    with store.engines.read.begin() as connection:
        return connection.execute(wanted).all()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    few = parser.parse_args().quick
    console = Console()
    writing = Table("database", "save, median ms", "bare insert", "ratio", title="One process")
    crowd = Table("database", "processes", "saves/s", "median ms", "99 % ms", title="Together")
    reading = Table("database", "question", "rollup ms", "raw ms", title="Reading")
    with databases() as urls, Progress(console=console) as progress:
        for name, (url, folder) in urls.items():
            store = open_store(url, folder / "media", 1)
            saved, bare = map(statistics.median, saves(store, 40 if few else 400))
            writing.add_row(name, f"{saved:.2f}", f"{bare:.2f}", f"{saved / bare:.1f}")
            seconds = 1.0 if few else 5.0
            for processes in (1, PROCESSES):
                taken = sorted(together(url, folder, processes, seconds))
                crowd.add_row(name, str(processes), f"{len(taken) / seconds:.0f}",
                              f"{statistics.median(taken):.1f}",
                              f"{taken[int(len(taken) * 0.99)]:.1f}")  # fmt: skip
            fill(store, 10_000 if few else 100_000, progress)
            for question, rollup, raw in reads(store):
                shown = "-" if math.isnan(raw) else f"{raw:.1f}"
                reading.add_row(name, question, f"{rollup:.1f}", shown)
            store.close()
    for table in (writing, crowd, reading):
        console.print(table)


if __name__ == "__main__":
    main()
