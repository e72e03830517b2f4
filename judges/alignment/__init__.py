"""A picture and its prompt in, how well the one shows the other out, phrase by phrase.

One similarity between a picture and a whole prompt says little (docs/judges/alignment.md); here
each phrase of the prompt is held against generated counterfactuals, and one that loses is a named
issue. The prompt's clauses are held against fixed decoys besides. Model: open_clip, by default
SigLIP 2 ViT-B/16 (Apache-2.0). Blind spots: binding (whose colour it is), counts above six,
negations, small things in large scenes, writing (the text judge reads it), prompts not in English
(judged as whole clauses only).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import JsonValue

from judges.alignment.counterfactuals import (
    Contrast,
    decoys,
    decoys_of,
    plural,
    things_of,
    with_article,
)
from judges.alignment.plan import SHOWN, Limits, Plan, clean, plan
from sentinel.contracts import (
    Declined,
    Evidence,
    FailureMode,
    ModelCard,
    Reading,
    Runtime,
    Sample,
)
from sentinel.detectors.clip import CARDS, DEFAULT, ClipModel, Vectors, open_model
from sentinel.errors import ConfigError

SURE = frozenset({"object", "colour"})
"""Checks that may decide the worst phrase. Counts and places only weigh in the mean: published
models are near chance on them (docs/judges/alignment.md), and must not fail a picture alone. A
model whose configuration says what it was measured to tell decides by all of that."""
WORST, MEAN, WHOLE = 0.5, 0.3, 0.2
"""Weights of the worst phrase, of the mean of all checks and of the whole prompt. Chosen, not
fitted: one phrase that clearly loses brings the value under 0.5 however many others hold."""
ISSUES = {"object": "missing_object", "colour": "wrong_colour", "count": "wrong_count",
          "position": "wrong_position"}  # fmt: skip
PLANS_KEPT = 128
"""Prompts whose clauses and phrases are remembered: every attempt of a loop asks again."""
SHARPEST = 10.0
"""Largest `sharpness`: beyond it every probability is 0 or 1."""


@dataclass(frozen=True, slots=True)
class Check:
    """One contrast, measured: 1 like what was asked, 0.5 as like its best rival, 0 like that."""

    contrast: Contrast
    probability: float
    rival: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause against decoys: `probability` as in a check, `rank` 1 if it beats them all."""

    text: str
    probability: float
    rank: int


