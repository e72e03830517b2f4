"""Lines read and a phrase expected in, the best window and its difference out. Pure.

A window is a run of whole words in reading order: other writing in the picture does not hurt, and
a phrase is not found inside a longer word. Whole lines may also be put together in another order,
for writing in columns. The work is bounded whatever was read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from judges.text.letters import Rules, key
from judges.text.lines import Line
from judges.text.windows import CUT_OFF, NOTHING, NOWHERE, Piece, Window, compared

LETTERS_READ = 12_000
"""Letters of one look that are searched, in reading order: three pages of print."""

NEAR = 4
"""Words either side of the aligned stretch that a window may begin or end at."""

PIECES = 40
"""Lines considered when lines are put together in another order."""

TRIES = 2_000
"""Steps the search for another order of lines may take."""

CJK = "\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Scripts without spaces between words; a change to or from them ends a word."""

WORD = re.compile(rf"[{CJK}]+|[^\W_{CJK}]+(?:['’][^\W_{CJK}]+)*|[^\w\s]|_")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line: its letters by the rules, and the characters of the line it takes."""

    letters: str
    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """What one look read, ready to be searched: `starts[i]` is where word i begins in `letters`."""

    lines: tuple[Line, ...]
    words: tuple[Word, ...]
    letters: str
    starts: tuple[int, ...]


def page(lines: Sequence[Line], rules: Rules, phrases: Sequence[str] = ()) -> Page:
    """The words of the lines; a word that runs expected phrases together is cut between them."""
    wanted = [key(phrase, rules).letters.replace(" ", "") for phrase in phrases]
    words: list[Word] = []
    starts: list[int] = []
    letters = ""
    for index, line in enumerate(lines):
        for word in _words(line.text, index, rules, wanted):
            if len(letters) + len(word.letters) > LETTERS_READ:
                break
            letters += " " if letters and _apart(words[-1], word, lines, rules) else ""
            words.append(word)
            starts.append(len(letters))
            letters += word.letters
    return Page(tuple(lines), tuple(words), letters, tuple(starts))


def best_window(phrase: str, sheet: Page, rules: Rules) -> Window:
    """The window nearest to the phrase; NOTHING where nothing was read."""
    found = [_best(way, sheet, rules) for way in dict.fromkeys((phrase, _inverted(phrase)))]
    return max(found, key=lambda window: window.similarity)


def _inverted(phrase: str) -> str:
    """Readers take the inverted marks of Spanish for the letter they look like."""
    return phrase.replace("¡", "i").replace("¿", "i")


def _best(phrase: str, sheet: Page, rules: Rules) -> Window:
    wanted = key(phrase, rules)
    if not sheet.words or not wanted.letters:
        return NOTHING
    runs = _equal_runs(wanted.letters, sheet)
    another = _other_order(phrase, sheet, rules)
    runs += [another] if another else []
    whole = {run: _with_echo(run, wanted.letters, sheet) for run in runs}
    clean = [_window(run, sheet, 1.0) for run in runs if run == whole[run]]
    if clean:
        return max(clean, key=lambda found: found.confidence)
    if runs:
        window = _window(whole[runs[0]], sheet, 1.0)
        return compared(window, phrase, window.read, rules)
    run, similarity = _nearest_run(wanted.letters, sheet)
    window = _window(run, sheet, similarity)
    return compared(window, phrase, window.read, rules)


def cut_off(piece: str, read: str, phrase: str, rules: Rules) -> bool:
    """Whether `read`, the piece with a margin, shows a letter or two more joined to it.

    Letters of the phrase's own next words are not more.
    """
    letters, wide = key(piece, rules).letters, key(read, rules).letters
    if letters not in wide or wide in key(phrase, rules).letters:
        return False
    apart = _equal_runs(letters, page([Line(read, 1.0, NOWHERE)], rules))
    return not apart and len(wide) - len(letters) <= CUT_OFF


def merged(piece: str, read: str, rules: Rules) -> bool:
    """Whether `read`, the piece stretched, is the piece with letters doubled and nothing else."""
    letters, wide = key(piece, rules).letters, key(read, rules).letters
    return letters != wide and _singled(letters) == _singled(wide) and len(wide) > len(letters)


def _singled(letters: str) -> str:
    return "".join(letter for letter, _ in groupby(letters))


def _words(text: str, line: int, rules: Rules, wanted: Sequence[str]) -> Iterator[Word]:
    whole = key(text, rules)
    by_origin: defaultdict[int, str] = defaultdict(str)
    for letter, origin in zip(whole.letters, whole.origins, strict=True):
        by_origin[origin] += letter.strip()
    for found in WORD.finditer(text):
        start, end = found.span()
        letters = "".join(by_origin[index] for index in range(start, end))
        pieces = _cut(letters, wanted) if len(letters) == end - start else None
        for piece in pieces or ([letters] if letters else []):
            stop = start + len(piece) if pieces else end
            yield Word(piece, line, start, stop)
            start = stop


def _cut(letters: str, wanted: Sequence[str]) -> list[str] | None:
    """The phrases that make up the word, if it is two or more of them run together."""
    ways: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for phrase in wanted:
            begin = end - len(phrase)
            before = ways[begin] if phrase and begin >= 0 else None
            if before is not None and letters.endswith(phrase, 0, end):
                ways[end] = [*before, phrase]
                break
    found = ways[-1]
    return found if found and len(found) > 1 else None


def _apart(one: Word, other: Word, lines: Sequence[Line], rules: Rules) -> bool:
    if rules.spacing == "ignore":
        return False
    between = lines[one.line].text[one.end : other.start]
    return one.line != other.line or any(letter.isspace() for letter in between)


Run = tuple[tuple[int, int], ...]
"""Stretches of words, each from its first to its last, in the order in which they are read."""


def _equal_runs(letters: str, sheet: Page) -> list[Run]:
    """Every run of whole words that equals the letters."""
    begins = {start: index for index, start in enumerate(sheet.starts)}
    ends = {start + len(sheet.words[index].letters): index for start, index in begins.items()}
    runs: list[Run] = []
    at = sheet.letters.find(letters)
    while at >= 0 and len(runs) < PIECES:
        run = (begins.get(at, -1), ends.get(at + len(letters), -1))
        if min(run) >= 0:
            runs.append((run,))
        at = sheet.letters.find(letters, at + 1)
    return runs


def _with_echo(run: Run, letters: str, sheet: Page) -> Run:
    """The run, and its first or last letter if that stands beside it once more, all alone."""
    before, after = run[0][0] - 1, run[-1][1] + 1
    if len(letters) <= CUT_OFF:
        return run
    if before >= 0 and sheet.words[before].letters == letters[0]:
        return ((before, before), *run)
    if after < len(sheet.words) and sheet.words[after].letters == letters[-1]:
        return (*run, (after, after))
    return run


def _nearest_run(letters: str, sheet: Page) -> tuple[Run, float]:
    """The run of whole words with the fewest edits around the best aligned stretch."""
    aligned = fuzz.partial_ratio_alignment(letters, sheet.letters)
    first, last = (aligned.dest_start, aligned.dest_end) if aligned else (0, len(sheet.letters))
    begin = bisect_right(sheet.starts, first) - 1
    finish = bisect_right(sheet.starts, max(first, last - 1)) - 1
    top = len(sheet.words) - 1
    tried = [
        (one, other)
        for one in range(max(0, begin - NEAR), min(top, begin + NEAR) + 1)
        for other in range(max(one, finish - NEAR), min(top, finish + NEAR) + 1)
    ]
    tried += _line_runs(sheet)
    scored = [(Levenshtein.normalized_similarity(letters, _letters(run, sheet)), run)
              for run in tried]  # fmt: skip
    similarity, run = max(scored, key=lambda item: (item[0], item[1][0] - item[1][1]))
    return (run,), similarity


def _line_runs(sheet: Page) -> list[tuple[int, int]]:
    """Each line by itself."""
    spans: dict[int, tuple[int, int]] = {}
    for index, word in enumerate(sheet.words):
        spans[word.line] = (spans.get(word.line, (index, index))[0], index)
    return list(spans.values())


def _other_order(phrase: str, sheet: Page, rules: Rules) -> Run | None:
    """Whole lines that make up the phrase in an order other than the one they were read in."""
    letters = key(phrase, rules).letters
    breaks = _breaks(phrase, rules)
    gap = 1 if rules.spacing == "exact" else 0
    spans = [(run, _letters(run, sheet)) for run in _line_runs(sheet)]
    spans = [(run, text) for run, text in spans if text in letters][:PIECES]
    waiting: list[tuple[int, Run]] = [(0, ())]
    for _ in range(TRIES):
        if not waiting:
            return None
        at, used = waiting.pop()
        for run, text in spans:
            end = at + len(text)
            if run in used or not letters.startswith(text, at):
                continue
            if end == len(letters):
                return (*used, run)
            if end in breaks:
                waiting.append((end + gap, (*used, run)))
    return None


def _breaks(phrase: str, rules: Rules) -> frozenset[int]:
    """Where in the phrase's letters a line may end: after a word; after any CJK character."""
    found: set[int] = set()
    for match in re.finditer(rf"[{CJK}]|[^\s{CJK}]+", phrase):
        found.add(len(key(phrase[: match.end()], rules).letters))
    return frozenset(found)


def _letters(run: tuple[int, int], sheet: Page) -> str:
    first, last = run
    return sheet.letters[sheet.starts[first] : sheet.starts[last] + len(sheet.words[last].letters)]


def _window(run: Run, sheet: Page, similarity: float) -> Window:
    pieces: list[Piece] = []
    sure = 1.0
    for first, last in run:
        for number in range(sheet.words[first].line, sheet.words[last].line + 1):
            words = [word for word in sheet.words[first : last + 1] if word.line == number]
            if not words:
                continue
            line, start, end = sheet.lines[number], words[0].start, words[-1].end
            quad = line.part(start / len(line.text), end / len(line.text))
            pieces.append((line.text[start:end], quad))
            sure = min(sure, line.score)
    read = " ".join(text for text, _ in pieces)
    return Window(read, similarity, sure, pieces=tuple(pieces))
