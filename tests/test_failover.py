"""Failover: every row of the table, played against real servers that count what they would bill."""

from __future__ import annotations

import asyncio
import contextlib
import re
import runpy
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from generator.fal import Fal
from generator.opper import Opper
from generator.runflow import Runflow
from generator.runpod import RunPod
from sentinel.contracts import Brief, Candidate, Capabilities
from sentinel.errors import (
    BriefError,
    ConfigError,
    PluginError,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    SafetyRefused,
    SentinelError,
)
from sentinel.failover import CIRCUMSTANCES, RULES, Failover, Link, Plan, Try
from sentinel.guarding import Guarding
from sentinel.imaging import encode
from sentinel.settings import Settings
from sentinel.testing import flat, scene

SERVICES = runpy.run_path(str(Path(__file__).parent / "generators" / "services.py"))
KEY, Trouble = SERVICES["KEY"], SERVICES["Trouble"]
PAGE = Path(__file__).parent.parent / "docs" / "failover.md"

QUICK = {"first_wait": 0.01, "longest_wait": 0.02}
BLACK = encode(flat(256, 256, (0, 0, 0)))
CUP = Brief(prompt="two red cups", width=256, height=256, seed=7)
POLICY = {
    "error": {
        "message": "no",
        "type": "invalid_request_error",
        "param": None,
        "code": "content_policy_violation",
    }
}


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", KEY)


@pytest.fixture
def serve():
    with contextlib.ExitStack() as stack:

        def start(name):
            service = SERVICES[name]()
            stack.callback(service.close)
            return service

        yield start


@dataclass
class House:
    """A main provider, which has the trouble, and a spare one."""

    main: object
    spare: object
    options: dict[str, object] = field(default_factory=dict)

    def chain(self, **plan):
        options = {
            "base_url": self.main.base,
            "key_env": "SERVICE_KEY",
            "route": "images",
            **self.options,
        }
        spare = Runflow(base_url=self.spare.base, key_env="SERVICE_KEY")
        return Failover(
            [Link("main", Opper(**options)), Link("spare", spare)], Plan(**{**QUICK, **plan})
        )

    def ask(self, brief=CUP, **plan):
        """What comes of it, or the error."""
        return ask(self.chain(**plan), brief)

    @property
    def billed(self):
        return self.main.billed, self.spare.billed


def ask(chain, *briefs):
    async def go():
        try:
            return [await chain.generate(brief) for brief in briefs]
        finally:
            await chain.close()

    try:
        produced = asyncio.run(go())
    except SentinelError as error:
        return error
    return produced[0] if len(produced) == 1 else produced


async def until(true):
    for _ in range(500):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@pytest.fixture
def house(serve):
    return House(serve("OpperService"), serve("RunflowService"))


def outcomes(produced):
    return [(each.provider, each.outcome) for each in produced.tries]


# ── the table ─────────────────────────────────────────────────────────────────────────────────


@dataclass
class Row:
    """Trouble of the main provider; who painted, how often it was asked, and who billed what."""

    name: str
    troubles: list
    painter: str
    asked: int
    billed: tuple[int, int]
    plan: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)


def answering(status, times=1, **known):
    return [Trouble(status=status, **known) for _ in range(times)]


