"""A delivered picture can be opened by whoever was given its address, and by nobody else."""

import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from sentinel.api.published import NAME, address
from sentinel.imaging import encode
from sentinel.keeping import UNKEPT
from sentinel.testing import scene

Start = Callable[..., TestClient]

LOCAL = {"host": "sentinel.example:8600"}


def asked(client: TestClient, **headers: str) -> Request:
    """A request as the application sees it."""
    told = LOCAL | headers
    scope = {
        "type": "http", "app": client.app, "scheme": "http", "path": "/", "query_string": b"",
        "server": ("127.0.0.1", 8600), "client": ("127.0.0.1", 50000), "method": "GET",
        "headers": [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in told.items()],
    }  # fmt: skip
    return Request(scope)


@pytest.fixture(scope="module")
def kept(client: TestClient) -> tuple[str, bytes]:
    """A picture that is kept: its path, and its bytes."""
    data = encode(scene(64, 48))
    sha256 = client.app.state.house.store.media.put(data)
    return urlsplit(address(asked(client), sha256, "image/png")).path, data


def test_the_address_opens_the_picture(client: TestClient, kept: tuple[str, bytes]) -> None:
    path, data = kept

    answer = client.get(path)

    assert answer.status_code == 200
    assert answer.content == data
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_only_knows_the_picture_cannot_guess_its_address(
    client: TestClient, kept: tuple[str, bytes]
) -> None:
    sha256 = hashlib.sha256(kept[1]).hexdigest()
    right = kept[0].removeprefix("/media/")
    signature = right[64:96]
    other = "0" if signature[-1] != "0" else "1"
    guesses = [
        f"{sha256}.png", sha256, f"{sha256}{'0' * 32}.png", f"{sha256}{signature[:-1]}{other}.png",
        f"{sha256}{signature[:-1]}.png", f"{sha256}{signature}0.png", f"{sha256}{signature.upper()}.png",
        f"{sha256.upper()}{signature}.png", f"{'0' * 64}{signature}.png", f"{right}x", f" {right}",
        f"{sha256}{signature}", "..%2f..%2fetc%2fpasswd", "é.png",
    ]  # fmt: skip

    found = {guess: client.get(f"/media/{guess}").status_code for guess in guesses}

    assert set(found.values()) == {404}, found


def test_addresses_of_two_houses_differ_for_the_same_picture(
    client: TestClient, kept: tuple[str, bytes], start: Start
) -> None:
    other = start()

    theirs = address(asked(other), hashlib.sha256(kept[1]).hexdigest(), "image/png")

    assert urlsplit(theirs).path != kept[0]


@pytest.mark.parametrize(
    ("data", "kind", "ending"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg", "jpg"),
        (b"RIFF....WEBPVP8 ", "image/webp", "webp"),
        (b"GIF89a", "image/gif", "gif"),
        (b"\0\0\0\x1cftypavif", "image/avif", "avif"),
        (b"<svg onload=alert(1)>", "application/octet-stream", "bin"),
    ],
    ids=["png", "jpeg", "webp", "gif", "avif", "nothing we know"],
)
def test_the_ending_is_that_of_the_bytes_and_no_other_opens_it(
    client: TestClient, data: bytes, kind: str, ending: str
) -> None:
    store = client.app.state.house.store
    sha256 = store.media.put(data)
    path = urlsplit(address(asked(client), sha256, store.media.content_type(sha256))).path

    assert path.endswith(f".{ending}")
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    shown = answer.headers["content-disposition"]
    assert shown == ("attachment" if ending == "bin" else "inline")
    assert client.get(f"{path.rpartition('.')[0]}.html").status_code == 404


def test_head_tells_the_size_and_sends_nothing(client: TestClient, kept: tuple[str, bytes]) -> None:
    answer = client.head(kept[0])

    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(len(kept[1]))
    assert answer.content == b""


