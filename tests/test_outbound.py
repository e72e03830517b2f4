"""What may be dialled on somebody else's word, and how long and how much of it is taken."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sentinel.errors import BriefError, ConfigError, PictureError
from sentinel.imaging import encode
from sentinel.outbound import (
    Limits,
    Private,
    admit,
    fetch_picture,
    is_public,
    resolved,
    target_of,
)
from sentinel.settings import Settings
from sentinel.testing import scene

PNG = encode(scene(64, 48))
LOOPBACK = Private.of(["127.0.0.1"])
INNER = ipaddress.ip_address("10.0.0.7")
HERE = ipaddress.ip_address("127.0.0.1")

HOSTILE = (
    # loopback, however it is written
    "http://127.0.0.1/", "http://127.0.0.1:80/", "http://127.1/", "http://127.0.1/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0X7F.1/",
    "http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.01/", "http://127.0.0.1./",
    "http://127.255.255.254/", "http://0/", "http://0.0.0.0/", "http://0.1.2.3/",
    "http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/",
    "http://127\u30020\u30020\u30021/", "http://\uff11\uff12\uff17.0.0.1/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
    # IPv6, and IPv4 inside it
    "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/", "http://[::ffff:0:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::7f00:1]/",
    "http://[2002:7f00:1::1]/", "http://[2002:a9fe:a9fe::1]/",
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "http://[2606:4700::5efe:7f00:1]/",
    "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fec0::1]/", "http://[fd00::1]/",
    "http://[fc00::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[100::1]/",
    "http://[4000::1]/", "http://[::1/", "http://::1/",
    # networks that are nobody's or somebody else's
    "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/",
    "http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/", "http://2852039166/",
    "http://0xA9FEA9FE/", "http://metadata.google.internal/", "http://100.64.0.1/",
    "http://100.100.100.200/", "http://192.0.0.192/", "http://192.0.2.1/", "http://198.18.0.1/",
    "http://198.51.100.1/", "http://203.0.113.1/", "http://192.88.99.1/", "http://224.0.0.1/",
    "http://239.255.255.250/", "http://240.0.0.1/", "http://255.255.255.255/",
    "http://printer.local/", "http://redis/", "http://db.corp/", "http://router.lan/",
    # other schemes, and none
    "file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "dict://example.org/",
    "ldap://example.org/", "jar:http://example.org!/", "javascript:alert(1)", "ws://example.org/",
    "//example.org/", "example.org/a.png", "http:example.org", "http:/example.org", "http://", "",
    # what two parsers would read in two ways
    "http://user:pw@example.org/", "http://example.org@127.0.0.1/", "http://@example.org/",
    "http://example.org\\@127.0.0.1/", "http://127.0.0.1\\.example.org/", "http://a@b@127.0.0.1/",
    "http://127.0.0.1%00.example.org/", "http://exa%6dple.org/", "http://exam\tple.org/",
    "http://example.org\r\nX-Evil: 1/", "http://example.org /", " http://example.org/",
    "http://1.1.1.1 &@127.0.0.1# @3.3.3.3/", "http://256.256.256.256/", "http://1.1.1.1.1/",
    "http://0x/", "http://1.2.3.0x/", "http://a..example.org/", "http://-a.example.org/",
    "http://" + "a" * 64 + ".example.org/", "http://" + "a." * 130 + "org/",
    "https://example.org/" + "a" * 5000,
    # ports
    "http://example.org:22/", "http://example.org:6379/", "http://example.org:0/",
    "http://example.org:65536/", "http://example.org:-1/", "http://example.org:80a/",
    "https://example.org:11211/",
)  # fmt: skip


def refuses_to_look_up(host: str, port: int):
    raise AssertionError(f"{host} was looked up")


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: ascii(url)[:60])
def test_a_hostile_address_is_refused_before_anything_is_looked_up(url):
    limits = Limits(resolve=refuses_to_look_up)
    with pytest.raises(BriefError) as told:
        fetched(url, limits)
    with pytest.raises(BriefError):
        asyncio.run(admit(url, field="webhook", limits=limits))

    assert told.value.field == "image_url"
    assert str(told.value).startswith("image_url is ")


def test_there_are_at_least_forty_hostile_forms():
    assert len(set(HOSTILE)) == len(HOSTILE) >= 40


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org", "http://example.org/a.png?b=c", "https://EXAMPLE.org:443/",
        "https://b\u00fccher.example/", "https://example.org./", "http://1.1.1.1/",
        "http://[2606:4700::1111]/", "http://[64:ff9b::101:101]/", "https://cdn.example.org/a@b",
    ],
)  # fmt: skip
def test_an_ordinary_address_is_taken(url):
    assert target_of(url).host == target_of(url).host.lower()


def test_what_is_dialled_is_what_was_read():
    target = target_of("HTTPS://B\u00fccher.example:443/a%20b?c=d#e")

    assert (target.host, target.port, target.path) == ("xn--bcher-kva.example", 443, "/a%20b?c=d")
    assert target.name == "xn--bcher-kva.example"
    assert target_of("http://[2606:4700::1111]/").name == "[2606:4700::1111]"


def test_a_refusal_names_the_setting_that_allows_it():
    with pytest.raises(Exception, match="lists it in SENTINEL_OUTBOUND_PRIVATE"):
        target_of("http://127.0.0.1/")


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5000/"), ("127.0.0.0/8", "http://localhost:5000/"),
        ("10.0.0.0/8", "http://10.1.2.3:9000/"), ("s3.internal", "http://s3.internal:9000/"),
        ("::1", "http://[::1]:5000/"), ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
        ("localhost", "http://localhost:5000/"), ("169.254.169.254", "http://169.254.169.254/"),
    ],
)  # fmt: skip
def test_an_operator_may_list_what_is_not_public(listed, url):
    assert target_of(url, Private.of([listed])).url == url


@pytest.mark.parametrize(
    ("listed", "url"),
    [
        ("127.0.0.1", "http://127.0.0.2/"), ("127.0.0.1", "http://10.0.0.1/"),
        ("10.0.0.0/8", "http://169.254.169.254/"), ("s3.internal", "http://db.internal/"),
        ("127.0.0.1", "http://127.1/"), ("127.0.0.1", "http://0.0.0.0/"),
    ],
)  # fmt: skip
def test_what_is_listed_opens_nothing_else(listed, url):
    with pytest.raises(Exception, match=r"not public|odd way"):
        target_of(url, Private.of([listed]))


@pytest.mark.parametrize("entry", ["http://10.0.0.1", "10.0.0.1:80", "10.0.0.1/8", "a b", "300.1"])
def test_a_setting_that_cannot_be_meant_stops_the_start(entry):
    with pytest.raises(ConfigError, match="SENTINEL_OUTBOUND_PRIVATE"):
        Settings.read(outbound_private=entry)


def test_the_setting_is_a_list_with_commas_or_json():
    listed = ("127.0.0.1", "s3.internal")

    assert Settings.read(outbound_private="127.0.0.1, s3.internal").outbound_private == listed
    assert Settings.read(outbound_private='["127.0.0.1", "S3.internal"]').outbound_private


def test_no_address_is_public_that_python_calls_private():
    for first in range(256):
        address = ipaddress.ip_address(f"{first}.1.1.1")

        assert not is_public(address) or address.is_global


# ── a server that behaves as it is told ───────────────────────────────────────────────────────

Behave = Callable[[BaseHTTPRequestHandler], None]


class Behaving(ThreadingHTTPServer):
    daemon_threads = True
    asked: list[str]
    behave: dict[str, Behave]

    @property
    def at(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Behaving]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            made.asked.append(self.path)
            with contextlib.suppress(OSError):
                made.behave[self.path](self)
            self.close_connection = True

        def log_message(self, *args):
            """Nothing."""

    made = Behaving(("127.0.0.1", 0), Handler)
    made.asked, made.behave = [], {}
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def answering(body: bytes = b"", status: int = 200, **headers: str) -> Behave:
    def behave(handler):
        handler.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def dripping(handler):
    """A byte of the headers now and then, for ever."""
    with contextlib.suppress(OSError):
        for _ in range(200):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)


def endless(handler):
    answering(content_length=str(10**12))(handler)
    with contextlib.suppress(OSError):
        while True:
            handler.wfile.write(b"x" * 65536)


QUICK = Limits(private=LOOPBACK, seconds=2.0)


def fetched(url: str, limits: Limits = QUICK) -> bytes:
    return asyncio.run(fetch_picture(url, field="image_url", limits=limits))


def test_a_picture_comes_as_it_is(server):
    server.behave["/a.png?b=c"] = answering(PNG)

    assert fetched(f"{server.at}/a.png?b=c") == PNG


def test_a_data_uri_needs_no_network():
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()

    assert fetched(uri, Limits(resolve=refuses_to_look_up)) == PNG
    with pytest.raises(PictureError, match="image_url is a data URI without"):
        fetched("data:text/plain,hello")


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2/", "http://[::1]/", "http://169.254.169.254/", "file:///etc/passwd",
     "//10.0.0.1/", "http://2130706433/", "http://localhost.localdomain/", "http://user@1.1.1.1/"],
)  # fmt: skip
def test_a_redirect_is_checked_like_the_first_address(server, location):
    server.behave["/"] = answering(status=302, location=location)
    with pytest.raises(BriefError, match="image_url is "):
        fetched(f"{server.at}/")

    assert server.asked == ["/"]


def test_a_redirect_to_where_one_may_go_is_followed(server):
    server.behave["/"] = answering(status=307, location="/b.png")
    server.behave["/b.png"] = answering(PNG)

    assert fetched(f"{server.at}/") == PNG


def test_a_circle_of_redirects_ends(server):
    server.behave["/"] = answering(status=301, location="/")
    with pytest.raises(PictureError, match="redirects more than 3 times"):
        fetched(f"{server.at}/")

    assert len(server.asked) == 4


def test_a_name_that_changes_its_mind_changes_nothing(server):
    server.behave["/"] = answering(PNG)
    answers = [[HERE], [INNER], [INNER]]
    limits = replace(QUICK, resolve=lambda *_: answers.pop(0))

    assert fetched(server.at.replace("127.0.0.1", "pictures.example"), limits) == PNG
    assert answers == [[INNER], [INNER]]


def test_a_name_that_changes_its_mind_at_a_redirect_is_refused(server):
    server.behave["/"] = answering(status=302, location="/again")
    answers = [[HERE], [INNER]]
    limits = replace(QUICK, resolve=lambda *_: answers.pop(0))
    with pytest.raises(BriefError, match="not public"):
        fetched(server.at.replace("127.0.0.1", "pictures.example"), limits)

    assert (answers, server.asked) == ([], ["/"])


@pytest.mark.parametrize("beside", ["127.0.0.1", "10.0.0.7", "::1", "169.254.169.254"])
def test_a_public_answer_does_not_cover_for_an_inner_one(beside):
    found = [ipaddress.ip_address("1.1.1.1"), ipaddress.ip_address(beside)]
    with pytest.raises(BriefError, match="not public"):
        fetched("http://pictures.example/", Limits(resolve=lambda *_: found))


def test_a_public_host_has_two_ports_also_where_something_is_listed():
    limits = replace(QUICK, resolve=lambda *_: [ipaddress.ip_address("1.1.1.1")])
    with pytest.raises(BriefError, match="port 6379"):
        fetched("http://pictures.example:6379/", limits)


def test_an_answer_that_drips_is_cut_at_the_time(server):
    server.behave["/"] = dripping
    began = time.monotonic()
    with pytest.raises(PictureError, match=r"did not arrive within 0\.3 s"):
        fetched(f"{server.at}/", replace(QUICK, seconds=0.3))

    assert time.monotonic() - began < 1.5


def test_a_look_up_that_hangs_is_cut_at_the_time():
    limits = Limits(seconds=0.2, resolve=lambda *_: time.sleep(1.0) or [HERE])
    with pytest.raises(PictureError, match="did not arrive"):
        fetched("http://pictures.example/", limits)


def test_an_endless_body_is_cut_at_the_bytes(server):
    server.behave["/"] = endless
    with pytest.raises(PictureError, match="larger than 100,000 bytes"):
        fetched(f"{server.at}/", replace(QUICK, bytes=100_000))


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        pytest.param(answering(b"<html>no</html>"), "no picture that can be read", id="a page"),
        pytest.param(answering(b""), "0 bytes", id="nothing"),
        pytest.param(answering(b"<svg/>"), "is SVG", id="a drawing"),
        pytest.param(answering(b"no", status=404), "answers HTTP 404", id="not found"),
        pytest.param(answering(PNG, status=500), "answers HTTP 500", id="an error"),
        pytest.param(answering(PNG, status=206), "answers HTTP 206", id="a part"),
        pytest.param(lambda handler: handler.wfile.write(b"hello\r\n"), "does not answer", id="no HTTP"),
        pytest.param(lambda handler: None, "does not answer", id="a broken connection"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_told_by_field(server, behave, told):
    server.behave["/"] = behave
    with pytest.raises(PictureError, match=told) as error:
        fetched(f"{server.at}/")

    assert error.value.field == "image_url"


def test_a_host_without_an_address_is_told_and_may_have_one_later():
    nowhere = Limits(resolve=lambda _, port: resolved("no-such-host.invalid", port))
    with pytest.raises(PictureError, match="does not answer"):
        fetched("http://pictures.example/", nowhere)
    asyncio.run(admit("http://pictures.example/", field="webhook", limits=nowhere))


def test_no_more_than_a_few_are_fetched_at_once(server):
    server.behave["/"] = lambda handler: (time.sleep(0.2), answering(PNG)(handler))

    async def all_of_them():
        limits = replace(QUICK, turns=asyncio.Semaphore(2))
        url = f"{server.at}/"
        return await asyncio.gather(
            *(fetch_picture(url, field="image_url", limits=limits) for _ in range(4))
        )

    began = time.monotonic()

    assert asyncio.run(all_of_them()) == [PNG] * 4
    assert time.monotonic() - began >= 0.4
