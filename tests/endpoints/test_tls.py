"""The certificate of `sentinel serve --tls`, its port, and `sentinel endpoints`."""

from __future__ import annotations

import json
import ssl
import stat
from datetime import datetime, timedelta

import httpx2
import pytest
from typer.testing import CliRunner

from sentinel.api import certificate as certificates
from sentinel.api.certificate import certificate
from sentinel.cli import app
from sentinel.errors import ConfigError

from .conftest import Served


def trusting(server: Served) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.printed["SSL_CERT_FILE"])


def test_both_ports_answer_and_tls_tells_addresses_on_the_plain_one(server):
    asked = {"prompt": "a red circle", "image_size": {"width": 64, "height": 64}}
    with httpx2.Client(verify=trusting(server), timeout=60) as client:
        answer = client.post(f"https://127.0.0.1:{server.tls_port}/fal-ai/flux/schnell", json=asked)
        named = client.get(f"https://localhost:{server.tls_port}/healthz")

    assert (answer.status_code, named.status_code) == (200, 200)
    assert answer.json()["images"][0]["url"].startswith(f"{server.url}/media/")


def test_who_does_not_know_the_certificate_is_not_served(server):
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"https://127.0.0.1:{server.tls_port}/healthz")


def test_nobody_but_the_owner_reads_the_certificate_and_it_is_made_once(tmp_path):
    made = certificate(tmp_path, "127.0.0.1")
    first = made.chain.read_bytes()
    again = certificate(tmp_path, "127.0.0.1")

    assert [stat.S_IMODE(path.stat().st_mode) for path in (made.chain, made.authority)] == [
        0o600
    ] * 2
    assert stat.S_IMODE(made.chain.parent.stat().st_mode) == 0o700
    assert again.chain.read_bytes() == first
    assert b"PRIVATE KEY" not in made.authority.read_bytes()
    assert sorted(path.name for path in made.chain.parent.iterdir()) == ["ca.pem", "server.pem"]


class Later(datetime):
    """A clock a year ahead."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + timedelta(days=certificates.DAYS)


@pytest.mark.parametrize("spoilt", ["expired", "damaged", "gone", "another's", "for another host"])
def test_a_certificate_that_is_not_good_any_more_is_made_anew(tmp_path, monkeypatch, spoilt):
    made = certificate(tmp_path, "127.0.0.1")
    first, host = made.chain.read_bytes(), "127.0.0.1"
    if spoilt == "expired":
        monkeypatch.setattr(certificates, "datetime", Later)
    elif spoilt == "damaged":
        made.chain.write_bytes(first[:100])
    elif spoilt == "gone":
        made.authority.unlink()
    elif spoilt == "another's":
        made.authority.write_bytes(certificate(tmp_path / "other", host).authority.read_bytes())
    else:
        host = "10.1.2.3"
    again = certificate(tmp_path, host).chain.read_bytes()

    assert again != first
    assert certificate(tmp_path, host).chain.read_bytes() == again


def test_a_home_that_cannot_be_written_is_told_with_the_way_out(tmp_path):
    (tmp_path / "tls").write_text("a file where the folder belongs")

    with pytest.raises(ConfigError, match="serve without --tls"):
        certificate(tmp_path, "127.0.0.1")


def test_endpoints_names_every_service_for_the_place_that_is_given():
    words = ["endpoints", "--port", "9000", "--tls", "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    fal = next(each for each in told if each["client"].startswith("fal-client"))

    assert {each["service"] for each in told} == {
        "fal", "RunPod", "Opper, OpenAI", "imageapi.org", "Runflow",
    }  # fmt: skip
    assert fal["change"][:2] == [
        "export FAL_RUN_HOST=127.0.0.1:9001", "export FAL_QUEUE_RUN_HOST=127.0.0.1:9001/queue",
    ]  # fmt: skip
    assert all("9000" in each["base_url"] for each in told if each is not fal)


def test_endpoints_prints_lines_that_can_be_copied_and_says_when_tls_is_needed():
    anywhere = "0.0.0.0"  # noqa: S104 - printed, not listened on
    said = CliRunner().invoke(app, ["endpoints", "--host", anywhere, "--port", "9000"]).stdout

    assert "  export OPENAI_BASE_URL=http://127.0.0.1:9000/v3/compat\n" in said
    assert "sentinel serve --tls" in said


def test_what_is_printed_when_serving_is_what_endpoints_prints(server):
    words = ["endpoints", "--port", str(server.port), "--tls-port", str(server.tls_port), "--json"]
    told = json.loads(
        CliRunner().invoke(app, words, env={"SENTINEL_HOME": str(server.home)}).stdout
    )
    lines = next(each["change"] for each in told if each["client"].startswith("fal-client"))

    assert lines == [f"export {name}={value}" for name, value in server.printed.items()]
