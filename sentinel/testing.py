"""Doubles and conformance suites, shipped for plugin authors.

A judge's test is three lines:

    class TestWarmth(JudgeConformance):
        def make(self):
            return Warmth()

The suite hands the plugin awkward pictures and awkward briefs and checks the contract. The
doubles (`FixedJudge`, `RaisingJudge`, …) stand in for plugins in tests of the engine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from sentinel.contracts import (
    Brief,
    Candidate,
    Capabilities,
    Declined,
    Evidence,
    Finding,
    Gate,
    Generator,
    InputGate,
    Judge,
    Loads,
    Pixels,
    Reading,
    ReferencePicture,
    Runtime,
    Sample,
)
from sentinel.errors import BriefError, MissingRequirement
from sentinel.imaging import encode, read

# ── material ──────────────────────────────────────────────────────────────────────────────────


def flat(
    width: int = 96, height: int = 64, colour: tuple[int, int, int] = (128, 128, 128)
) -> Pixels:
    """A picture of one colour."""
    return _frozen(np.full((height, width, 3), colour, dtype=np.uint8))


def noise(width: int = 96, height: int = 64, *, seed: int = 7) -> Pixels:
    """Uniform noise."""
    generator = np.random.default_rng(seed)
    return _frozen(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))


def scene(width: int = 256, height: int = 192) -> Pixels:
    """A soft gradient with a red disc on it: smooth, lit, with an edge; like a picture."""
    rows, columns = np.mgrid[0:height, 0:width]
    ramp = np.stack(
        [columns * 200 // width + 30, rows * 180 // height + 40, rows * 0 + 120], axis=-1
    )
    disc = (columns - width // 2) ** 2 + (rows - height // 2) ** 2 < (min(width, height) // 4) ** 2
    ramp[disc] = (200, 30, 40)
    grain = np.random.default_rng(1).normal(0, 2, ramp.shape)
    return _frozen(np.clip(ramp + grain, 0, 255).astype(np.uint8))


def awkward_samples() -> list[Sample]:
    """Pictures and briefs at the edge of what the engine lets through."""
    style = (ReferencePicture("style", scene(64, 64)), ReferencePicture("face", scene(80, 80)),
             ReferencePicture("product", flat(20, 20)))  # fmt: skip
    odd = "\u202eright to left\u0000 and NUL " + "very long " * 800
    every = Brief(prompt='A "SALE" sign, two red cups', expected_text=("SALE",),
                  palette=("#c8102e", "white"), category="poster")  # fmt: skip
    return [
        Sample(scene()),
        Sample(scene(), every, references=style),
        Sample(flat(1, 1), every, references=style),
        Sample(flat(10, 10), Brief(prompt="x")),
        Sample(flat(700, 3), every),
        Sample(noise(64, 64), Brief(prompt=odd)),
        Sample(flat(64, 64, (0, 0, 0)), Brief(prompt="")),
        Sample(scene(33, 257), Brief(prompt="東京「大売り出し」", palette=("#fff",))),
    ]


ODD_PROMPTS = (
    None, "", "very long " * 1000, "a\u0000NUL", "\u202eright to left\u202c مرحبا שלום",
    "🎉 👩‍👩‍👧 🏴‍☠️", "東京「大売り出し」", "<pad> </s> <|endoftext|> {}%s",
)  # fmt: skip
"""What people and machines send as prompts, and what tokenizers trip over."""


def _frozen(pixels: Pixels) -> Pixels:
    pixels.flags.writeable = False
    return pixels


# ── conformance ───────────────────────────────────────────────────────────────────────────────


class JudgeConformance:
    """Subclass, return your judge from `make`, run pytest."""

    runtime: ClassVar[Runtime] = Runtime()

    def make(self) -> Judge:
        """A fresh judge."""
        raise NotImplementedError  # the subclass says which judge is tested

    def loaded(self) -> Judge:
        """A judge, loaded as the engine would."""
        judge = self.make()
        if isinstance(judge, Loads):
            judge.load(self.runtime)
        return judge

    def test_it_fills_the_role(self) -> None:
        """A judge has a version and judge(samples)."""
        judge = self.make()
        assert isinstance(judge, Judge)
        assert isinstance(judge.version, str)
        assert judge.version

    def test_it_answers_each_sample_in_order(self) -> None:
        """One answer per sample, whatever the picture and the brief."""
        samples = awkward_samples()
        answers = self.loaded().judge(samples)
        assert len(answers) == len(samples)
        for sample, answer in zip(samples, answers, strict=True):
            assert isinstance(answer, Reading | Declined)
            check_answer(sample, answer)

    def test_an_empty_list_is_answered_with_an_empty_list(self) -> None:
        """No samples, no answers."""
        assert list(self.loaded().judge([])) == []

    def test_the_same_picture_gets_the_same_answer_alone_or_in_company(self) -> None:
        """Order and company do not matter."""
        judge = self.loaded()
        samples = awkward_samples()[:3]
        together = list(judge.judge(samples))
        alone = [judge.judge([sample])[0] for sample in awkward_samples()[:3]]
        for one, other in zip(together, alone, strict=True):
            assert type(one) is type(other)
            if isinstance(one, Reading) and isinstance(other, Reading):
                assert math.isclose(one.value, other.value, abs_tol=1e-5)

    def test_it_leaves_the_picture_alone(self) -> None:
        """A judge looks; it does not paint."""
        sample = Sample(scene(), Brief(prompt="a red disc"))
        before = sample.pixels.copy()
        self.loaded().judge([sample])
        assert np.array_equal(before, sample.pixels)


class GateConformance:
    """Subclass, return your gate from `make`, run pytest."""

    runtime: ClassVar[Runtime] = Runtime()

    def make(self) -> Gate | InputGate:
        """A fresh gate."""
        raise NotImplementedError  # the subclass says which gate is tested

    def loaded(self) -> Gate | InputGate:
        """A gate, loaded as the engine would."""
        gate = self.make()
        if isinstance(gate, Loads):
            gate.load(self.runtime)
        return gate

    def test_it_fills_a_role(self) -> None:
        """A gate has a version and check(sample) or screen(brief)."""
        gate = self.make()
        assert isinstance(gate, Gate | InputGate)
        assert isinstance(gate.version, str)
        assert gate.version

    def test_it_answers_whatever_the_picture_and_the_brief(self) -> None:
        """A finding with a reason for every awkward sample."""
        gate = self.loaded()
        for sample in awkward_samples():
            finding = gate.check(sample) if isinstance(gate, Gate) else gate.screen(sample.brief)
            assert isinstance(finding, Finding)
            assert finding.reason
            check_evidence(sample, finding.evidence)
            Finding.model_validate_json(finding.model_dump_json())

    def test_it_gives_the_same_answer_twice(self) -> None:
        """Same picture, same finding."""
        gate = self.loaded()
        for one, other in zip(awkward_samples(), awkward_samples(), strict=True):
            if isinstance(gate, Gate):
                assert gate.check(one) == gate.check(other)
            else:
                assert gate.screen(one.brief) == gate.screen(other.brief)


class GeneratorConformance:
    """Subclass, return your generator from `make`, run pytest.

    `sizes` are widths and heights it must be able to paint; none for a double that paints nothing.
    Generators whose capabilities say that they know no seed are not asked about seeds.
    """

    runtime: ClassVar[Runtime] = Runtime()
    sizes: ClassVar[tuple[tuple[int, int], ...]] = ((64, 64), (96, 64), (64, 128))

    def make(self) -> Generator:
        """A fresh generator."""
        raise NotImplementedError  # the subclass says which generator is tested

    def loaded(self) -> Generator:
        """A generator, loaded as the engine would."""
        generator = self.make()
        if isinstance(generator, Loads):
            generator.load(self.runtime)
        return generator

    def test_it_fills_the_role(self) -> None:
        """A generator has a version, capabilities and generate(brief)."""
        generator = self.make()
        assert isinstance(generator, Generator)
        assert isinstance(generator.version, str)
        assert generator.version

    def test_it_makes_as_many_pictures_as_the_brief_asks_for(self) -> None:
        """Each decodes, and each tells its seed where seeds are known."""
        generator = self.loaded()
        for count in (1, 3):
            made = generator.generate(Brief(prompt="two red cups", count=count))
            assert len(made) == count
            assert all(read(each.image).pixels.size for each in made)
            assert all(each.cost >= 0 for each in made)
            if generator.capabilities.seed:
                assert len({each.seed for each in made} - {None}) == count

    def test_a_seed_means_one_picture(self) -> None:
        """The same seed gives the same bytes, alone or in company; another seed others."""
        generator = self.loaded()
        if generator.capabilities.seed:
            brief = Brief(prompt="two red cups", seed=5, count=2)
            one, other = generator.generate(brief)
            [again] = generator.generate(Brief(prompt="two red cups", seed=other.seed))
            assert one.seed == brief.seed
            assert again.image == other.image != one.image

    def test_it_paints_the_size_it_is_asked_for(self) -> None:
        """Width and height, not a size nearby."""
        generator = self.loaded()
        for width, height in self.sizes:
            [made] = generator.generate(Brief(prompt="a cup", width=width, height=height, seed=1))
            assert read(made.image).pixels.shape == (height, width, 3)

    def test_a_size_it_cannot_paint_is_refused_by_field_and_value(self) -> None:
        """BriefError, not a picture of another size."""
        generator = self.loaded()
        limits = generator.capabilities
        for field in ("width", "height") if self.sizes else ():
            for pixels in (-64, 0, limits.smallest - 1, limits.largest + 1):
                told = _refusal(generator, Brief(prompt="a cup").model_copy(update={field: pixels}))
                assert told.startswith(f"{field} is {pixels}")

    def test_it_survives_every_prompt(self) -> None:
        """One picture for each, however odd."""
        generator = self.loaded()
        for prompt in ODD_PROMPTS:
            [made] = generator.generate(Brief(prompt=prompt, seed=1))
            assert read(made.image).pixels.size


def _refusal(generator: Generator, brief: Brief) -> str:
    try:
        generator.generate(brief)
    except BriefError as error:
        return str(error)
    return "nothing was refused"


def check_answer(sample: Sample, answer: Reading | Declined) -> None:
    """Assert what the contract asks of one answer."""
    assert answer.reason
    assert "\n" not in answer.reason
    if isinstance(answer, Declined):
        return
    assert 0.0 <= answer.value <= 1.0
    check_evidence(sample, answer.evidence)
    assert Reading.model_validate_json(answer.model_dump_json()) == answer


def check_evidence(sample: Sample, evidence: Sequence[Evidence]) -> None:
    """Assert that every box lies inside the picture."""
    for item in evidence:
        assert item.claim
        if item.box is not None:
            assert 0 <= item.box.left <= item.box.right <= sample.width
            assert 0 <= item.box.top <= item.box.bottom <= sample.height


# ── doubles ───────────────────────────────────────────────────────────────────────────────────


class FixedJudge:
    """Answers what it was told to."""

    version: ClassVar[str] = "1"

    def __init__(self, value: float = 1.0, reason: str = "as told") -> None:
        self.answer = Reading(value=value, reason=reason)

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """The same reading for every sample."""
        return [self.answer for _ in samples]


class RedJudge:
    """Reads how red a picture is, 0 to 1: what `reds` paints is scored as it was told."""

    version: ClassVar[str] = "1"
    batch_size: ClassVar[int] = 8

    def __init__(self, seconds: float = 0.0) -> None:
        """`seconds`: how long a batch takes."""
        self.seconds = seconds

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """The level of red in the middle of the picture."""
        time.sleep(self.seconds)
        values = [int(each.pixels[each.height // 2, each.width // 2, 0]) for each in samples]
        return [Reading(value=each / 255, reason=f"red is {each} of 255") for each in values]


class DecliningJudge:
    """Never has anything to judge."""

    version: ClassVar[str] = "1"

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """Decline every sample."""
        return [Declined(reason="nothing to judge") for _ in samples]


class RaisingJudge:
    """Raises for every sample whose prompt holds `poison`; for all if poison is empty."""

    version: ClassVar[str] = "1"

    def __init__(self, poison: str = "") -> None:
        self.poison = poison

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """Raise if any sample is poisoned, as real batch code does."""
        if any(self.poison in (sample.brief.prompt or "") for sample in samples):
            raise ValueError("the model tripped over a sample")
        return [Reading(value=1.0, reason="not poisoned") for _ in samples]


class HangingJudge:
    """Blocks for `seconds`."""

    version: ClassVar[str] = "1"

    def __init__(self, seconds: float = 5.0) -> None:
        self.seconds = seconds

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """Sleep, then answer."""
        time.sleep(self.seconds)
        return [Reading(value=1.0, reason="late") for _ in samples]


class WeightlessJudge:
    """Needs weights that nobody has."""

    version: ClassVar[str] = "1"

    def load(self, runtime: Runtime) -> None:
        """Say which command would bring them."""
        where = f"weights in {runtime.models.name}"
        raise MissingRequirement("judge weightless", where, "sentinel models pull weightless")

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """Never reached."""
        return [Declined(reason="no weights") for _ in samples]


class NonsenseJudge:
    """Returns what no judge may: one answer too many."""

    version: ClassVar[str] = "1"

    def judge(self, samples: Sequence[Sample]) -> list[Reading | Declined]:
        """One reading more than samples."""
        return [Reading(value=1.0, reason="one too many") for _ in range(len(samples) + 1)]


class FixedGate:
    """Passes or refuses as told."""

    version: ClassVar[str] = "1"

    def __init__(self, *, passed: bool = True, mendable: bool = True) -> None:
        self.finding = Finding(passed=passed, reason="as told", mendable=mendable)

    def check(self, sample: Sample) -> Finding:  # noqa: ARG002 - a double looks at nothing
        """The same finding for every sample."""
        return self.finding


class RaisingGate:
    """Raises for every sample."""

    version: ClassVar[str] = "1"

    def check(self, sample: Sample) -> Finding:
        """Raise."""
        raise RuntimeError(f"gate tripped over a {sample.width}x{sample.height} picture")


Painted = bytes | Sequence[Candidate] | Exception | Callable[[Brief], Sequence[Candidate]]


def red(value: float, width: int = 32, height: int = 32) -> bytes:
    """A picture that `RedJudge` scores with `value` (in steps of 1/255)."""
    return encode(flat(width, height, (round(value * 255), 40, 90)))


class ScriptedGenerator:
    """Answers its n-th call with the n-th thing it was given, and the last one ever after.

    Bytes are a picture for each candidate, an exception is raised, a list is returned as it is,
    a function is asked. `briefs` holds what it was sent.
    """

    version: ClassVar[str] = "1"

    def __init__(
        self, *script: Painted, cost: float = 0.0, seconds: float = 0.0,
        capabilities: Capabilities | None = None, price: float | None = 0.0,
    ) -> None:  # fmt: skip
        """`cost`: US dollars a picture; `seconds`: how long a call takes."""
        self.script = script
        self.cost = cost
        self.seconds = seconds
        self.capabilities = capabilities or Capabilities()
        self.price = price
        self.briefs: list[Brief] = []

    def generate(self, brief: Brief) -> Sequence[Candidate]:
        """Whatever is next."""
        answer = self.script[min(len(self.briefs), len(self.script) - 1)]
        self.briefs.append(brief)
        time.sleep(self.seconds)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return answer(brief)
        if not isinstance(answer, bytes):
            return answer
        first = brief.seed or 0
        return [
            Candidate(image=answer, seed=first + offset, cost=self.cost)
            for offset in range(brief.count)
        ]
