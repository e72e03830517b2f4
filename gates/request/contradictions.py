"""A brief in, where it contradicts itself out.

Rules that hardly ever fire on an honest brief: each is measured against thousands of public prompts
(benchmarks/request.py). What is likely but not certain lowers the score and refuses nothing.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterator

from PIL import ImageColor

from gates.request.negatives import asked_against
from gates.request.problem import Problem, shown
from gates.request.words import fold
from sentinel.contracts import Brief

ALIKE = 60
"""rapidfuzz ratio (0 to 100) below which two texts are different texts and not one misspelled."""

MOST_PAIRS = 400
"""Pairs of expected and quoted text above which they are not compared: it would only cost time."""

SATURATED = 0.35
"""HSV saturation and value from which a palette colour is plainly no grey."""

QUOTES = re.compile(r'"([^"\n]{1,200})"|“([^”\n]{1,200})”|«([^»\n]{1,200})»|「([^」\n]{1,200})」')
WRITES = re.compile(
    r"\b(says?|saying|reads?|reading|written|writes?|writing|texts?|words?|titled?|caption(ed)?"
    r"|labell?ed|label|lettering|letters|slogan|headline|inscribed|inscription|spell(s|ing)?"
    r"|printed|prints?|message|phrase|engraved|logo name)\b"
)
NEARBY = 40
"""Characters before a quotation in which a verb of writing makes it text to be drawn."""

GREY_STYLE = re.compile(
    r"^(?:(?:a|an|the|in|as) )*(?:black[ -]and[ -]white (?:photo(?:graph\w*)?|picture|image|film"
    r"|portrait|drawing|sketch|illustration|engraving|print|etching)|black[ -]and[ -]white$"
    r"|greyscale|grayscale|monochrome)\b|\bin (?:black[ -]and[ -]white|greyscale|grayscale)$"
)
"""A style for the whole picture begins or ends a clause; "a frame with a monochrome photograph" and
"a black and white cat" are things in it."""

HUES = re.compile(
    r"\b(red|orange|yellow|green|blue|purple|violet|pink|brown|gold\w*|cyan|teal|magenta|turquoise"
    r"|crimson|scarlet|colou?r(ful|ed|s)?|sepia|beige|tint\w*)\b"
)
NO_PEOPLE = re.compile(
    r"\b(no|without|without any|free of) (visible )?(people|persons?|humans?|faces?|portraits?)\b"
)
PEOPLE = {"people", "person", "persons", "human", "humans", "face", "faces", "portrait"}
NO_TEXT = re.compile(
    r"\b(no|without|without any|free of) (visible )?(text|words?|letters?|lettering|writing)\b"
)
PLAIN = re.compile(r"\b(plain|empty|blank|solid|seamless|transparent|uniform)( \w+)? background\b")
BUSY = re.compile(r"\b(busy|cluttered|crowded|complex|intricate|chaotic)( \w+)? background\b")

NUMBERS = (
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
COUNTED = re.compile(
    rf"\b({'|'.join(NUMBERS)}|[2-9]|1[0-2]) ((?:[a-z]+ ){{0,2}}?(?:[a-z]+s|people|men|women"
    r"|children|mice|geese|sheep|fish))\b(?=\s*(?:[,.;]|$|and\b))"
)
SOMEWHERE = re.compile(
    r"\b(left|right|top|bottom|above|below|under|over|behind|front|foreground|background|inside|outside"
    r"|other|another|more|each|first|second|then|while|remaining|rest|between|of the)\b"
)
"""Words by which two counts of one thing may both be meant ("two cups left, three cups right")."""


def contradictions(brief: Brief) -> Iterator[Problem]:
    """Each contradiction between two parts of the brief."""
    prompt = fold(brief.prompt or "")
    unquoted = QUOTES.sub(" ", prompt)
    negative = brief.negative_prompt or ""
    yield from asked_against(unquoted, fold(negative))
    yield from _texts(brief, prompt, unquoted)
    yield from _palette(brief, unquoted)
    yield from _faces(brief, unquoted, fold(negative))
    yield from _counts(unquoted)
    plain, busy = PLAIN.search(unquoted), BUSY.search(unquoted)
    if plain and busy:
        reason = f"the prompt asks for {shown(plain[0])} and for {shown(busy[0])}"
        yield Problem("contradiction", reason)


def quoted(prompt: str) -> list[str]:
    """What the prompt puts in quotes after a verb of writing, or in corner brackets."""
    found = []
    for match in QUOTES.finditer(prompt):
        before = prompt[max(0, match.start() - NEARBY) : match.start()].casefold()
        if match[4] or WRITES.search(before):
            found.append(next(group for group in match.groups() if group))
    return found


def _texts(brief: Brief, prompt: str, unquoted: str) -> Iterator[Problem]:
    expected = [text for text in brief.expected_text if _letters(text)]
    silent = NO_TEXT.search(unquoted)
    if expected and silent:
        reason = (
            f"the prompt says {shown(silent[0])}, and the text {shown(expected[0])} is expected"
        )
        yield Problem("contradiction", reason)
    wanted = quoted(prompt)
    if not 0 < len(expected) * len(wanted) <= MOST_PAIRS:
        return
    said = _letters(prompt)
    if any(_letters(text) in said for text in expected):
        return
    if any(_alike(text, other) for text in expected for other in wanted):
        return
    reason = (
        f"the prompt asks for the text {shown(wanted[0])}, and {shown(expected[0])} is expected"
    )
    yield Problem("contradiction", reason)


def _letters(text: str) -> str:
    return "".join(letter for letter in fold(text) if letter.isalnum())


def _alike(one: str, other: str) -> bool:
    from rapidfuzz import fuzz  # noqa: PLC0415 - needed only where texts are compared

    return float(fuzz.ratio(_letters(one), _letters(other))) >= ALIKE


def _palette(brief: Brief, unquoted: str) -> Iterator[Problem]:
    clauses = (clause.strip() for clause in re.split(r"[,.;\n]", unquoted))
    style = next(filter(None, map(GREY_STYLE.search, clauses)), None)
    if not style or HUES.search(unquoted):
        return
    for colour in brief.palette:
        if _saturated(colour):
            reason = f"the prompt asks for {shown(style[0])}, and the palette for {shown(colour)}"
            yield Problem("contradiction", reason)
            return


def _saturated(colour: str) -> bool:
    try:
        red, green, blue = ImageColor.getrgb(colour.strip())[:3]
    except ValueError:
        return False
    _, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    return saturation >= SATURATED and value >= SATURATED


def _faces(brief: Brief, unquoted: str, negative: str) -> Iterator[Problem]:
    if not any(reference.kind == "face" for reference in brief.references):
        return
    found = NO_PEOPLE.search(unquoted)
    against = PEOPLE.intersection(part.strip() for part in re.split(r"[,;\n]", negative))
    said = found[0] if found else next(iter(sorted(against)), None)
    if said is not None:
        where = "the prompt says" if found else "the negative prompt names"
        reason = f"{where} {shown(said)}, and a face reference is given"
        yield Problem("contradiction", reason)


def _counts(unquoted: str) -> Iterator[Problem]:
    if SOMEWHERE.search(unquoted):
        return
    first: dict[str, re.Match[str]] = {}
    for match in COUNTED.finditer(unquoted):
        one = first.setdefault(match[2], match)
        if _number(one[1]) != _number(match[1]):
            reason = f"the prompt asks for {shown(one[0])} and {shown(match[0])}"
            yield Problem("contradiction", reason)
            return


def _number(word: str) -> int:
    return NUMBERS.index(word) + 2 if word in NUMBERS else int(word)
