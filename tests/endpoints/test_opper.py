"""Opper's routes on the wire: what OpenAI's clients do not show, keys, edits, and the native shape."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from sentinel import registry
from sentinel.api.app import create_app
from sentinel.contracts import Capabilities, Finding
from sentinel.errors import ProviderFailed
from sentinel.imaging import encode
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store.keys import NewKey
from sentinel.testing import ScriptedGenerator, noise, red, scene

CHAT, IMAGES, EDITS, MODELS = (
    f"/v3/compat/{name}"
    for name in ("chat/completions", "images/generations", "images/edits", "models")
)
NATIVE = "/v3/images"
MODEL = "deepinfra/black-forest-labs/FLUX-1-schnell"
PROMPT = "a red circle on a blue ground"
SMALL = {"model": MODEL, "prompt": PROMPT, "size": "128x128", "seed": 7}
SAID = {**{k: v for k, v in SMALL.items() if k != "prompt"},
        "messages": [{"role": "user", "content": PROMPT}]}  # fmt: skip


class Alike(ScriptedGenerator):
    """Paints a ground of the colour of the references it is shown, or a dark one."""

    def __init__(self, **given: Any) -> None:
        super().__init__(capabilities=Capabilities(references=("style",)), **given)

    def generate(self, brief):
        shown = [Image.open(io.BytesIO(each.image)).convert("RGB") for each in brief.references]
        tone = np.mean([np.asarray(each)[0, 0] for each in shown], axis=0) if shown else (9, 9, 9)
        pixels = np.full((brief.height, brief.width, 3), tone, dtype=np.uint8)
        self.script = (encode(pixels, brief.output_format),)
        return super().generate(brief)


class Blind(ScriptedGenerator):
    """Paints the same scene, whatever it is shown; nothing where it is asked for nothing."""

    def generate(self, brief):
        self.script = (encode(scene(brief.width, brief.height), brief.output_format),)
        if brief.prompt == "nothing":
            self.script = (ProviderFailed("blind", "has no paint left"),)
        return super().generate(brief)


class Prude:
    """A safety gate that everything offends."""

    version = "1"

    def check(self, sample):
        return Finding(passed=False, reason="offensive")


OFFERED = {
    "sentinel.generators": {"alike": Alike, "blind": Blind}, "sentinel.gates": {"safety": Prude},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    """Policies: nothing is asked of pictures, but `product` refuses them all."""
    found = tmp_path_factory.mktemp("policies")
    for name in builtin():
        gate = "[gates.safety]" if name == "product" else ""
        (found / f"{name}.toml").write_text(f'name = "{name}"\n{gate}\n')
    return found


@pytest.fixture(scope="module")
def offered() -> Iterator[None]:
    """The doubles, in place of all plugins."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    with pytest.MonkeyPatch.context() as patch:
        points = [
            Point(name, "here:x", group) for group, known in OFFERED.items() for name in known
        ]
        patch.setattr(
            registry, "entry_points", lambda group: [p for p in points if p.group == group]
        )
        registry._offered.cache_clear()
        yield
    registry._offered.cache_clear()


Open = Callable[..., TestClient]