class Alignment:
    """Does the picture show what the prompt asks for?

    Options: `model` (siglip2-b16-256, siglip2-so400m-384, poster-clip, which needs no extra and
    knows nothing but the demo's posters, or local-dir:/path); `missing_below`, the
    probability under which a phrase is named as an issue; `max_phrases` and `max_clauses`, beyond
    which the rest is reported as not judged; `sharpness`, a factor on the model's own logit scale;
    `pickles`, to accept weights that are not safetensors.
    """

    version: ClassVar[str] = "3"
    batch_size: ClassVar[int] = 8
    models: ClassVar[tuple[ModelCard, ...]] = CARDS

    def __init__(  # noqa: PLR0913 - a policy's options, all by keyword
        self, *, model: str = DEFAULT, missing_below: float = 0.5, max_phrases: int = 16,
        max_clauses: int = 16, sharpness: float = 1.0, pickles: bool = False,
    ) -> None:  # fmt: skip
        if not 0 < missing_below < 1:
            raise ConfigError(f"missing_below is {missing_below}: give a probability, as 0.5")
        for key, number in (("max_phrases", max_phrases), ("max_clauses", max_clauses)):
            if number < 1:
                raise ConfigError(f"{key} is {number}: give 1 or more")
        if not 0 < sharpness <= SHARPEST:
            raise ConfigError(f"sharpness is {sharpness}: above 0, at most {SHARPEST:g}")
        self.name, self.pickles = model, pickles
        self.missing_below, self.sharpness = missing_below, sharpness
        self.max_phrases, self.max_clauses = max_phrases, max_clauses
        self._model: ClipModel | None = None
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, runtime: Runtime) -> None:
        """Open the model and embed the texts that every prompt is compared with."""
        self._model = open_model(self.name, runtime, pickles=self.pickles)
        world = self._model.world
        things = things_of(world)
        self._model.text(
            [*decoys_of(world), *(with_article([each]) for each in things), *map(plural, things)]
        )

    def close(self) -> None:
        """Let go of the model; another judge may still hold it."""
        self._model = None

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading per sample; declined where there is no prompt to compare with."""
        prompts = [clean(sample.brief.prompt) for sample in samples]
        asked = [sample for sample, prompt in zip(samples, prompts, strict=True) if prompt]
        seen = iter(self._opened().look(asked) if asked else ())
        return [
            self._reading(prompt, next(seen))
            if prompt
            else Declined(reason="no prompt to compare with")
            for prompt in prompts
        ]

    def _opened(self) -> ClipModel:
        if self._model is None:
            raise RuntimeError("judge() came before load(): alignment has no model yet")
        return self._model

    def _plan(self, prompt: str) -> Plan:
        model = self._opened()
        with self._lock:
            if prompt not in self._plans:
                limits = Limits(model.context, self.max_phrases, self.max_clauses, model.world)
                self._plans[prompt] = plan(prompt, model.tokens, limits)
            self._plans.move_to_end(prompt)
            while len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
            return self._plans[prompt]

    def _reading(self, prompt: str, picture: Vectors) -> Reading | Declined:
        made, model = self._plan(prompt), self._opened()
        if not made.judged and not made.checks:
            reason = _why_nothing(made)
            return Declined(reason=reason, measurements={"not_judged": made.left_out})
        scale = model.logit_scale * self.sharpness
        checks = [_check(model, contrast, picture, scale) for contrast in made.checks]
        judged = [_clause(model, clause, picture, scale) for clause in made.judged]
        issues = _issues(checks, judged, self.missing_below)
        return Reading(
            value=_value(checks, judged, model.world.tells if model.world else SURE),
            reason=_reason(checks, issues),
            measurements={
                "model": model.name,
                "fingerprint": model.fingerprint,
                "tokens_used": made.tokens_used,
                "tokens_total": made.tokens_total,
                "context": model.context,
                "phrases": [_shown(check) for check in checks],
                "clauses": [
                    {"text": each.text[:SHOWN], "probability": round(each.probability, 4),
                     "rank": each.rank} for each in judged
                ],
                "prompt_probability": round(_mean([each.probability for each in judged]), 4),
                "not_judged": made.left_out,
            },
            evidence=tuple(Evidence(claim=issue.detail) for issue in issues),
            issues=issues,
        )  # fmt: skip


def _why_nothing(made: Plan) -> str:
    if made.left_out["unknown"] or not made.left_out["negated"]:
        return "the prompt names nothing that this model knows"
    return "the prompt only says what must not be seen, which a CLIP model cannot judge"


def _check(model: ClipModel, contrast: Contrast, picture: Vectors, scale: float) -> Check:
    """Against the strongest rival: the odds are exp(scale × difference of the two cosines).

    Softmax models are trained with exactly these odds; SigLIP's sigmoid gives the same ones once
    its bias cancels out. Against the strongest alone, not the sum, so that 0.5 means a tie however
    many rivals there are.
    """
    cosines = model.text([contrast.true, *contrast.others]) @ picture
    best = int(np.argmax(cosines[1:]))
    probability = _odds(scale * float(cosines[0] - cosines[1 + best]))
    return Check(contrast, probability, contrast.others[best])


def _clause(model: ClipModel, clause: str, picture: Vectors, scale: float) -> Clause:
    cosines = model.text([clause, *decoys(clause, model.world)]) @ picture
    rank = 1 + int(np.count_nonzero(cosines[1:] >= cosines[0]))
    return Clause(clause, _odds(scale * float(cosines[0] - cosines[1:].max())), rank)


def _odds(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))


def _value(
    checks: Sequence[Check], judged: Sequence[Clause], sure: Collection[str] = SURE
) -> float:
    """0.5 × worst phrase + 0.3 × mean of all checks + 0.2 × mean of the clauses.

    The worst is taken over the kinds that the model is sure of; a prompt without phrases is its
    clauses alone.
    """
    whole = _mean([each.probability for each in judged])
    if not checks:
        return whole
    mean = _mean([check.probability for check in checks])
    whole = whole if judged else mean
    worst = min((each.probability for each in checks if each.contrast.kind in sure), default=mean)
    return min(1.0, WORST * worst + MEAN * mean + WHOLE * whole)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _issues(
    checks: Sequence[Check], judged: Sequence[Clause], below: float
) -> tuple[FailureMode, ...]:
    """A missing thing silences its own colour and count; clauses speak where no phrase does."""
    found: list[FailureMode] = []
    missing: set[str] = set()
    for check in checks:
        phrase = check.contrast.phrase
        if check.probability >= below or any(thing in phrase for thing in missing):
            continue
        if check.contrast.kind == "object":
            missing.add(phrase)
        detail = f"'{phrase}' is not what the picture shows: it looks more like '{check.rival}'"
        found.append(FailureMode(
            category="alignment", subcategory=ISSUES[check.contrast.kind], detail=detail,
        ))  # fmt: skip
    if not found:
        found = [
            FailureMode(
                category="alignment",
                subcategory="other",
                detail=f"the picture does not look like '{each.text[:SHOWN]}'",
            )
            for each in judged
            if each.probability < below
        ]
    return tuple(found)


def _reason(checks: Sequence[Check], issues: Sequence[FailureMode]) -> str:
    if issues:
        more = f" (and {len(issues) - 1} more)" if len(issues) > 1 else ""
        return f"{issues[0].detail}{more}"
    if not checks:
        return "the picture fits the prompt better than any decoy does"
    return f"every phrase of the prompt is closer than its counterfactuals ({len(checks)} checks)"


def _shown(check: Check) -> dict[str, JsonValue]:
    return {
        "phrase": check.contrast.phrase,
        "kind": check.contrast.kind,
        "probability": round(check.probability, 4),
        "rival": check.rival,
    }