@pytest.mark.parametrize("told", ['"{}"', 'W/"{}"', '"other", "{}"'])
def test_who_has_the_picture_already_is_sent_nothing(
    client: TestClient, kept: tuple[str, bytes], told: str
) -> None:
    tag = hashlib.sha256(kept[1]).hexdigest()

    answer = client.get(kept[0], headers={"If-None-Match": told.format(tag)})

    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["etag"] == f'"{tag}"'


def test_a_picture_whose_time_is_up_is_gone_even_for_who_has_it(start: Start) -> None:
    client = start(media_days=timedelta(milliseconds=1) / timedelta(days=1))
    sha256 = client.app.state.house.store.media.put(b"\x89PNG\r\n")
    path = urlsplit(address(asked(client), sha256, "image/png")).path

    for headers in ({}, {"If-None-Match": f'"{sha256}"'}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


SHA = "ab" * 32

ORIGINS = {
    "as it was reached": ({}, "http://sentinel.example:8600"),
    "an IPv6 address": ({"host": "[::1]:8600"}, "http://[::1]:8600"),
    "a proxy's scheme": ({"x_forwarded_proto": "https"}, "https://sentinel.example:8600"),
    "the first of two proxies": ({"x_forwarded_proto": "HTTPS, http"}, "https://sentinel.example:8600"),
    "no scheme of ours": ({"x_forwarded_proto": "javascript"}, "http://sentinel.example:8600"),
    "a quote": ({"host": 'a"onload="x'}, "http://127.0.0.1:8600"),
    "a path": ({"host": "evil.example/x?"}, "http://127.0.0.1:8600"),
    "a name and password": ({"host": "me:pass@evil.example"}, "http://127.0.0.1:8600"),
    "a line break": ({"host": "a\r\nSet-Cookie: b"}, "http://127.0.0.1:8600"),
    "a tag": ({"host": "<script>"}, "http://127.0.0.1:8600"),
    "letters of no host": ({"host": "ex\xe4mple"}, "http://127.0.0.1:8600"),
    "nothing": ({"host": ""}, "http://127.0.0.1:8600"),
    "a port of letters": ({"host": "a:b"}, "http://127.0.0.1:8600"),
}  # fmt: skip


@pytest.mark.parametrize("case", ORIGINS)
def test_an_address_names_the_host_that_was_dialled_and_nothing_odd(
    client: TestClient, case: str
) -> None:
    headers, origin = ORIGINS[case]

    told = address(asked(client, **headers), SHA, "image/png")

    assert told.startswith(f"{origin}/media/{SHA}")
    assert NAME.fullmatch(told.rpartition("/")[2])
    assert re.fullmatch(r"https?://[\x21-\x7e]+", told)


class Gone:
    """A file system that nobody can reach any more."""

    async_impl = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        def refused(*_: object) -> None:
            raise ConnectionError("s3.internal.example:443 refused")

        return refused


def test_a_media_store_that_is_away_takes_no_picture_from_its_caller(start: Start) -> None:
    client = start(media_folder="memory://away", generator="fixed")
    store = client.app.state.house.store
    url = urlsplit(address(asked(client), store.media.put(b"GIF89a"), "image/gif")).path
    assert client.get(url).status_code == 200
    store.media._opened._files = Gone()

    after = client.post(
        "/v1/generate", json={"prompt": "a cup", "width": 64, "height": 64, "seed": 9}
    )
    scored = client.post("/v1/score", files={"image": encode(scene(64, 48))}).json()
    told = client.get(url)

    assert after.status_code == 200
    assert after.json()["images"][0]["url"].startswith("data:image/png;base64,")
    assert after.json()["notes"] == scored["notes"] == [UNKEPT]
    assert client.get(after.json()["trace_url"]).json()["action"] == after.json()["action"]
    assert (told.status_code, told.json()["code"]) == (503, "media_unavailable")
    assert told.headers["retry-after"] == "5"
    assert "internal" not in told.text + after.text