LATE = {"options": {"seconds": 1.0}}
ROWS = {
    "429 with Retry-After is waited for": Row("told to wait", answering(429, headers={"retry-after": "0.1"}), "main", 2, (1, 0)),
    "503 with Retry-After is waited for": Row("told to wait", answering(503, headers={"retry-after": "0.1"}), "main", 2, (1, 0)),
    "429 with a long Retry-After is not sat out": Row("told to wait", answering(429, headers={"retry-after": "60"}), "spare", 1, (0, 1)),
    "429 without Retry-After is tried again": Row("too many requests", answering(429), "main", 2, (1, 0)),
    "429 three times goes on": Row("too many requests", answering(429, 9), "spare", 3, (0, 1)),
    "401 goes on at once": Row("access refused", answering(401, 9), "spare", 1, (0, 1)),
    "402 goes on at once": Row("access refused", answering(402, 9), "spare", 1, (0, 1)),
    "403 goes on at once": Row("access refused", answering(403, 9), "spare", 1, (0, 1)),
    "500 once is tried again": Row("failed", answering(500), "main", 2, (1, 0)),
    "500 three times goes on": Row("failed", answering(500, 9), "spare", 3, (0, 1)),
    "503 three times goes on": Row("failed", answering(503, 9), "spare", 3, (0, 1)),
    "400 goes on at once": Row("rejected", answering(400, 9), "spare", 1, (0, 1)),
    "404 goes on at once": Row("rejected", answering(404, 9), "spare", 1, (0, 1)),
    "422 goes on at once": Row("rejected", answering(422, 9), "spare", 1, (0, 1)),
    "a time-out after submit is paid once": Row("timeout after submit", [Trouble(late=2.5)], "nobody", 1, (1, 0), **LATE),
    "a time-out after submit may be paid twice": Row("timeout after submit", [Trouble(late=2.5)], "spare", 1, (1, 1), {"pay_twice": True}, LATE["options"]),
    "504 is such a time-out": Row("timeout after submit", answering(504), "nobody", 1, (0, 0)),
    "502 is such a time-out": Row("timeout after submit", answering(502), "nobody", 1, (0, 0)),
    "a cut connection is such a time-out": Row("timeout after submit", [Trouble(dropped=True)], "nobody", 1, (1, 0)),
    "a repeat with the same key is paid once": Row("timeout, safe to repeat", [Trouble(late=2.5)], "main", 2, (1, 0), {}, {"seconds": 1.0, "safe_to_repeat": True}),
    "200 without a picture is tried once more": Row("no picture", [Trouble(changes={"data": []})], "main", 2, (2, 0)),
    "200 twice without a picture goes on": Row("no picture", [Trouble(changes={"data": []})] * 9, "spare", 2, (2, 1)),
    "200 with garbage is no picture": Row("no picture", [Trouble(body=b"<html>")] * 9, "spare", 2, (2, 1)),
    "undecodable bytes are tried once more": Row("undecodable", [Trouble(picture=b"\x89PNG no")], "main", 2, (2, 0)),
    "undecodable bytes twice go on": Row("undecodable", [Trouble(picture=b"\x89PNG no")] * 9, "spare", 2, (2, 1)),
    "a black frame is tried once more": Row("black", [Trouble(picture=BLACK)], "main", 2, (2, 0)),
    "a black frame twice goes on": Row("black", [Trouble(picture=BLACK)] * 9, "spare", 2, (2, 1)),
    "a wrong size goes on at once": Row("wrong size", [Trouble(size=(128, 256))] * 9, "spare", 1, (1, 1)),
    "a safety refusal ends it": Row("safety refusal", answering(400, 9, body=POLICY), "nobody", 1, (0, 0)),
    "a safety refusal goes on where the policy says so": Row("safety refusal", answering(400, 9, body=POLICY), "spare", 1, (0, 1), {"after_refusal": "next"}),
}  # fmt: skip
ELSEWHERE = {
    "brief refused", "unreachable", "timeout before submit", "queue full", "broken plugin",
    "called off",  # test_cancelling.py
}  # fmt: skip
"""Rows whose trouble is no answer of a server; each has a test of its own below."""


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ROWS.items()])
def test_a_row_of_the_table_bills_what_it_says(house, row):
    house.options = row.options
    house.main.troubles.extend(row.troubles)
    came = house.ask(**row.plan)

    assert (house.billed, len(house.main.asked)) == (row.billed, row.asked)
    assert came.tries[0].outcome == row.name
    if row.painter == "nobody":
        assert isinstance(came, ProviderError)
    else:
        assert came.provider == row.painter
        assert len(came.candidates) == len(came.pictures) == 1
        assert [each.outcome for each in came.tries].count("made") == 1


def test_every_row_of_the_table_is_played():
    assert {row.name for row in ROWS.values()} | ELSEWHERE == set(RULES)


@pytest.mark.parametrize("name", list(RULES))
def test_a_row_waits_only_where_it_calls_again(name):
    assert (RULES[name].wait == "none") == (RULES[name].calls == 1)


def test_a_brief_outside_the_limits_is_sent_to_who_can_paint_it(house):
    came = house.ask(Brief(prompt="cup", width=200, height=200, seed=1))

    assert came.provider == "spare"
    assert (house.billed, len(house.main.asked)) == ((0, 1), 0)
    assert outcomes(came) == [("main", "brief refused"), ("spare", "made")]


def test_a_refused_connection_is_tried_again_and_then_the_spare_paints(house):
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    house.options = {"base_url": closed}
    came = house.ask()

    assert house.billed == (0, 1)
    assert outcomes(came) == [("main", "unreachable")] * 3 + [("spare", "made")]


