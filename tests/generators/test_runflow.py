"""Runflow's plugin against /v1/generate, as its page and ours record it."""

from __future__ import annotations

import pytest

from generator.runflow import Runflow
from sentinel.contracts import Brief
from sentinel.errors import Rejected
from sentinel.imaging import read
from sentinel.testing import GeneratorConformance

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)


@pytest.fixture
def runflow(serve):
    return serve("RunflowService")


class TestRunflow(GeneratorConformance):
    sizes = ((512, 256), (96, 64))

    @pytest.fixture(autouse=True)
    def _service(self, runflow, plugged):
        self.new = lambda: plugged(Runflow, runflow)

    def make(self):
        return self.new()


def test_the_request_is_the_pages(runflow, plugged):
    [made] = plugged(Runflow, runflow).generate(
        CUP.model_copy(update={"steps": 4, "guidance": 3.0})
    )

    assert runflow.requests[0].path == "/v1/generate"
    assert runflow.requests[0].body == {
        "prompt": "two red cups",
        "model": "black-forest-labs/flux-1-schnell",
        "width": 512,
        "height": 256,
        "num_inference_steps": 4,
        "seed": 7,
    }
    assert made.measurements["ignored"] == ["guidance"]
    assert read(made.image).pixels.shape == (256, 512, 3)


def test_the_evaluation_there_comes_along(runflow, plugged):
    [made] = plugged(Runflow, runflow).generate(CUP)

    assert made.measurements["trace_id"] == "t1"
    assert made.measurements["score"] == 0.91
    assert made.measurements["overall_passed"] is True


@pytest.mark.parametrize(
    ("size", "cost"), [((512, 512), 0.000786432), ((1024, 768), 0.002359296)], ids=str
)
@pytest.mark.parametrize("reported", [True, False], ids=["reported", "by the formula"])
def test_it_costs_by_the_pixel(runflow, plugged, services, size, cost, reported):
    if not reported:
        runflow.troubles.append(services["Trouble"](changes={"cost": None}))
    [made] = plugged(Runflow, runflow).generate(Brief(prompt="cup", width=size[0], height=size[1]))

    assert made.cost == pytest.approx(cost)


def test_its_errors_become_ours(runflow, plugged, services):
    body = {
        "code": "VALIDATION_ERROR",
        "message": "invalid body",
        "errors": [{"field": "width", "message": "too large"}],
    }
    runflow.troubles.append(services["Trouble"](status=422, body=body))
    with pytest.raises(Rejected, match="VALIDATION_ERROR; invalid body; width; too large"):
        plugged(Runflow, runflow).generate(CUP)


def test_a_key_for_repeats_goes_along_where_the_service_honours_it(runflow, plugged):
    for safe in (False, True, True):
        plugged(Runflow, runflow, safe_to_repeat=safe).generate(CUP)
    without, one, again = (request.headers.get("idempotency-key") for request in runflow.requests)

    assert without is None
    assert one == again is not None
    assert runflow.billed == 2
