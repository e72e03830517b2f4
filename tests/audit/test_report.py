"""An audit's rows in, a page, JSON, tables and JUnit XML out."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from sentinel.audit.report.analysis import findings_of
from sentinel.audit.report.columns import BELOW_MARK, columns_of
from sentinel.audit.report.findings import Findings, Head
from sentinel.audit.report.showing import shown_of
from sentinel.audit.report.tables import defused
from sentinel.audit.report.targets import Targets
from sentinel.audit.report.thumbnails import thumbnail_of
from sentinel.audit.report.unjudged import by_reason
from sentinel.audit.report.written import Report, write_report
from sentinel.audit.rows import Row
from sentinel.contracts import Box, Evidence, FailureMode
from sentinel.errors import ConfigError
from sentinel.imaging import Limits
from tests.audit.audit_rows import (
    POLICY,
    Pictures,
    audit_in,
    judged,
    misspelled,
    pictures,
    refusal,
    score,
    some_rows,
    with_pictures,
)

HOSTILE = (
    "<script>window.bad = 1</script>", '"><img src=x onerror="window.bad=1">',
    "</script><script>window.bad=1</script>", "<svg/onload=window.bad=1>", "{{ 7 * 7 }}",
    "javascript:window.bad=1", "' onclick='window.bad=1", "</title></style><script>bad()</script>",
    "<!--<script>", "\u2028window.bad=1\u2029", "\x00<blink>\x1b[31m", "]]><script>window.bad=1</script>",
    '=HYPERLINK("http://x")', "\u202egnp.exe", "</template></dialog><script>window.bad=1</script>",
    "<iframe srcdoc='<script>parent.bad=1</script>'>", "&lt;script&gt;", "<a href=javascript:bad()>x",
)  # fmt: skip


def report(
    folder: Path, rows: list[Row], targets: Targets | None = None, seen: Pictures = pictures,
    source: str = "posters",
) -> Report:  # fmt: skip
    audit_in(folder, rows, source)
    return write_report(folder, POLICY, seen, targets or Targets(), Limits())


class Tags(HTMLParser):
    """Every start tag of a page, as a browser reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def found(rows: list[Row]) -> Findings:
    from tests.audit.audit_rows import about

    head = Head(audit=about(len(rows)), policy=POLICY, version="1")
    return findings_of(columns_of(rows), head)