def test_a_time_out_before_submit_bills_nothing_and_the_spare_paints(house):
    with socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(4):  # the line before a server that takes nobody in
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        house.options = {"base_url": f"http://127.0.0.1:{deaf.getsockname()[1]}", "seconds": 0.3}
        came = house.ask()

    assert house.billed == (0, 1)
    assert outcomes(came) == [("main", "timeout before submit")] * 2 + [("spare", "made")]
    assert [each.submitted for each in came.tries] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "kind"), [("FalService", Fal), ("RunPodService", RunPod)], ids=["fal", "runpod"]
)
def test_a_job_cancelled_while_it_waited_is_unbilled_and_the_spare_paints(serve, name, kind):
    busy, spare = serve(name), serve("RunflowService")
    busy.troubles.extend([Trouble(stuck="IN_QUEUE")] * 9)
    main = kind(base_url=busy.base, key_env="SERVICE_KEY", seconds=0.6)
    chain = [Link("main", main), Link("spare", Runflow(base_url=spare.base, key_env="SERVICE_KEY"))]
    came = ask(Failover(chain, Plan(**QUICK)), CUP)

    assert came.provider == "spare"
    assert (busy.billed, spare.billed) == (0, 1)
    assert {each.outcome for each in came.tries} == {"timeout before submit", "made"}


# ── circumstances ─────────────────────────────────────────────────────────────────────────────


class Double:
    """A plugin that does as it is told, and counts."""

    version = "1"
    capabilities = Capabilities()

    def __init__(self, *does, concurrent=1):
        self.does = list(does)
        self.concurrent = concurrent
        self.briefs = []

    def generate(self, brief):
        self.briefs.append(brief)
        now = self.does.pop(0) if self.does else None
        if isinstance(now, Exception):
            raise now
        if callable(now):
            return now()
        return [
            Candidate(image=encode(scene(256, 256)), seed=brief.seed, cost=0.5)
            for _ in range(brief.count)
        ]


def broken(provider, times=1):
    return [ProviderFailed(provider, "failed", submitted=False) for _ in range(times)]


def chained(*doubles, **plan):
    links = [Link(f"p{number}", double) for number, double in enumerate(doubles)]
    return Failover(links, Plan(**{**QUICK, **plan}))


def test_a_full_queue_of_ours_sends_the_rest_to_the_spare():
    gate = threading.Event()
    slow, spare = Double(*[gate.wait] * 1), Double(concurrent=4)
    chain = chained(slow, spare)

    async def go():
        waiting = [asyncio.create_task(chain.generate(CUP)) for _ in range(80)]
        await until(lambda: spare.briefs)
        gate.set()
        came = await asyncio.gather(*waiting)
        await chain.close()
        return came

    came = asyncio.run(go())

    assert all(len(each.candidates) == 1 for each in came)
    assert {"queue full", "made"} <= {outcome for each in came for _, outcome in outcomes(each)}


@pytest.mark.parametrize(
    "does",
    [ValueError("a bug"), lambda: "nonsense", lambda: [Candidate(image=b"x")] * 3],
    ids=["raises", "returns nonsense", "returns too many"],
)
def test_a_broken_plugin_is_asked_once_and_named(does):
    main, spare = Double(does), Double()
    came = ask(chained(main, spare), CUP)

    assert (len(main.briefs), len(spare.briefs)) == (1, 1)
    assert outcomes(came) == [("p0", "broken plugin"), ("p1", "made")]
    assert "generator 'p0' broke its contract" in came.notes[0]


def test_an_open_breaker_spares_the_call_and_closes_after_its_time():
    main, spare = Double(*broken("p0", 2)), Double()
    chain = chained(main, spare, calls=1, breaker_failures=2, breaker_seconds=0.3)

    async def go():
        came = [await chain.generate(CUP) for _ in range(3)]
        await asyncio.sleep(0.35)
        came.append(await chain.generate(CUP))
        await chain.close()
        return came

    came = asyncio.run(go())

    assert [each.provider for each in came] == ["p1", "p1", "p1", "p0"]
    assert outcomes(came[2]) == [("p0", "breaker open"), ("p1", "made")]
    assert len(main.briefs) == 3


def test_if_every_breaker_is_open_the_first_provider_is_asked_all_the_same():
    main, spare = Double(*broken("p0", 1)), Double(*broken("p1", 1))
    chain = chained(main, spare, calls=1, breaker_failures=1)

    async def go():
        with pytest.raises(ProviderFailed):
            await chain.generate(CUP)
        came = await chain.generate(CUP)
        await chain.close()
        return came

    came = asyncio.run(go())

    assert outcomes(came) == [("p0", "breaker open"), ("p1", "breaker open"), ("p0", "made")]
    assert (len(main.briefs), len(spare.briefs)) == (2, 1)


