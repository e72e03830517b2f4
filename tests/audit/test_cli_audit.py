"""`sentinel audit` as a person and a CI job use it: words in, text and an exit code out."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sentinel.cli.auditbar import Tally, spoken

PAINTED = (250, 200, 40)


@pytest.fixture
def pictures(paints) -> None:
    for number, red in enumerate(PAINTED):
        paints(f"in/{number}.png", red)


def test_an_audit_says_what_passed_and_where_it_is_kept(sentinel, pictures, bench: Path):
    ran = sentinel("audit", "in", "--out", "out")

    assert ran.code == 0
    assert "2 of 3 pictures passed (66.7%)" in ran.err
    assert "kept in out" in ran.err
    assert ran.out == ""
    assert (bench / "out" / "report.json").exists()


def test_no_copy_of_a_picture_stands_in_the_folder(sentinel, pictures, bench: Path):
    sentinel("audit", "in", "--out", "out", "--quiet")
    picture = (bench / "in" / "0.png").read_bytes()
    found = [each for each in (bench / "out").rglob("*") if each.is_file()]

    assert found
    assert all(picture not in each.read_bytes() for each in found)


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--fail-under", "0.6"), 0), (("--fail-under", "0.7"), 1), (("--policy", "nothing"), 2),
     (("--map", "nothing=x"), 2), (("--limit", "0"), 2)],
    ids=["above the rate", "below the rate", "no such policy", "no such role", "no entries"],
)  # fmt: skip
def test_the_exit_code_tells_how_it_ended(sentinel, pictures, words, code):
    assert sentinel("audit", "in", "--out", "out", *words).code == code


def test_an_entry_that_could_not_be_scored_is_told_by_the_exit_code(sentinel, pictures, bench):
    (bench / "in" / "bad.png").write_bytes(b"")
    ran = sentinel("audit", "in", "--out", "out")

    assert ran.code == 3
    assert "1 unreadable" in ran.err
    assert sentinel("audit", "in", "--out", "out", "--fail-under", "0.9").code == 1


@pytest.mark.parametrize(
    ("worse", "code", "told"),
    [(8, 1, "No worse than before: missed, −40.0 points (McNemar, p = 0.008)."),
     (1, 0, "No worse than before: met, −5.0 points (McNemar, p = 1.000)."),
     (0, 0, "No worse than before: met, 0.0 points")],
    ids=["eight pictures less is worse", "one picture less is chance", "the same is no worse"],
)  # fmt: skip
def test_an_audit_that_is_worse_than_an_earlier_one_ends_with_1(
    sentinel, paints, worse, code, told
):
    for number in range(20):
        paints(f"in/{number}.png", 200 + number)
    assert sentinel("audit", "in", "--out", "before", "--quiet").code == 0

    for number in range(worse):
        paints(f"in/{number}.png", 20 + number)
    ran = sentinel("audit", "in", "--out", "now", "--no-worse-than", "before")

    assert ran.code == code
    assert told in ran.err


def test_a_baseline_that_is_no_audit_is_refused_before_anything_is_measured(
    sentinel, pictures, bench: Path
):
    ran = sentinel("audit", "in", "--out", "out", "--no-worse-than", "gone")

    assert ran.code == 2
    assert "holds no audit that has ended" in ran.err
    assert not (bench / "out").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("in",), "--out FOLDER"),
        (("gone", "--out", "out"), "neither a folder nor a file"),
        (("in", "--out", "in"), "choose another folder"),
        (("in", "--out", "."), "choose another folder"),
        (("in", "--out", "/proc/audit"), "cannot be written"),
        (("in", "other", "--out", "out"), "name one source, not 2"),
    ],
    ids=["no folder", "no source", "the source itself", "around it", "unwritable", "two sources"],
)
def test_wrong_usage_says_what_to_do(sentinel, pictures, words, told):
    ran = sentinel("audit", *words)

    assert ran.code == 2
    assert told in re.sub(r"[│\s]+", " ", ran.err)


def test_quiet_says_nothing(sentinel, pictures):
    ran = sentinel("audit", "in", "--out", "out", "--quiet")

    assert (ran.out, ran.err) == ("", "")


def test_json_lines_tell_each_entry_and_the_end(sentinel, pictures):
    ran = sentinel("audit", "in", "--out", "out", "--json-lines")
    *steps, end = [json.loads(line) for line in ran.out.splitlines()]

    assert ran.err == ""
    assert {each["key"]: each["passed"] for each in steps} == {
        "0.png": True, "1.png": True, "2.png": False,
    }  # fmt: skip
    assert end["pass_rate"] == pytest.approx(2 / 3)
    assert (end["exit"], end["statuses"]) == (0, {"scored": 3})


def test_columns_are_mapped_in_one_breath(sentinel, pictures, bench: Path):
    (bench / "t.csv").write_text("photo,words\nin/0.png,a red square\n")
    ran = sentinel("audit", "t.csv", "--map", "image=photo", "prompt=words", "--out", "out")
    row = json.loads((bench / "out" / "rows.jsonl").read_text())

    assert ran.code == 0
    assert row["prompt"] == "a red square"


def test_a_dry_run_tells_what_is_understood_and_writes_nothing(sentinel, pictures, bench: Path):
    (bench / "in" / "metadata.csv").write_text("file_name,prompt,shop\n0.png,red,a\ngone.png,x,b\n")
    (bench / "in" / "notes.md").write_text("hello")
    before = sorted(bench.rglob("*"))
    ran = sentinel("audit", "in", "--dry-run")

    assert ran.code == 3
    assert re.search(r"pictures +3", ran.out)
    assert "1 from a column" in ran.out
    assert "not used: shop" in ran.out
    assert "gone.png: there is no such file" in ran.out
    assert "1 .md" in ran.out
    assert re.search(r"time +about .*by 3 pictures", ran.out)
    assert [each for each in sorted(bench.rglob("*")) if "home" not in each.parts] == before


def test_a_dry_run_as_json_is_one_object(sentinel, pictures):
    ran = sentinel("audit", "in", "--dry-run", "--json-lines")
    told = json.loads(ran.out)

    assert ran.code == 0
    assert (told["pictures"], told["looked_at"], told["prompts"]) == (3, 3, {"none": 3})


def test_a_dry_run_of_an_empty_folder_has_nothing_to_score(sentinel, bench: Path):
    (bench / "empty").mkdir()
    ran = sentinel("audit", "empty", "--dry-run")

    assert ran.code == 0
    assert "nothing to score" in ran.out


def test_an_empty_folder_has_no_pass_rate_and_misses_every_target(sentinel, bench: Path):
    (bench / "empty").mkdir()

    assert sentinel("audit", "empty", "--out", "out").code == 0
    assert sentinel("audit", "empty", "--out", "out", "--fail-under", "0.1").code == 1


def test_a_name_cannot_move_the_terminals_cursor(sentinel, paints):
    paints("in/\x1b[2J[red]x.png", 40)
    ran = sentinel("audit", "in", "--out", "out", "--dry-run")

    assert "\x1b[2J" not in ran.out + ran.err


def test_in_a_terminal_rate_time_left_verdicts_and_the_worst_are_shown(paints, bench: Path):
    for number in range(60):
        paints(f"in/{number:02d}.png", 60 + 3 * number)
    ours, theirs = pty.openpty()
    words = ["audit", "in", "--out", "out", "--policy", "slow"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-m", "sentinel", *words], stderr=theirs, env=environment
    ) as running:
        os.close(theirs)
        shown = _everything(ours)
    os.close(ours)

    assert running.returncode == 0
    assert re.search(r"\d+\.\d/s, \d+ s left", shown)
    assert re.search(r"worst so far: 0\.\d\d .*\.png", shown)
    assert re.search(r"\d+ passed, \d+ failed, 0 refused", shown)


def _everything(descriptor: int) -> str:
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([descriptor], [], [], 1)[0]:
            continue
        try:
            shown += os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            break
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_time_left_is_told_in_two_units():
    assert [spoken(each) for each in (4.4, 70, 3700, 90_000)] == [
        "4 s", "1 min 10 s", "1 h 1 min", "25 h 0 min",
    ]  # fmt: skip
    assert Tally(9).left == "?"
