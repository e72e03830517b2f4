"""Bytes are kept by sha256 until they expire, and not a byte longer."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sentinel.contracts import Brief, Reference, Trace
from sentinel.errors import ConfigError, NotFound
from sentinel.store import Store, Traces, open_store
from sentinel.store.media import Media
from sentinel.store.rollups import DAY_MS

PNG = b"\x89PNG\r\n\x1a\n and the rest"
Make = Callable[..., Trace]


class Clock:
    """A clock that a test sets."""

    now = 1_750_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def media(store: Store, tmp_path: Path, clock: Clock) -> Media:
    return Media(store.engines, tmp_path / "media", 2, clock)


def files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def test_bytes_come_back_by_their_sha256(media: Media) -> None:
    sha256 = media.put(PNG)

    assert sha256 == hashlib.sha256(PNG).hexdigest()
    assert media.get(sha256) == PNG


KINDS = {
    PNG: "image/png",
    b"\xff\xd8\xff\xe0": "image/jpeg",
    b"RIFF....WEBPVP8 ": "image/webp",
    b"GIF89a": "image/gif",
    b"\0\0\0\x1cftypavif": "image/avif",
    b"<svg onload=alert(1)>": "application/octet-stream",
    b"": "application/octet-stream",
}


def test_the_content_type_is_read_from_the_bytes(media: Media) -> None:
    found = {data: media.content_type(media.put(data)) for data in KINDS}

    assert found == KINDS


def test_files_are_two_folders_deep_and_their_owners_alone(media: Media, tmp_path: Path) -> None:
    sha256 = media.put(PNG)

    path = tmp_path / "media" / sha256[:2] / sha256[2:4] / sha256

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(files(tmp_path / "media")) == [path]


def test_what_has_expired_is_not_found_and_swept(
    media: Media, clock: Clock, tmp_path: Path
) -> None:
    sha256 = media.put(PNG)
    clock.now += 2 * DAY_MS

    with pytest.raises(NotFound, match="expired"):
        media.get(sha256)

    assert media.sweep() == 1
    assert list(files(tmp_path / "media")) == []


def test_what_was_put_again_is_kept_longer(media: Media, clock: Clock) -> None:
    sha256 = media.put(PNG)
    clock.now += DAY_MS
    media.put(PNG)
    clock.now += DAY_MS + 1

    assert media.sweep() == 0
    assert media.get(sha256) == PNG


def test_keeping_for_no_days_keeps_nothing(store: Store, tmp_path: Path) -> None:
    media = Media(store.engines, tmp_path / "none", 0)

    sha256 = media.put(PNG)

    assert sha256 == hashlib.sha256(PNG).hexdigest()
    assert not (tmp_path / "none").exists()
    with pytest.raises(NotFound):
        media.get(sha256)


def test_a_trace_outlives_its_reference_pictures(
    store: Store, media: Media, clock: Clock, make: Make
) -> None:
    brief = Brief(references=(Reference(kind="style", image=PNG),))
    trace = make().model_copy(update={"brief": brief})
    traces = Traces(store.engines, media)
    traces.save(trace)
    clock.now += 3 * DAY_MS
    media.sweep()

    loaded = traces.load(trace.id)

    assert loaded.brief.references == (Reference(kind="style", image=b""),)
    assert loaded.attempts[0].verdict == trace.attempts[0].verdict


def test_only_a_sha256_names_a_picture(media: Media) -> None:
    hex64 = "a" * 64
    for wrong in ("../../etc/passwd", "", hex64.upper(), "a" * 63, hex64 + "\n", "a\x00b", "é"):
        with pytest.raises(NotFound, match="names no picture"):
            media.get(wrong)


def test_a_damaged_file_is_not_found_until_it_is_put_again(media: Media, tmp_path: Path) -> None:
    sha256 = media.put(PNG)
    next(files(tmp_path / "media")).write_bytes(PNG[:5])

    with pytest.raises(NotFound, match="damaged"):
        media.get(sha256)
    media.put(PNG)

    assert media.get(sha256) == PNG


def test_what_a_dead_process_left_is_swept(media: Media, tmp_path: Path) -> None:
    kept = media.put(PNG)
    folder = tmp_path / "media" / "ab" / "cd"
    folder.mkdir(parents=True)
    stray, part, young = folder / ("abcd" + "0" * 60), folder / "x.part", folder / "y.part"
    for path in (stray, part, young):
        path.write_bytes(b"left")
    hours_ago = time.time() - 7200
    os.utime(stray, (hours_ago, hours_ago))
    os.utime(part, (hours_ago, hours_ago))

    assert media.sweep() == 1
    assert sorted(path.name for path in files(tmp_path / "media")) == sorted([kept, "y.part"])


def test_a_picture_put_while_others_sweep_stays(url: str, tmp_path: Path) -> None:
    clock = Clock()
    store = open_store(url, tmp_path / "media", 7)
    media = Media(store.engines, tmp_path / "media", 1, clock)
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            media.sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    lost = 0
    for _ in range(60):
        clock.now += DAY_MS + 1
        lost += media.get(media.put(PNG)) != PNG
    done.set()
    sweeper.join()
    store.close()

    assert lost == 0


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_days_that_make_no_sense_stop_the_start(tmp_path: Path, days: float) -> None:
    with pytest.raises(ConfigError, match="media_days"):
        open_store(f"sqlite:///{tmp_path}/sentinel.db", tmp_path / "media", days)


def test_a_folder_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigError, match=r"SENTINEL_MEDIA"):
        open_store(f"sqlite:///{tmp_path}/sentinel.db", tmp_path / "file" / "media", 7)
