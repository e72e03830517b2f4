"""OpenAI's own clients, unmodified, against a real server: Python, sync and async, and JavaScript."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from .conftest import CLIENTS, Run, Served, printed

AT_ONCE = 2.0
"""Seconds: a client that tries three times takes longer, and sends three requests."""

MODEL = "deepinfra/black-forest-labs/FLUX-1-schnell"
PAGE = CLIENTS.parent.parent / "docs" / "endpoints" / "opper.md"

PNG, JPEG = "89504e", "ffd8ff"
"""How a file begins, in hexadecimal digits."""


@pytest.fixture(scope="module")
def python(server: Served) -> dict[str, Any]:
    """What a program has from the Python client."""
    known = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    environment = {**known, "SENTINEL_URL": server.url}
    return printed([sys.executable, "openai_calls.py"], cwd=CLIENTS, env=environment)


@pytest.fixture(scope="module")
def javascript(node: Run) -> dict[str, Any]:
    """What a program has from the JavaScript client."""
    return node("openai.mjs")


def linked(content: str) -> str:
    """The address that a message's text links to."""
    found = re.fullmatch(r"!\[picture\]\((http\S+)\)", content)
    assert found is not None, content
    return found[1]


def test_python_has_a_picture_of_hello_beside_the_text_and_linked_in_it(python, server):
    hello = python["hello"]
    address = linked(hello["content"])
    picture = httpx2.get(address)

    assert address.startswith(f"{server.url}/media/")
    assert (picture.headers["content-type"], picture.content[:3].hex()) == ("image/png", PNG)
    assert (hello["role"], hello["finish_reason"], hello["model"]) == ("assistant", "stop", MODEL)
    assert hello["head"] == "data:image/png;base64"
    assert (hello["cost"], hello["tokens"]) == (0.0005, [1, 0, 1])


def test_python_finds_what_sentinel_adds(python, http):
    told = python["chat"]["sentinel"]

    assert (told["action"], told["passed"], told["attempts"], told["seed"]) == ("pass", True, 1, 7)
    assert told["pictures"] == [{k: v for k, v in told.items() if k != "pictures"}]
    assert python["chat"]["request_id"] == told["trace_id"]
    assert http.get(f"/v1/traces/{told['trace_id']}").status_code == 200


def test_python_has_the_same_picture_by_chat_stream_async_images_and_the_base_v1(python):
    same = {
        python["chat"]["picture"], python["last"]["picture"], python["streamed"]["picture"],
        python["counted"]["picture"], python["async"]["answer"]["picture"],
        python["async"]["stream"]["picture"], *python["v1"]["pictures"],
        python["png"]["pictures"][0],
    }  # fmt: skip

    assert len(same) == 1
    assert python["other"]["picture"] not in same


def test_python_streams_the_text_one_picture_the_end_and_the_cost(python):
    plain, counted = python["streamed"], python["counted"]

    assert linked(plain["content"]) == linked(python["chat"]["content"])
    assert (plain["pictures"], plain["ends"], plain["cost"]) == (1, ["stop"], 0.0005)
    assert (plain["choices_of_last"], counted["choices_of_last"]) == (1, 0)
    assert counted["cost"] == 0.0005


def test_python_may_say_it_in_parts_and_have_several_choices(python):
    assert python["parts"] == len(["a", "red", "circle", "on", "a", "blue", "ground"])
    assert python["several"] == [0, 1]


def test_python_has_pictures_whose_bytes_are_what_mime_type_says(python, server):
    png, jpeg, url = python["png"], python["jpeg"], python["url"]

    assert (png["starts"], png["types"]) == ([PNG, PNG], ["image/png"] * 2)
    assert (jpeg["starts"], jpeg["types"]) == ([JPEG], ["image/jpeg"])
    assert len(set(png["pictures"])) == 2
    assert (png["cost"], png["count"], png["size"]) == (0.001, 2, "128x128")
    assert [png["urls"], url["pictures"]] == [[None, None], [None]]
    assert url["urls"][0].startswith(f"{server.url}/media/")
    assert png["revised"] == ["a red circle on a blue ground"] * 2


def test_python_has_pictures_as_events(python):
    assert python["events"] == ["image_generation.completed"] * 2


def test_python_lists_what_this_house_has(python):
    assert python["models"] == [MODEL, "embedded"]
    assert python["model"] == MODEL


