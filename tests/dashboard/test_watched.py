"""What goes on is told as it happens: to Prometheus, to OpenTelemetry, to whoever looks."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from sentinel import policy
from sentinel.api import going
from sentinel.api.app import create_app
from sentinel.api.going import Going
from sentinel.api.metrics import Metrics
from sentinel.api.spans import Spans, spans_of
from sentinel.contracts import (
    Abstention,
    Brief,
    Fault,
    Feedback,
    GateFault,
    GateResult,
    Score,
    Trace,
    Verdict,
)
from sentinel.errors import Busy, ConfigError
from sentinel.jobs import Job
from sentinel.loop import Ended, Fed, Generated, Judged, Screened, Started
from sentinel.settings import Settings
from sentinel.store import Store, open_store
from tests.dashboard.test_visitors import make_key
from tests.looping import attempt

BRIEF = Brief(prompt="a secret star")


def verdict(standing="failed", score=0.4) -> Verdict:
    return Verdict(
        action="score", standing=standing, score=score, reason="r",
        gates=(GateResult(gate="integrity", version="1", passed=standing != "refused", reason="r"),
               GateFault(gate="face", version="1", reason="broke", required=False)),
        outcomes=(
            Score(judge="text", version="1", threshold=0.5, value=score, reason="r", seconds=0.2),
            Abstention(judge="color", version="1", reason="no palette", seconds=0.01),
            Fault(judge="style", version="1", cause="timeout", reason="late"),
        ),
    )  # fmt: skip


def story(*, mode="guard") -> list:
    """A request of two attempts, of which the second passes."""
    first = attempt(
        1, brief=BRIEF, verdict=verdict(), cost=0.01, seconds=2.0, generator="fixed", round=1
    )
    second = attempt(2, brief=BRIEF, verdict=verdict("passed", 0.9), cost=0.02, seconds=3.0,
                     generator="fixed", round=2, lever="feedback")  # fmt: skip
    trace = Trace(
        id="t1", created_ms=5, policy="poster", policy_fingerprint="f", mode=mode, brief=BRIEF,
        attempts=(first, second), delivered=2, seconds=5.5, stopped_because="passed",
    )  # fmt: skip
    unseen = [each.model_copy(update={"judged": False}) for each in (first, second)]
    return [
        Screened(()), Started(1, BRIEF, "fixed", None), Generated((unseen[0],), {}), Judged(first),
        Fed(1, "feedback", Feedback(issues=(), changes=(), brief=BRIEF)),
        Started(2, BRIEF, "fixed", "feedback"), Generated((unseen[1],), {}), Judged(second),
        Ended(trace),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    """A house whose default policy gates and judges, painting with the generator `fixed`."""
    home = tmp_path_factory.mktemp("watched")
    folder = home / "policies"
    folder.mkdir()
    for name in policy.builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    (folder / "default.toml").write_text(
        'name = "default"\n[gates.integrity]\n[judges.color]\nthreshold = 0.5\n'
    )
    settings = Settings.read(home=home, policies=folder, generator="fixed")
    with TestClient(create_app(settings), client=("127.0.0.1", 5)) as made:
        while made.get("/readyz").status_code != 200:
            pass
        yield made


def samples(text: str) -> dict[tuple[str, tuple], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# ── Prometheus ────────────────────────────────────────────────────────────────────────────────


def test_a_guarded_request_is_counted_once_with_its_attempts_cost_and_judges():
    metrics = Metrics()
    for event in story():
        metrics.hear("t1", event)

    def count(name, **labels):
        return metrics.registry.get_sample_value(f"sentinel_{name}", labels)

    assert count("evaluations_total", policy="poster", standing="failed") == 1
    assert count("evaluations_total", policy="poster", standing="passed") == 1
    assert count("verdicts_total", policy="poster", mode="guard", action="score") == 1
    assert count("attempts_sum", policy="poster") == 2
    assert count("cost_dollars_total", generator="fixed") == pytest.approx(0.03)
    assert count("judge_seconds_count", judge="text") == 2
    assert count("judge_failures_total", judge="text") == 1
    assert count("judge_faults_total", judge="style", cause="timeout") == 2
    assert count("gate_faults_total", gate="face") == 2


def test_what_was_delivered_at_once_is_counted_when_the_judges_have_looked():
    metrics = Metrics()
    last = story(mode="score")[-1].trace
    early = last.model_copy(update={"attempts": tuple(
        each.model_copy(update={"judged": False}) for each in last.attempts)})  # fmt: skip
    metrics.hear("t1", Ended(early))
    before = metrics.registry.get_sample_value(
        "sentinel_evaluations_total", {"policy": "poster", "standing": "passed"}
    )
    metrics.hear("t1", Ended(last))

    assert before is None
    assert (
        metrics.registry.get_sample_value(
            "sentinel_verdicts_total", {"policy": "poster", "mode": "score", "action": "score"}
        )
        == 1
    )


def test_metrics_tell_what_a_real_request_did(client):
    before = samples(client.get("/metrics").text)
    answer = client.post(
        "/v1/generate", json={"prompt": "x", "palette": ["red"], "width": 64, "height": 64}
    )
    after = samples(client.get("/metrics").text)
    painted = ("sentinel_pictures_painted_total", (("generator", "fixed"),))
    attempts = ("sentinel_attempts_sum", (("policy", "default"),))

    assert answer.status_code in (200, 422)
    assert after[painted] - before.get(painted, 0) == after[attempts] - before.get(attempts, 0) > 0
    assert after["sentinel_ready", ()] == 1
    assert after["sentinel_jobs", (("state", "queued"),)] == 0
    assert "x" not in {value for _, labels in after for _, value in labels}


def test_metrics_are_for_this_machine_until_there_is_a_key_and_then_for_one_that_reads(tmp_path):
    (tmp_path / "policies").mkdir()
    for name in policy.builtin():
        (tmp_path / "policies" / f"{name}.toml").write_text(f'name = "{name}"\n')
    settings = Settings.read(home=tmp_path, policies=tmp_path / "policies")
    with TestClient(create_app(settings), client=("127.0.0.1", 5)) as here:
        there = TestClient(here.app, client=("203.0.113.9", 5))
        open_here, open_there = (each.get("/metrics").status_code for each in (here, there))
        painter, reader = make_key(here, "generate"), make_key(here, "read")
        given = [
            there.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code
            for key in (painter, reader)
        ]

        assert (open_here, open_there) == (200, 403)
        assert here.get("/metrics").status_code == 401
        assert given == [403, 200]


# ── OpenTelemetry ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def told():
    """Spans, and where the SDK's own exporter keeps them."""
    reason = "the extra otel is not installed: pip install 'sentinel-gatekeeper[otel]'"
    memory = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason=reason
    )
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter, provider = memory.InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider), exporter