@pytest.fixture(scope="module")
def opening(offered, folder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """`opening(generator="blind")`: a client of a fresh house of doubles."""
    opened: list[TestClient] = []

    def make(**given: Any) -> TestClient:
        settings = Settings.read(home=tmp_path_factory.mktemp("home"), policies=folder, **given)
        client = TestClient(create_app(settings))
        opened.append(client.__enter__())
        while client.get("/readyz").status_code != 200:
            pass
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def http(opening: Open) -> TestClient:
    """A house with a generator that looks at references and one that does not."""
    return opening(generator="alike,blind")


def error(answer: httpx2.Response) -> tuple[int, Any, Any]:
    told = answer.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert answer.headers["x-request-id"]
    return answer.status_code, told["param"], told["code"]


def tone(data: str) -> tuple[int, int, int]:
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB").getpixel((5, 5))


# ── requests ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        pytest.param(IMAGES, {**SMALL, "n": True}, "n", id="a boolean is no number"),
        pytest.param(IMAGES, {**SMALL, "n": 0}, "n", id="no picture"),
        pytest.param(IMAGES, {**SMALL, "size": "1024"}, "size", id="one side"),
        pytest.param(IMAGES, {**SMALL, "size": "4096x64"}, "size", id="too long"),
        pytest.param(IMAGES, {**SMALL, "size": "٦٤x٦٤"}, "size", id="foreign digits"),
        pytest.param(IMAGES, {**SMALL, "size": 1024}, "size", id="a number"),
        pytest.param(IMAGES, {**SMALL, "seed": 2**63}, "seed", id="an absurd seed"),
        pytest.param(IMAGES, {**SMALL, "prompt": ["a"]}, "prompt", id="a list of prompts"),
        pytest.param(IMAGES, {**SMALL, "prompt": "x" * 20_001}, "prompt", id="a long prompt"),
        pytest.param(IMAGES, {"model": MODEL}, "prompt", id="no prompt"),
        pytest.param(IMAGES, {**SMALL, "user": 7}, "user", id="a user that is a number"),
        pytest.param(CHAT, {"model": MODEL}, "messages", id="no messages"),
        pytest.param(CHAT, {**SAID, "messages": "Hello"}, "messages", id="no list of messages"),
        pytest.param(CHAT, {**SAID, "messages": [7]}, "messages", id="a message that is none"),
        pytest.param(CHAT, {**SAID, "messages": [{"role": "user"}]}, "messages", id="no content"),
        pytest.param(
            CHAT, {**SAID, "messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages", id="a part without its text",
        ),
        pytest.param(
            CHAT, {**SAID, "messages": [{"role": "user", "content": [{"type": "file"}]}]},
            "messages", id="a part of another type",
        ),
        pytest.param(CHAT, {"messages": SAID["messages"]}, "model", id="no model"),
        pytest.param(CHAT, {**SAID, "n": 5}, "n", id="too many choices"),
    ],
)  # fmt: skip
def test_bad_input_is_400_and_names_the_field(http, path, body, param):
    status, named, code = error(http.post(path, json=body))

    assert (status, named, code) == (400, param, "invalid_value")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"", b"\xff", b"[" * 5000])
@pytest.mark.parametrize("path", [CHAT, IMAGES, "/v1/images/generations"])
def test_a_body_that_is_no_object_is_400(http, path, body):
    answer = http.post(path, content=body, headers={"Content-Type": "application/json"})

    assert error(answer)[:2] == (400, None)


def test_every_problem_is_told_at_once(http):
    answer = http.post(IMAGES, json={**SMALL, "n": 9, "size": "big"})

    told = answer.json()["error"]["message"]
    assert ("n: " in told, "size: " in told) == (True, True)


def test_null_and_what_nobody_knows_are_not_given(http):
    given = {**SMALL, "n": None, "output_format": None, "quality": "hd", "style": "vivid",
             "background": "auto", "moderation": "low", "partial_images": 2, "brand_new": [1]}  # fmt: skip

    assert http.post(IMAGES, json=given).status_code == 200


@pytest.mark.parametrize("name", ["flux-schnell", "FLUX-1-schnell", "sentinel", "alike", MODEL])
def test_a_model_is_known_by_the_names_that_people_write(http, name):
    answer = http.post(IMAGES, json={**SMALL, "model": name})
    retrieved = http.get(f"{MODELS}/{name.replace('/', '%2F')}")

    assert (answer.status_code, retrieved.status_code) == (200, 200)
    assert retrieved.json()["id"] == name


def test_the_name_of_a_generator_chooses_it_and_a_header_says_more(http):
    named = http.post(IMAGES, json={**SMALL, "model": "blind"})
    header = http.post(
        IMAGES, json={**SMALL, "model": "blind"}, headers={"X-Sentinel-Generator": "alike"}
    )

    traces = [http.get(f"/v1/traces/{each.json()['sentinel']['trace_id']}").json()
              for each in (named, header)]  # fmt: skip
    assert [each["attempts"][0]["generator"] for each in traces] == ["blind", "alike"]


def test_the_user_is_kept_with_the_brief(http):
    answer = http.post(IMAGES, json={**SMALL, "user": "ann"})

    trace = http.app.state.house.store.traces.load(answer.json()["sentinel"]["trace_id"])
    assert trace.brief.client == {"model": MODEL, "user": "ann"}