def evil_row(text: str) -> Row:
    told = FailureMode(category="text", subcategory="misspelled", detail=text)
    bad = score(
        "text", 0.1, reason=text, issues=(told,),
        evidence=(Evidence(claim=text, box=Box(1, 2, 30, 40)),),
    )  # fmt: skip
    return judged(f"{text}.png", (bad,), prompt=text, group={text: text, "category": text})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A report over 200 rows, held against an earlier, better audit."""
    folder = tmp_path_factory.mktemp("audits")
    report(folder / "before", with_pictures(some_rows(200)))
    now = with_pictures(some_rows(200, harm=0.08))
    return report(folder / "now", now, Targets(0.9, folder / "before")), folder / "now"


# ── what is counted ───────────────────────────────────────────────────────────────────────────


def test_passed_failed_refused_and_undecided_are_the_evaluations() -> None:
    rows = some_rows(300)
    says = found(rows)

    counted = [row for row in rows if row.counted]
    assert says.evaluations == len(counted)
    assert says.standings["passed"] == sum(row.passed is True for row in counted)
    assert says.standings["refused"] == sum(row.status == "refused" for row in rows)
    assert says.standings["undecided"] == sum(row.status == "undecided" for row in rows) > 0
    assert says.entries == says.evaluations + says.not_judged
    assert says.rate is not None
    assert says.rate.of == says.evaluations


def test_a_duplicate_counts_once() -> None:
    first = judged("a.png", (score("text", 0.1),))
    again = first.model_copy(
        update={"key": "b.png", "status": "duplicate", "duplicate_of": "a.png"}
    )

    says = found([first, again])

    assert (says.evaluations, says.standings["failed"]) == (1, 1)
    assert says.judges[0].scored == 1
    assert says.statuses["duplicate"] == 1


def test_each_picture_counts_once_for_each_kind_of_fault_that_failed_it() -> None:
    twice = misspelled()
    twice["issues"] = (*twice["issues"], *twice["issues"])  # type: ignore[misc]
    rows = [
        judged("a", (score("text", 0.1, **twice), score("color", 0.9))),
        judged("b", (score("text", 0.9, **misspelled()), score("color", 0.1))),
        judged("c", (), (refusal(),)),
    ]

    modes = {mode.name: mode.pictures for mode in found(rows).modes}

    assert modes == {"text.misspelled": 1, "color.no_kind_named": 1, "artifact.blank": 1}


def test_a_weighted_score_below_the_pass_mark_is_a_fault_of_its_own() -> None:
    rows = [judged("a", (score("text", 0.8), score("style", 0.0)))]
    policy_low = rows[0].verdict

    assert policy_low is not None
    assert policy_low.standing == "passed"
    low = [judged("b", (score("style", 0.1),))]
    assert [mode.name for mode in found(low).modes] == [BELOW_MARK]


def test_a_group_that_fails_more_is_marked_and_comes_first() -> None:
    rows = [
        judged(f"{at}", (score("text", 0.1 if at % 2 else 0.9),), group={"maker": f"m{at % 2}"})
        for at in range(40)
    ]

    grouping = found(rows).groupings[0]

    assert [group.value for group in grouping.groups] == ["m1", "m0"]
    assert grouping.groups[0].p is not None
    assert grouping.groups[0].p < 1e-6
    assert any("“m1” passes least" in sentence for sentence in found(rows).says)


def test_judges_that_fail_together_are_told_against_chance() -> None:
    rows = [
        judged(
            f"{at}",
            (score("text", 0.1 if at < 10 else 0.9), score("color", 0.2 if at < 10 else 0.8)),
        )
        for at in range(20)
    ]

    pair = found(rows).together[0]

    assert (pair.both, pair.only_one, pair.only_other) == (10, 0, 0)
    assert pair.by_chance == 5.0
    assert pair.spearman == pytest.approx(1)


def test_the_wall_takes_the_worst_of_each_kind_of_fault_in_turn() -> None:
    many = [judged(f"t{at:03d}", (score("text", at / 400, **misspelled()),)) for at in range(100)]
    few = [judged(f"c{at}", (score("text", 1.0), score("color", 0.4))) for at in range(3)]
    columns = columns_of([*many, *few])

    worst = [columns.keys[place] for place in shown_of(columns, None).worst]

    assert len(worst) == 48
    assert {"c0", "c1", "c2", "t000", "t044"} <= set(worst)
    assert worst[0] == "t000"


def test_nothing_to_judge_is_said_and_misses_every_target(tmp_path: Path) -> None:
    row = Row(key="a", where="a", status="missing", reason="it is not there")

    made = report(tmp_path / "a", [row], Targets(fail_under=0.0))

    assert made.findings.rate is None
    assert made.missed
    assert "No picture could be judged" in (tmp_path / "a" / "report.html").read_text("utf-8")


# ── held against an earlier audit ─────────────────────────────────────────────────────────────


def test_fewer_that_pass_than_before_is_worse_and_named_by_key(
    written: tuple[Report, Path],
) -> None:
    made, _ = written
    versus = made.findings.comparison

    assert versus is not None
    assert versus.paired
    assert versus.worse
    assert versus.difference == pytest.approx((len(versus.won) - len(versus.lost)) / versus.pairs)
    assert versus.low is not None
    assert versus.low <= versus.difference <= (versus.high or 0) < 0
    assert [target.missed for target in made.told] == [True, True]
    text = next(judge for judge in versus.judges if judge.name == "text")
    assert text.after - text.before == pytest.approx(-0.08, abs=0.01)


def test_the_same_audit_again_is_no_worse(tmp_path: Path) -> None:
    rows = some_rows(60)
    report(tmp_path / "before", rows)

    made = report(tmp_path / "now", rows, Targets(no_worse_than=tmp_path / "before"))

    assert not made.missed
    assert made.findings.comparison is not None
    assert made.findings.comparison.p == 1
    assert "0.0 points" in made.told[0].text


def test_one_picture_less_is_chance_and_no_target_missed(tmp_path: Path) -> None:
    rows = [judged(f"{at}", (score("text", 0.9),)) for at in range(30)]
    report(tmp_path / "before", rows)
    rows[0] = judged("0", (score("text", 0.1),))

    made = report(tmp_path / "now", rows, Targets(no_worse_than=tmp_path / "before"))

    assert made.findings.comparison is not None
    assert made.findings.comparison.lost == ("0",)
    assert not made.missed


def test_audits_over_different_pictures_are_compared_by_their_rates(tmp_path: Path) -> None:
    good = [judged(f"a{at}", (score("text", 0.9),)) for at in range(40)]
    bad = [judged(f"b{at}", (score("text", 0.1 if at % 2 else 0.9),)) for at in range(40)]
    report(tmp_path / "before", good)

    made = report(tmp_path / "now", bad, Targets(no_worse_than=tmp_path / "before"))

    assert made.findings.comparison is not None
    assert not made.findings.comparison.paired
    assert made.missed
    assert "Fisher" in made.told[0].text


@pytest.mark.parametrize("content", [None, "{}", "not json", '{"head": 3}'])
def test_a_folder_without_an_ended_audit_is_refused_as_baseline(
    tmp_path: Path, content: str | None
) -> None:
    (tmp_path / "other").mkdir()
    if content is not None:
        (tmp_path / "other" / "report.json").write_text(content)
        (tmp_path / "other" / "rows.jsonl").write_text("")

    with pytest.raises(ConfigError, match="holds no audit that has ended"):
        report(tmp_path / "now", some_rows(3), Targets(no_worse_than=tmp_path / "other"))


# ── the files ─────────────────────────────────────────────────────────────────────────────────


def test_the_same_rows_give_the_same_bytes(written: tuple[Report, Path], tmp_path: Path) -> None:
    made, folder = written
    again = tmp_path / "now"
    shutil.copytree(folder, again)
    for file in made.files:
        (again / file.name).unlink()

    write_report(again, POLICY, pictures, Targets(0.9, folder.parent / "before"), Limits())

    for file in made.files:
        assert (again / file.name).read_bytes() == file.read_bytes(), file.name
    assert {file.name for file in made.files} >= {
        "report.html",
        "report.json",
        "scores.csv",
        "junit.xml",
    }


def test_report_json_is_read_back_as_the_findings(written: tuple[Report, Path]) -> None:
    made, folder = written
    said = json.loads((folder / "report.json").read_text("utf-8"))

    assert [target["missed"] for target in said.pop("targets")] == [True, True]
    assert Findings.model_validate(said) == made.findings


def test_scores_csv_and_parquet_hold_a_line_a_row(written: tuple[Report, Path]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    _, folder = written
    lines = list(csv.DictReader(io.StringIO((folder / "scores.csv").read_text("utf-8-sig"))))
    table = parquet.read_table(folder / "scores.parquet").to_pylist()

    assert len(lines) == len(table) == 200
    for line, row in zip(lines, table, strict=True):
        assert line["key"] == row["key"]
        assert (float(line["judge_text"]) if line["judge_text"] else None) == row["judge_text"]
        assert line["group_category"] == row["group_category"]
    assert {row["passed"] for row in table} == {True, False, None}


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|'/c calc'!A1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_defused(cell: str) -> None:
    assert defused(cell) == f"'{cell}"
    assert defused(-1.5) == -1.5
    assert defused("plain") == "plain"


def test_junit_has_a_case_a_row_and_its_numbers_add_up(written: tuple[Report, Path]) -> None:
    made, folder = written
    suites = ET.parse(folder / "junit.xml").getroot().findall("testsuite")  # noqa: S314 - our own file
    pictures_, targets = suites

    assert int(pictures_.attrib["tests"]) == len(pictures_.findall("testcase")) == 200
    for kind in ("failure", "error", "skipped"):
        plural = {"failure": "failures", "error": "errors", "skipped": "skipped"}[kind]
        assert int(pictures_.attrib[plural]) == len(pictures_.findall(f"testcase/{kind}"))
    assert int(pictures_.attrib["failures"]) == (
        made.findings.standings["failed"] + made.findings.standings["refused"]
    )
    assert len(targets.findall("testcase/failure")) == 2


def test_the_page_asks_nobody_for_anything(written: tuple[Report, Path]) -> None:
    _, folder = written
    page = html.unescape((folder / "report.html").read_text("utf-8"))

    assert "default-src 'none'" in page
    assert "unsafe" not in page
    outside = re.findall(
        r"""(?:src|href|url\()\s*=?\s*["']?(?!data:|#)([a-z]+:|//)[^"')>\s]*""", page
    )
    assert outside == []


def test_a_judge_with_nothing_to_judge_says_why(written: tuple[Report, Path]) -> None:
    report, folder = written
    [style] = [each for each in report.findings.judges if each.name == "style"]

    assert style.abstentions == {"no style was asked for": style.abstained}
    assert "pictures: no style was asked for." in (folder / "report.html").read_text("utf-8")


def test_a_picture_that_changed_since_is_not_shown_under_old_boxes(tmp_path: Path) -> None:
    report(tmp_path / "a", [judged("a.png", (score("text", 0.1, **misspelled()),))])

    page = (tmp_path / "a" / "report.html").read_text("utf-8")

    assert "the picture is not there any more" in page
    assert "data:image/webp" not in page


def test_boxes_are_drawn_in_one_frame_however_small_the_picture_is() -> None:
    from tests.audit.audit_rows import painted

    verdict = judged(
        "a", (score("text", 0.1, evidence=(Evidence(claim="x", box=Box(16, 16, 32, 24)),)),)
    ).verdict

    small, large = (
        thumbnail_of(painted("a", size), verdict, Limits()) for size in ((64, 32), (1280, 640))
    )

    assert small is not None
    assert large is not None
    assert (small.width, small.height) == (large.width, large.height) == (448, 224)
    assert small.boxes[0].x == 112.0
    assert large.boxes[0].x == 5.6
    assert thumbnail_of(b"no picture", verdict, Limits()) is None


# ── what comes from outside stays inert ───────────────────────────────────────────────────────


def test_hostile_words_are_text_in_every_file(tmp_path: Path) -> None:
    rows = [evil_row(text) for text in HOSTILE]
    rows += [Row(key=f"{text}~", where=text, status="unreadable", reason=text) for text in HOSTILE]

    report(tmp_path / "a", rows, source=HOSTILE[0])

    page = (tmp_path / "a" / "report.html").read_text("utf-8")
    seen = Tags()
    seen.feed(page)
    assert [name for name, _ in seen.found].count("script") == 2
    assert {name for name, _ in seen.found}.isdisjoint(
        {"iframe", "img", "blink", "object", "embed"}
    )
    for _, attributes in seen.found:
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "").startswith("javascript")
    assert "\x00" not in page
    assert "49.png" not in page
    cases = ET.parse(tmp_path / "a" / "junit.xml").getroot().findall(".//testcase")  # noqa: S314 - our own file
    assert len(cases) == 2 * len(HOSTILE)
    lines = list(csv.reader(io.StringIO((tmp_path / "a" / "scores.csv").read_text("utf-8-sig"))))
    assert not [cell for line in lines for cell in line if cell.lstrip(" ").startswith(("=", "@"))]