def test_a_request_is_a_span_with_one_for_each_attempt_and_judge_below_it(told):
    spans, exporter = told
    for event in story():
        spans.hear("t1", event)
    found = exporter.get_finished_spans()
    by_id = {span.context.span_id: span for span in found}
    tree = [(span.name, by_id[span.parent.span_id].name if span.parent else None) for span in found]

    assert tree.count(("sentinel.request", None)) == 1
    assert tree.count(("judge text", "attempt 1")) == tree.count(("judge text", "attempt 2")) == 1
    assert len([name for name, parent in tree if parent == "sentinel.request"]) == 2
    assert len(found) == 1 + 2 + 6
    assert len({span.context.trace_id for span in found}) == 1


def test_spans_last_as_long_as_was_measured_and_hold_no_word_of_a_prompt(told):
    spans, exporter = told
    for event in story():
        spans.hear("t1", event)
    found = {span.name: span for span in exporter.get_finished_spans()}
    judge, request = found["judge text"], found["sentinel.request"]

    assert (judge.end_time - judge.start_time) / 1e9 == pytest.approx(0.2)
    assert found["attempt 2"].attributes["sentinel.lever"] == "feedback"
    assert request.attributes["sentinel.standing"] == "passed"
    assert request.attributes["sentinel.cost_usd"] == pytest.approx(0.03)
    assert not found["judge style"].status.is_ok
    assert "secret" not in "".join(span.to_json() for span in exporter.get_finished_spans())


def test_requests_that_never_end_do_not_pile_up(told, monkeypatch):
    monkeypatch.setattr("sentinel.api.spans.MOST", 3)
    spans, exporter = told
    for n in range(8):
        spans.hear(f"t{n}", Screened(()))
    left = len(exporter.get_finished_spans())
    spans.close()

    assert left == 5
    assert len(exporter.get_finished_spans()) == 8


def test_without_a_collector_named_there_are_no_spans():
    assert spans_of({}) is None
    assert spans_of({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}) is None


def test_a_collector_that_is_named_without_the_extra_stops_the_start_with_the_way_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    with pytest.raises(ConfigError, match=r"pip install 'sentinel-gatekeeper\[otel\]'"):
        spans_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})


# ── the live view ─────────────────────────────────────────────────────────────────────────────


