"""How much of real prompts the phrase rules grasp, and what planning a prompt costs. No model.

    python benchmarks/alignment.py [--quick]

Prompts: the lists beside the checkout (GenEval's carry what each asks for: class, count, colour,
place). Tokens are counted as words here; a model's tokenizer adds its own time.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from judges.alignment import words
from judges.alignment.counterfactuals import singular
from judges.alignment.phrases import Phrase, Phrases, phrases
from judges.alignment.plan import Limits, clean, plan

PROMPTS = Path(__file__).parents[2] / "shared" / "data" / "prompts"
CONTEXT = 62
"""Words allowed per clause: SigLIP 2's 64 tokens without its marks."""


def lists() -> dict[str, list[str]]:
    """Every list of prompts, by name."""
    found = {"geneval": [row["prompt"] for row in _rows("geneval_shared.jsonl")],
             "dpg-bench": [row["prompt"] for row in _rows("dpgbench_shared.jsonl")]}  # fmt: skip
    with (PROMPTS / "partiprompts_shared.tsv").open(encoding="utf-8") as file:
        found["partiprompts"] = [row["Prompt"] for row in csv.DictReader(file, delimiter="\t")]
    for path in sorted((PROMPTS / "t2icompbench").glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        found[f"t2i {path.stem.removesuffix('_train')}"] = [line for line in lines if line.strip()]
    return found


def _rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (PROMPTS / name).read_text(encoding="utf-8").splitlines()]


def coverage(quick: bool) -> Table:  # noqa: FBT001 - one switch of one script
    table = Table(title="Phrases found", caption="covered: words of content that lie in a phrase")
    for head in ("list", "prompts", ">= 1 phrase", "phrases", "with place", "covered", "ms"):
        table.add_column(head, justify="left" if head == "list" else "right")
    for name, prompts in track(lists().items(), "reading"):
        chosen = prompts[:50] if quick else prompts
        start = time.perf_counter()
        made = [phrases(prompt) for prompt in chosen]
        seconds = time.perf_counter() - start
        table.add_row(
            name, str(len(chosen)), f"{_share(bool(each.phrases) for each in made):.3f}",
            f"{sum(len(each.phrases) for each in made) / len(made):.1f}",
            f"{_share(bool(each.places) for each in made):.3f}",
            f"{_covered(chosen, made):.3f}", f"{1000 * seconds / len(chosen):.2f}",
        )  # fmt: skip
    return table


def _share(claims) -> float:  # noqa: ANN001 - any iterable of booleans
    said = list(claims)
    return sum(said) / len(said)


def _covered(prompts: list[str], made: list[Phrases]) -> float:
    small = words.DETERMINERS | words.PREPOSITIONS | words.CONJUNCTIONS | words.AUXILIARIES
    small |= words.PRONOUNS | words.VERBS | words.ADVERBS | words.STYLE
    total = hit = 0
    for prompt, found in zip(prompts, made, strict=True):
        held = {word for phrase in found.phrases for word in phrase.words}
        asked = [word.strip(".,;:!?\"'()").lower() for word in prompt.split()]
        asked = [word for word in asked if word and word not in small]
        total, hit = total + len(asked), hit + sum(word in held for word in asked)
    return hit / total


def geneval() -> Table:
    """Whether the rules find what each GenEval prompt is tagged with."""
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for row in _rows("geneval_shared.jsonl"):
        found = phrases(row["prompt"])
        for thing in row["include"]:
            for part, good in _checks(thing, row, found):
                asked[row["tag"], part] += 1
                right[row["tag"], part] += good
    table = Table(title="GenEval: what is tagged, and found")
    for head in ("tag", "class", "count", "colour", "place"):
        table.add_column(head, justify="left" if head == "tag" else "right")
    for tag in dict.fromkeys(tag for tag, _ in asked):
        shown = [f"{right[tag, part]} / {asked[tag, part]}" if asked[tag, part] else "–"
                 for part in ("class", "count", "colour", "place")]  # fmt: skip
        table.add_row(tag, *shown)
    return table


def _checks(thing: dict, row: dict, found: Phrases) -> list[tuple[str, bool]]:
    phrase = _of(thing["class"], found)
    made = [("class", phrase is not None)]
    if row["tag"] == "counting":
        number = phrase and phrase.count is not None and words.COUNTS[phrase.words[phrase.count]]
        made.append(("count", number == thing["count"]))
    if "color" in thing:
        said = phrase and phrase.colour is not None and phrase.words[phrase.colour]
        made.append(("colour", said == thing["color"]))
    if "position" in thing:
        place, index = thing["position"]
        beside = _of(row["include"][index]["class"], found)
        made.append(("place", any((each.subject, each.place, each.beside) == (phrase, place, beside)
                                  for each in found.places)))  # fmt: skip
    return made


def _of(name: str, found: Phrases) -> Phrase | None:
    wanted = [singular(word) for word in name.lower().split()]
    for phrase in found.phrases:
        said = [singular(word) for word in phrase.words]
        if said[-len(wanted) :] == wanted:
            return phrase
    return None


def costs() -> Table:
    table = Table(title="Planning a prompt (split, read, contrast), words as tokens")
    for head in ("prompt", "clauses", "checks", "texts to embed", "ms"):
        table.add_column(head, justify="left" if head == "prompt" else "right")
    longest = max(lists()["dpg-bench"], key=len)
    huge = (longest + " ") * (20_000 // len(longest))
    short = "a red car and two dogs"
    for name, prompt in ((short, short), ("longest of DPG", longest), ("20,000 characters", huge)):
        start = time.perf_counter()
        made = plan(clean(prompt), lambda text: len(text.split()), Limits(CONTEXT, 16, 16))
        spent = time.perf_counter() - start
        texts = {text for check in made.checks for text in (check.true, *check.others)}
        table.add_row(name, str(len(made.judged)), str(len(made.checks)),
                      str(len(texts | set(made.judged))), f"{1000 * spent:.1f}")  # fmt: skip
    return table


def main() -> None:
    if not PROMPTS.is_dir():
        print("the folder of prompt lists is not beside the checkout (../shared/data/prompts)")
        return
    console = Console()
    console.print(coverage("--quick" in sys.argv))
    console.print(geneval())
    console.print(costs())


if __name__ == "__main__":
    main()
