"""Every refusal has the one shape, the right status, and says what to do."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel import imaging
from sentinel.api.examples import PIXEL
from sentinel.testing import scene

Start = Any


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The error, checked for its shape."""
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    assert set(body) == {"code", "message", "errors"}
    assert body["code"] == code
    assert body["message"]
    assert all(set(each) == {"field", "message", "value"} for each in body["errors"])
    assert "Traceback" not in response.text
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "no_such_route"),
        ("GET", "/v1/score", 405, "method_not_allowed"),
        ("DELETE", "/v1/traces/x", 405, "method_not_allowed"),
        ("GET", "/v1/traces/unknown", 404, "not_found"),
        ("GET", "/v1/traces/unknown/picture", 404, "not_found"),
        ("GET", "/v1/traces/unknown/annotated.png", 404, "not_found"),
        ("GET", f"/v1/traces/{'x' * 500}", 422, "invalid"),
        ("GET", "/v1/traces/a%00b", 422, "invalid"),
        ("GET", "/v1/traces/unknown/picture?attempt=0", 422, "invalid"),
        ("GET", "/v1/traces/unknown/picture?attempt=x", 422, "invalid"),
        ("GET", "/v1/policies/defalt", 404, "not_found"),
        ("GET", "/docs", 404, "no_such_route"),
    ],
)
def test_what_is_not_there_is_told(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    problem_of(client.request(method, path), status, code)


def test_a_wrong_method_is_told_the_right_one(client: TestClient) -> None:
    assert client.get("/v1/score").headers["allow"] == "POST"


def test_a_mistyped_policy_is_answered_with_the_nearest(client: TestClient, png: bytes) -> None:
    response = client.post("/v1/score", files={"image": png}, data={"policy": "portait"})
    problem = problem_of(response, 404, "not_found")

    assert "did you mean 'portrait'" in problem["message"]
    assert problem["errors"][0]["field"] == "policy"


BODIES: list[tuple[str, Any, str]] = [
    ("nothing", {}, "image"),
    ("a mistyped field", {"image": PIXEL, "promt": "x"}, "promt"),
    ("a number for a picture", {"image": 7}, "image"),
    ("null for a picture", {"image": None}, "image"),
    ("a list for a prompt", {"image": PIXEL, "prompt": ["x"]}, "prompt"),
    ("a prompt without end", {"image": PIXEL, "prompt": "x" * 20_001}, "prompt"),
    ("a text without end", {"image": PIXEL, "expected_text": ["x" * 1001]}, "expected_text[0]"),
    ("a thousand colours", {"image": PIXEL, "palette": ["red"] * 1000}, "palette"),
    ("a hundred references", {"image": PIXEL, "references": [PIXEL] * 100}, "references"),
    (
        "an unknown kind",
        {"image": PIXEL, "references": [{"kind": "dog", "image": PIXEL}]},
        "references[0].kind",
    ),
    ("a reference without a picture", {"image": PIXEL, "references": [{}]}, "references[0].image"),
]


@pytest.mark.parametrize(
    ("body", "field"), [(body, field) for _, body, field in BODIES], ids=[n for n, _, _ in BODIES]
)
def test_a_wrong_field_is_named(client: TestClient, body: Any, field: str) -> None:
    problem = problem_of(client.post("/v1/score", json=body), 422, "invalid")

    assert field in {each["field"] for each in problem["errors"]}
    assert all(len(each["value"] or "") <= 100 for each in problem["errors"])


def test_every_problem_is_told_at_once(client: TestClient) -> None:
    body = {"promt": "x", "palette": [1], "references": [{"kind": "dog"}]}
    problem = problem_of(client.post("/v1/score", json=body), 422, "invalid")

    assert len(problem["errors"]) == 5


def test_a_form_refuses_unknown_repeated_and_misplaced_fields(
    client: TestClient, png: bytes
) -> None:
    files = [("image", ("a.png", png)), ("image", ("b.png", png)), ("prompt", ("c.txt", b"x"))]
    misplaced = problem_of(client.post("/v1/score", files=files), 422, "invalid")
    unknown = problem_of(
        client.post("/v1/score", files={"image": png}, data={"expect_text": "x"}), 422, "invalid"
    )

    assert {each["field"] for each in misplaced["errors"]} == {"image", "prompt"}
    assert "did you mean 'expected_text'" in unknown["message"]


def test_kinds_that_do_not_match_the_references_are_refused(client: TestClient, png: bytes) -> None:
    response = client.post(
        "/v1/score", files={"image": png}, data={"reference_kinds": ["face", "style"]}
    )
    problem = problem_of(response, 422, "invalid")

    assert problem["errors"][0]["field"] == "reference_kinds"


def test_fields_in_the_address_are_refused(client: TestClient, png: bytes) -> None:
    response = client.post("/v1/score?policy=poster", files={"image": png})

    problem_of(response, 422, "invalid")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "json_invalid"),
        (b"", "application/json", 400, "json_invalid"),
        (b'{"image": "\\ud800"}', "application/json", 400, "json_invalid"),
        (b'{"image": "' + b"\xff" * 9 + b'"}', "application/json", 400, "json_invalid"),
        (b"[" * 100_000, "application/json", 400, "json_invalid"),
        (b"[1]", "application/json", 422, "invalid"),
        (b"null", "application/json", 422, "invalid"),
        (b"image=x", "application/x-www-form-urlencoded", 415, "media_type"),
        (b"x", "image/png", 415, "media_type"),
        (b"x", "", 415, "media_type"),
        (b"x", "multipart/form-data", 400, "bad_request"),
        (b"x", "multipart/form-data; boundary=b", 400, "bad_request"),
        (b"--b\r\n\r\n", "multipart/form-data; boundary=b", 400, "bad_request"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    client: TestClient, content: bytes, kind: str, status: int, code: str
) -> None:
    response = client.post("/v1/score", content=content, headers={"content-type": kind})

    problem_of(response, status, code)


