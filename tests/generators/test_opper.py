"""Opper's plugin against both of OpenAI's ways to ask for a picture."""

from __future__ import annotations

import base64

import pytest

from generator.opper import Opper
from sentinel.contracts import Brief
from sentinel.errors import ConfigError, NoPicture, RateLimited, Rejected, SafetyRefused
from sentinel.imaging import encode, read
from sentinel.testing import GeneratorConformance, scene

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)
MODEL = "deepinfra/black-forest-labs/FLUX-1-schnell"


@pytest.fixture
def opper(serve):
    return serve("OpperService")


class TestOpperInAChat(GeneratorConformance):
    sizes = ((512, 256), (256, 272))
    route = "chat"

    @pytest.fixture(autouse=True)
    def _service(self, opper, plugged):
        self.new = lambda: plugged(Opper, opper, route=self.route)

    def make(self):
        return self.new()


class TestOpperByImages(TestOpperInAChat):
    route = "images"


def test_the_chat_is_openais(opper, plugged):
    [made] = plugged(Opper, opper).generate(
        CUP.model_copy(update={"steps": 4, "output_format": "jpeg"})
    )

    assert opper.requests[0].path == "/v3/compat/chat/completions"
    assert opper.requests[0].body == {
        "model": MODEL,
        "size": "512x256",
        "seed": 7,
        "messages": [{"role": "user", "content": "two red cups"}],
    }
    assert made.measurements["ignored"] == ["steps", "output_format"]


def test_the_images_route_is_openais(opper, plugged):
    [made] = plugged(Opper, opper, route="images").generate(
        CUP.model_copy(update={"output_format": "jpeg"})
    )

    assert opper.requests[0].path == "/v3/compat/images/generations"
    assert opper.requests[0].body == {
        "model": MODEL,
        "size": "512x256",
        "seed": 7,
        "prompt": "two red cups",
        "n": 1,
        "output_format": "jpeg",
    }
    assert "ignored" not in made.measurements


@pytest.mark.parametrize("route", ["chat", "images"])
def test_a_picture_costs_the_same_whatever_its_size(opper, plugged, route, services):
    opper.troubles.append(services["Trouble"](changes={"usage": None}))
    maker = plugged(Opper, opper, route=route)
    costs = [
        maker.generate(Brief(prompt="cup", width=side, height=side))[0].cost for side in (256, 1024)
    ]

    assert costs == [0.0005, 0.0005]
    assert maker.price == 0.0005


def test_a_picture_that_the_text_links_to_is_fetched(opper, plugged, services):
    where = opper.hosted(encode(scene(512, 256)))
    choices = [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": f"Here: ![it]({where})"},
        }
    ]
    opper.troubles.append(services["Trouble"](changes={"choices": choices}))

    assert read(plugged(Opper, opper).generate(CUP)[0].image).pixels.shape == (256, 512, 3)


def test_a_picture_at_an_address_is_fetched(opper, plugged, services):
    opper.troubles.append(
        services["Trouble"](changes={"data": [{"url": opper.hosted(encode(scene(512, 256)))}]})
    )

    assert read(plugged(Opper, opper, route="images").generate(CUP)[0].image).pixels.shape == (
        256,
        512,
        3,
    )


@pytest.mark.parametrize(
    "message",
    [{"content": "I would rather not"}, {"content": None}, {"images": []}],
    ids=["words", "nothing", "an empty list"],
)
def test_a_chat_without_a_picture_is_none(opper, plugged, services, message):
    opper.troubles.append(
        services["Trouble"](changes={"choices": [{"finish_reason": "stop", "message": message}]})
    )
    with pytest.raises(NoPicture):
        plugged(Opper, opper).generate(CUP)


def test_text_that_is_no_base64_is_undecodable(opper, plugged, services):
    opper.troubles.append(services["Trouble"](changes={"data": [{"b64_json": "§§§"}]}))
    with pytest.raises(NoPicture) as told:
        plugged(Opper, opper, route="images").generate(CUP)

    assert told.value.flaw == "undecodable"


@pytest.mark.parametrize(
    "choice",
    [{"finish_reason": "content_filter", "message": {}}, {"message": {"refusal": "no"}}],
    ids=["content filter", "refusal"],
)
def test_a_filtered_chat_is_a_safety_refusal(opper, plugged, services, choice):
    opper.troubles.append(services["Trouble"](changes={"choices": [choice]}))
    with pytest.raises(SafetyRefused):
        plugged(Opper, opper).generate(CUP)


def test_openais_errors_become_ours(opper, plugged, services):
    body = {
        "error": {
            "message": "bad size",
            "type": "invalid_request_error",
            "param": "size",
            "code": None,
        }
    }
    opper.troubles.extend(
        [
            services["Trouble"](status=400, body=body),
            services["Trouble"](status=429, headers={"retry-after": "7"}),
        ]
    )
    maker = plugged(Opper, opper)
    with pytest.raises(Rejected, match="size; invalid_request_error; bad size"):
        maker.generate(CUP)
    with pytest.raises(RateLimited) as told:
        maker.generate(CUP)

    assert told.value.retry_after == 7.0


def test_a_seed_that_is_not_sent_is_not_claimed(opper, plugged):
    maker = plugged(Opper, opper, sends_seed=False)
    [made] = maker.generate(CUP)

    assert maker.capabilities.seed is False
    assert made.seed is None
    assert made.measurements["ignored"] == ["seed"]
    assert "seed" not in opper.requests[0].body


def test_a_route_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="route is 'video'; use chat or images"):
        Opper(route="video")


def test_the_picture_is_the_bytes_that_were_sent(opper, plugged, services):
    image = encode(scene(512, 256))
    opper.troubles.append(
        services["Trouble"](changes={"data": [{"b64_json": base64.b64encode(image).decode()}]})
    )

    assert plugged(Opper, opper, route="images").generate(CUP)[0].image == image
