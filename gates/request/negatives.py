"""A prompt and a negative prompt in, what is asked for and against at once out."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from functools import cache

from gates.request.problem import REMARK, WRONG, Problem, shown

LONGEST = 6
"""Words of a part of the negative prompt that is still a phrase and no sentence."""

HABITUAL_FILE = "habitual_negatives.txt"
"""What habitual negative prompts hold whatever the prompt says (the lists that Stable Diffusion
users pass on); met in the prompt it is a remark, because nobody read it."""

LITTLE = frozenset(("a", "an", "the", "of", "in", "on", "with", "any", "very", "some", "and", "or"))
GONE = re.compile(r"\b(?:no|without|free of|avoid|not|never|nor)\s+(?:\w+\s*){1,4}")
"""What the prompt itself rules out, up to the next sign: naming it in the negative agrees."""


def asked_against(prompt: str, negative: str) -> Iterator[Problem]:
    """Parts of the negative prompt that the prompt asks for; both already folded."""
    stems = _stems(GONE.sub(" ; ", prompt))
    asked = f" {' '.join(word for word in stems if word not in LITTLE)} "
    found = {"certain": "", "habitual": ""}
    unweighted = re.sub(r":\s*\d+(?:\.\d+)?", " ", negative)
    for part in dict.fromkeys(re.split(r"[,;.\n|()\[\]{}]", unweighted)):
        bare = re.sub(r"\b(?:no|without)\b", " ", part)
        words = [word for word in _stems(bare) if word not in LITTLE]
        if not words or len(words) > LONGEST or f" {' '.join(words)} " not in asked:
            continue
        kind = "habitual" if " ".join(_stems(bare)) in _habitual() else "certain"
        found[kind] = found[kind] or part.strip()
    for kind, part in found.items():
        if part:
            cost = WRONG if kind == "certain" else REMARK
            reason = f"the negative prompt names {shown(part)}, which the prompt asks for"
            yield Problem("contradiction" if kind == "certain" else "negative_habit", reason, cost)


@cache
def _habitual() -> frozenset[str]:
    file = importlib.resources.files("gates.request").joinpath(HABITUAL_FILE)
    text = file.read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _stems(text: str) -> list[str]:
    """Words in the singular; a sign between them is kept as a word of its own."""
    return [_singular(word) for word in re.findall(r"[^\W_]+|[;,.!?]", text)]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):  # noqa: PLR2004 - "ties" and shorter keep it
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")):  # noqa: PLR2004 - "gas"
        return word[:-1]
    return word
