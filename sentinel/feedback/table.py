"""The table: which strategy answers which failure mode. A policy may answer otherwise.

`[feedback.strategies]` of a policy maps a category ("text") or one kind of it ("text.misspelled")
to a name of STRATEGIES or to "off". The policy's word goes before this table's, and a kind goes
before its category.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from sentinel.contracts import FailureMode
from sentinel.feedback import looks, phrases
from sentinel.feedback.remarks import Strategy
from sentinel.policy import FeedbackRule

STRATEGIES: dict[str, Strategy] = {
    "spell-text": phrases.spell_text,
    "phrase-first": phrases.phrase_first,
    "count-bound": phrases.count_bound,
    "colour-bound": phrases.colour_bound,
    "place-first": phrases.place_first,
    "clause-first": phrases.clause_first,
    "plain-background": phrases.plain_background,
    "palette-named": looks.palette_named,
    "face-formed": looks.face_formed,
    "face-alike": looks.face_alike,
    "faces-counted": looks.faces_counted,
    "neutral-form": looks.neutral_form,
    "style-nearer": looks.style_nearer,
    "cleaner": looks.cleaner,
    "new-seed": looks.new_seed,
}

TABLE: dict[str, str] = {
    "text": "spell-text",
    "text.unsupported_script": "off",
    "alignment.missing_object": "phrase-first",
    "alignment.wrong_count": "count-bound",
    "alignment.wrong_colour": "colour-bound",
    "alignment.wrong_position": "place-first",
    "alignment.other": "clause-first",
    "color": "palette-named",
    "face": "face-formed",
    "face.not_alike": "face-alike",
    "face.no_face": "faces-counted",
    "face.too_few_faces": "faces-counted",
    "face.too_many_faces": "faces-counted",
    "background": "plain-background",
    "style": "style-nearer",
    "safety": "neutral-form",
    "artifact": "cleaner",
    "integrity": "new-seed",
}
"""A category that stands nowhere is left to another seed."""


def strategy_for(issue: FailureMode, chosen: Mapping[str, str]) -> Strategy | None:
    """Whose answer an issue gets; None where it is switched off or nobody has one."""
    kind = f"{issue.category}.{issue.subcategory}"
    for names in (chosen, TABLE):
        for key in (kind, issue.category):
            if key in names:
                return STRATEGIES.get(names[key])
    return None


def unheard(rule: FeedbackRule) -> tuple[str, ...]:
    """What a rule names and nothing that ships reports, in words: a slip, or a plugin of yours."""
    known = {key.partition(".")[0] for key in TABLE}
    named = [("strategies", key) for key in rule.strategies]
    named += [("confirm", key) for key in rule.confirm]
    return tuple(
        f"feedback.{field} names {key!r}, which nothing that ships reports{_meant(key, known)}"
        for field, key in named
        if key.partition(".")[0] not in known
    )


def _meant(key: str, known: set[str]) -> str:
    close = difflib.get_close_matches(key.partition(".")[0], sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
