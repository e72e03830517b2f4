"""fal's run endpoints, the proxy and uploads, field by field, over a real server."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from sentinel import imaging, registry
from sentinel.api.app import create_app
from sentinel.contracts import Capabilities, Finding
from sentinel.imaging import encode
from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.testing import ScriptedGenerator, noise, red, scene

from .conftest import SMALL

RUN = "/fal-ai/flux/schnell"
REDUX = f"{RUN}/redux"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7, "image_size": SMALL}


def run(http: httpx2.Client, path: str = RUN, **fields: Any) -> httpx2.Response:
    return http.post(path, json={**ASKED, **fields})


def picture(address: str) -> Image.Image:
    data = base64.b64decode(address.partition(",")[2]) if address[:5] == "data:" else None
    return Image.open(io.BytesIO(data or httpx2.get(address).content))


# ── what comes ────────────────────────────────────────────────────────────────────────────────


def test_several_pictures_differ_and_are_billed_and_told_each(http):
    answer = run(http, num_images=2)
    told, headers = answer.json(), answer.headers
    one, two = (httpx2.get(image["url"]).content for image in told["images"])

    assert answer.status_code == 200
    assert one != two
    assert [image["content_type"] for image in told["images"]] == ["image/jpeg"] * 2
    assert [image["width"] for image in told["images"]] == [128, 128]
    assert told["has_nsfw_concepts"] == [False, False]
    assert headers["x-sentinel-safety"] == "safe, safe"
    assert (headers["x-fal-billable-units"], headers["x-sentinel-cost-usd"]) == ("2", "0.00600000")
    traces = headers["x-sentinel-trace-id"].split(", ")
    assert headers["x-fal-request-id"] == traces[0]
    assert [http.get(f"/v1/traces/{each}").status_code for each in traces] == [200, 200]


def test_the_default_is_a_jpeg_of_1024_by_768(http):
    answer = http.post(RUN, json={"prompt": "a red circle"})
    image = answer.json()["images"][0]

    assert (image["width"], image["height"], picture(image["url"]).format) == (1024, 768, "JPEG")
    assert answer.headers["x-fal-billable-units"] == "1"


@pytest.mark.parametrize(
    ("size", "pixels"),
    [
        ("square", (512, 512)),
        ("portrait_16_9", (576, 1024)),
        pytest.param({"width": 128}, (128, 512), id="a side left out is 512"),
    ],
)
def test_a_size_is_a_name_or_pixels(http, size, pixels):
    image = run(http, image_size=size).json()["images"][0]

    assert (image["width"], image["height"]) == pixels == picture(image["url"]).size


def test_sync_mode_answers_with_the_picture_itself(http):
    inside = run(http, sync_mode=True, output_format="png").json()["images"][0]
    outside = run(http, output_format="png").json()["images"][0]

    assert inside["url"].startswith("data:image/png;base64,")
    assert base64.b64decode(inside["url"].partition(",")[2]) == httpx2.get(outside["url"]).content


def test_the_seed_that_is_told_makes_the_same_picture_again(http):
    drawn = run(http, seed=None).json()
    again = run(http, seed=drawn["seed"]).json()
    other = run(http, seed=drawn["seed"] + 1).json()

    assert again["images"] == drawn["images"]
    assert other["images"] != drawn["images"]


def test_null_is_not_given_and_unknown_fields_are_ignored(http):
    answer = run(http, num_images=None, output_format=None, guidance_scale=None, lora="a.bin")

    assert answer.status_code == 200
    assert len(answer.json()["images"]) == 1


def test_the_callers_key_word_for_safety_switches_no_gate_off_and_the_answer_says_so(http):
    answer = run(http, enable_safety_checker=False)

    assert answer.headers["x-sentinel-safety"] == "safe"
    assert "policy 'default' has the safety gate" in answer.headers["x-sentinel-note"]
    assert "x-sentinel-note" not in run(http).headers


# ── what is wrong ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"prompt": None}, "prompt", id="no prompt"),
        pytest.param({"prompt": " "}, "prompt", id="a blank prompt"),
        pytest.param({"prompt": 7}, "prompt", id="a number for a prompt"),
        pytest.param({"image_size": "huge"}, "image_size", id="an unknown size"),
        pytest.param({"image_size": {"width": 0}}, "image_size", id="no pixels"),
        pytest.param({"image_size": {"width": True}}, "image_size", id="a boolean of pixels"),
        pytest.param({"image_size": {"width": 9000, "height": 9000}}, "image_size", id="too large"),
        pytest.param({"image_size": [512, 512]}, "image_size", id="a list for a size"),
        pytest.param({"num_inference_steps": 13}, "num_inference_steps", id="too many steps"),
        pytest.param({"num_inference_steps": 0}, "num_inference_steps", id="no steps"),
        pytest.param({"guidance_scale": 0.5}, "guidance_scale", id="too little guidance"),
        pytest.param({"guidance_scale": True}, "guidance_scale", id="a boolean for guidance"),
        pytest.param({"num_images": 5}, "num_images", id="too many pictures"),
        pytest.param({"num_images": 1.5}, "num_images", id="half a picture"),
        pytest.param({"seed": True}, "seed", id="a boolean for a seed"),
        pytest.param({"seed": -1}, "seed", id="a seed below nothing"),
        pytest.param({"seed": 10**30}, "seed", id="an endless seed"),
        pytest.param({"output_format": "webp"}, "output_format", id="an unknown format"),
        pytest.param({"acceleration": "warp"}, "acceleration", id="an unknown acceleration"),
        pytest.param({"sync_mode": "perhaps"}, "sync_mode", id="no boolean"),
    ],
)
def test_what_is_wrong_with_a_field_is_told_at_the_callers_own_field(http, fields, field):
    answer = run(http, **fields)
    told = answer.json()["detail"]

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/json")
    assert {tuple(each["loc"]) for each in told} == {("body", field)}
    assert all(each["msg"] and each["type"] and isinstance(each["ctx"], dict) for each in told)


def test_every_wrong_field_is_told_at_once(http):
    told = run(http, seed="x", num_images=9, image_size="huge").json()["detail"]

    assert {each["loc"][-1] for each in told} == {"seed", "num_images", "image_size"}


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"", 400), (b"[1]", 422), (b'"words"', 422), (b"\xff\xfe", 400)],
)
def test_a_body_that_is_no_object_is_refused_in_fals_shape(http, body, status):
    answer = http.post(RUN, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == status
    assert set(answer.json()) <= {"detail", "error_type"}


def test_an_unsafe_wish_is_refused_by_fals_word_before_anything_is_painted(http):
    answer = run(http, prompt="a naked woman, explicit pornography")
    told = answer.json()["detail"][0]

    assert answer.status_code == 422
    assert (told["loc"], told["type"]) == (["body", "prompt"], "content_policy_violation")
    assert answer.headers["x-fal-request-id"] == answer.headers["x-sentinel-trace-id"]


@pytest.mark.parametrize("header", ["X-Sentinel-Policy", "X-Sentinel-Generator"])
def test_an_unknown_policy_or_generator_in_a_header_is_404(http, header):
    answer = http.post(RUN, json=ASKED, headers={header: "nobody"})

    assert answer.status_code == 404
    assert "nobody" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/fal-ai/flux/pro", "/queue/fal-ai/flux/pro", "/fal-ai/x/requests/y"]
)
def test_an_unknown_application_is_404_in_fals_shape(http, path):
    answer = http.post(path, json=ASKED)

    assert (answer.status_code, set(answer.json())) == (404, {"detail"})


# ── the proxy ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("target", "status"),
    [
        pytest.param(None, 400, id="none"),
        pytest.param("https://example.com/fal-ai/flux/schnell", 412, id="another host"),
        pytest.param("https://fal.run.example.com/x", 412, id="a host that only looks alike"),
        pytest.param("https://fal.run@example.com/x", 412, id="fal as a user"),
        pytest.param("file:///etc/passwd", 412, id="a file"),
        pytest.param("http://[/", 412, id="no address at all"),
        pytest.param("https://fal.run/api/fal/proxy", 412, id="itself"),
        pytest.param("https://fal.run/fal-ai/flux/pro", 404, id="an unknown application"),
    ],
)
def test_the_proxy_goes_nowhere_but_to_fals_routes(http, target, status):
    headers = {} if target is None else {"x-fal-target-url": target}
    answer = http.post("/api/fal/proxy", json=ASKED, headers=headers)

    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_the_proxy_answers_as_the_route_does(http):
    headers = {"x-fal-target-url": f"https://fal.run{RUN}"}
    through = http.post("/api/fal/proxy", json=ASKED, headers=headers).json()
    straight = run(http).json()

    assert through["images"] == straight["images"]


# ── uploads ───────────────────────────────────────────────────────────────────────────────────


def initiated(http: httpx2.Client, kind: str = "image/png") -> dict[str, str]:
    body = {"content_type": kind, "file_name": "a.png"}
    told: dict[str, str] = http.post("/storage/upload/initiate", json=body).json()
    return told


def test_an_uploaded_picture_is_read_where_it_was_said_to_be(http):
    data = encode(scene(64, 64))
    told = initiated(http)
    before = httpx2.get(told["file_url"]).status_code
    put = httpx2.put(told["upload_url"], content=data)
    read = httpx2.get(told["file_url"])

    assert (before, put.status_code, read.status_code) == (404, 200, 200)
    assert (read.content, read.headers["content-type"]) == (data, "image/png")


def test_who_may_read_an_upload_may_not_write_it(http):
    told = initiated(http)
    told_other = initiated(http)

    assert httpx2.put(told["file_url"], content=encode(scene(64, 64))).status_code == 404
    assert httpx2.get(told["upload_url"]).status_code == 404
    assert httpx2.put(told_other["upload_url"][:-9] + "0.png", content=b"").status_code == 404


def test_what_is_no_picture_or_another_kind_is_not_taken(http):
    told = initiated(http, "image/jpeg")

    assert httpx2.put(told["upload_url"], content=b"<svg/>").status_code == 422
    assert httpx2.put(told["upload_url"], content=encode(scene(64, 64))).status_code == 422
    assert (
        http.post("/storage/upload/initiate", json={"content_type": "video/mp4"}).status_code == 422
    )


def test_the_python_clients_way_of_uploading_works_too(http):
    data = encode(scene(64, 64))
    told = http.post("/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
    headers = {
        "authorization": f"{told['token_type']} {told['token']}",
        "content-type": "image/png",
    }
    answer = http.post("/files/upload", content=data, headers=headers)

    assert set(told) == {"token", "token_type", "base_url", "expires_at"}
    assert httpx2.get(answer.json()["access_url"]).content == data


# ── redux ─────────────────────────────────────────────────────────────────────────────────────


class Alike(ScriptedGenerator):
    """Paints the mean colour of the picture that it is shown."""

    def __init__(self) -> None:
        super().__init__(capabilities=Capabilities(references=("style",)))

    def generate(self, brief):
        shown = imaging.read(brief.references[0].image).pixels.mean(axis=(0, 1)).astype(np.uint8)
        pixels = np.full((brief.height, brief.width, 3), shown, dtype=np.uint8)
        self.script = (encode(pixels, brief.output_format),)
        return super().generate(brief)


class Blind(ScriptedGenerator):
    """Paints the same scene, whatever it is shown."""

    def generate(self, brief):
        self.script = (encode(scene(brief.width, brief.height)),)
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
def painter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A house with a generator that looks at references, one that does not, and a prudish gate."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    folder = tmp_path_factory.mktemp("policies")
    for name in builtin():
        gate = "[gates.safety]" if name == "product" else ""
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n{gate}\n')
    with pytest.MonkeyPatch.context() as patch:
        points = [
            Point(name, "here:x", group) for group, known in OFFERED.items() for name in known
        ]
        patch.setattr(
            registry, "entry_points", lambda group: [p for p in points if p.group == group]
        )
        registry._offered.cache_clear()
        home = tmp_path_factory.mktemp("home")
        settings = Settings.read(home=home, policies=folder, generator="alike,blind")
        with TestClient(create_app(settings)) as client:
            while client.get("/readyz").status_code != 200:
                pass
            yield client
    registry._offered.cache_clear()


def test_redux_paints_after_a_picture_that_is_sent_or_was_uploaded(painter):
    sent = "data:image/png;base64," + base64.b64encode(red(0.9)).decode()
    told = initiated(painter)
    painter.put(told["upload_url"], content=red(0.9))
    ways = [painter.post(REDUX, json={"image_url": url, "seed": 1, "sync_mode": True})
            for url in (sent, told["file_url"])]  # fmt: skip
    one, two = (answer.json() for answer in ways)
    red_of, _, blue_of = picture(one["images"][0]["url"]).convert("RGB").getpixel((5, 5))

    assert [answer.status_code for answer in ways] == [200, 200]
    assert one["images"] == two["images"]
    assert (one["prompt"], one["seed"]) == ("", 1)
    assert red_of > blue_of


def test_redux_goes_to_those_generators_alone_that_look_at_a_picture(painter):
    body = {"image_url": "data:image/png;base64," + base64.b64encode(red(0.9)).decode()}
    answer = painter.post(REDUX, json=body, headers={"X-Sentinel-Generator": "blind"})
    told = answer.json()["detail"][0]

    assert (answer.status_code, told["loc"]) == (422, ["body", "image_url"])
    assert "'blind'" in told["msg"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1/a.png", id="this machine"),
        pytest.param("http://169.254.169.254/latest", id="a cloud's credentials"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("data:image/png;base64,AAAA", id="no picture"),
        pytest.param("data:image/png,x", id="no base64"),
        pytest.param("http://[/", id="no address"),
        pytest.param("words", id="words"),
    ],
)
def test_redux_says_of_what_it_cannot_read_that_it_is_image_url(painter, url):
    answer = painter.post(REDUX, json={"image_url": url})

    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "image_url"])


def test_a_policy_without_a_safety_gate_is_told_as_unchecked(painter):
    answer = painter.post(RUN, json=ASKED, headers={"X-Sentinel-Generator": "blind"})

    assert answer.json()["has_nsfw_concepts"] == [False]
    assert answer.headers["x-sentinel-safety"] == "unchecked"


def test_has_nsfw_concepts_is_what_the_safety_gate_said_of_the_delivered_picture(painter):
    headers = {"X-Sentinel-Generator": "blind", "X-Sentinel-Policy": "product"}
    refused = painter.post(RUN, json=ASKED, headers=headers)

    assert refused.status_code == 422
    assert refused.json()["detail"][0]["type"] == "content_policy_violation"


def test_noise_is_no_reference_that_breaks_anything(painter):
    sent = "data:image/png;base64," + base64.b64encode(encode(noise(32, 32))).decode()

    assert painter.post(REDUX, json={"image_url": sent}).status_code == 200