@pytest.fixture
def browser(chromium: Any) -> Any:
    """A real browser, opened without a network by `opened`."""
    return chromium


def opened(
    browser: Any, folder: Path, width: int = 1280, theme: str = "light"
) -> tuple[Any, list[str]]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, offline=True
    )
    page, told = context.new_page(), []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("data:", "file:")) else told.append(request.url)
        ),
    )
    page.goto((folder / "report.html").as_uri())
    return page, told


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (390, "dark")])
def test_a_browser_without_network_shows_the_page_with_a_clean_console(
    browser: Any, written: tuple[Report, Path], width: int, theme: str
) -> None:
    page, told = opened(browser, written[1], width, theme)

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator(".rows tbody tr").count() == 50
    assert page.locator("#worst .card image").count() == 48
    assert page.evaluate("document.fonts.check('14px Inter')")
    assert told == []
    page.context.close()


def test_the_page_turns_filters_sorts_and_opens_a_picture(
    browser: Any, written: tuple[Report, Path]
) -> None:
    page, told = opened(browser, written[1])
    made = written[0].findings

    page.select_option("#status", label="undecided")
    assert page.locator("#matches").inner_text() == f"{made.standings['undecided']} of 200"
    page.select_option("#status", value="")
    page.click(".rows thead th:nth-child(3) button")
    scores = [float(each) for each in page.locator(".rows tbody td:nth-child(3)").all_inner_texts()]
    assert scores == sorted(scores)
    page.fill("#find", "00042")
    assert page.locator(".rows tbody tr").count() == 1
    page.click("#worst .open-card >> nth=0")
    assert page.locator("#more h3").inner_text().startswith("posters/")
    page.keyboard.press("Escape")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert told == []
    page.context.close()