WRONG = {
    "size": (400, "size", "invalid_value"), "n": (400, "n", "invalid_value"),
    "seed": (400, "seed", "invalid_value"), "prompt": (400, "prompt", "invalid_value"),
    "response_format": (400, "response_format", "invalid_value"),
    "output_format": (400, "output_format", "invalid_value"),
    "messages": (400, "messages", "invalid_value"), "nobody": (400, "messages", "invalid_value"),
    "silent": (400, "messages", "invalid_value"), "half": (400, "messages", "picture_unreadable"),
    "unsafe": (400, "prompt", "content_policy_violation"),
    "edit": (400, "image", "image_input_not_supported"),
    "mask": (400, "mask", "mask_not_supported"),
    "unreadable": (400, "image", "picture_unreadable"),
    "model": (404, "model", "model_not_found"), "retrieve": (404, "model", "model_not_found"),
    "policy": (404, "policy", "not_found"), "elsewhere": (404, None, "unknown_url"),
}  # fmt: skip

CLASSES = {400: "BadRequestError", 404: "NotFoundError"}


@pytest.mark.parametrize(("call", "told"), WRONG.items(), ids=list(WRONG))
def test_python_raises_its_own_error_at_once_with_the_field(python, call, told):
    raised = python["wrong"][call]
    status, param, code = told

    assert (raised["class"], raised["status"]) == (CLASSES[status], status)
    assert (raised["param"], raised["code"]) == (param, code)
    assert raised["type"] == "invalid_request_error"
    assert raised["request_id"]
    assert (raised["requests"], raised["seconds"] < AT_ONCE) == (1, True)


def test_python_is_told_which_models_there_are_and_who_takes_no_picture(python):
    assert f"use one of {MODEL}, embedded" in python["wrong"]["model"]["message"]
    assert "'embedded' takes no picture" in python["wrong"]["edit"]["message"]


def test_javascript_has_what_python_has(python, javascript):
    chat, streamed = javascript["chat"], javascript["streamed"]

    assert chat["picture"] == python["chat"]["picture"] == javascript["pictures"][0]
    assert linked(chat["content"]) == linked(streamed["content"])
    assert (streamed["pictures"], streamed["ends"]) == ([chat["picture"]], ["stop"])
    assert chat["requestId"] == chat["sentinel"]["trace_id"]
    assert (chat["usage"]["cost"], javascript["types"]) == (0.0005, ["image/png"] * 2)
    assert (javascript["models"], javascript["model"]) == (python["models"], MODEL)


@pytest.mark.parametrize("call", ["size", "model", "messages", "edit"])
def test_javascript_raises_its_own_error_at_once_with_the_field(javascript, call):
    raised = javascript["wrong"][call]
    status, param, code = WRONG[call]

    assert (raised["class"], raised["status"]) == (CLASSES[status], status)
    assert (raised["param"], raised["code"], raised["requests"]) == (param, code, 1)
    assert raised["requestId"]


def quickstart(language: str, server: Served) -> str:
    """A sample of our page, at this server's port."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert found
    return found[-1].replace("http://127.0.0.1:8600", server.url)


def test_the_sample_of_oppers_page_runs_in_python(server, tmp_path):
    (tmp_path / "sample.py").write_text(quickstart("python", server))
    command = [sys.executable, "sample.py"]
    said = printed(command, cwd=tmp_path, env=dict(os.environ), text=True)

    assert re.search(r"^!\[picture\]\(http\S+\.png\)\n\d{4,} bytes pass$", said, re.MULTILINE)


def test_the_sample_of_the_page_runs_in_javascript(node, server):
    (CLIENTS / "js" / "opper-quickstart.mjs").write_text(quickstart("js", server))
    try:
        said = node("opper-quickstart.mjs", text=True)
    finally:
        (CLIENTS / "js" / "opper-quickstart.mjs").unlink()

    assert re.fullmatch(rf"{server.url}/media/\S+\.png (true|false)\n", said)


def test_the_sample_of_oppers_own_route_runs_in_a_shell(server, tmp_path):
    script = f"curl -sf {quickstart('sh', server).removeprefix('curl ')}"
    said = printed(["bash", "-c", script], cwd=tmp_path, env=dict(os.environ))

    assert said["data"][0]["url"].startswith(f"{server.url}/media/")
    assert said["usage"] == {"cost": 0.0005, "images": 1}


def test_a_generator_of_ours_paints_through_the_surface(server):
    code = (
        "import os, sys; from generator.opper import Opper; from sentinel.contracts import Brief, Runtime;"
        "it = Opper(base_url=sys.argv[1], route=sys.argv[2], key_env='ANY'); it.load(Runtime());"
        "found = it.generate(Brief(prompt='a red circle', width=256, height=256, seed=7))[0];"
        "print(found.image[:3].hex(), found.cost)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, f"{server.url}/v3/compat", route], check=True,
            env={**os.environ, "ANY": "any"}, capture_output=True, encoding="utf-8",
        ).stdout.split()
        for route in ("chat", "images")
    ]  # fmt: skip

    assert said == [[PNG, "0.0005"]] * 2
