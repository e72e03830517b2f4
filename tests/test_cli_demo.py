"""The demo: eight pictures scored and six posters guarded for real, as `make demo` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sentinel.annotation.contact_sheet import contact_sheet
from sentinel.cli import main
from sentinel.contracts import Trace
from sentinel.demo import PROMPTS, cases
from sentinel.demo.tour import settings_for
from sentinel.imaging import inspect
from sentinel.store import open_store
from sentinel.testing import flat


@dataclass(frozen=True)
class Demo:
    out: Path
    said: str
    code: int
    traces: dict[str, Trace]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    import contextlib
    import io

    out = tmp_path_factory.mktemp("demo") / "out"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("COLUMNS", "80")
        patch.setenv("SENTINEL_HOME", str(out.parent / "home"))
        try:
            main(["demo", "--out", str(out)])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    lines = (out / "traces.jsonl").read_text(encoding="utf-8").splitlines()
    traces = [Trace.model_validate_json(line) for line in lines]
    names = [*(case.name for case in cases()), *(name for name, _ in PROMPTS)]
    return Demo(out, said.getvalue(), code, dict(zip(names, traces, strict=True)))


def test_it_ends_with_0_although_pictures_fail(demo: Demo):
    assert demo.code == 0


@pytest.mark.parametrize("name", ["coffee", "sign"])
def test_the_good_ones_pass(demo: Demo, name: str):
    verdict = demo.traces[name].last.verdict

    assert verdict.standing == "passed", verdict.reason


@pytest.mark.parametrize(
    ("name", "culprit"),
    [("sign-misspelled", "text"), ("cat-in-blue", "color"), ("rocket-jpeg", "artifacts")],
)
def test_what_was_spoilt_is_what_fails(demo: Demo, name: str, culprit: str):
    verdict = demo.traces[name].last.verdict
    scores = {outcome.judge: outcome for outcome in verdict.outcomes if outcome.kind == "score"}

    assert verdict.standing == "failed"
    assert scores[culprit].passed is False
    assert [name for name, score in scores.items() if score.passed is False] == [culprit]


@pytest.mark.parametrize("name", ["black", "nan-green", "noise"])
def test_a_frame_that_is_no_picture_is_refused_before_any_judge(demo: Demo, name: str):
    verdict = demo.traces[name].last.verdict

    assert verdict.standing == "refused"
    assert not verdict.outcomes


def test_each_trace_is_in_the_store_with_its_picture(demo: Demo):
    settings = settings_for(demo.out)
    store = open_store(settings.database_url, settings.media, settings.media_days)
    try:
        for trace in demo.traces.values():
            assert store.traces.load(trace.id) == trace
            assert inspect(store.media.get(trace.last.picture or "")).width == trace.last.width
    finally:
        store.close()


def test_each_picture_has_an_annotated_one_and_all_are_on_one_sheet(demo: Demo):
    for case in cases():
        assert (demo.out / f"{case.name}-annotated.png").stat().st_size > 0
    for name in ("contact-sheet.png", "posters.png"):
        with Image.open(demo.out / name) as sheet:
            assert sheet.width > 1000


@pytest.mark.parametrize("name", [name for name, _ in PROMPTS])
def test_each_poster_was_painted_by_the_small_model_and_judged_by_its_own_clip(
    demo: Demo, name: str
):
    trace = demo.traces[name]
    outcomes = {each.judge: each for each in trace.last.verdict.outcomes}

    assert trace.mode == "guard"
    assert {attempt.generator for attempt in trace.attempts} == {"embedded"}
    assert outcomes["alignment"].measurements["model"] == "poster-clip"


def test_a_poster_fails_is_told_what_was_wrong_and_passes(demo: Demo):
    mended = [
        trace
        for trace in demo.traces.values()
        if len(trace.attempts) > 1 and trace.stopped_because == "passed"
    ]

    assert mended
    first = mended[0].attempts[0]
    assert first.verdict.standing != "passed"
    assert first.feedback is not None
    assert first.feedback.changes[0].change.split()[0] in demo.said
    assert mended[0].attempts[1].brief != first.brief


def test_it_tells_every_trace_every_judge_that_did_not_run_and_the_next_step(demo: Demo):
    from sentinel.cli.verdicts import lacking

    silent = {name for trace in demo.traces.values() for name in lacking(trace)}

    assert all(trace.id in demo.said for trace in demo.traces.values())
    assert all(f"{name} did not run" in demo.said for name in silent)
    assert "sentinel score PICTURE" in demo.said
    assert "sentinel guard" in demo.said
    assert "curl -F image=@PICTURE" in demo.said


def test_its_table_is_80_columns_wide(demo: Demo):
    table = demo.said.partition("Look at")[0]
    lines = [line for line in table.splitlines() if "→" not in line]

    assert max(map(len, lines)) <= 80


def test_its_pictures_are_the_same_every_time():
    assert [case.make() for case in cases()] == [case.make() for case in cases()]


def test_a_file_in_the_way_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "taken").touch()
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", str(tmp_path / "taken")])

    assert ended.value.code == 2
    assert "is a file" in " ".join(capsys.readouterr().err.split())


def test_a_sheet_of_one_picture_is_one_cell_wide(demo: Demo):
    attempt = demo.traces["sign"].last
    sheet = contact_sheet([("sign", flat(40, 40, (9, 9, 9)), attempt)])

    assert sheet.shape[1] == 400
    assert np.any(sheet != 255)


def test_the_readme_shows_the_numbers_that_the_demo_prints(demo: Demo):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    verdict = demo.traces["sign-misspelled"].last.verdict
    values = {score.judge: score.value for score in verdict.outcomes if score.kind == "score"}

    assert f"{values['text']:.2f}  0.80   failed" in readme
    assert f"{values['artifacts']:.2f}  0.35   passed" in readme
    assert f"{verdict.standing}, weighted score {verdict.score:.2f}" in readme
