"""Does feedback beat a blind new seed, at equal attempts? Held-out prompts in, figures out.

    python benchmarks/feedback.py [--prompts 300] [--development] [--out FOLDER]

Three arms over the same prompts, with the same first picture: *single* is that picture, *blind*
asks the same brief again with a new seed, *feedback* is the loop as it is served. All go through
`sentinel.loop` with the policy `poster-demo` and the generator `embedded`; each may make four
pictures, and stops where the panel passes one. What is right is said by training/checkers.py,
which the panel does not see: background, colours, shapes, count and word, all of them.

Prompts whose first picture is wrong are split in thirds by difficulty: the share of four more
seeds, in no arm, that come out right. Strategies are improved on `--development` prompts alone.
`feedback_figures.py` holds the statistics and draws the plot.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np
from feedback_figures import drawn, tables
from rich.console import Console
from rich.progress import track

from sentinel import feedback, imaging, registry
from sentinel.contracts import Brief, Change, Feedback, Runtime, Trace, Verdict
from sentinel.failover import Failover, Link
from sentinel.guarding import ChainMaker
from sentinel.loop import Order, Run, Staff, best_of
from sentinel.policy import Budget, builtin
from sentinel.seating import Seating
from sentinel.settings import Settings
from training import captions
from training.checkers import compare, look
from training.world import Spec, imagine

FIRST = {"held out": 7 * 10**8, "development": 6 * 10**8}
"""Seeds of the prompts; both kinds have words and pairs that training never showed."""

ATTEMPTS = 4
EASE = 4
"""Pictures by which a prompt's difficulty is told."""

APART = 10**6
"""These have seeds so far from any that an arm uses first."""

CHUNK = 10
"""Prompts that a process takes at a time."""


def main() -> None:
    """Run what is not in the folder yet, then print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("out/feedback"))
    asked = parser.parse_args()
    kind = "development" if asked.development else "held out"
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / f"{kind.replace(' ', '-')}.jsonl"
    done = {each["prompt"]: each for each in _lines(path)}
    todo = [at for at in range(asked.prompts) if at not in done]
    chunks = [todo[at : at + CHUNK] for at in range(0, len(todo), CHUNK)]
    with ProcessPoolExecutor(asked.workers, multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(_chunk, each, FIRST[kind]) for each in chunks]
        for ended in track(as_completed(running), "prompts by tens", total=len(running)):
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(each) + "\n" for each in ended.result())
    found = [each for each in _lines(path) if each["prompt"] < asked.prompts]
    for table in tables(found, kind):
        Console().print(table)
    drawn(found, kind).save(asked.out / f"{path.stem}.png")


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _chunk(prompts: Sequence[int], first: int) -> list[dict[str, Any]]:
    return asyncio.run(_arms(prompts, first))


async def _arms(prompts: Sequence[int], first: int) -> list[dict[str, Any]]:
    settings = Settings.read(threads=1)
    policy = builtin()["poster-demo"]
    policy = policy.model_copy(update={"budget": Budget(attempts=ATTEMPTS, seconds=3600)})
    seating = Seating(settings)
    chain = Failover([Link("embedded", registry.make("generator", "embedded", {}))])
    await chain.load(Runtime(threads=1))
    panel = await seating.seat(policy)
    advise = partial(feedback.advise, rule=policy.feedback)
    makers = [ChainMaker(chain)]
    staff = {
        "feedback": Staff(panel, makers, advise, feedback.strengthen),
        "blind": Staff(panel, makers, _blind, _nothing),
    }
    try:
        return [await _prompt(at, first + at, staff, chain) for at in prompts]
    finally:
        await chain.close()
        await seating.close()


async def _prompt(at: int, seed: int, staff: dict[str, Staff], chain: Failover) -> dict[str, Any]:
    """Both arms of one prompt; where the first picture passes they are one."""
    spec = imagine(seed, held_out=True)
    told = captions.full(spec, np.random.default_rng(seed))
    brief = Brief(prompt=told, width=spec.width, height=spec.height, seed=at)
    found: dict[str, Any] = {"prompt": at, "told": told, "difficulty": None}
    for arm, those in staff.items():
        if arm == "blind" and len(found["feedback"]) == 1:
            found[arm] = found["feedback"]  # the same picture, and it passed
            continue
        run = Run(Order(brief), those)
        trace = await run.go()
        found[arm] = _attempts(trace, run.pictures, spec)
    if not found["blind"][0]["right"]:
        extra = brief.model_copy(update={"seed": at + APART, "count": EASE})
        made = await chain.generate(extra)
        rights = [_marks(each.image, spec) for each in made.candidates]
        found["difficulty"] = 1 - float(np.mean([all(each.values()) for each in rights]))
    return found


def _attempts(trace: Trace, pictures: Any, spec: Spec) -> list[dict[str, Any]]:
    """Each attempt's marks by the checkers, and which would be delivered if it were the last."""
    found = []
    for attempt in trace.attempts:
        marks = _marks(pictures[attempt.number], spec)
        until = best_of(trace.attempts[: attempt.number])
        found.append(
            {
                "right": all(marks.values()),
                "marks": marks,
                "standing": attempt.verdict.standing,
                "score": attempt.verdict.score,
                "delivers": until.number if until else attempt.number,
                "prompt": attempt.brief.prompt,
                "lever": attempt.feedback.changes[0].category if attempt.feedback else None,
            }
        )
    return found


def _marks(image: bytes, spec: Spec) -> dict[str, bool]:
    marks = asdict(compare(look(imaging.read(image).pixels), spec))
    return {name: bool(right) for name, right in marks.items() if right is not None}


def _blind(_verdict: Verdict, sent: Brief, **_: Any) -> Feedback:
    """The same brief again."""
    change = Change(category="seed", change="a new seed", reason="this arm hears nothing")
    return Feedback(issues=(), changes=(change,), brief=sent)


def _nothing(sent: Brief, **_: Any) -> Feedback:
    return Feedback(issues=(), changes=(), brief=sent)


if __name__ == "__main__":
    main()