class Elsewhere:
    """Jobs of another process, as the database has them."""

    def __init__(self, *jobs: Job) -> None:
        self._jobs = jobs

    async def counts(self):
        return {
            state: sum(job.state == state for job in self._jobs) for state in ("running", "queued")
        }

    async def list(self, *, state, limit):
        return SimpleNamespace(jobs=tuple(job for job in self._jobs if job.state == state)[:limit])


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    """A store that other processes put their traces into, too."""
    opened = open_store(f"sqlite:///{tmp_path}/sentinel.db", tmp_path / "media", 7)
    yield opened
    opened.close()


class Nothing:
    """A store in which nobody put anything of late."""

    queries = SimpleNamespace(recent=lambda *_, **__: SimpleNamespace(traces=()))


def hub(*jobs: Job, words=True, store=Nothing) -> Going:
    house = SimpleNamespace(
        jobs=Elsewhere(*jobs), settings=SimpleNamespace(keeps_words=words), store=store
    )
    return Going(house, lambda: False)


def test_a_request_is_seen_attempt_by_attempt_until_it_has_ended():
    async def follow():
        live, seen = hub(), []
        for event in story():
            live.hear("t1", event)
            [doing] = await live.now()
            seen.append((doing.step, [(each.number, each.state) for each in doing.tries]))
        return seen, doing

    seen, last = asyncio.run(follow())

    assert [step for step, _ in seen] == [
        "screening", "painting", "judging", "judging", "feedback", "painting", "judging", "judging", "ended",
    ]  # fmt: skip
    assert seen[5][1] == [(1, "judged"), (2, "painting")]
    assert (last.outcome, last.delivered, last.policy) == ("passed", 2, "poster")
    assert [each.score for each in last.tries] == [0.4, 0.9]


def test_jobs_of_other_processes_are_seen_and_one_of_ours_only_once():
    jobs = [
        Job(id="j1", state="running", attempt=2, step="judging", created_ms=1, updated_ms=2, owner="other"),
        Job(id="j2", state="queued", created_ms=1, updated_ms=2),
        Job(id="t1", state="running", created_ms=1, updated_ms=2, owner="us"),
    ]  # fmt: skip

    async def look():
        live = hub(*jobs)
        live.hear("t1", story()[0])
        return await live.now()

    found = asyncio.run(look())

    assert [(each.id, each.elsewhere, each.number) for each in found] == [
        ("t1", "", 0), ("j1", "other", 2), ("j2", "waiting", 0),
    ]  # fmt: skip


def test_what_another_process_ended_is_seen_with_its_attempts_and_own_traces_once(store):
    now = int(time.time() * 1000)
    for name, created in (("t1", now), ("t2", now - 1000), ("old", now - 2 * going.RECENT_MS)):
        store.traces.save(story()[-1].trace.model_copy(update={"id": name, "created_ms": created}))

    async def look():
        live = hub(store=store)
        live.hear("t1", story()[-1])
        return [await live.now(), await live.now()]

    first, again = asyncio.run(look())

    assert [(each.id, each.elsewhere) for each in first] == [("t2", going.ANOTHER), ("t1", "")]
    assert [(each.number, each.score) for each in first[0].tries] == [(1, 0.4), (2, 0.9)]
    assert again == first


def test_where_no_word_is_kept_none_is_shown():
    async def look():
        live = hub(words=False)
        live.hear("t1", story()[1])
        running = await live.now()
        live.hear("t1", story()[-1])
        return [*running, *await live.now()]

    assert {each.prompt for each in asyncio.run(look())} == {""}


def test_however_much_goes_on_only_the_newest_is_kept():
    async def look():
        live = hub()
        for n in range(going.MOST * 2 + 5):
            live.hear(f"t{n}", story()[0])
        for n in range(going.MOST * 2 + 5):
            live.hear(f"e{n}", story()[-1])
        return await live.now()

    assert len(asyncio.run(look())) == 2 * going.MOST


def test_whoever_waits_hears_of_a_change_at_once_and_else_in_time():
    async def wait():
        live = hub()
        late = await live.changed(live.version, 0.01)
        waiting = asyncio.create_task(live.changed(live.version, 30))
        await asyncio.sleep(0)
        live.hear("t1", story()[0])
        return late, await asyncio.wait_for(waiting, 1)

    assert asyncio.run(wait()) == (0, 1)


def test_one_more_than_may_look_is_told_to_come_back():
    async def look():
        live = hub()
        with ExitStack() as looking:
            for _ in range(going.LOOKERS):
                looking.enter_context(live.looking())
            with pytest.raises(Busy):
                looking.enter_context(live.looking())
        with live.looking():
            return True

    assert asyncio.run(look())


def test_a_stream_that_is_refused_says_when_to_ask_again(client, monkeypatch):
    monkeypatch.setattr(going, "LOOKERS", 0)
    answer = client.get("/dashboard/live/stream")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert client.get("/dashboard/live/now").status_code == 200
