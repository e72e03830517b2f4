"""Sample in, verdict out: gating, judging and the decision, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sentinel import gating, judging, verdict
from sentinel.contracts import Brief, GateOutcome, Sample, Verdict
from sentinel.gating import GateSeat
from sentinel.judging import JudgeSeat
from sentinel.policy import Policy


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of one sample before: by gates and by judges, by name."""

    gates: gating.Known = field(default_factory=dict)
    judges: judging.Known = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Panel:
    """The gates and judges of one policy, seated."""

    policy: Policy
    gates: Sequence[GateSeat]
    judges: Sequence[JudgeSeat]

    def unread(self, brief: Brief) -> tuple[str, ...]:
        """A note for each part of the brief that no judge of the policy says it reads.

        Who sends an expected text to a policy without the text judge must not take its pass
        for "the text is right".
        """
        reads = {part for seat in self.judges for part in seat.reads}
        given = ["expected_text"] if brief.expected_text else []
        given += ["palette"] if brief.palette else []
        given += [f"references:{kind}" for kind in sorted({r.kind for r in brief.references})]
        name = self.policy.name
        return tuple(
            f"{part} was given, and no judge of policy {name!r} reads it"
            for part in given
            if part not in reads
        )

    async def screen(self, brief: Brief) -> tuple[GateOutcome, ...]:
        """What the gates say of the brief alone, before anything is spent."""
        return await gating.screen(self.gates, brief)

    async def evaluate(
        self, sample: Sample, *, enforce: bool = False, retries_left: bool = False
    ) -> Verdict:
        """The verdict; where a gate refuses, no judge is asked."""
        gates = await gating.check(self.gates, sample)
        outcomes = () if gating.refused(gates) else await judging.judge(self.judges, sample)
        return verdict.decide(
            gates, outcomes, self.policy, enforce=enforce, retries_left=retries_left
        )

    async def complete(self, sample: Sample, known: Known) -> Verdict:
        """The verdict; only those are asked whose outcome is not known. Nothing is enforced."""
        gates = await gating.check(self.gates, sample, known.gates)
        refused = gating.refused(gates)
        outcomes = () if refused else await judging.judge(self.judges, sample, known.judges)
        return verdict.decide(gates, outcomes, self.policy, enforce=False)

    def recall(self, known: Known) -> Verdict | None:
        """The verdict out of what is known alone; None where somebody must be asked. Pure."""
        gates = gating.recall(self.gates, known.gates)
        if gates is None:
            return None
        refused = gating.refused(gates)
        outcomes = () if refused else judging.recall(self.judges, known.judges)
        if outcomes is None:
            return None
        return verdict.decide(gates, outcomes, self.policy, enforce=False)
