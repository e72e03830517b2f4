"""The brief as it was asked and remarks in, the next brief out. Pure.

The prompt is put together anew each time: remarks' phrases, the caller's own words whole and in
their order, remarks' sentences. So it never grows from one attempt to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sentinel.contracts import Brief, Capabilities
from sentinel.feedback.remarks import Remark
from sentinel.feedback.tokens import estimate

ADDED = 400
"""Characters that all remarks together add to a prompt at most: about as much as a text encoder
reads with care beside a usual prompt (CLIP's 77 tokens are some 350)."""

STOPS = ".!?…。\uff01\uff1f"
"""What ends a sentence, in full width too."""


def longest(asked: Brief) -> int:
    """Characters that no rewritten prompt exceeds."""
    return len(asked.prompt or "") + ADDED


def fits(prompt: str, asked: Brief, capabilities: Capabilities) -> bool:
    """Whether a prompt stays within the cap and within what the generator reads."""
    if len(prompt) > longest(asked):
        return False
    context = capabilities.context_tokens
    return context is None or estimate(prompt) <= context


def heeded(
    remarks: Sequence[Remark], asked: Brief, capabilities: Capabilities
) -> tuple[Remark, ...]:
    """The remarks for which there is room, the most important first in line.

    One without room for its words says it in fewer, or keeps its steps and size.
    """
    spoken: list[Remark] = []
    for remark in remarks:
        for each in _wordings(remark):
            words = each.front or each.back
            if not words or fits(prompted([*spoken, each], asked) or "", asked, capabilities):
                spoken.append(each)
                break
    return tuple(spoken)


def _wordings(remark: Remark) -> Iterator[Remark]:
    """A remark, in fewer words, and in none: then it keeps its steps and size."""
    yield remark
    if remark.shorter:
        yield replace(remark, back=remark.shorter)
    if rest := replace(remark, front="", back="", shorter=""):
        yield rest


def compose(
    remarks: Sequence[Remark], sent: Brief, *, asked: Brief, capabilities: Capabilities
) -> Brief:
    """The next brief; seed and all else that no remark speaks of stay as they were sent."""
    steps = [remark.steps for remark in remarks if remark.steps]
    sizes = [remark.size for remark in remarks if remark.size]
    changed: dict[str, object] = {"prompt": prompted(remarks, asked)}
    if capabilities.negative_prompt:
        changed["negative_prompt"] = _negative(remarks, asked)
    if steps:
        changed["steps"] = max(*steps, sent.steps or 0)
    if sizes:
        changed["width"], changed["height"] = sizes[0]
    return sent.model_copy(update=changed)


def prompted(remarks: Sequence[Remark], asked: Brief) -> str | None:
    """The caller's prompt with the remarks around it; exactly as it was where there are none."""
    fronts = list(dict.fromkeys(remark.front for remark in remarks if remark.front))
    backs = list(dict.fromkeys(remark.back for remark in remarks if remark.back))
    if not fronts and not backs:
        return asked.prompt
    own = (asked.prompt or "").strip()
    body = ", ".join([*fronts, own] if own else fronts)
    if body and backs and body[-1] not in STOPS:
        body += "."
    return " ".join([body, *backs] if body else backs)


def heard(remark: Remark, sent: Brief, asked: Brief) -> bool:
    """Whether a brief says all of a remark already, outside the caller's own words."""
    before, after = _around(sent.prompt or "", (asked.prompt or "").strip())
    _, negative = _around(sent.negative_prompt or "", (asked.negative_prompt or "").strip())
    return (
        remark.front in before
        and (remark.back in after or (bool(remark.shorter) and remark.shorter in after))
        and remark.unwanted in negative
        and (not remark.steps or (sent.steps or 0) >= remark.steps)
        and (not remark.size or (sent.width, sent.height) == remark.size)
    )


def _around(text: str, own: str) -> tuple[str, str]:
    """What stands before and after the caller's words; all of it twice where they are not there.

    Remarks may repeat short prompts, so it is up to where they stand last, and from where first.
    """
    if not own or own not in text:
        return text, text
    return text[: text.rfind(own)], text[text.find(own) + len(own) :]


def _negative(remarks: Sequence[Remark], asked: Brief) -> str | None:
    """The caller's negative prompt and what remarks do not want, within the cap."""
    own = (asked.negative_prompt or "").strip()
    told = own
    for words in dict.fromkeys(remark.unwanted for remark in remarks if remark.unwanted):
        longer = f"{told}, {words}" if told else words
        if len(longer) <= len(own) + ADDED // 2:
            told = longer
    return asked.negative_prompt if told == own else told