def test_a_safety_refusal_opens_no_breaker():
    main = Double(*[SafetyRefused("p0", "will not") for _ in range(3)])
    chain = chained(main, breaker_failures=1)

    async def go():
        for _ in range(3):
            with pytest.raises(SafetyRefused):
                await chain.generate(CUP)
        await chain.close()

    asyncio.run(go())

    assert len(main.briefs) == 3


def test_a_provider_told_to_rest_is_not_asked_meanwhile(house):
    house.main.troubles.append(Trouble(status=429, headers={"retry-after": "60"}))
    one, other = ask(house.chain(), CUP, CUP)

    assert outcomes(one) == [("main", "told to wait"), ("spare", "made")]
    assert outcomes(other) == [("main", "breaker open"), ("spare", "made")]
    assert len(house.main.asked) == 1


def test_if_all_fail_the_first_error_is_raised_with_the_whole_chain():
    error = ask(chained(Double(*broken("p0", 3)), Double(*broken("p1", 3))), CUP)

    assert error.provider == "p0"
    assert [each.provider for each in error.tries] == ["p0"] * 3 + ["p1"] * 3
    assert Try.model_validate_json(error.tries[0].model_dump_json()) == error.tries[0]


def test_a_brief_that_nobody_takes_is_the_callers_error(house):
    error = house.ask(Brief(prompt="cup", width=9999, height=9999))

    assert isinstance(error, BriefError)
    assert house.billed == (0, 0)


@pytest.mark.parametrize(
    "cost",
    ["n/a", None, -1, float("nan"), {"usd": 1}],
    ids=["text", "none", "negative", "nan", "object"],
)
def test_a_cost_that_cannot_be_read_never_loses_the_picture(serve, cost):
    pod = serve("RunPodService")
    pod.troubles.append(Trouble(changes={"cost": cost}))
    link = Link("main", RunPod(base_url=pod.base, key_env="SERVICE_KEY"))
    came = ask(Failover([link], Plan(**QUICK)), CUP)

    assert pod.billed == 1
    assert came.cost == pytest.approx(256 * 256 / 1e6 * 0.0024)


def test_what_failed_is_not_charged(house):
    house.main.troubles.extend([Trouble(picture=BLACK)] * 2)
    came = house.ask()

    assert house.billed == (2, 1)
    assert came.cost == pytest.approx(256 * 256 / 1e6 * 0.003)


def test_one_of_several_pictures_that_fails_leaves_the_others():
    main = Double(None, *broken("p0", 3), concurrent=2)
    came = ask(chained(main, calls=1), CUP.model_copy(update={"count": 2}))

    assert (len(came.candidates), came.missing) == (1, 1)
    assert came.cost == 0.5


def test_several_pictures_of_a_service_have_neighbouring_seeds(house):
    came = house.ask(CUP.model_copy(update={"count": 3}))

    assert [each.seed for each in came.candidates] == [7, 8, 9]
    assert house.billed == (3, 0)


def test_a_generator_of_this_machine_gets_the_whole_batch():
    local = Double()
    came = ask(chained(local), CUP.model_copy(update={"count": 4}))

    assert len(came.candidates) == 4
    assert [brief.count for brief in local.briefs] == [4]


def test_a_repeat_asks_with_the_seed_that_was_drawn_first(house):
    house.main.troubles.append(Trouble(status=500))
    came = house.ask(CUP.model_copy(update={"seed": None}))
    first, again = (request.body["seed"] for request in house.main.asked)

    assert first == again == came.candidates[0].seed


def test_a_black_frame_is_repeated_with_another_seed(house):
    house.main.troubles.append(Trouble(picture=BLACK))
    came = house.ask()
    first, again = (request.body["seed"] for request in house.main.asked)

    assert first == 7 != again
    assert came.candidates[0].seed == again


def test_a_generator_that_hangs_is_left_and_said_to_be_perhaps_billed():
    chain = Failover([Link("main", Double(lambda: time.sleep(1.0)), seconds=0.1)], Plan(**QUICK))
    error = ask(chain, CUP)

    assert isinstance(error, ProviderTimeout)
    assert error.submitted is None


