"""What all remote generators share: keys, time, size, and where a picture may be fetched from."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import re
import socket
import threading
import time
from dataclasses import fields
from pathlib import Path

import pytest

from generator.exchange import Exchange
from generator.fetching import Fetcher, FetchError, lies_inside
from generator.imageapi import ImageApi
from generator.opper import Opper
from generator.refusals import retry_after, said
from generator.runflow import Runflow
from sentinel import registry
from sentinel.contracts import Brief, Runtime
from sentinel.errors import (
    ConfigError,
    MissingRequirement,
    NoPicture,
    ProviderTimeout,
    Rejected,
    Unreachable,
)
from sentinel.imaging import encode
from sentinel.outbound import OWN, Private, may_dial
from sentinel.testing import scene

CUP = Brief(prompt="two red cups", width=512, height=256, seed=7)
REMOTE = ("fal", "imageapi", "opper", "runflow", "runpod")
INNER = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
)
NEVER = (
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",  # noqa: S104 - refused
    "224.0.0.1",
    "100.64.0.1",
    "255.255.255.255",
    "::",
    "ff02::1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
)
PUBLIC = ("1.1.1.1", "93.184.216.34", "2606:4700::1111")


def soon(seconds=2.0):
    return time.monotonic() + seconds


# ── keys and options ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", REMOTE)
def test_a_missing_key_is_named_with_the_command_that_sets_it(name, monkeypatch):
    made = registry.make("generator", name, {})
    monkeypatch.delenv(made.key_env, raising=False)
    with pytest.raises(
        MissingRequirement, match=f"{made.key_env}, which is not here; run: export {made.key_env}="
    ):
        made.load(Runtime())


@pytest.mark.parametrize("name", REMOTE)
def test_a_plugin_shows_its_options_and_no_key(name, monkeypatch):
    made = registry.make("generator", name, {"key_env": "SOME_KEY"})
    monkeypatch.setenv("SOME_KEY", "sk-shown-nowhere")
    made.load(Runtime())

    assert "SOME_KEY" in repr(made)
    assert "shown-nowhere" not in repr(made) + repr(vars(made)) + repr(vars(made._exchange))


@pytest.mark.parametrize("name", REMOTE)
@pytest.mark.parametrize(("options", "told"), [
    ({"base_url": "ftp://host"}, "base_url is 'ftp://host'"), ({"base_url": "https://me:secret@host"}, "use http:// or https://"),
    ({"base_url": ""}, "base_url is ''"), ({"seconds": 0.0}, "seconds is 0.0"), ({"model": ""}, "model is ''"),
    ({"model": "../admin"}, "model is '../admin'"), ({"modle": "x"}, "did you mean 'model'"),
], ids=["scheme", "user name", "no address", "no time", "no model", "a way out of the path", "mistyped"])  # fmt: skip
def test_options_that_cannot_be_meant_are_refused(name, options, told):
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        registry.make("generator", name, options)


@pytest.mark.parametrize(
    "key", ["with space", "line\nbreak", "ключ"], ids=["space", "line break", "not ASCII"]
)
def test_a_key_that_cannot_be_sent_is_refused_without_being_told(serve, plugged, monkeypatch, key):
    monkeypatch.setenv("SERVICE_KEY", key)
    with pytest.raises(ConfigError, match="SERVICE_KEY holds characters") as told:
        plugged(Runflow, serve("RunflowService")).generate(CUP)

    assert key not in str(told.value)


def test_no_log_tells_the_key(serve, plugged, services, caplog):
    service = serve("RunflowService")
    service.troubles.append(
        services["Trouble"](status=500, body={"message": f"the key {services['KEY']} broke us"})
    )
    maker = plugged(Runflow, service)
    with (
        caplog.at_level(logging.DEBUG),
        pytest.raises(Exception, match=r"the key \[key\] broke us"),
    ):
        maker.generate(CUP)

    assert services["KEY"] not in caplog.text


def test_a_local_service_needs_no_key(serve, plugged, monkeypatch):
    monkeypatch.delenv("SERVICE_KEY")
    service = serve("RunflowService")
    service.auth = None

    assert plugged(Runflow, service).generate(CUP)


# ── the exchange ──────────────────────────────────────────────────────────────────────────────


def test_a_blank_prompt_asks_for_a_picture(serve, plugged):
    service = serve("RunflowService")
    plugged(Runflow, service).generate(Brief(prompt="  ", width=256, height=256))

    assert service.requests[0].body["prompt"] == "a picture"


@pytest.mark.parametrize(
    ("brief", "size"),
    [(Brief(), (1024, 1024)), (Brief(width=256), (256, 256)), (Brief(height=128), (128, 128))],
    ids=["none", "width", "height"],
)
def test_sides_that_are_not_named_are_settled(serve, plugged, brief, size):
    service = serve("RunflowService")
    plugged(Runflow, service).generate(brief)

    assert (service.requests[0].body["width"], service.requests[0].body["height"]) == size


def test_an_answer_that_is_late_is_cut_at_the_time(serve, plugged, services):
    service = serve("RunflowService")
    service.troubles.append(services["Trouble"](late=5.0))
    started = time.perf_counter()
    with pytest.raises(ProviderTimeout) as told:
        plugged(Runflow, service, seconds=0.3).generate(CUP)

    assert time.perf_counter() - started < 2.0
    assert (told.value.submitted, told.value.repeatable) == (None, False)


@pytest.fixture
def trickle():
    """A server that says 200 and then a byte now and then, without end."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as open_ones:

        def drip():
            caller, _ = server.accept()
            open_ones.enter_context(caller)
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 999999\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    caller.sendall(b" ")
                    time.sleep(0.02)

        threading.Thread(target=drip, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_an_answer_that_trickles_in_is_cut_at_the_time(trickle, closing):
    maker = closing(Runflow(base_url=trickle, key_env="SERVICE_KEY", seconds=0.3))
    started = time.perf_counter()
    with pytest.raises(ProviderTimeout) as told:
        maker.generate(CUP)

    assert time.perf_counter() - started < 2.0
    assert told.value.submitted is None


def test_a_picture_that_trickles_in_is_cut_at_the_time(trickle, inside):
    with pytest.raises(FetchError, match="did not arrive in time"):
        inside.fetch(f"{trickle}/picture.png", soon(0.3))


def test_a_closed_port_is_unreachable_and_unbilled(plugged, serve):
    service = serve("RunflowService")
    maker = plugged(Runflow, service)
    service.close()
    with pytest.raises(Unreachable) as told:
        maker.generate(CUP)

    assert (told.value.submitted, told.value.repeatable) == (False, True)


def test_a_redirect_is_not_followed_with_the_key(serve, plugged, services):
    service, other = serve("RunflowService"), serve("RunflowService")
    service.troubles.append(
        services["Trouble"](status=307, headers={"location": f"{other.base}/generate"})
    )
    with pytest.raises(Rejected, match="answers with a redirect"):
        plugged(Runflow, service).generate(CUP)

    assert other.requests == []


def test_an_answer_that_is_too_large_is_cut(serve, plugged, services, monkeypatch):
    monkeypatch.setattr("generator.exchange.LIMIT", 1000)
    service = serve("OpperService")
    with pytest.raises(NoPicture, match="more than 1,000 bytes"):
        plugged(Opper, service).generate(CUP)


def test_a_services_words_are_one_clean_short_line():
    told = said(b'{"error": {"message": "no\\n\\u001b[31mred\\u202e ' + b"x" * 500 + b'"}}')

    assert told.startswith("no [31mred x")
    assert told.isprintable()
    assert len(told) == 201


@pytest.mark.parametrize(("headers", "seconds"), [
    ({"retry-after": "7"}, 7.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "250"}, 0.25), ({"retry-after": "-3"}, 0.0),
    ({"retry-after": "nan"}, None), ({"retry-after": "soon"}, None), ({"retry-after": "1e12"}, 86_400.0),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0), ({}, None),
], ids=str)  # fmt: skip
def test_a_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_an_exchange_shows_no_key():
    assert "SECRET" not in repr(Exchange("p", "https://host", "SECRET"))