def test_pictures_of_one_request_have_seeds_traces_and_headers_of_their_own(http):
    answer = http.post(IMAGES, json={**SMALL, "n": 3, "model": "alike"})

    told = answer.json()["sentinel"]["pictures"]
    assert len({each["trace_id"] for each in told}) == len({each["seed"] for each in told}) == 3
    assert answer.headers["x-sentinel-trace-id"] == ", ".join(each["trace_id"] for each in told)
    assert answer.headers["x-sentinel-cost-usd"] == "0.00150000"
    assert answer.headers["x-request-id"] == told[0]["trace_id"]


def test_the_seed_that_is_told_paints_the_same_picture_again(http):
    first = http.post(IMAGES, json={k: v for k, v in SMALL.items() if k != "seed"}).json()
    again = http.post(IMAGES, json={**SMALL, "seed": first["sentinel"]["seed"]}).json()

    assert first["data"] == again["data"]


def test_a_stream_is_event_stream_and_ends_with_done(http):
    answer = http.post(CHAT, json={**SAID, "stream": True})

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("data: [DONE]\n\n")
    assert answer.text.count("data: ") == 5


def test_where_no_pictures_are_kept_they_stand_in_their_address(opening: Open):
    http = opening(generator="blind", media_days=0)
    by_url = http.post(IMAGES, json={**SMALL, "response_format": "url"}).json()["data"][0]
    message = http.post(CHAT, json=SAID).json()["choices"][0]["message"]
    native = http.post(NATIVE, json=SMALL).json()["data"][0]

    assert by_url["url"].startswith("data:image/png;base64,")
    assert message["content"] == f"![picture]({message['images'][0]['image_url']['url']})"
    assert set(native) == {"b64_json", "mime_type", "revised_prompt"}


def test_one_idempotency_key_paints_once(http):
    key = {"Idempotency-Key": "order-7"}
    first, again = (http.post(IMAGES, json=SMALL, headers=key) for _ in range(2))
    other = http.post(IMAGES, json={**SMALL, "n": 2}, headers=key)
    bad = [http.post(IMAGES, json={**SMALL, "n": 9}, headers={"Idempotency-Key": "order-8"})
           for _ in range(2)]  # fmt: skip

    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert error(other) == (400, "Idempotency-Key", "idempotency_conflict")
    assert [each.json()["error"]["param"] for each in bad] == ["n", "n"]


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


def test_what_may_not_be_delivered_is_400_at_once(http):
    answer = http.post(IMAGES, json=SMALL, headers={"X-Sentinel-Policy": "product"})

    assert error(answer) == (400, "prompt", "content_policy_violation")
    assert answer.headers["x-request-id"] == answer.headers["x-sentinel-trace-id"]


def test_a_generator_without_a_picture_is_502_and_not_worth_another_try(opening: Open):
    http = opening(generator="blind", failover={"calls": 1})
    answer = http.post(IMAGES, json={**SMALL, "prompt": "nothing"})

    assert error(answer)[::2] == (502, "no_picture")
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", [CHAT, IMAGES, MODELS, "/v3/compat/files"])
def test_what_is_not_served_is_404_in_the_services_shape(http, path):
    assert error(http.delete(path)) == (404, None, "unknown_url")


@pytest.fixture
def keyed(opening: Open) -> tuple[TestClient, Any]:
    """A house with keys, and `keyed(**given)`, a secret of a new one."""
    http = opening(generator="blind")
    keys = http.app.state.house.store.keys
    keys.create(NewKey(label="the first"))
    return http, lambda **given: keys.create(NewKey(**given)).secret


def sdk(http: TestClient, secret: str) -> openai.OpenAI:
    return openai.OpenAI(
        base_url="http://testserver/v3/compat", api_key=secret, http_client=http, max_retries=0
    )


