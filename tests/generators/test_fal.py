"""fal's plugin against fal's queue, as its page and clients record it."""

from __future__ import annotations

import pytest

from generator.fal import Fal
from sentinel.contracts import Brief, Reference
from sentinel.errors import (
    BriefError,
    NoPicture,
    ProviderFailed,
    ProviderTimeout,
    Rejected,
    SafetyRefused,
)
from sentinel.imaging import encode, read
from sentinel.testing import GeneratorConformance, scene

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)


@pytest.fixture
def fal(serve):
    return serve("FalService")


class TestFal(GeneratorConformance):
    sizes = ((512, 256), (96, 64))

    @pytest.fixture(autouse=True)
    def _service(self, fal, plugged):
        self.new = lambda: plugged(Fal, fal)

    def make(self):
        return self.new()


def test_a_request_goes_through_the_queue_under_the_owners_alias(fal, plugged):
    [made] = plugged(Fal, fal).generate(CUP)
    routes = [(request.method, request.path) for request in fal.requests]

    assert routes[0] == ("POST", "/fal-ai/flux/schnell")
    assert routes[1:] == [("GET", "/fal-ai/flux/requests/req-1/status")] * 3 + [
        ("GET", "/fal-ai/flux/requests/req-1")
    ]
    assert read(made.image).pixels.shape == (256, 512, 3)


def test_the_body_is_fals(fal, plugged):
    brief = CUP.model_copy(
        update={"steps": 8, "guidance": 3.5, "output_format": "jpeg", "negative_prompt": "blue"}
    )
    [made] = plugged(Fal, fal).generate(brief)

    assert fal.requests[0].headers["authorization"].startswith("Key ")
    assert fal.requests[0].body == {
        "prompt": "two red cups", "image_size": {"width": 512, "height": 256}, "num_inference_steps": 8,
        "guidance_scale": 3.5, "num_images": 1, "seed": 7, "output_format": "jpeg", "sync_mode": False,
    }  # fmt: skip
    assert made.measurements == {
        "provider": "fal",
        "model": "fal-ai/flux/schnell",
        "ignored": ["negative_prompt"],
    }
    assert read(made.image).format == "JPEG"


@pytest.mark.parametrize(
    ("size", "cost"), [((512, 512), 0.003), ((1024, 768), 0.003), ((1280, 960), 0.006)], ids=str
)
def test_it_costs_a_unit_per_started_megapixel(fal, plugged, size, cost):
    [made] = plugged(Fal, fal).generate(Brief(prompt="cup", width=size[0], height=size[1]))

    assert made.cost == pytest.approx(cost)


def test_what_the_service_says_it_billed_counts(fal, plugged, services):
    fal.troubles.append(services["Trouble"](headers={"x-fal-billable-units": "3"}))

    assert plugged(Fal, fal).generate(CUP)[0].cost == pytest.approx(0.009)


def test_pictures_come_as_data_uris_where_that_is_asked_for(fal, plugged):
    [made] = plugged(Fal, fal, sync_mode=True).generate(CUP)

    assert read(made.image).pixels.shape == (256, 512, 3)
    assert not [request for request in fal.requests if "/files/" in request.path]


def test_a_flagged_picture_is_a_refusal_that_was_billed(fal, plugged, services):
    fal.troubles.append(services["Trouble"](changes={"has_nsfw_concepts": [True]}))
    with pytest.raises(SafetyRefused) as told:
        plugged(Fal, fal).generate(CUP)

    assert told.value.submitted is True


def test_a_job_that_ended_badly_is_the_services_own_failure(fal, plugged, services):
    fal.troubles.append(
        services["Trouble"](changes={"error": "runner died", "error_type": "internal_error"})
    )
    with pytest.raises(ProviderFailed, match="internal_error runner died") as told:
        plugged(Fal, fal).generate(CUP)

    assert (told.value.submitted, told.value.job, fal.billed) == (False, "req-1", 0)


def test_a_job_refused_by_content_policy_is_a_safety_refusal(fal, plugged, services):
    fal.troubles.append(
        services["Trouble"](changes={"error": "no", "error_type": "content_policy_violation"})
    )
    with pytest.raises(SafetyRefused):
        plugged(Fal, fal).generate(CUP)


def test_a_validation_error_is_told_in_the_services_words(fal, plugged, services):
    body = {
        "detail": [
            {"loc": ["body", "image_size"], "msg": "too large", "type": "value_error", "ctx": {}}
        ]
    }
    fal.troubles.append(services["Trouble"](status=422, body=body))
    with pytest.raises(
        Rejected, match=r"body\.image_size; value_error; too large \(HTTP 422\)"
    ) as told:
        plugged(Fal, fal).generate(CUP)

    assert told.value.submitted is False


def test_a_job_that_never_ends_is_cancelled_and_said_to_be_perhaps_billed(
    fal, plugged, services, monkeypatch
):
    monkeypatch.setattr("generator.polling.GRACE", 0.3)
    fal.troubles.append(services["Trouble"](stuck="IN_PROGRESS"))
    with pytest.raises(ProviderTimeout, match="may still be painted and billed") as told:
        plugged(Fal, fal, seconds=0.6).generate(CUP)

    assert (told.value.submitted, told.value.repeatable, told.value.job) == (True, False, "req-1")
    assert ("PUT", "/fal-ai/flux/requests/req-1/cancel") in [
        (r.method, r.path) for r in fal.requests
    ]


def test_a_request_without_an_id_is_no_picture(fal, plugged, services):
    fal.troubles.append(services["Trouble"](changes={"request_id": "../../elsewhere"}))
    with pytest.raises(NoPicture, match="gave it no id"):
        plugged(Fal, fal).generate(CUP)


def test_redux_repaints_a_reference_and_ignores_the_prompt(fal, plugged):
    redux = plugged(Fal, fal, model="fal-ai/flux/schnell/redux")
    image = encode(scene(64, 64))
    [made] = redux.generate(
        CUP.model_copy(update={"references": (Reference(kind="style", image=image),)})
    )

    assert fal.requests[0].path == "/fal-ai/flux/schnell/redux"
    assert fal.requests[0].body["image_url"].startswith("data:image/png;base64,")
    assert made.measurements["ignored"] == ["prompt"]
    with pytest.raises(BriefError, match="Redux repaints a picture"):
        redux.generate(CUP)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"steps": 13}, "steps is 13: use 1 to 12"),
        ({"guidance": 0.5}, "guidance is 0.5: use 1 to 20"),
        ({"seed": -1}, "seed is -1: use 0 or more"),
    ],
    ids=str,
)
def test_what_fal_does_not_take_is_refused_before_it_is_sent(fal, plugged, change, told):
    with pytest.raises(BriefError, match=told):
        plugged(Fal, fal).generate(CUP.model_copy(update=change))

    assert fal.requests == []
