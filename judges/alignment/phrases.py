"""A prompt in, its phrases out: noun phrases with count, colour and place. Pure, rules only.

"a blue bird on the left of two red cups" becomes the phrases "a blue bird" and "two red cups" and
one place, "a blue bird left of two red cups". Words that ask for a manner ("8k, highly
detailed"), quoted text (the text judge reads it) and negations ("no people": a CLIP cannot see
what is absent) are set apart and named. The vocabulary is alignment_words.py; English only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from judges.alignment import words
from judges.alignment.bounds import begins, ends, joins, qualifies

LONGEST = 7
"""Words of a phrase; what is longer is no phrase but a sentence that the rules did not grasp."""

QUOTED = re.compile(
    r'"[^"]{0,200}"|“[^”]{0,200}”|„[^“”]{0,200}[“”]|«[^»]{0,200}»|「[^」]{0,200}」|『[^』]{0,200}』'
    r"|(?<!\w)['‘](?!s\b)[^'‘’]{1,200}['’](?!\w)"
)
MARKUP = re.compile(r"<[^<>]{0,200}>|(?<=:)\d+(?:\.\d+)?(?=\))|--\w+ \S+")
"""What diffusion front ends put into prompts: <lora:name:1>, (red car:1.3), --ar 16:9."""
TOKEN = re.compile(r"[^\W_]+(?:[’'./-][^\W_]+)*|[,.;:!?()\[\]{}|…–—\n]")
BREAK = frozenset(",.;:!?()[]{}|…–—\n")
LATIN = re.compile(r"[A-Za-z]")
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase. `words` as in the prompt, lower case; the indices point into them."""

    words: tuple[str, ...]
    noun: str
    count: int | None = None
    colour: int | None = None

    @property
    def text(self) -> str:
        """The phrase as a person reads it."""
        return " ".join(self.words)

    @property
    def plural(self) -> bool:
        """Whether more than one is meant."""
        if self.count is not None:
            return words.COUNTS[self.words[self.count]] > 1
        last = self.noun.split()[-1]
        singular = self.words[0] in ("a", "an") or last.endswith(("ss", "us", "is"))
        return last.endswith("s") and not singular


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: beside another phrase ("left of") or in the picture ("on the left")."""

    subject: Phrase
    place: str
    beside: Phrase | None = None

    @property
    def text(self) -> str:
        """The two phrases and the place between them."""
        tail = f" {self.beside.text}" if self.beside else ""
        return f"{self.subject.text} {self.place}{tail}"


@dataclass(slots=True)
class Phrases:
    """What the rules found in a prompt, in its order."""

    phrases: list[Phrase] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    style: list[str] = field(default_factory=list)
    negated: list[str] = field(default_factory=list)


def phrases(prompt: str) -> Phrases:
    """The phrases of a prompt; none where it is not written in Latin letters."""
    found = Phrases()
    if 2 * len(LATIN.findall(prompt)) < len(LETTER.findall(prompt)):
        return found
    plain = MARKUP.sub(" ", QUOTED.sub(" ", prompt)).lower().replace("’", "'")
    for fragment in _fragments(TOKEN.findall(plain)):
        if _manner(fragment):
            found.style.append(" ".join(fragment))
        else:
            _read(_without_style(fragment, found), found)
    return found


def _manner(fragment: Sequence[str]) -> bool:
    """Whether a fragment asks for a manner only: "highly detailed", "trending on artstation"."""
    small = words.CONJUNCTIONS | words.PREPOSITIONS
    asked = [word for word in fragment if word not in small]
    return bool(asked) and all(word in words.STYLE for word in asked)


def _fragments(tokens: Sequence[str]) -> list[list[str]]:
    made: list[list[str]] = [[]]
    for token in tokens:
        if token in BREAK:
            made.append([])
        else:
            made[-1].append(token)
    return [fragment for fragment in made if fragment]


def _without_style(fragment: list[str], found: Phrases) -> list[str]:
    """The fragment up to "in the style of …" or "by …" after a kind of picture."""
    for at, word in enumerate(fragment):
        manner = fragment[at : at + 4] == ["in", "the", "style", "of"]
        artist = word == "by" and (at == 0 or fragment[at - 1] in words.MEDIA)
        if manner or artist:
            found.style.append(" ".join(fragment[at:]))
            return fragment[:at]
    return fragment


@dataclass(slots=True)
class _State:
    """How far one fragment has been read."""

    chunk: list[str] = field(default_factory=list)
    last: Phrase | None = None
    place: tuple[Phrase, str] | None = None
    negated: bool = False
    linked: bool = False
    ground: bool = False
    unseen: tuple[str, ...] = ()


def _read(fragment: list[str], found: Phrases) -> None:
    state, at = _State(), 0
    while at < len(fragment):
        place, length = _place(fragment, at)
        if length:
            _close(state, found)
            _open_place(state, place, found)
            at += length
            continue
        _take(fragment, at, state, found)
        at += 1
    _close(state, found)


def _place(fragment: list[str], at: int) -> tuple[str, int]:
    """The place said here and its length in words; an order of things is "" and its length."""
    for length in range(min(words.LONGEST_PLACE, len(fragment) - at), 0, -1):
        said = " ".join(fragment[at : at + length])
        if said in words.PLACES:
            return words.PLACES[said], length
        if said in words.ROWS:
            return "", length
    return "", 0


def _open_place(state: _State, place: str, found: Phrases) -> None:
    if state.last is None or not place:
        return
    if place in words.OF:
        state.place = (state.last, place)
    else:
        found.places.append(Place(state.last, place))


def _take(fragment: list[str], at: int, state: _State, found: Phrases) -> None:
    """One word: into the chunk, or the end of it."""
    word, following = fragment[at], fragment[at + 1 : at + 2]
    if word in words.NEGATIONS:
        _close(state, found)
        state.negated = True
    elif joins(word, following, state.chunk):
        state.chunk.append(word)
    elif word in words.DETERMINERS or begins(word, following, state.chunk):
        _close(state, found)
        state.chunk.append(word)
    elif ends(word, state.chunk, following):
        _close(state, found, ender=word)
        state.linked, state.ground = word in words.AUXILIARIES, word in words.GROUNDS
    else:
        state.chunk.append(word)


def _close(state: _State, found: Phrases, ender: str = "") -> None:
    """Turn the chunk into a phrase, a colour of the last one, a negation or nothing."""
    chunk, state.chunk = state.chunk, []
    linked, state.linked = state.linked, False
    ground, state.ground = state.ground, False
    if not chunk:
        return
    if state.negated:
        state.negated = False
        found.negated.append(" ".join(chunk))
    elif chunk[-1] in words.MEDIA and ender in ("of", "in", "showing", "depicting", "with"):
        found.style.append(" ".join(chunk))
    elif linked and chunk[0] not in words.DETERMINERS | words.COUNTS.keys():
        _paint(state, chunk, found)
    elif ground and len(chunk) == 1 and chunk[0] in words.COLOURS:
        article = "an" if chunk[0][0] in "aeiou" else "a"
        _add([article, *chunk, "background"], state, found)
    else:
        _add(chunk, state, found)


def _add(chunk: list[str], state: _State, found: Phrases) -> None:
    phrase = phrase_of(chunk)
    if phrase is None:
        state.unseen = tuple(chunk) if chunk[-1] in words.UNSEEN else ()
        if chunk[-1] in words.STYLE_HEADS:
            found.style.append(" ".join(chunk))
        return
    found.phrases.append(phrase)
    state.unseen = ()
    if state.place and phrase.noun.split()[-1] not in words.UNSEEN:
        found.places.append(Place(state.place[0], state.place[1], phrase))
    state.place, state.last = None, phrase


def _paint(state: _State, chunk: list[str], found: Phrases) -> None:
    """Read "the car is red" as "the red car"; any other quality after a verb is no phrase."""
    before = state.last
    if len(chunk) > 1 or chunk[0] not in words.COLOURS:
        return
    if state.unseen:
        _add([*state.unseen[:-1], *chunk, state.unseen[-1]], state, found)
        return
    if before is None or before.colour is not None or before not in found.phrases:
        return
    at = len(before.words) - len(before.noun.split())
    painted = phrase_of([*before.words[:at], chunk[0], *before.words[at:]])
    if painted:
        found.phrases[found.phrases.index(before)] = painted
        state.last = painted


def phrase_of(chunk: Sequence[str]) -> Phrase | None:
    """The phrase of a chunk; None where it holds no thing: only qualities, style or a medium."""
    said = list(chunk)
    while said and (said[-1] == "of" or said[-1] in words.ADVERBS):
        said.pop()
    if not said or len(said) > LONGEST:
        return None
    start = 0
    while start < len(said) and (qualifies(said[start]) or said[start] == "and"):
        start += 1
    if start == len(said) > 1 and said[0] in words.DETERMINERS and said[-1] in words.LONE:
        start -= 1
    counts = [at for at in range(start) if said[at] in words.COUNTS]
    colours = [at for at in range(start) if said[at] in words.COLOURS]
    noun = said[start:]
    if not noun or noun[-1] in words.ALWAYS_MEDIA | words.STYLE_HEADS:
        return None
    if noun[-1] in words.UNSEEN and not colours and not counts:
        return None
    return Phrase(
        words=tuple(said),
        noun=" ".join(noun),
        count=counts[0] if len(counts) == 1 else None,
        colour=colours[0] if len(colours) == 1 else None,
    )