def test_no_hostile_word_runs_in_a_browser(browser: Any, tmp_path: Path) -> None:
    report(tmp_path / "a", [evil_row(text) for text in HOSTILE], source=HOSTILE[1])

    page, told = opened(browser, tmp_path / "a")
    page.click("#worst .open-card >> nth=0")
    page.fill("#find", "script")

    assert page.evaluate("window.bad") is None
    assert page.locator(".rows tbody tr").count() > 3
    assert page.locator("main script, main iframe, main img").count() == 0
    assert told == []
    page.context.close()


def test_entries_with_one_reason_are_one_line_of_what_could_not_be_judged() -> None:
    reasons = ["a .txt file is no picture", *["it is PPM"] * 7]
    rows = [
        Row(key=f"{at}", where=f"{at}", status="unreadable", reason=reason)
        for at, reason in enumerate(reasons)
    ]
    common, rare = by_reason(rows)

    assert (common.reason, common.entries) == ("it is PPM", 7)
    assert common.keys == ("1", "2", "3", "4", "5")
    assert (rare.entries, rare.keys) == (1, ("0",))


def test_one_group_of_near_duplicates_is_told_as_one(tmp_path: Path) -> None:
    rows = [
        judged(f"{at}", (score("text", 0.9),)).model_copy(update={"cluster": 1}) for at in range(8)
    ]
    report(tmp_path / "out", rows)
    page = (tmp_path / "out" / "report.html").read_text()

    assert "8 pictures look alike, in 1 group (" in page
    assert re.search(r"<b>8</b> alike<br>\d shown", page)