# ── pictures at an address ────────────────────────────────────────────────────────────────────


@pytest.fixture
def inside(closing):
    return closing(Fetcher(inside=True))


@pytest.fixture
def outside(closing):
    return closing(Fetcher(inside=False))


@pytest.mark.parametrize("address", INNER)
def test_networks_of_ones_own_are_dialled_only_where_that_is_allowed(address):
    assert not may_dial(ipaddress.ip_address(address), Private())
    assert may_dial(ipaddress.ip_address(address), Private(OWN))


@pytest.mark.parametrize("address", NEVER)
def test_some_networks_are_never_dialled(address):
    assert not may_dial(ipaddress.ip_address(address), Private())
    assert not may_dial(ipaddress.ip_address(address), Private(OWN))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_dialled(address):
    assert may_dial(ipaddress.ip_address(address), Private())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ],
)
def test_no_spelling_of_an_inner_address_gets_through(outside, host):
    with pytest.raises(FetchError, match=r"not public|odd way"):
        outside.fetch(f"http://{host}/picture.png", soon())


@pytest.mark.parametrize(("address", "told"), [
    ("file:///etc/passwd", "neither http nor https"), ("gopher://host/", "neither http nor https"), ("http://user:pw@host/", "user name"),
    ("http://example.org:22/", "port 22"), ("http://example.org:99999/", "no port"), ("http:///x", "neither"),
], ids=str)  # fmt: skip
def test_an_odd_address_is_not_fetched(outside, address, told):
    with pytest.raises(FetchError, match=told):
        outside.fetch(address, soon())


