"""`sentinel explain-feedback`, run as a user runs it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from advising import ASKED, MISSPELLED, NEGATIVE, PALETTE, failing

from sentinel import feedback
from sentinel.cli import main
from sentinel.cli.explained import words
from sentinel.contracts import Attempt, Brief, Change, Feedback, Trace
from sentinel.settings import Settings
from sentinel.store import open_store


@pytest.fixture
def sentinel(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("SENTINEL_DATABASE", raising=False)

    def run(*words):
        code = 0
        try:
            main(["explain-feedback", *words])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def attempt(number, brief, *, verdict=None, told=None, lever=None, seed=None, round_=0):
    return Attempt(
        number=number, brief=brief, generator="g", verdict=verdict or failing(MISSPELLED),
        feedback=told, lever=lever, seed=seed, round=round_ or number,
    )  # fmt: skip


def keep(*attempts, id_="T1", brief=ASKED):
    trace = Trace(
        id=id_, created_ms=1, policy="poster", policy_fingerprint="f", mode="guard", brief=brief,
        attempts=attempts, delivered=None, stopped_because="budget", reason="3 attempts are spent",
    )  # fmt: skip
    settings = Settings.read()
    store = open_store(settings.database_url, settings.media, settings.media_days)
    try:
        store.traces.save(trace)
    finally:
        store.close()


def story(asked=ASKED):
    verdict = failing(MISSPELLED, PALETTE)
    told = feedback.advise(verdict, asked, asked=asked, capabilities=NEGATIVE)
    first = attempt(1, asked, verdict=verdict, told=told, seed=7)
    keep(first, attempt(2, told.brief, lever="feedback", seed=812), brief=asked)
    return told


def test_words_that_came_and_numbers_that_changed_are_shown_with_their_reasons(sentinel):
    story()
    code, out, _ = sentinel("T1")
    flat = " ".join(out.split())

    assert code == 0
    assert "attempt 1 → attempt 2 by feedback" in out
    assert (
        'with the word "OPEN"{+. The text reads exactly "OPEN", spelled O-P-E-N. Palette:' in flat
    )
    assert "steps: 4 → 8" in out
    assert "seed: 7 → 812" in out
    assert f"because {MISSPELLED.detail}" in flat
    assert "ended: 3 attempts are spent" in out
    assert max(map(len, out.splitlines())) <= 80


def test_json_holds_the_same_in_one_object(sentinel):
    told = story()
    code, out, _ = sentinel("T1", "--json")
    found = json.loads(out)
    (rewrite,) = found["rewrites"]

    assert (code, found["trace_id"], found["attempts"]) == (0, "T1", 2)
    assert (rewrite["attempt"], rewrite["next"], rewrite["lever"]) == (1, 2, "feedback")
    assert (
        "".join(text for kind, text in rewrite["texts"]["prompt"] if kind != "gone")
        == told.brief.prompt
    )
    assert rewrite["numbers"] == {"steps": [4, 8], "seed": [7, 812]}
    assert [change["category"] for change in rewrite["changes"]] == ["text", "color"]


def test_the_first_picture_of_the_next_round_is_the_next_attempt(sentinel):
    told = feedback.advise(failing(MISSPELLED), ASKED, asked=ASKED, capabilities=NEGATIVE)
    keep(
        attempt(1, ASKED, told=told, round_=1), attempt(2, ASKED, round_=1),
        attempt(3, told.brief, round_=2),
    )  # fmt: skip

    assert "attempt 1 → attempt 3" in sentinel("T1")[1]


def test_feedback_that_no_attempt_followed_is_told_as_such(sentinel):
    told = feedback.advise(failing(MISSPELLED), ASKED, asked=ASKED, capabilities=NEGATIVE)
    keep(attempt(1, ASKED, told=told))

    assert "attempt 1, and no attempt after it" in sentinel("T1")[1]


def test_a_trace_without_feedback_says_so(sentinel):
    keep(attempt(1, ASKED))
    code, out, _ = sentinel("T1")

    assert code == 0
    assert "1 attempt ·" in out
    assert "no attempt was told anything" in out


def test_a_strangers_words_are_no_markup_and_move_no_cursor(sentinel):
    evil = "[bold]\x1b[2J[/bold] \u202e\nend"
    change = Change(category=evil, change=evil, reason=evil)
    brief = Brief(prompt=f"{evil} more", negative_prompt=evil)
    keep(
        attempt(
            1,
            Brief(prompt=evil),
            told=Feedback(issues=(), changes=(change,), brief=brief),
            lever=evil,
        ),
        brief=Brief(prompt=evil),
    )
    _, out, _ = sentinel("T1")
    flat = "".join(out.split())

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert flat.count("[bold]\\u001b[2J[/bold]\\u202eend") >= 4


@pytest.mark.parametrize("kept", [True, False], ids=["another trace", "no database"])
def test_a_trace_that_is_not_there_ends_with_2_and_makes_no_database(sentinel, tmp_path, kept):
    if kept:
        keep(attempt(1, ASKED))
    code, out, err = sentinel("T2")

    assert (code, out) == (2, "")
    assert "error: no trace 'T2' is stored" in err
    assert (tmp_path / "home" / "sentinel.db").exists() is kept


def test_its_help_shows_an_example_in_80_columns(sentinel):
    code, out, _ = sentinel("--help")

    assert code == 0
    assert "sentinel explain-feedback" in out.partition("Example")[2]
    assert max(map(len, out.splitlines())) <= 80


def test_words_are_compared_without_their_spaces_and_none_is_lost():
    steps = list(words("a red  cup\nof tea", "two red cups of tea."))

    assert "".join(text for kind, text in steps if kind != "gone") == "two red cups of tea."
    assert [(kind, text.strip()) for kind, text in steps] == [
        ("gone", "a"), ("new", "two"), ("same", "red"), ("gone", "cup"), ("new", "cups"),
        ("same", "of tea"), ("new", "."),
    ]  # fmt: skip


def test_endless_prompts_are_not_compared_for_ever():
    began = time.process_time()
    steps = list(words("a " * 20_000, "a " * 20_001))

    assert [kind for kind, _ in steps] == ["gone", "new"]
    assert time.process_time() - began < 2
