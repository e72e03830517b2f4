"""docs/feedback.md says what the code does: its table and its example."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from advising import MISSPELLED, failed, score, unlike

from sentinel import feedback
from sentinel.contracts import Brief, Capabilities
from sentinel.feedback.driving import ORDER

PAGE = (Path(__file__).parent.parent / "docs" / "feedback.md").read_text("utf-8")


def row(mode: str, name: str) -> str:
    told = "Nothing is said."
    if name != "off":
        told = (feedback.STRATEGIES[name].__doc__ or "").split("\n", 1)[0]
    return f"| `{mode}` | `{name}` | {told} |"


def test_the_page_holds_the_table_of_strategies_as_it_is():
    head = "| failure mode | strategy | what it does |\n|---|---|---|\n"
    table, _, _ = PAGE.partition(head)[2].partition("\n\n")

    assert table.splitlines() == [row(mode, name) for mode, name in feedback.TABLE.items()]


def test_the_pages_example_is_what_comes_out():
    asked = Brief(prompt='a poster of two red cups, with the word "OPEN"', expected_text=("OPEN",))
    count = unlike("two red cups", "three red cups", "wrong_count")
    verdict, can = failed(score(MISSPELLED), score(count)), Capabilities()
    noted = feedback.advise(failed(score(count)), asked, asked=asked, capabilities=can)
    found = feedback.advise(verdict, asked, asked=asked, capabilities=can, told=[noted])

    assert f"asked   {asked.prompt}\n" in PAGE
    assert f"next    {found.brief.prompt}\n" in PAGE


def test_the_page_names_the_categories_in_their_order():
    words = {"text": "text", "face": "faces", "color": "colours", "alignment": "phrases of the prompt",
             "artifact": "artifacts"}  # fmt: skip

    assert ", ".join(words.get(each, each) for each in ORDER) in PAGE