def test_a_wrong_key_a_narrow_one_and_a_spent_one_raise_their_own_classes(keyed):
    http, create = keyed
    calls = {
        "wrong": "sk-none", "narrow": create(scopes=("score",)), "spent": create(budget=0),
    }  # fmt: skip
    raised = {}
    for name, secret in calls.items():
        with pytest.raises(openai.APIStatusError) as caught:
            sdk(http, secret).images.generate(prompt=PROMPT, size="128x128")
        raised[name] = (type(caught.value), caught.value.status_code, caught.value.code)

    assert raised == {
        "wrong": (openai.AuthenticationError, 401, "invalid_api_key"),
        "narrow": (openai.PermissionDeniedError, 403, "scope"),
        "spent": (openai.APIStatusError, 402, "insufficient_quota"),
    }


def test_a_key_that_asks_too_often_raises_a_rate_limit_error(keyed):
    http, create = keyed
    client = sdk(http, create(per_minute=1))
    client.models.list()
    with pytest.raises(openai.RateLimitError) as caught:
        client.models.list()

    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_a_key_is_charged_oppers_price_for_each_picture(keyed):
    http, create = keyed
    client = sdk(http, create(label="shop"))
    client.images.generate(prompt=PROMPT, size="128x128", n=2)

    keys = http.app.state.house.store.keys
    [key] = [each for each in keys.list() if each.label == "shop"]
    assert keys.spent(key.id) == 1_000_000  # nanodollars


# ── pictures that come along ──────────────────────────────────────────────────────────────────


def edited(http: TestClient, *pictures: bytes, name: str = "image", **fields: Any):
    files = [(name, (f"{at}.png", each, "image/png")) for at, each in enumerate(pictures)]
    return http.post(EDITS, data={**SMALL, **fields}, files=files)


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_an_edit_is_painted_after_its_pictures_by_who_looks_at_them(http, name):
    answer = edited(http, red(0.9), red(0.9), name=name, n="2", output_format="jpeg", quality="")
    told = answer.json()
    red_of, _, blue_of = tone(told["data"][0]["b64_json"])

    assert (answer.status_code, len(told["data"])) == (200, 2)
    assert red_of > blue_of + 100
    assert {each["mime_type"] for each in told["data"]} == {"image/jpeg"}


def test_a_picture_in_a_chat_is_painted_after(http):
    sent = "data:image/png;base64," + base64.b64encode(red(0.9)).decode()
    parts = [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": sent}}]
    answer = http.post(CHAT, json={**SAID, "messages": [{"role": "user", "content": parts}]})
    url = answer.json()["choices"][0]["message"]["images"][0]["image_url"]["url"]

    red_of, _, blue_of = tone(url.partition(",")[2])
    assert red_of > blue_of + 100


def test_where_nobody_looks_at_pictures_an_edit_says_who_is_seated(http):
    answer = edited(http, red(0.9), model="blind")

    assert error(answer) == (400, "image", "image_input_not_supported")
    assert "'blind'" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        pytest.param({"data": SMALL}, None, id="no form"),
        pytest.param({"data": SMALL, "files": [("other", ("a", b"x"))]}, "other", id="another file"),
        pytest.param({"data": {**SMALL, "image": "x"}, "files": [("image", ("a", b"x"))]}, "image", id="text"),
        pytest.param({"data": SMALL, "files": [("image", ("a", b"x"))]}, "image", id="no picture"),
        pytest.param({"data": SMALL, "files": [("image", ("a", b"x"))] * 9}, "image", id="too many"),
        pytest.param({"data": {**SMALL, "n": "x"}, "files": [("image", ("a", b"x"))]}, "n", id="a field"),
    ],
)  # fmt: skip
def test_a_bad_form_is_400_and_names_the_field(http, sent, param):
    assert error(http.post(EDITS, **sent))[:2] == (400, param)


def test_a_form_that_was_cut_off_is_400(http):
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na red circle'

    assert error(http.post(EDITS, content=body, headers=head))[0] == 400


# ── Opper's own ───────────────────────────────────────────────────────────────────────────────