def test_whoever_hangs_up_while_a_picture_is_painted_still_gets_it(house):
    house.main.troubles.append(Trouble(late=0.3))

    async def go():
        chain = house.chain()
        asked = asyncio.create_task(chain.generate(CUP))
        await until(lambda: house.main.billed)
        asked.cancel()
        came = await asked
        await chain.close()
        return came

    assert len(asyncio.run(go()).candidates) == 1
    assert house.billed == (1, 0)


def test_whoever_hangs_up_between_two_tries_begins_no_further_one():
    main = Double(*broken("p0", 3))

    async def go():
        chain = chained(main, first_wait=5.0, longest_wait=5.0)
        asked = asyncio.create_task(chain.generate(CUP))
        await until(lambda: main.briefs)
        await asyncio.sleep(0.05)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await chain.close()

    asyncio.run(go())

    assert len(main.briefs) == 1


def test_no_try_tells_the_key(house):
    house.options = {"key_env": "WRONG_KEY"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WRONG_KEY", "sk-another-secret-0000")
        came = house.ask()

    assert came.provider == "spare"
    assert "[key]" in came.notes[0]
    assert "another-secret" not in repr(came.tries)


@pytest.mark.parametrize(
    "links", [[], [Link("a", Double()), Link("a", Double())]], ids=["empty", "one name twice"]
)
def test_a_chain_that_cannot_be_is_refused(links):
    with pytest.raises(ConfigError, match="a chain of generators cannot be built"):
        Failover(links)


def test_a_plugins_own_error_keeps_its_kind_where_nobody_else_paints():
    assert isinstance(ask(chained(Double(ValueError("a bug"))), CUP), PluginError)


# ── the page ──────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_the_table_as_it_is():
    rows = {cells[0]: cells[1:] for cells in (
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")
    )}  # fmt: skip

    for name, rule in RULES.items():
        assert rows[name] == [
            rule.when,
            str(rule.calls),
            rule.wait,
            rule.onward,
            rule.breaker,
            rule.why,
        ]
    for name, told in CIRCUMSTANCES.items():
        assert rows[name] == [told]


def test_the_page_names_every_setting_of_the_plan():
    text = PAGE.read_text("utf-8")

    assert [
        name for name in Plan.model_fields if not re.search(rf"^\| `{name}` \|", text, re.MULTILINE)
    ] == []


# ── the plan by setting ───────────────────────────────────────────────────────────────────────


def test_what_an_operator_changes_of_the_plan_is_changed_and_the_rest_stays():
    plan = Plan.read({"calls": 2, "after_refusal": "next", "pay_twice": True, "patience": 1})

    assert plan == Plan(calls=2, after_refusal="next", pay_twice=True, patience=1.0)
    assert plan.seconds == Plan().seconds


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"calls": 0}, "calls is 0: .*greater than or equal to 1"),
        ({"calls": "2"}, "calls is '2': .*integer"),
        ({"pay_twice": "yes"}, "pay_twice is 'yes': .*boolean"),
        ({"after_refusal": "maybe"}, "after_refusal is 'maybe': .*'stop' or 'next'"),
        ({"call": 2}, "there is no 'call'; there are calls, seconds, patience"),
        ({"seconds": -1, "calls": 11}, "calls is 11: .*; seconds is -1"),
    ],
    ids=["too few", "a word for a number", "a word for a truth", "no such choice", "misspelled", "two mistakes"],
)  # fmt: skip
def test_a_plan_that_makes_no_sense_stops_the_start(given, told):
    with pytest.raises(ConfigError, match=f"SENTINEL_FAILOVER: {told}"):
        Guarding(Settings.read(failover=given), None, None)


async def _calls(monkeypatch, service, written):
    monkeypatch.setenv("SENTINEL_FAILOVER", written)
    plan = Plan.read(Settings.read().failover)
    with contextlib.suppress(ProviderError):
        await Failover([Link("fal", service)], plan).generate(Brief(prompt="a cup"))


class _Down:
    """A generator that says itself that it failed, and counts how often it was asked."""

    version = "1"
    capabilities = Capabilities()

    def __init__(self):
        self.asked = 0

    def generate(self, brief):
        self.asked += 1
        raise ProviderFailed("down", "is down")


@pytest.mark.parametrize(("written", "asked"), [('{"calls": 1}', 1), ('{"first_wait": 0}', 3)])
def test_the_setting_says_how_often_a_provider_is_asked(monkeypatch, written, asked):
    down = _Down()
    asyncio.run(_calls(monkeypatch, down, written))

    assert down.asked == asked