def test_a_services_own_picture_is_fetched_where_the_service_lies_inside(serve, inside):
    service = serve("RunflowService")
    image = encode(scene(64, 64))

    assert inside.fetch(service.hosted(image), soon()) == image
    assert lies_inside("127.0.0.1")
    assert not lies_inside("no-such-host.invalid")


@pytest.mark.parametrize(
    "target",
    ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "http://0.0.0.0/"],
    ids=str,
)
def test_each_redirect_is_checked_anew(serve, inside, monkeypatch, target):
    service = serve("RunflowService")
    send = service._send
    monkeypatch.setattr(
        service,
        "_send",
        lambda handler, status, body, headers: send(handler, 302, b"", {"location": target}),
    )
    with pytest.raises(FetchError):
        inside.fetch(service.hosted(b"x"), soon())


def test_a_circle_of_redirects_ends(serve, inside, monkeypatch):
    service = serve("RunflowService")
    send = service._send
    where = service.hosted(b"x")
    monkeypatch.setattr(
        service,
        "_send",
        lambda handler, status, body, headers: send(handler, 302, b"", {"location": where}),
    )
    with pytest.raises(FetchError, match="more than 3 times"):
        inside.fetch(where, soon())


def test_a_name_is_resolved_once_and_that_address_is_dialled(serve, closing, monkeypatch):
    service = serve("RunflowService")
    image = encode(scene(64, 64))
    asked = []

    def resolve(host, port, *_, **__):
        if host != "pictures.example":
            return [(2, 1, 6, "", (host, port))]
        asked.append(host)  # a name that changes its mind
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "169.254.169.254", port))]

    monkeypatch.setattr("sentinel.outbound.dialling.socket.getaddrinfo", resolve)
    where = service.hosted(image).replace("127.0.0.1", "pictures.example")

    assert closing(Fetcher(inside=True)).fetch(where, soon()) == image
    assert asked == ["pictures.example"]


def test_a_name_with_one_inner_address_among_public_ones_is_refused(outside, monkeypatch):
    answers = [(2, 1, 6, "", ("1.1.1.1", 80)), (2, 1, 6, "", ("127.0.0.1", 80))]
    monkeypatch.setattr("sentinel.outbound.dialling.socket.getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(FetchError, match="not public"):
        outside.fetch("http://pictures.example/", soon())


def test_a_picture_that_is_too_large_is_cut(serve, closing):
    service = serve("RunflowService")
    with pytest.raises(FetchError, match="larger than 1,000 bytes"):
        closing(Fetcher(inside=True, limit=1000)).fetch(service.hosted(b"x" * 5000), soon())


def test_a_picture_that_cannot_be_fetched_is_tried_again_and_then_told(serve, plugged, services):
    service = serve("ImageApiService")
    service.troubles.append(
        services["Trouble"](changes={"images": [{"url": f"{service.url}/files/gone.png"}]})
    )
    with pytest.raises(NoPicture, match="painted a picture that cannot be fetched") as told:
        plugged(ImageApi, service).generate(CUP)

    assert told.value.submitted is True


# ── the pages ─────────────────────────────────────────────────────────────────────────────────

PAGES = Path(__file__).parent.parent.parent / "docs" / "generators"


@pytest.mark.parametrize("name", REMOTE)
def test_a_page_names_every_option_with_its_default(name):
    page = (PAGES / f"{name}.md").read_text("utf-8")
    made = registry.make("generator", name, {})

    for option in fields(made):
        [row] = [line for line in page.splitlines() if line.startswith(f"| `{option.name}` |")]
        default = getattr(made, option.name)
        shown = row.split(" | ")[1].strip("`")
        assert (
            shown == default
            if isinstance(default, str)
            else float(shown.replace("true", "1").replace("false", "0")) == default
        )


@pytest.mark.parametrize("name", REMOTE)
def test_the_lines_on_a_page_work(name):
    page = (PAGES / f"{name}.md").read_text("utf-8")
    [written] = re.findall(r"SENTINEL_GENERATOR_OPTIONS='(.*?)'", page)

    assert f"export SENTINEL_GENERATOR={name}\n" in page
    assert f"export {registry.make('generator', name, json.loads(written)[name]).key_env}=" in page
