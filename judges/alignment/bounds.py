"""A word and those beside it in, whether a noun phrase begins, goes on or ends here out. Pure."""

from __future__ import annotations

from judges.alignment import words


def begins(word: str, following: list[str], chunk: list[str]) -> bool:
    """Whether a phrase begins here: the centre *four* red squares, a cup *blue* background."""
    if not chunk or qualifies(chunk[-1]):
        return False
    counted = word in words.COUNTS and chunk[-1] in words.UNSEEN
    return counted or (word in words.COLOURS and following == ["background"])


def joins(word: str, following: list[str], chunk: list[str]) -> bool:
    """Whether the word holds a phrase together: a cup *of* coffee, a black *and* white cat."""
    if word == "of" and chunk[-1:] == ["row"] and following and following[0] in words.COUNTS:
        return False
    if word == "of":
        return bool(chunk) and chunk[-1] in words.CONTAINERS | {"couple", "dozen"}
    if word == "and" and chunk and following:
        return all(map(qualifies, chunk)) and quality(chunk[-1]) and quality(following[0])
    return False


def quality(word: str) -> bool:
    """Whether a word says how a thing looks."""
    return word in words.ADJECTIVES or word in words.COLOURS


def ends(word: str, chunk: list[str], following: list[str]) -> bool:
    """Whether this word ends a noun phrase rather than being part of one."""
    if word in words.PREPOSITIONS | words.CONJUNCTIONS | words.PRONOUNS | words.AUXILIARIES:
        return True
    opened = bool(chunk) and (qualifies(chunk[-1]) or chunk[-1] == "and")
    if word in words.VERBS:
        return not opened
    if word in words.ADVERBS or (word.endswith("ly") and word not in words.NOT_ADVERBS):
        return not opened
    if quality(word) and word not in words.LONE:
        return bool(chunk) and not opened
    participle = (word.endswith("ing") and word not in words.ING_NOUNS) or (
        word.endswith("ed") and word not in words.ED_WORDS
    )
    return participle and len(word) > len("ring") and not (opened and following)


def qualifies(word: str) -> bool:
    """Whether a noun must still follow this word."""
    if word in words.DETERMINERS or word in words.COUNTS or quality(word):
        return True
    if word.endswith("ly"):
        return word not in words.NOT_ADVERBS
    participle = word.endswith(("ing", "ed")) and len(word) > len("ring")
    return word.endswith("'s") or (participle and word not in words.ING_NOUNS | words.ED_WORDS)
