"""Pictures may lie wherever fsspec reaches, with the promises that a folder gives."""

import hashlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import fsspec
import pytest

from sentinel.contracts import Brief, Reference, Trace
from sentinel.errors import ConfigError, MediaAway, MissingRequirement, NotFound
from sentinel.store import Store, Traces, open_store
from sentinel.store.media import Media
from sentinel.store.rollups import DAY_MS
from sentinel.store.shelves import Folder, Target, shelf

PNG = b"\x89PNG\r\n\x1a\n and the rest"
SHA256 = hashlib.sha256(PNG).hexdigest()
Make = Callable[..., Trace]


class Clock:
    """A clock that a test sets."""

    now = 1_750_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def s3_options() -> dict[str, Any]:
    return {"endpoint_url": os.environ["SENTINEL_TEST_S3"], "key": "test", "secret": "test"}


@pytest.fixture(params=["memory", "s3"])
def target(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """An address that nobody else uses, and its options."""
    prefix = secrets.token_hex(6)
    if request.param == "memory":
        return f"memory://{prefix}/pictures", {}
    if not os.environ.get("SENTINEL_TEST_S3"):
        pytest.skip('no S3 server: eval "$(.ci/s3)" starts one')
    if find_spec("s3fs") is None:
        pytest.skip("s3fs is not installed (extra s3)")
    return f"s3://sentinel-test/{prefix}", s3_options()


@pytest.fixture
def media(store: Store, target: tuple[str, dict[str, Any]], clock: Clock) -> Media:
    return Media(store.engines, target[0], 2, clock, options=target[1])


def objects(target: tuple[str, dict[str, Any]]) -> list[str]:
    files, root = fsspec.core.url_to_fs(target[0], **target[1])
    files.invalidate_cache()
    return [path.rpartition("/")[2] for path in files.find(root)]


@pytest.fixture
def listed(target: tuple[str, dict[str, Any]]) -> Callable[[], list[str]]:
    return lambda: objects(target)


def test_a_picture_is_one_object_named_by_its_sha256(
    media: Media, listed: Callable[[], list[str]]
) -> None:
    assert media.put(PNG) == SHA256

    assert media.get(SHA256) == PNG
    assert media.content_type(SHA256) == "image/png"
    assert listed() == [SHA256]


def test_what_has_expired_is_deleted_there_too(
    media: Media, clock: Clock, listed: Callable[[], list[str]]
) -> None:
    media.put(PNG)
    other = media.put(b"another")
    clock.now += DAY_MS
    media.put(b"another")
    clock.now += DAY_MS

    assert media.sweep() == 1
    assert listed() == [other]
    with pytest.raises(NotFound, match="expired"):
        media.get(SHA256)


def test_an_object_that_is_gone_or_torn_is_not_found_until_it_is_put_again(
    media: Media, target: tuple[str, dict[str, Any]]
) -> None:
    files, root = fsspec.core.url_to_fs(target[0], **target[1])
    media.put(PNG)
    files.pipe_file(f"{root}/{SHA256}", PNG[:5])
    with pytest.raises(NotFound, match="damaged"):
        media.get(SHA256)
    files.rm_file(f"{root}/{SHA256}")
    with pytest.raises(NotFound, match="gone"):
        media.get(SHA256)

    media.put(PNG)

    assert media.get(SHA256) == PNG


def test_deleting_an_object_that_somebody_deleted_is_no_error(
    media: Media, clock: Clock, target: tuple[str, dict[str, Any]]
) -> None:
    files, root = fsspec.core.url_to_fs(target[0], **target[1])
    media.put(PNG)
    files.rm_file(f"{root}/{SHA256}")
    clock.now += 2 * DAY_MS

    assert media.sweep() == 1


def test_a_picture_put_while_others_sweep_stays(media: Media, clock: Clock) -> None:
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            media.sweep()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    lost = 0
    for _ in range(20):
        clock.now += 3 * DAY_MS
        lost += media.get(media.put(PNG)) != PNG
    done.set()
    sweeper.join()

    assert lost == 0


@pytest.mark.parametrize("scheme", ["file", "local"])
def test_a_file_address_is_the_folder_it_names(tmp_path: Path, scheme: str) -> None:
    opened = shelf(f"{scheme}://{tmp_path}/pictures")

    assert isinstance(opened, Folder)
    with opened.lay(SHA256, PNG) as settle:
        settle()
    assert (tmp_path / "pictures" / SHA256[:2] / SHA256[2:4] / SHA256).read_bytes() == PNG


class Away:
    """A file system that can be cut off."""

    async_impl = False

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut = False

    def pipe_file(self, path: str, data: bytes) -> None:
        self._asked()
        self.files[path] = data

    def cat_file(self, path: str) -> bytes:
        self._asked()
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def rm_file(self, path: str) -> None:
        self._asked()
        self.files.pop(path)

    def _asked(self) -> None:
        if self.cut:
            raise ConnectionError("key AKIA: connection refused")


@pytest.fixture
def files() -> Away:
    return Away()


@pytest.fixture
def remote(store: Store, files: Away, clock: Clock) -> Media:
    return Media(store.engines, Target(files, "bucket", "s3://me:secret@bucket"), 2, clock)


def test_a_target_that_is_away_is_told_and_nothing_counts_as_kept(
    remote: Media, files: Away
) -> None:
    files.cut = True

    with pytest.raises(MediaAway, match=r"'s3://bucket' does not answer .*; try again in 5 s"):
        remote.put(PNG)
    files.cut = False

    with pytest.raises(NotFound, match="not kept"):
        remote.get(SHA256)


def test_a_picture_that_was_there_outlives_a_put_that_failed(remote: Media, files: Away) -> None:
    remote.put(PNG)
    files.cut = True
    with pytest.raises(MediaAway):
        remote.put(PNG)
    with pytest.raises(MediaAway):
        remote.get(SHA256)
    files.cut = False

    assert remote.get(SHA256) == files.cat_file(f"bucket/{SHA256}") == PNG


def test_what_could_not_be_swept_is_swept_the_next_time(
    remote: Media, files: Away, clock: Clock
) -> None:
    remote.put(PNG)
    clock.now += 2 * DAY_MS
    files.cut = True
    with pytest.raises(MediaAway):
        remote.sweep()
    files.cut = False

    assert remote.sweep() == 1
    assert files.files == {}


def test_a_trace_is_kept_though_its_references_cannot_be(
    store: Store, remote: Media, files: Away, make: Make
) -> None:
    brief = Brief(prompt="a cup", references=(Reference(image=PNG),))
    trace = make().model_copy(update={"brief": brief})
    files.cut = True
    traces = Traces(store.engines, remote)

    traces.save(trace)
    loaded = traces.load(trace.id)

    assert loaded.brief == brief.model_copy(update={"references": (Reference(image=b""),)})
    assert "could not be kept" in loaded.notes[-1]


@pytest.mark.skipif(find_spec("s3fs") is None, reason="s3fs is not installed (extra s3)")
def test_an_address_where_nobody_listens_stops_the_start_soon() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"endpoint_url": f"http://127.0.0.1:{port}", "key": "test", "secret": "hush"}
    begun = time.monotonic()

    with pytest.raises(ConfigError, match="'s3://bucket/x' cannot be written") as told:
        shelf("s3://bucket/x", options)

    assert time.monotonic() - begun < 35
    assert "hush" not in str(told.value)


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed")
def test_s3_without_its_library_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingRequirement, match=r"pip install 'sentinel-gatekeeper\[s3\]'"):
        open_store(f"sqlite:///{tmp_path}/sentinel.db", "s3://bucket/prefix", 7)


@pytest.mark.parametrize("wrong", ["nonsense://bucket", "http://127.0.0.1:9/pictures"])
def test_an_address_that_cannot_hold_pictures_stops_the_start(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"SENTINEL_MEDIA_FOLDER|aiohttp"):
        open_store(f"sqlite:///{tmp_path}/sentinel.db", wrong, 7)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Objects in memory are forgotten after each test."""
    yield
    fsspec.filesystem("memory").store.clear()
