"""kill -9 at any moment, run again: the same bytes as an audit that was never stopped."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sentinel.audit.conducting import locked
from sentinel.audit.rows import Rows
from sentinel.audit.run import BATCH

pytestmark = pytest.mark.timeout(120)

PICTURES = 80
KILLS = 2

Starts = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def pictures(paints) -> None:
    for number in range(PICTURES):
        paints(f"in/{number:03d}.png", 40 + 2 * number)


def _known_before(sentinel, out: str) -> int:
    """Entries that an audit goes on with and need not measure, by its own word."""
    ran = sentinel("audit", "in", "--out", out, "--policy", "slow", "--json-lines")
    assert ran.code == 0, ran.err
    return ran.out.count('"measured": false')


def _kill(starts: Starts, out: str, entries: int) -> int:
    """Start an audit and kill it when it has told of so many; how many it had told of then."""
    with starts("audit", "in", "--out", out, "--policy", "slow", "--json-lines") as running:
        told = "".join(running.stdout.readline() for _ in range(entries))
        running.send_signal(signal.SIGKILL)
        told += running.stdout.read()
    assert running.returncode == -signal.SIGKILL
    return told.count('"measured": true')


def test_an_audit_that_was_killed_and_gone_on_with_writes_the_same_bytes(
    bench: Path, pictures, starts: Starts, sentinel
):
    sentinel("audit", "in", "--out", "whole", "--policy", "slow", "--quiet")
    moments = random.Random(7)  # noqa: S311 - a test's dice
    for _ in range(KILLS):
        _kill(starts, "killed", moments.randint(1, 40))
    known = _known_before(sentinel, "killed")

    written = sorted(
        each.name
        for each in (bench / "whole").iterdir()
        if not each.name.startswith((".", "ledger"))
    )
    assert len(list(Rows(bench / "killed"))) == PICTURES
    assert 0 < known < PICTURES
    for name in written:
        assert (bench / "whole" / name).read_bytes() == (bench / "killed" / name).read_bytes(), name


def test_a_kill_costs_a_batch_at_most(bench: Path, pictures, starts: Starts, sentinel):
    done = _kill(starts, "out", 2 * BATCH)

    assert done >= 2 * BATCH
    assert _known_before(sentinel, "out") >= done - BATCH


def test_ctrl_c_finishes_what_is_in_the_house_and_says_how_to_go_on(
    bench: Path, pictures, starts: Starts, sentinel
):
    with starts("audit", "in", "--out", "out", "--policy", "slow", "--json-lines") as running:
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=30)

    assert running.returncode == 130
    assert "sentinel audit in --out out --policy slow --json-lines" in said
    assert '"interrupted": true' in told
    assert not (bench / "out" / "rows.jsonl").exists()
    assert 0 < _known_before(sentinel, "out") < PICTURES


def test_a_reader_of_its_lines_that_goes_away_interrupts_it(bench: Path, pictures, starts: Starts):
    with starts("audit", "in", "--out", "out", "--policy", "slow", "--json-lines") as running:
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()

    assert running.returncode == 130
    assert "To go on:" in said
    assert "Traceback" not in said


def test_a_second_audit_into_the_same_folder_is_refused(bench: Path, pictures, sentinel):
    with locked(bench / "out"):
        ran = sentinel("audit", "in", "--out", "out")

    assert ran.code == 2
    assert "another audit is writing into out" in ran.err
