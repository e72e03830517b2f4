"""What the text and alignment judges miss in, remarks out: quoted again, spelled out, put first.

Wording is what FLUX takes literally and what the generator of the small posters was trained on:
a phrase before the prompt, the text in quotes with its letters apart, a plain background. That
generator reads 280 words, and all else letter by letter, so these sentences use no others.
"""

from __future__ import annotations

import re

from sentinel.contracts import Brief
from sentinel.feedback.colours import BASIC
from sentinel.feedback.remarks import Case, Remark, unwanted
from sentinel.feedback.sizes import more_steps

SPELLED = 24
"""Letters that are spelled out at most: each costs two tokens."""

LONGEST = 120
"""Characters of a phrase that is moved; what is longer is a prompt of its own."""

SPELLABLE = 0x0590
"""Letters of Latin, Greek, Cyrillic and Armenian stand apart; scripts from here on may not."""

LITERAL = re.compile(r"""'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)\"""")
"""A phrase or a reading as judges quote it (Python's repr)."""

ESCAPE = re.compile(
    r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U(00(?:0[0-9a-f]|10)[0-9a-f]{4})|([\\'\"nrt]))"
)
"""What repr writes for letters that cannot be seen, and for quotes."""

UNLIKE = re.compile(
    r"'(?P<phrase>.+)' is not what the picture shows: it looks more like '(?P<rival>.+)'", re.DOTALL
)
CLAUSE = re.compile(r"the picture does not look like '(?P<phrase>.+)'", re.DOTALL)
"""How the alignment judge says it."""

NUMBERS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
    "eight": "8", "nine": "9", "ten": "10", "a": "1", "an": "1", "single": "1",
}  # fmt: skip

ON_GROUND = re.compile(rf"\b({'|'.join(BASIC)}|gray)\s+(?:back)?ground\b", re.IGNORECASE)


def spell_text(case: Case) -> Remark | None:
    """The text quoted again and spelled out; again: large, clear letters, and the most steps."""
    quoted = [_unescaped(one or other) for one, other in LITERAL.findall(case.issue.detail)]
    asked = _expected(case.asked, quoted[0] if quoted else "")
    if not asked:
        return None
    letters = spelled(asked, quoted[1] if len(quoted) > 1 else "")
    marks = "“{}”" if '"' in asked else '"{}"'
    words = "Large, clear letters: {}." if case.again else "The text reads exactly {}."
    said = marks.format(asked)
    if case.again:
        letters = letters.removeprefix("spelled ")
    steps = more_steps(case.asked.steps, case.capabilities, most=case.again)
    return Remark(
        f"text:{asked.casefold()}",
        back=words.format(f"{said}, {letters}" if letters else said),
        shorter=words.format(said),
        steps=steps,
    )


def spelled(text: str, read: str) -> str:
    """Such as "spelled O-P-E-N"; of a long text only the words that were not read."""
    words = text.split()
    if sum(map(len, words)) > SPELLED:
        have = read.casefold().split()
        words = [word for word in dict.fromkeys(words) if word.casefold() not in have]
    fine = [word for word in words if word.isalnum() and max(map(ord, word)) < SPELLABLE]
    if not fine or sum(map(len, fine)) > SPELLED:
        return ""
    apart = {word: "-".join(word) for word in fine}
    if fine == text.split():
        return "spelled " + " ".join(apart[word] for word in fine)
    return ", ".join(f"{word} spelled {letters}" for word, letters in apart.items())


def phrase_first(case: Case) -> Remark | None:
    """The phrase before the prompt; again: large and clear, besides."""
    phrase, _ = _phrase(case)
    return _led(case, phrase, f"Large and clear: {phrase}.")


def count_bound(case: Case) -> Remark | None:
    """The number with its things before the prompt; again: "exactly", and in figures."""
    phrase, _ = _phrase(case)
    figures = " ".join(NUMBERS.get(word, word) for word in phrase.split())
    return _led(case, phrase, f"Exactly {figures}.")


def colour_bound(case: Case) -> Remark | None:
    """The colour with its thing before the prompt; again: said once more of the thing alone."""
    phrase, rival = _phrase(case)
    words = phrase.split()
    colour = _differing(words, rival.split())
    if words[-1:] == ["background"]:
        return plain(case, colour) if colour in BASIC or colour == "gray" else phrase_first(case)
    thing = " ".join(words[words.index(colour) + 1 :]) if colour else ""
    return _led(case, phrase, f"Exactly {colour}: the {thing}." if thing else "")


def place_first(case: Case) -> Remark | None:
    """Where things stand before the prompt; again: "exactly", besides."""
    phrase, _ = _phrase(case)
    return _led(case, phrase, f"Exactly {phrase}.")


def clause_first(case: Case) -> Remark | None:
    """A part of the prompt before all of it; nothing where the part is all there is."""
    found = CLAUSE.fullmatch(case.issue.detail)
    clause = " ".join(found["phrase"].split()).strip(" .,;:") if found else ""
    whole = " ".join((case.asked.prompt or "").split())
    if clause not in whole or 2 * len(clause) > len(whole) or len(clause) >= LONGEST:
        return None
    return _led(case, clause, f"Large and clear: {clause}.")


def plain_background(case: Case) -> Remark | None:
    """A plain background, in the colour that the prompt gives it; again: said of it alone."""
    found = ON_GROUND.search(case.asked.prompt or "")
    return plain(case, found[1].lower() if found else "")


def plain(case: Case, colour: str) -> Remark:
    """A plain background of a colour, or of any."""
    hue = f"{colour} " if colour else ""
    back = f"The background is plain {colour or 'and clean'}." if case.again else ""
    return Remark(
        "background", front=f"plain {hue}background", back=back,
        unwanted=unwanted(case, "cluttered background, textured background"),
    )  # fmt: skip


def _unescaped(text: str) -> str:
    """What repr made of a text, undone."""
    return ESCAPE.sub(
        lambda found: chr(int(code, 16)) if (code := found[1] or found[2] or found[3])
        else {"n": "\n", "r": "\r", "t": "\t"}.get(found[4], found[4]),
        text,
    )  # fmt: skip


def _led(case: Case, phrase: str, stronger: str) -> Remark | None:
    """The phrase in front; the sentence where the prompt begins with it, or it was of no use."""
    if not phrase or len(phrase) > LONGEST:
        return None
    leads = (case.asked.prompt or "").strip().casefold().startswith(phrase.casefold())
    return Remark(
        f"phrase:{phrase}",
        front="" if leads and not case.again else phrase,
        back=stronger if case.again or leads else "",
    )


def _phrase(case: Case) -> tuple[str, str]:
    """The phrase that lost, and what the picture looks more like; empty where it is not told."""
    if found := UNLIKE.fullmatch(case.issue.detail):
        return found["phrase"], found["rival"]
    return "", ""


def _differing(words: list[str], rival: list[str]) -> str:
    """The word that the rival has otherwise, articles aside; empty where they differ in more."""
    if len(words) != len(rival):
        return ""
    pairs = zip(words, rival, strict=True)
    found = [mine for mine, other in pairs if mine != other and mine not in ("a", "an")]
    return found[0] if len(found) == 1 else ""


def _expected(asked: Brief, told: str) -> str:
    """The phrase a judge speaks of, if the brief asks for it; else the only one it asks for."""
    said = " ".join((asked.prompt or "").split())
    texts = [" ".join(text.split()) for text in asked.expected_text]
    if told and (told in texts or told in said):
        return told
    return texts[0] if len(texts) == 1 else ""
