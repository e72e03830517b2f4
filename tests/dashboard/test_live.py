"""The live page in a browser: streamed, polled where no stream opens, and let go at the end."""

from __future__ import annotations

import threading
import time

import httpx2
import pytest

from tests.dashboard.conftest import served
from tests.dashboard.test_pages import LOOKS, faults

HOSTILE = "<img src=x onerror=window.pwned=1></script><script>window.pwned=1</script> {{ 7*7 }}"


def paint(house, prompt: str) -> None:
    asked = {"prompt": prompt, "policy": "default", "width": 128, "height": 128, "seed": 5}
    answer = httpx2.post(f"{house.url}/v1/generate", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text


def test_what_is_asked_for_appears_without_a_reload_and_runs_nothing(tab):
    tab.open("/dashboard/live")
    tab.page.wait_for_selector("#how[data-tone=good]")
    paint(tab.house, HOSTILE)
    tab.page.wait_for_selector("text=window.pwned=1")
    words = tab.page.inner_text(".doing .words >> nth=0")

    assert words.startswith("<img src=x onerror")
    assert "{{ 7*7 }}" in words
    assert tab.page.evaluate("window.pwned") is None
    assert tab.said == []
    tab.page.click(".doing .words a >> nth=0")
    tab.page.wait_for_selector(".attempts")


@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=lambda look: f"{look[0]}-{look[1]}")
def test_the_page_is_clean_fits_its_width_and_is_accessible(tab):
    paint(tab.house, "a red cup")
    tab.open("/dashboard/live")
    tab.page.wait_for_selector("#how[data-tone=good]")

    assert faults(tab.page) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert tab.said == []


def test_where_no_stream_opens_the_page_asks_again_and_again(tab):
    tab.page.route("**/live/stream", lambda route: route.fulfill(status=503, body="full"))
    tab.open("/dashboard/live")
    tab.page.wait_for_selector("#how[data-tone=open]")
    paint(tab.house, "a green hat, polled")
    tab.page.wait_for_selector("text=a green hat, polled", timeout=8000)

    assert "every 3 seconds" in tab.page.inner_text("#how")


def test_a_server_that_is_stopped_lets_its_streams_go(tmp_path):
    running = served(tmp_path)
    house = next(running)
    ended = []

    def listen():
        with httpx2.stream("GET", f"{house.url}/dashboard/live/stream", timeout=30) as answer:
            ended.append("".join(answer.iter_text()))

    listening = threading.Thread(target=listen)
    listening.start()
    time.sleep(1.0)
    began = time.monotonic()
    running.close()
    took = time.monotonic() - began
    listening.join(5)

    assert took < 8  # those that are not let go are waited for ten seconds
    assert "event: now" in ended[0]
