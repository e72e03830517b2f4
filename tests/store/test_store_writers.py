"""Many writers at once lose nothing; a killed one leaves whole traces only."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from sentinel.store import Store, open_store
from sentinel.store.tables import EvaluationRow, OutcomeRow, RollupHour, TraceRow, table_of

WRITER = """
import sys
from pathlib import Path
from sentinel.contracts import Attempt, Brief, Score, Trace, Verdict
from sentinel.store import open_store

url, media, name, count, *same = sys.argv[1:]
score = Score(judge="text", version="1", value=0.5, threshold=0.7, reason="read")
verdict = Verdict(action="regenerate", standing="failed", score=0.5, outcomes=(score,) * 6, reason="-")
attempts = tuple(
    Attempt(number=n, brief=Brief(prompt=name), generator="fixed", verdict=verdict, seconds=0.1)
    for n in (1, 2, 3)
)
store = open_store(url, Path(media), 1)
for index in range(int(count)):
    trace = Trace(
        id=same[0] if same else f"{name}-{index:06}", created_ms=1_750_075_200_000 + index,
        policy="default", policy_fingerprint="0", mode="guard", brief=Brief(prompt=name),
        attempts=attempts[: 1 + index % 3], delivered=None,
    )
    store.traces.save(trace)
    print(trace.id, flush=True)
store.close()
"""


def writer(url: str, media: Path, *arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(media), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip


def total(store: Store, what: object) -> int:
    with store.engines.read.begin() as connection:
        return int(connection.execute(select(what)).scalar_one())


def assert_whole(store: Store, acknowledged: set[str]) -> None:
    """Every acknowledged trace is there, each with all its rows, and counted once."""
    trace = table_of(TraceRow).c
    with store.engines.read.begin() as connection:
        ids = set(connection.execute(select(trace.id)).scalars())
    evaluations = sum(len(store.traces.load(found).attempts) for found in ids)
    assert acknowledged <= ids
    assert evaluations == total(store, func.count(table_of(EvaluationRow).c.number))
    assert evaluations * 6 == total(store, func.count(table_of(OutcomeRow).c.position))
    assert evaluations == total(store, func.sum(table_of(RollupHour).c.evaluations))


def test_four_processes_that_start_and_write_at_once_lose_nothing(url: str, tmp_path: Path) -> None:
    writers = [writer(url, tmp_path / "media", name, 60) for name in "abcd"]
    told = [process.communicate(timeout=120) for process in writers]

    assert [process.returncode for process in writers] == [0] * 4, told
    store = open_store(url, tmp_path / "media", 1)
    acknowledged = {line for out, _ in told for line in out.splitlines()}
    assert len(acknowledged) == 240
    assert_whole(store, acknowledged)
    store.close()


def test_processes_that_save_the_same_trace_replace_it(url: str, tmp_path: Path) -> None:
    writers = [writer(url, tmp_path / "media", name, 30, "same") for name in "abc"]
    told = [process.communicate(timeout=120) for process in writers]

    assert [process.returncode for process in writers] == [0] * 3, told
    store = open_store(url, tmp_path / "media", 1)
    assert total(store, func.count(table_of(TraceRow).c.id)) == 1
    assert_whole(store, {"same"})
    store.close()


@pytest.mark.parametrize("lines", [1, 23])
def test_a_killed_writer_leaves_whole_traces_only(url: str, tmp_path: Path, lines: int) -> None:
    process = writer(url, tmp_path / "media", "a", 100_000)
    assert process.stdout is not None
    acknowledged = {process.stdout.readline().strip() for _ in range(lines)}
    process.kill()
    acknowledged |= {line for line in process.communicate()[0].split() if len(line) == 8}

    store = open_store(url, tmp_path / "media", 1)
    assert_whole(store, acknowledged)
    store.close()


def test_threads_save_and_load_side_by_side(store: Store, make) -> None:
    traces = [make("failed", "passed") for _ in range(40)]

    def there_and_back(trace) -> bool:
        store.traces.save(trace)
        return store.traces.load(trace.id) == trace

    with ThreadPoolExecutor(16) as pool:
        came_back = list(pool.map(there_and_back, traces))

    assert came_back == [True] * 40
    assert store.queries.overview().counts.evaluations == 80


def test_a_trace_loaded_while_it_is_replaced_is_the_old_or_the_new(store: Store, make) -> None:
    old = make("failed", "failed", "passed")
    new = make("undecided", "refused", id=old.id)
    store.traces.save(old)

    def replace() -> None:
        for _ in range(30):
            store.traces.save(new)
            store.traces.save(old)

    with ThreadPoolExecutor(1) as pool:
        replacing = pool.submit(replace)
        loaded = []
        while not replacing.done():
            loaded.append(store.traces.load(old.id))
        replacing.result()

    assert [trace for trace in loaded if trace not in (old, new)] == []