def test_the_native_answer_has_its_shape_and_a_file_that_may_be_used_again(http):
    first = http.post(
        NATIVE,
        json={**SMALL, "image": "data:image/png;base64," + base64.b64encode(red(0.9)).decode()},
    )
    told = first.json()
    [picture] = told["data"]
    fetched = http.get(httpx2.URL(picture["url"]).path)
    again = http.post(
        NATIVE, json={**SMALL, "reference_images": [picture["file_id"], picture["url"]]}
    )

    assert set(told) == {"id", "model", "created", "data", "usage", "sentinel"}
    assert (told["id"][:4], told["usage"]) == ("img_", {"cost": 0.0005, "images": 1})
    assert set(picture) == {"b64_json", "mime_type", "revised_prompt", "url", "file_id"}
    assert base64.b64decode(picture["b64_json"]) == fetched.content
    assert tone(again.json()["data"][0]["b64_json"]) == tone(picture["b64_json"])


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"store": False}, {"b64_json"}),
        ({"response_format": "url"}, {"url", "file_id"}),
        ({"store": False, "response_format": "url"}, {"url"}),
    ],
)
def test_store_and_response_format_say_what_is_told(http, given, keys):
    [picture] = http.post(NATIVE, json={**SMALL, **given}).json()["data"]

    assert set(picture) == {"mime_type", "revised_prompt", *keys}


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"aspect_ratio": "16:9"}, (1360, 768)),
        ({"aspect_ratio": "1:1"}, (1024, 1024)),
        ({"aspect_ratio": "1:8"}, (368, 2048)),
        ({"aspect_ratio": "16:9", "size": "128x64"}, (128, 64)),
    ],
)
def test_a_ratio_is_a_size_of_about_a_megapixel(http, given, size):
    asked = {"model": "alike", "prompt": PROMPT, "store": False, **given}
    [picture] = http.post(NATIVE, json=asked).json()["data"]

    assert Image.open(io.BytesIO(base64.b64decode(picture["b64_json"]))).size == size


def test_the_models_own_parameters_reach_the_brief(http):
    named = {"seed": 9, "num_inference_steps": 2, "guidance_scale": 1.5, "negative_prompt": "text",
             "output_format": "jpeg", "unheard_of": 1}  # fmt: skip
    answer = http.post(NATIVE, json={**SMALL, "parameters": named}).json()
    brief = http.app.state.house.store.traces.load(answer["sentinel"]["trace_id"]).brief

    assert (brief.seed, brief.steps, brief.guidance, brief.negative_prompt) == (9, 2, 1.5, "text")
    assert answer["data"][0]["mime_type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("given", "status", "kind", "told"),
    [
        ({"n": 5}, 400, "BadRequestError", "n: "),
        ({"size": "1x1"}, 400, "BadRequestError", "size: "),
        ({"aspect_ratio": "1:9"}, 400, "BadRequestError", "aspect_ratio: "),
        ({"aspect_ratio": "wide"}, 400, "BadRequestError", "aspect_ratio: "),
        ({"parameters": {"seed": -1}}, 400, "BadRequestError", "parameters: "),
        ({"image": "file_none"}, 400, "BadRequestError", "image: "),
        ({"image": "ftp://shop.example/a.png"}, 400, "BadRequestError", "image "),
        ({"image": "http://127.0.0.1/a.png"}, 400, "BadRequestError", "image "),
        ({"image": "http://[::1"}, 400, "BadRequestError", "image "),
        ({"reference_images": ["data:,x"]}, 400, "BadRequestError", "reference_images"),
        ({"mask": "data:,x"}, 400, "BadRequestError", "mask: "),
        ({"model": None}, 400, "BadRequestError", "model: is missing"),
        ({"model": "dall-e-3"}, 404, "NotFoundError", MODEL),
    ],
)
def test_native_errors_have_oppers_shape(http, given, status, kind, told):
    answer = http.post(NATIVE, json={**SMALL, **given})

    assert (answer.status_code, answer.json()["type"]) == (status, kind)
    assert set(answer.json()) == {"type", "message", "detail"}
    assert told in answer.json()["detail"]


def test_an_offensive_picture_is_told_as_opper_tells_it(http):
    answer = http.post(NATIVE, json=SMALL, headers={"X-Sentinel-Policy": "product"})

    assert (answer.status_code, answer.json()["type"]) == (400, "ContentPolicyViolationError")


def test_noise_that_comes_along_is_a_picture_too(http):
    sent = "data:image/png;base64," + base64.b64encode(encode(noise(64, 64))).decode()

    assert http.post(NATIVE, json={**SMALL, "image": sent}).status_code == 200
