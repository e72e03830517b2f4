"""RunPod's plugin against a public endpoint, as its page and clients record it."""

from __future__ import annotations

import pytest

from generator.runpod import RunPod
from sentinel.contracts import Brief
from sentinel.errors import BriefError, ProviderFailed, ProviderTimeout, Rejected, SafetyRefused
from sentinel.imaging import read
from sentinel.testing import GeneratorConformance

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)
ENDPOINT = "/v2/black-forest-labs-flux-1-schnell"


@pytest.fixture
def runpod(serve):
    return serve("RunPodService")


class TestRunPod(GeneratorConformance):
    sizes = ((256, 256), (320, 256))

    @pytest.fixture(autouse=True)
    def _service(self, runpod, plugged):
        self.new = lambda: plugged(RunPod, runpod)

    def make(self):
        return self.new()


def test_a_job_is_submitted_and_looked_for_by_its_id(runpod, plugged):
    [made] = plugged(RunPod, runpod).generate(CUP)
    routes = [(request.method, request.path) for request in runpod.requests]

    assert routes == [("POST", f"{ENDPOINT}/run")] + [("GET", f"{ENDPOINT}/status/job-1")] * 3
    assert read(made.image).pixels.shape == (256, 512, 3)


def test_the_body_is_runpods_and_nothing_is_ignored(runpod, plugged):
    brief = CUP.model_copy(
        update={"steps": 8, "guidance": 1.0, "output_format": "jpeg", "negative_prompt": "blue"}
    )
    [made] = plugged(RunPod, runpod).generate(brief)

    assert runpod.requests[0].headers["authorization"].startswith("Bearer ")
    assert runpod.requests[0].body == {"input": {
        "prompt": "two red cups", "negative_prompt": "blue", "width": 512, "height": 256, "num_inference_steps": 8,
        "guidance": 1.0, "seed": 7, "image_format": "jpeg",
    }}  # fmt: skip
    assert "ignored" not in made.measurements


@pytest.mark.parametrize(
    ("side", "cost"), [(512, 0.00062915), (1024, 0.00251658), (1536, 0.00566231)], ids=str
)
def test_it_costs_by_the_pixel(runpod, plugged, side, cost):
    [made] = plugged(RunPod, runpod).generate(Brief(prompt="cup", width=side, height=side))

    assert made.cost == pytest.approx(cost, abs=1e-8)


def test_a_size_off_its_grid_is_refused_before_it_is_sent(runpod, plugged):
    with pytest.raises(BriefError, match="width is 300: use a multiple of 64, 256 to 1536"):
        plugged(RunPod, runpod).generate(Brief(prompt="cup", width=300, height=256))

    assert runpod.requests == []


def test_a_rejected_parameter_is_told_in_the_services_words(runpod, plugged, services):
    body = {
        "id": "x",
        "status": "FAILED",
        "error": "Invalid parameter: width must be divisible by 64",
    }
    runpod.troubles.append(services["Trouble"](status=400, body=body))
    with pytest.raises(Rejected, match="Invalid parameter: width must be divisible by 64"):
        plugged(RunPod, runpod).generate(CUP)


def test_a_failed_job_is_unbilled(runpod, plugged, services):
    runpod.troubles.append(services["Trouble"](stuck="FAILED"))
    with pytest.raises(ProviderFailed, match="ran out of memory") as told:
        plugged(RunPod, runpod).generate(CUP)

    assert (told.value.submitted, told.value.job) == (False, "job-1")


def test_a_job_that_failed_for_safety_is_a_refusal(runpod, plugged, services):
    runpod.troubles.append(
        services["Trouble"](stuck="FAILED", changes={"error": "NSFW content detected"})
    )
    with pytest.raises(SafetyRefused):
        plugged(RunPod, runpod).generate(CUP)


def test_a_job_that_ran_too_long_there_may_be_billed(runpod, plugged, services):
    runpod.troubles.append(services["Trouble"](stuck="TIMED_OUT"))
    with pytest.raises(ProviderTimeout) as told:
        plugged(RunPod, runpod).generate(CUP)

    assert told.value.submitted is None


@pytest.mark.parametrize(
    ("state", "submitted"), [("IN_QUEUE", False), ("IN_PROGRESS", None)], ids=str
)
def test_a_job_whose_time_is_up_is_cancelled(runpod, plugged, services, state, submitted):
    runpod.troubles.append(services["Trouble"](stuck=state))
    with pytest.raises(ProviderTimeout, match="was cancelled while") as told:
        plugged(RunPod, runpod, seconds=0.6).generate(CUP)

    assert told.value.submitted is submitted
    assert runpod.billed == 0


def test_trouble_while_looking_loses_no_job(runpod, plugged, services, monkeypatch):
    looks = iter([500, 503, 429])
    send = runpod._send
    monkeypatch.setattr(runpod, "_send", lambda handler, status, body, headers: send(
        handler, next(looks, status) if "/status/" in handler.path else status, body, headers))  # fmt: skip
    [made] = plugged(RunPod, runpod).generate(CUP)

    assert read(made.image).pixels.size
    assert (runpod.billed, len(runpod.asked)) == (1, 1)
