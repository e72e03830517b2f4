"""The policy lab: what is moved is weighed by the code that decides, and saved as it was shown."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from dashboards.pages import moving
from dashboards.pages.weighing import balance, forecast, histogram
from sentinel import policy, tuning
from sentinel.contracts import Fault, GateResult, Score
from sentinel.errors import PolicyError
from sentinel.faces import Tuning
from sentinel.store.queries import Judged, wilson
from tests.dashboard.test_pages import LOOKS, faults

POSTER = policy.builtin()["poster-demo"]
LAB = "/dashboard/lab?policy=poster-demo&range=30d"


def judged(text: float, alignment: float, standing: str = "passed", **more) -> Judged:
    def score(judge, value):
        return Score(judge=judge, version="1", threshold=0.5, weight=1.0, value=value, reason="r")

    told = {
        "trace_id": "t", "number": 1, "created_ms": 5, "model": "m", "policy": "poster-demo",
        "policy_fingerprint": POSTER.fingerprint, "standing": standing, "score": 0.7, "first": True,
        "picture": None, "cost": 0.02, "seconds": 3.0, "said": None,
        "outcomes": (score("text", text), score("alignment", alignment), score("color", 0.9),
                     score("artifacts", 0.9)),
    }  # fmt: skip
    return Judged(**(told | more))


def weighed(changes: Tuning, every):
    after = tuning.tuned(POSTER, changes)
    found = tuning.weigh(POSTER, after, every)
    return balance(found, tuning.rules(POSTER), tuning.rules(after)), found


SAMPLE = [judged(0.95, 0.9), judged(0.92, 0.6), judged(0.85, 0.9, "failed"), judged(0.2, 0.9, "failed")]  # fmt: skip


def test_a_lower_threshold_gains_pictures_and_a_higher_one_loses_them():
    looser, _ = weighed(Tuning("poster-demo", thresholds={"text": 0.8}), SAMPLE)
    stricter, _ = weighed(Tuning("poster-demo", thresholds={"alignment": 0.7}), SAMPLE)

    assert (looser.before.counts["passed"], looser.after.counts["passed"]) == (2, 3)
    assert [flip.weighed.judged for flip in looser.gained] == [SAMPLE[2]]
    assert [flip.weighed.judged for flip in stricter.lost] == [SAMPLE[1]]
    assert "alignment 0.60 < 0.70" in stricter.lost[0].why
    assert stricter.after.interval == wilson(1, 4)


def test_nothing_moved_flips_nothing():
    found, _ = weighed(Tuning("poster-demo"), SAMPLE)

    assert (found.gained, found.lost, found.moved, found.otherwise) == ((), (), 0, 0)
    assert found.before == found.after


def test_a_judge_that_was_not_asked_then_is_named_and_is_no_pass():
    bare = judged(0.95, 0.9, outcomes=())
    found, _ = weighed(Tuning("poster-demo"), [bare])

    assert dict(found.unmeasured) == {"text": 1, "alignment": 1, "color": 1, "artifacts": 1}
    assert found.after.counts == {"undecided": 1}


def test_a_refusal_stays_one_whatever_is_moved():
    gate = GateResult(gate="safety", version="1", passed=False, reason="no")
    refused = judged(0.9, 0.9, "refused", gates=(gate,), outcomes=())
    found, _ = weighed(Tuning("poster-demo", pass_mark=0.0, thresholds={"text": None}), [refused])

    assert found.after.counts == {"refused": 1}
    assert found.unmeasured == ()


def test_a_required_judge_that_broke_leaves_undecided_and_one_that_is_not_does_not():
    broken = Fault(judge="artifacts", version="1", cause="error", reason="x")
    one = judged(0.95, 0.9)
    one = judged(0.95, 0.9, outcomes=(*one.outcomes[:3], broken))
    asked, _ = weighed(Tuning("poster-demo", required={"artifacts": True}), [one])

    assert asked.before.counts == {"passed": 1}
    assert asked.after.counts == {"undecided": 1}


@pytest.mark.parametrize(("rate", "attempts"), [(1.0, 3), (0.5, 3), (0.2, 10)])
def test_the_forecast_is_what_a_walk_through_the_attempts_gives(rate, attempts):
    pictures = sum((1 - rate) ** k for k in range(attempts))
    delivered = sum(rate * (1 - rate) ** k for k in range(attempts))
    found = forecast(rate, attempts, 0.02, 3.0)

    assert found.pictures == pytest.approx(pictures)
    assert found.retries == pytest.approx(pictures - 1)
    assert found.delivered == pytest.approx(delivered)
    assert found.cost == pytest.approx(0.02 * pictures / delivered)


def test_where_nothing_passes_nothing_is_delivered_at_any_cost():
    found = forecast(0.0, 4, 0.02, 3.0)

    assert (found.pictures, found.delivered, found.cost) == (4.0, 0.0, None)


def test_a_histogram_counts_every_value_once():
    _, found = weighed(Tuning("poster-demo"), [*SAMPLE, judged(1.0, 0.0)])
    bars = histogram(found, "text")

    assert sum(bar.count for bar in bars.bars) == bars.scored == 5
    assert max(bar.height for bar in bars.bars) == 100.0
    assert bars.bars[-1].end == 1.0


def test_people_are_agreed_with_where_the_verdict_is_what_they_would_say():
    found, _ = weighed(
        Tuning("poster-demo", thresholds={"text": 0.8}),
        [judged(0.85, 0.9, "failed", said=False), judged(0.95, 0.9, "passed", said=True)],
    )

    assert (found.spoken, found.before.agreeing, found.after.agreeing) == (2, 1, 2)


def test_taking_a_threshold_away_leaves_what_must_not_break_as_it_was():
    after = tuning.tuned(POSTER, Tuning("poster-demo", thresholds={"text": None, "artifacts": 0.5}))

    assert (after.judges["text"].threshold, after.judges["text"].is_required) == (None, True)
    assert (after.judges["artifacts"].threshold, after.judges["artifacts"].is_required) == (
        0.5,
        False,
    )


@pytest.mark.parametrize("name", sorted(policy.builtin()))
def test_a_policy_that_is_written_reads_back_as_the_same(name):
    known = policy.builtin()[name]

    assert policy.parse(tuning.written(known), "file") == known


@pytest.mark.parametrize(
    "changes",
    [Tuning("p", pass_mark=7.0), Tuning("p", weights={"text": -1.0}), Tuning("p", name="../etc"),
     Tuning("p", attempts=0), Tuning("p", thresholds={"text": 1.5})],
)  # fmt: skip
def test_what_no_policy_may_say_is_refused_by_the_loader(changes):
    with pytest.raises(PolicyError):
        tuning.tuned(POSTER, changes)


def test_an_address_holds_what_was_moved_and_nothing_else():
    pairs = [("t.text", "0.8"), ("t.color", "none"), ("w.text", "3"), ("r.artifacts", "0"),
             ("r.artifacts", "1"), ("mark", "0.6"), ("t.nobody", "0.1"), ("t.alignment", "nan")]  # fmt: skip
    asked = moving.read(dict(pairs), pairs, "poster-demo")
    kept = moving.trimmed(asked, tuning.rules(POSTER))

    assert kept.tuning.thresholds == {"text": 0.8, "color": None}
    assert kept.tuning.required == {"artifacts": True}
    assert (kept.tuning.weights, kept.tuning.pass_mark) == ({}, None)
    assert kept.query() == "?policy=poster-demo&t.text=0.8&t.color=none&r.artifacts=1"


# ── as a person sees it ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [LAB + "&mark=0.9&t.alignment=0.7", "/dashboard/judges?range=30d"])
@pytest.mark.parametrize("tab", LOOKS, indirect=True, ids=lambda look: f"{look[0]}-{look[1]}")
def test_a_page_is_clean_fits_its_width_and_is_accessible(tab, path):
    tab.open(path)

    assert faults(tab.page) == []
    assert tab.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert tab.said == []


def test_a_slider_changes_the_figures_the_line_and_the_address(tab):
    tab.open(LAB)
    before = tab.page.inner_text("#tried .side-of:nth-child(2) .figure")
    tab.page.fill("[name=mark]", "1")
    tab.page.wait_for_url("**mark=1*")
    strict = tab.page.inner_text("#tried .side-of:nth-child(2) .figure")
    tab.page.fill("[data-judge=text] [type=number][name='t.text']", "0.25")
    line = tab.page.get_attribute("[data-judge=text] .cut", "x1")
    tab.page.wait_for_url("**t.text=0.25*")
    shown = tab.page.inner_text("#tried")
    tab.open(tab.page.url.removeprefix(tab.house.url))

    assert strict != before
    assert line == "25%"
    assert tab.page.inner_text("#tried") == shown
    assert tab.said == []


def test_what_flips_is_shown_with_its_picture_and_leads_to_its_trace(tab):
    tab.open(LAB + "&mark=1")
    tile = tab.page.query_selector("[aria-label='Would pass no longer'] .tile")
    where = tile.get_attribute("href")
    tile.click()
    tab.page.wait_for_selector(".attempts")

    assert "#attempt-" in where
    assert "suppose=poster-demo" in where
    assert tab.said == []


def test_what_is_saved_is_what_was_moved_and_the_loader_takes_it(tab, tmp_path):
    tab.open(LAB + "&t.text=0.7&w.color=2&name=mine")
    with tab.page.expect_download() as coming:
        tab.page.click("text=Save as TOML")
    coming.value.save_as(tmp_path / "mine.toml")
    loaded = policy.available(tmp_path)["mine"]

    assert coming.value.suggested_filename == "mine.toml"
    assert loaded.judges["text"].threshold == 0.7
    assert loaded.judges["color"].weight == 2.0
    assert loaded.judges["alignment"] == POSTER.judges["alignment"]


def test_a_value_that_no_policy_may_have_is_told_in_its_place(tab):
    tab.open(LAB + "&mark=7")

    assert "pass_mark is 7.0" in tab.page.inner_text("[role=alert]")
    answer = httpx2.get(f"{tab.house.url}/dashboard/lab.toml?policy=poster-demo&mark=7")
    assert answer.status_code == 422
    assert httpx2.get(f"{tab.house.url}/dashboard/lab.toml?policy=%3Cb%3E").status_code == 422


def test_hostile_pictures_and_names_run_nothing_in_the_lab(tab):
    tab.open(
        LAB
        + "&of=all&mark=0&t.text=none&name=%22%3E%3Cscript%3Epwned=1%3C/script%3E&model=%3Csvg/onload=pwned=1%3E"
    )
    tab.open("/dashboard/judges?range=30d&policy=%22%3E%3Cscript%3Ewindow.pwned=1%3C/script%3E")
    tab.open("/dashboard/judges?range=30d")

    assert tab.page.evaluate("window.pwned") is None
    assert "onerror" in tab.page.inner_text(".seats")
    assert tab.said == []


def test_filters_that_no_picture_fits_say_so(tab):
    tab.open(LAB + "&model=nobody")

    assert "No picture of poster-demo fits" in tab.page.inner_text("#tried")
    assert tab.said == []


def test_the_lab_works_without_a_script(chromium, house):
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(house.url + LAB)
    before = page.inner_text("#tried .side-of:nth-child(2) .figure")
    page.fill("input[type=number][name='t.text']", "0.25")
    page.fill("input[type=number][name=mark]", "1")
    page.uncheck("input[type=checkbox][name='r.text']")
    page.fill("input[name=name]", "mine")
    page.click("#controls button.primary")
    page.wait_for_load_state("load")
    after = page.inner_text("#tried .side-of:nth-child(2) .figure")
    with page.expect_download() as coming:
        page.click("text=Save as TOML")
    saved = policy.parse(Path(coming.value.path()).read_text(), "file")
    page.select_option("#scope select[name=of]", "all")
    page.click("#scope button")
    page.wait_for_load_state("load")

    assert after != before
    assert (saved.name, saved.pass_mark, saved.judges["text"].threshold) == ("mine", 1.0, 0.25)
    assert not saved.judges["text"].is_required
    assert saved.judges["alignment"] == POSTER.judges["alignment"]
    assert "of=all" in page.url
    context.close()


def test_without_a_script_a_threshold_can_be_taken_away(chromium, house):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(house.url + LAB)
    page.uncheck("[data-judge=text] input[data-threshold]")
    page.click("#controls button.primary")
    page.wait_for_load_state("load")

    assert "t.text=none" in page.get_attribute("text=Save as TOML", "href")
    assert not page.is_checked("[data-judge=text] input[data-threshold]")
    context.close()