def test_half_a_character_smuggled_into_a_form_is_refused(client: TestClient, png: bytes) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n\\ud800\r\n'
    tail = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        + png
        + b"\r\n--b--\r\n"
    )
    kind = "multipart/form-data; boundary=b; charset=unicode_escape"
    response = client.post("/v1/score", content=head + tail, headers={"content-type": kind})

    assert response.status_code in (200, 400, 422)


@pytest.mark.parametrize(
    ("image", "status", "code"),
    [
        ("", 422, "picture_empty"),
        ("not base64!", 422, "picture_unreadable"),
        ("aGFsbG8=", 422, "picture_unreadable"),
        ("data:image/png,plain", 422, "picture_unreadable"),
        ("https://example.com/a.png", 422, "picture_unreadable"),
        (base64.b64encode(b"BM" + bytes(60)).decode(), 415, "picture_format"),
    ],
    ids=["empty", "no base64", "no picture", "a plain data URI", "an address", "a bitmap"],
)
def test_what_is_no_picture_is_refused_by_its_code(
    client: TestClient, image: str, status: int, code: str
) -> None:
    problem_of(client.post("/v1/score", json={"image": image}), status, code)


def test_a_wrong_reference_is_named_by_its_place(client: TestClient) -> None:
    body = {"image": PIXEL, "references": [PIXEL, "aGFsbG8="]}
    problem = problem_of(client.post("/v1/score", json=body), 422, "picture_unreadable")

    assert problem["errors"][0]["field"] == "references[1]"


def test_a_data_uri_is_read_by_its_bytes_not_by_its_label(client: TestClient) -> None:
    response = client.post("/v1/score", json={"image": f"data:text/html;base64,{PIXEL}"})

    assert response.status_code == 200


def test_a_body_over_the_limit_is_refused_by_its_length(start: Start) -> None:
    client = start(body_mb=0.1)
    response = client.post("/v1/score", json={"image": "A" * 200_000})

    assert "0.1 MB" in problem_of(response, 413, "body_too_large")["message"]


def test_a_body_without_a_length_is_refused_while_it_arrives(start: Start) -> None:
    client = start(body_mb=0.1)
    taken = []

    def pieces() -> Any:
        for index in range(1000):
            taken.append(index)
            yield b"A" * 10_000

    response = client.post(
        "/v1/score", content=pieces(), headers={"content-type": "application/json"}
    )

    problem_of(response, 413, "body_too_large")


def test_references_that_together_fill_the_house_are_refused(start: Start) -> None:
    client = start(pixels_in_house=100_000)
    image = base64.b64encode(imaging.encode(scene(250, 200))).decode()
    response = client.post("/v1/score", json={"image": image, "references": [image] * 2})

    assert "together" in problem_of(response, 413, "picture_too_large")["message"]


def test_too_many_pixels_are_refused_by_the_header(start: Start) -> None:
    client = start(pixel_cap=1000)
    image = base64.b64encode(imaging.encode(scene(100, 100))).decode()

    problem_of(client.post("/v1/score", json={"image": image}), 413, "picture_too_large")


def test_what_nobody_expected_says_nothing_of_the_inside(
    start: Start, png: bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = start()

    def broken(_: object, brief: Any, **__: object) -> None:
        raise RuntimeError(brief.prompt)

    monkeypatch.setattr(client.app.state.house, "score", broken)
    with caplog.at_level(logging.DEBUG):
        response = client.post("/v1/score", files={"image": png}, data={"prompt": "secret wish"})

    problem_of(response, 500, "internal")
    assert "secret" not in response.text + caplog.text
    assert "RuntimeError" in caplog.text
    assert "in broken" in caplog.text


@pytest.mark.parametrize("fields", [{"prompt": "my secret wish"}, {"prmpt": "my secret wish"}])
def test_no_prompt_and_no_picture_is_ever_logged(
    client: TestClient, png: bytes, caplog: pytest.LogCaptureFixture, fields: dict[str, str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.post("/v1/score", files={"image": png}, data=fields)
        client.post("/v1/score", json={"image": "my secret wish"})

    assert "secret" not in caplog.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELD = st.sampled_from(
    ["image", "prompt", "negative_prompt", "expected_text", "references", "palette", "category",
     "policy", "model", "kind"]
)  # fmt: skip
TABLES = st.dictionaries(FIELD, JSON | st.just(PIXEL), max_size=6)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=TABLES | st.just({"image": PIXEL}).flatmap(lambda base: TABLES.map(base.__or__)))
def test_no_json_breaks_the_house(client: TestClient, table: dict[str, Any]) -> None:
    content = json.dumps(table).encode()
    response = client.post(
        "/v1/score", content=content, headers={"content-type": "application/json"}
    )

    assert response.status_code in (200, 400, 404, 413, 415, 422), response.text
    assert response.status_code == 200 or response.json()["code"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=b"]),
)
def test_no_bytes_break_the_house(client: TestClient, body: bytes, kind: str) -> None:
    parts = b'--b\r\nContent-Disposition: form-data; name="' + body + b"\r\n--b--\r\n"
    for content in (body, parts):
        response = client.post("/v1/score", content=content, headers={"content-type": kind})

        assert 400 <= response.status_code < 500, response.text
