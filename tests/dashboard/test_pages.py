"""Every page as a person sees it: in light and dark, wide and narrow, with a console that is clean."""

from __future__ import annotations

import csv
import io
import re

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe

from sentinel.store import open_store
from sentinel.store.keys import NewKey
from tests.dashboard.conftest import Tab

LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
PAGES = {
    "overview": "/dashboard/",
    "pictures": "/dashboard/pictures",
    "trace": "/dashboard/traces/{guarded}?suppose=strict",
    "nothing": "/dashboard/nowhere",
}


def faults(page: object) -> list[str]:
    """What axe calls serious or critical."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]} {each['nodes'][0]['failureSummary'][:200]}"
            for each in found if each["impact"] in ("serious", "critical")]  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=lambda look: f"{look[0]}-{look[1]}")
def test_a_page_is_clean_fits_its_width_and_is_accessible(tab, name):
    tab.open(PAGES[name].format(guarded=tab.house.guarded[2]))
    wide = tab.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    assert faults(tab.page) == []
    assert wide <= 0
    assert [line for line in tab.said if "404" not in line] == []


def test_the_four_standings_add_up_to_the_evaluations_on_the_page(tab):
    tab.open("/dashboard/")
    said = tab.page.inner_text(".equation").replace("\u202f", "")
    *parts, total = [int(number) for number in re.findall(r"\d+", said)]

    assert len(parts) == 4
    assert sum(parts) == total > 12


def test_each_card_says_what_it_counts(tab):
    tab.open("/dashboard/")
    cards = tab.page.query_selector_all(".card, .rate")

    assert len(cards) == 9
    assert all(len(card.get_attribute("title")) > 30 for card in cards)


def test_an_attack_in_every_word_of_a_trace_runs_nothing(tab):
    for path in ("/dashboard/", "/dashboard/pictures", "/dashboard/traces/hostile-1?suppose=strict",
                 "/dashboard/?model=%22%3E%3Cscript%3Ewindow.pwned%3D1%3C/script%3E",
                 "/dashboard/pictures?quality=%3Csvg/onload=pwned=1%3E&kind=%22%3E"):  # fmt: skip
        tab.open(path)
        tab.page.wait_for_timeout(150)
        tab.page.mouse.move(700, 560)

        assert tab.page.evaluate("window.pwned") is None, path
        assert (
            tab.page.query_selector("#page script:not([type='application/json']), iframe") is None
        )
    assert tab.said == []


def test_the_trace_shows_an_attack_as_the_text_it_is(tab):
    tab.open("/dashboard/traces/hostile-1")

    assert "<script>window.pwned=1</script>" in tab.page.inner_text("h1")
    assert "{{ 7*7 }}" in tab.page.inner_text(".prompt")


def test_a_filter_is_in_the_address_and_the_address_shows_the_same_again(tab):
    tab.open("/dashboard/?range=30d")
    tab.page.select_option("select[name=category]", "event")
    tab.page.wait_for_url("**/dashboard/?*category=event*")
    shown = tab.page.inner_text(".equation")
    tab.open(tab.page.url.removeprefix(tab.house.url))

    assert tab.page.inner_text(".equation") == shown
    assert tab.page.input_value("select[name=category]") == "event"
    assert "policy=" not in tab.page.url
    assert tab.said == []


def test_a_figure_leads_to_the_pictures_behind_it(tab):
    tab.open("/dashboard/?range=30d")
    told = int(tab.page.inner_text(".equation li:first-child b"))
    tab.page.click(".equation li:first-child a")
    tab.page.wait_for_selector("#wall")

    assert len(tab.page.query_selector_all(".tile")) == told


def test_keys_move_on_the_wall_and_open_a_picture(tab):
    tab.open("/dashboard/pictures?standing=passed")
    for key in ("j", "ArrowRight", "k", "j"):
        tab.page.keyboard.press(key)
    second = tab.page.query_selector_all(".tile")[1].get_attribute("href")
    focused = tab.page.evaluate("document.activeElement.getAttribute('href')")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_selector(".attempts")

    assert focused == second
    assert second.partition("#")[0] in tab.page.url


def test_the_worst_pictures_come_first(tab):
    tab.open("/dashboard/pictures?range=30d")
    told = [each.inner_text() for each in tab.page.query_selector_all(".tile .line b")]
    scores = [-1.0 if score == "–" else float(score) for score in told]

    assert len(scores) > 12
    assert scores == sorted(scores)


def test_a_thumb_and_its_reason_are_kept(tab):
    path = f"/dashboard/traces/{tab.house.guarded[0]}"
    tab.open(path)
    tab.page.fill("#said-1 input[name=reason]", "the star <b>is</b> fine")
    tab.page.click("#said-1 button[value=up]")
    tab.page.wait_for_selector("#said-1 button.on")
    tab.open(path)

    assert (
        tab.page.get_attribute("#said-1 button[aria-pressed=true]", "aria-label")
        == "The verdict is right"
    )
    assert tab.page.input_value("#said-1 input[name=reason]") == "the star <b>is</b> fine"
    tab.open("/dashboard/pictures?said=good&range=30d")
    assert len(tab.page.query_selector_all(".tile")) == 1
    assert tab.said == []


def test_boxes_lie_over_the_picture_and_can_be_put_away(tab):
    tab.open(f"/dashboard/traces/{tab.house.guarded[0]}")
    box = tab.page.query_selector(".boxes rect")
    picture = tab.page.query_selector(".canvas img")
    inside, around = box.bounding_box(), picture.bounding_box()

    assert around["x"] - 3 <= inside["x"] <= around["x"] + around["width"]
    tab.page.uncheck(".toggle")
    assert not box.is_visible()


def test_what_if_shows_the_same_readings_under_another_policy(tab):
    tab.open(f"/dashboard/traces/{tab.house.guarded[0]}")
    tab.page.select_option("select[name=suppose]", "strict")
    tab.page.wait_for_selector("#suppose table")

    assert "strict" in tab.page.inner_text("#suppose thead")
    assert tab.said == []


def test_a_trace_that_keeps_nothing_shows_scores_without_picture_or_prompt(tab, bare_trace):
    tab.open(f"/dashboard/traces/{bare_trace.id}")

    assert "no word was kept" in tab.page.inner_text("h1")
    assert tab.page.query_selector(".canvas img") is None
    assert tab.page.query_selector(".readings .number").inner_text() != "–"
    assert "OPEN" not in tab.page.inner_text("#page")
    tab.open("/dashboard/pictures")
    assert tab.said == []


def test_the_theme_that_is_chosen_stays(tab):
    tab.open("/dashboard/")
    before = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    tab.page.click("#theme")
    tab.open("/dashboard/pictures")

    assert tab.page.evaluate("getComputedStyle(document.body).backgroundColor") != before


@pytest.mark.parametrize(
    "tab", [(1440, "dark"), (1440, "light")], indirect=True, ids=["dark", "light"]
)
def test_on_paper_a_page_is_black_on_white_and_says_what_it_was_filtered_by(tab):
    tab.open("/dashboard/?range=30d&category=event")
    tab.page.emulate_media(media="print", color_scheme="dark")
    ink, ground = (
        tab.page.evaluate(f"getComputedStyle(document.body).{each}")
        for each in ("color", "backgroundColor")
    )

    assert (ink, ground) in {
        ("rgb(0, 0, 0)", "rgba(0, 0, 0, 0)"),
        ("rgb(0, 0, 0)", "rgb(255, 255, 255)"),
    }
    assert tab.page.inner_text(".on-paper") == "the last 30 days · category event"
    assert not tab.page.is_visible(".filters")


def test_on_paper_the_lab_holds_the_policy_that_it_weighs(tab):
    tab.open("/dashboard/lab?policy=poster-demo&range=30d&t.text=0.33")
    tab.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = tab.page.inner_text("#tried")
    tab.page.evaluate("dispatchEvent(new Event('afterprint'))")

    assert "threshold = 0.33" in printed
    assert tab.page.query_selector("details[open]") is None


def test_the_exported_table_holds_every_picture_and_no_cell_that_runs(house):
    answer = httpx2.get(f"{house.url}/dashboard/pictures.csv?range=30d", timeout=30)
    table = list(csv.DictReader(io.StringIO(answer.text)))
    hostile = [row for row in table if row["trace_id"] == "hostile-1"]

    assert answer.headers["content-disposition"] == 'attachment; filename="sentinel-pictures.csv"'
    assert {row["trace_id"] for row in table} > set(house.guarded)
    assert hostile[0]["policy"].startswith("'=HYPERLINK")
    assert hostile[0]["project"].startswith("'+cmd")
    assert float(hostile[0]["score"]) == 0.1


def test_files_are_compressed_and_kept_for_a_year_under_their_content(house):
    page = httpx2.get(f"{house.url}/dashboard/").text
    files = re.findall(r'(?:src|href)="(/dashboard/static/[^"]+)"', page)
    answers = [
        httpx2.get(house.url + file, headers={"Accept-Encoding": "gzip"}) for file in set(files)
    ]
    sent = sum(int(answer.headers["content-length"]) for answer in answers)

    assert {answer.status_code for answer in answers} == {200}
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    assert sent < 330_000
    assert httpx2.get(f"{house.url}/dashboard/static/000000000000/dashboard.css").status_code == 404


def test_an_empty_house_says_how_to_send_the_first_picture_before_and_behind_a_sign_in(
    chromium, empty_house
):
    page = chromium.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    tab = Tab(page, empty_house)
    tab.open("/dashboard/")

    assert f"{empty_house.url}/v1/score" in page.inner_text("pre >> nth=0")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    store = open_store(f"sqlite:///{empty_house.home}/sentinel.db", empty_house.home / "media", 7)
    secret = store.keys.create(NewKey(label="desk", scopes=("read",))).secret
    store.close()
    page.wait_for_timeout(2100)  # a key is known everywhere two seconds later
    tab.open("/dashboard/pictures")
    assert faults(page) == []
    page.fill("#key", secret)
    page.click("button.primary")
    page.wait_for_selector("pre")
    assert page.inner_text("h1") == "Nothing was judged yet"
    assert tab.said == []
    page.click("[aria-label='Sign out']")
    page.wait_for_url("**/dashboard/login")
    page.close()
