"""imageapi's plugin: the request as its page shows it, the answer read generously."""

from __future__ import annotations

import base64

import pytest

from generator.imageapi import ImageApi
from sentinel.contracts import Brief
from sentinel.errors import AccessRefused, BriefError, Rejected
from sentinel.imaging import encode, read
from sentinel.testing import GeneratorConformance, scene

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)
PICTURE = encode(scene(512, 256))


@pytest.fixture
def imageapi(serve):
    return serve("ImageApiService")


class TestImageApi(GeneratorConformance):
    sizes = ((512, 256), (96, 64))

    @pytest.fixture(autouse=True)
    def _service(self, imageapi, plugged):
        self.new = lambda: plugged(ImageApi, imageapi)

    def make(self):
        return self.new()


def test_the_request_is_the_pages(imageapi, plugged):
    brief = CUP.model_copy(update={"steps": 8, "negative_prompt": "blue", "output_format": "webp"})
    [made] = plugged(ImageApi, imageapi).generate(brief)

    assert imageapi.requests[0].path == "/api/v1/generate"
    assert imageapi.requests[0].body == {
        "prompt": "two red cups",
        "model": "flux-schnell",
        "width": 512,
        "height": 256,
        "num_inference_steps": 8,
        "seed": 7,
    }
    assert made.measurements["ignored"] == ["negative_prompt", "output_format"]


def test_nine_steps_are_refused_before_they_are_sent(imageapi, plugged):
    with pytest.raises(BriefError, match="steps is 9: use 1 to 8"):
        plugged(ImageApi, imageapi).generate(CUP.model_copy(update={"steps": 9}))


def test_its_price_is_what_the_operator_says(imageapi, plugged):
    free, paid = plugged(ImageApi, imageapi), plugged(ImageApi, imageapi, per_picture=0.01)

    assert (free.generate(CUP)[0].cost, free.price) == (0.0, None)
    assert (paid.generate(CUP)[0].cost, paid.price) == (0.01, 0.01)


@pytest.mark.parametrize("shape", [
    lambda where, text: {"images": [where]}, lambda where, text: {"images": [{"url": where}]},
    lambda where, text: {"images": None, "data": [{"b64_json": text}]}, lambda where, text: {"images": None, "image_url": where},
    lambda where, text: {"images": None, "image": f"data:image/png;base64,{text}"},
], ids=["addresses", "objects", "OpenAI's", "one address", "one data URI"])  # fmt: skip
def test_a_picture_is_found_under_any_usual_name(imageapi, plugged, services, shape):
    changes = shape(imageapi.hosted(PICTURE), base64.b64encode(PICTURE).decode())
    imageapi.troubles.append(services["Trouble"](changes=changes))

    assert read(plugged(ImageApi, imageapi).generate(CUP)[0].image).pixels.shape == (256, 512, 3)


def test_its_errors_become_ours(imageapi, plugged, services):
    body = {"error": {"code": "invalid", "message": "num_inference_steps must be 1 to 8"}}
    imageapi.troubles.append(services["Trouble"](status=400, body=body))
    with pytest.raises(Rejected, match="invalid; num_inference_steps must be 1 to 8"):
        plugged(ImageApi, imageapi).generate(CUP)


def test_a_wrong_key_is_told_without_the_key(imageapi, plugged, monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", "a-wrong-key-0123456789")
    with pytest.raises(AccessRefused, match=r"\[key\]") as told:
        plugged(ImageApi, imageapi).generate(CUP)

    assert "0123456789" not in str(told.value)
