"""Whatever stands in a source becomes a row with its reason, and nothing else is lost."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from sentinel.audit.conducting import Asked, Audit
from sentinel.audit.engines.looking import Room
from sentinel.audit.rows import Row, Rows
from sentinel.imaging import encode
from sentinel.settings import Settings
from sentinel.store import open_store
from sentinel.testing import flat

PICTURE = encode(flat(48, 32, (200, 20, 55)))


def bomb(side: int) -> bytes:
    """A PNG of a few kB that takes side × side pixels when it is decoded."""
    buffer = io.BytesIO()
    Image.new("1", (side, side)).save(buffer, "PNG")
    return buffer.getvalue()


def tiff() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "TIFF")
    return buffer.getvalue()


@pytest.fixture
def audited(bench: Path, sentinel):
    """`audited("in")`: the rows of an audit by key, and its exit code."""

    def audit(source: str, *words: object) -> tuple[dict[str, Row], int]:
        ran = sentinel("audit", source, "--out", "out", "--quiet", *words)
        assert "Traceback" not in ran.err
        return {row.key: row for row in Rows(bench / "out")}, ran.code

    return audit


def test_every_bad_file_is_a_row_with_its_reason_and_the_good_ones_are_scored(bench, audited):
    bad = {
        "empty.png": b"", "text.png": b"no picture", "cut.png": PICTURE[: len(PICTURE) // 2],
        "huge.png": bomb(10_000), "other.tiff": tiff(), 'odd "name"\n,=1+1.png': PICTURE,
    }  # fmt: skip
    (bench / "in").mkdir()
    for name, data in bad.items():
        (bench / "in" / name).write_bytes(data)
    (bench / "in" / "dead.png").symlink_to("nowhere")
    (bench / "in" / "again").symlink_to(bench / "in")
    rows, code = audited("in")

    assert code == 3
    assert {key: row.status for key, row in rows.items()} == {
        "empty.png": "unreadable", "text.png": "unreadable", "cut.png": "unreadable",
        "huge.png": "unreadable", "other.tiff": "unreadable", "dead.png": "missing",
        "again": "invalid", 'odd "name"\n,=1+1.png': "scored",
    }  # fmt: skip
    assert "0 bytes" in rows["empty.png"].reason
    assert "10000x10000" in rows["huge.png"].reason
    assert "it is TIFF" in rows["other.tiff"].reason
    assert all(row.reason for row in rows.values())


def test_rows_stand_in_the_order_of_the_source_with_what_was_found(audited, paints):
    paints("in/a.png", 250)
    paints("in/b/c.png", 40)
    rows, code = audited("in")

    assert code == 0
    assert list(rows) == ["a.png", "b/c.png"]
    assert [row.passed for row in rows.values()] == [True, False]
    assert (rows["a.png"].width, rows["a.png"].height) == (48, 32)
    assert rows["b/c.png"].group == {"folder": "b"}
    assert rows["a.png"].verdict.score == pytest.approx(250 / 255)
    assert all(outcome.seconds == 0 for outcome in rows["a.png"].verdict.outcomes)


def test_the_same_picture_counts_once_for_what_is_asked_of_it(bench, audited, paints):
    for name in ("a", "b", "c"):
        paints(f"in/{name}.png", 250)
    (bench / "in" / "c.txt").write_text("a red square")
    rows, _ = audited("in")

    assert [row.status for row in rows.values()] == ["scored", "duplicate", "scored"]
    assert [row.duplicate_of for row in rows.values()] == [None, "a.png", "a.png"]
    assert rows["b.png"].reason == "the same picture as a.png, asked the same: it counts there"
    assert rows["b.png"].verdict == rows["a.png"].verdict
    assert sum(row.counted for row in rows.values()) == 2


def test_a_judge_that_breaks_makes_a_row_undecided_and_is_asked_again(bench, audited, paints):
    for name in ("a", "b"):
        paints(f"in/{name}.png", 250)
    (bench / "in" / "b.txt").write_text("poison")
    rows, code = audited("in", "--policy", "breaking")

    assert code == 3
    assert [row.status for row in rows.values()] == ["scored", "undecided"]
    assert "broken" in rows["b.png"].reason


def test_a_broken_reference_is_a_row_with_its_reason(bench, audited, paints):
    paints("in/a.png", 250)
    (bench / "in" / "bad.png").write_bytes(b"nothing")
    table = "image,reference\nin/a.png,in/bad.png\nin/a.png,gone.png\nin/a.png,in/a.png\n"
    (bench / "t.csv").write_text(table)
    rows, _ = audited("t.csv")

    assert [row.status for row in rows.values()] == ["unreadable", "invalid", "scored"]
    assert rows["1"].reason.startswith("reference 1 is no picture")
    assert rows["2"].reason == "its face reference 'gone.png': there is no such file"


def test_prompts_inside_pictures_are_judged_and_told(bench, audited):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a red square\nNegative prompt: blurry\nSteps: 4, Model: m1")
    (bench / "in").mkdir()
    Image.new("RGB", (48, 32), (250, 0, 0)).save(bench / "in" / "a.png", pnginfo=info)
    rows, _ = audited("in")

    assert rows["a.png"].prompt == "a red square"
    assert rows["a.png"].group == {"made_by": "m1"}


def test_a_limit_takes_the_first_entries(audited, paints):
    for number in range(5):
        paints(f"in/{number}.png", 100 + number)
    rows, _ = audited("in", "--limit", 2)

    assert list(rows) == ["0.png", "1.png"]


def test_two_audits_over_one_source_write_the_same_bytes_whatever_the_clock_says(
    bench, sentinel, paints, monkeypatch
):
    for number in range(30):
        paints(f"in/{number}.png", 60 + 5 * number)
    sentinel("audit", "in", "--out", "one", "--quiet")
    backwards = iter(range(10**9, 0, -1))
    monkeypatch.setattr("time.time", lambda: float(next(backwards)))
    sentinel("audit", "in", "--out", "two", "--quiet")

    names = {each.name for each in (bench / "one").iterdir()} - {"ledger.sqlite", ".lock"}
    assert {"rows.jsonl", "audit.json", "report.json"} <= names
    for name in names:
        assert (bench / "one" / name).read_bytes() == (bench / "two" / name).read_bytes(), name


def test_a_full_disk_at_the_end_leaves_the_rows_of_before(bench, sentinel, paints, monkeypatch):
    paints("in/a.png", 250)
    sentinel("audit", "in", "--out", "out", "--quiet")
    before = (bench / "out" / "rows.jsonl").read_bytes()
    paints("in/b.png", 40)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = sentinel("audit", "in", "--out", "out", "--quiet")

    assert ran.code == 2
    assert "No space left on device" in ran.err
    assert "make room and run again" in ran.err
    assert (bench / "out" / "rows.jsonl").read_bytes() == before


def test_a_few_pictures_are_in_the_house_at_once(bench, paints):
    for number in range(40):
        paints(f"in/{number:02d}.png", 60 + number)
    audit = Audit(Asked(Path("in"), Path("out")), Settings.read())
    most = 0

    async def run() -> None:
        with audit.held():
            await look(audit)

    async def look(audit: Audit) -> None:
        nonlocal most
        async with audit.engine() as engine:
            inside = 0
            measure = engine.measure

            async def counting(job):
                nonlocal inside, most
                inside += 1
                most = max(most, inside)
                try:
                    return await measure(job)
                finally:
                    inside -= 1

            engine.measure = counting
            await audit.conduct(engine, lambda step: None)
            assert most <= engine.places

    asyncio.run(run())
    assert most > 1


def test_a_large_picture_waits_until_there_is_room_for_it():
    told: list[str] = []

    async def enter(room: Room, name: str, pixels: int) -> None:
        async with room.enter(pixels):
            told.append(f"{name} in")
            await asyncio.sleep(0.01)
            told.append(f"{name} out")

    async def both() -> None:
        room = Room(100)
        await asyncio.gather(enter(room, "small", 60), enter(room, "larger than the room", 500))

    asyncio.run(both())
    assert told == ["small in", "small out", "larger than the room in", "larger than the room out"]


@pytest.mark.full
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="the extra ray is not installed"
)
@pytest.mark.timeout(180)
def test_ray_and_this_process_agree(bench, sentinel, paints):
    for number in range(12):
        paints(f"in/{number}.png", 60 + 15 * number)
    (bench / "in" / "bad.png").write_bytes(b"nothing")
    sentinel("audit", "in", "--out", "here", "--quiet")
    ran = sentinel("audit", "in", "--out", "there", "--quiet", "--engine", "ray")

    assert ran.code == 3, ran.err
    for one, other in zip(Rows(bench / "here"), Rows(bench / "there"), strict=True):
        assert one.model_copy(update={"verdict": None}) == other.model_copy(
            update={"verdict": None}
        )
        if one.verdict is not None:
            assert one.verdict.score == pytest.approx(other.verdict.score, abs=1e-6)


def test_without_ray_the_command_that_brings_it_is_told(bench, sentinel, paints, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    paints("in/a.png", 250)
    ran = sentinel("audit", "in", "--out", "out", "--engine", "ray")

    assert ran.code == 2
    assert "pip install 'sentinel-gatekeeper[ray]'" in ran.err


def test_an_audit_that_is_kept_is_in_the_store_once_with_its_pictures(bench, sentinel, paints):
    for number in range(3):
        paints(f"in/{number}.png", 100 + 60 * number)
    (bench / "in" / "bad.png").write_bytes(b"nothing")
    (bench / "in" / "0.txt").write_text("a red square")
    for _ in range(2):
        ran = sentinel("audit", "in", "--out", "out", "--keep", "nightly")
    settings = Settings.read()
    store = open_store(settings.database_url, settings.media, settings.media_days)
    traces = [store.traces.load(each.id) for each in store.queries.recent(limit=9).traces]
    store.close()

    assert "3 evaluations are in the store, project nightly" in ran.err
    assert sorted(trace.verdict.passed for trace in traces) == [False, True, True]
    assert {trace.brief.prompt for trace in traces} == {"a red square", None}
    assert {trace.project for trace in traces} == {"nightly"}
