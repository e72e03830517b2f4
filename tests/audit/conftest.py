"""An audit's test bench: cheap judges under a stranger's entry points, and small pictures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sentinel import registry
from sentinel.cli import main
from sentinel.imaging import encode
from sentinel.testing import flat

POINTS = (
    "[sentinel.judges]\nred = sentinel.testing:RedJudge\nbroken = sentinel.testing:RaisingJudge\n"
)

POLICIES = {
    "cheap": 'name = "cheap"\npass_mark = 0.0\n[judges.red]\nthreshold = 0.5\n[judges.color]\n',
    "slow": 'name = "slow"\npass_mark = 0.0\n[judges.red]\nthreshold = 0.5\n'
    "options = { seconds = 0.02 }\n",
    "breaking": 'name = "breaking"\n[judges.red]\nthreshold = 0.5\n[judges.broken]\nrequired = true\n'
    'options = { poison = "poison" }\n',
}  # fmt: skip


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Sentinel = Callable[..., Ran]
Paints = Callable[..., Path]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with the cheap judges and policies; the folder that tests work in."""
    info = tmp_path / "site" / "bench-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (tmp_path / "policies").mkdir()
    for name, text in POLICIES.items():
        (tmp_path / "policies" / f"{name}.toml").write_text(text)
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv(
        "PYTHONPATH",
        os.pathsep.join([str(info.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]),
    )
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("SENTINEL_POLICY", "cheap")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    registry._offered.cache_clear()
    yield tmp_path
    registry._offered.cache_clear()


@pytest.fixture
def sentinel(bench: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Sentinel:
    """The command line, in this process."""

    def run(*words: object) -> Ran:
        code = 0
        try:
            main([str(word) for word in words])
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capfdbinary.readouterr()
        return Ran(code, said.out.decode(), said.err.decode())

    return run


@pytest.fixture
def starts(bench: Path) -> Callable[..., subprocess.Popen[str]]:
    """The command line, in a process of its own."""

    def start(*words: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "sentinel", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture
def paints(bench: Path) -> Paints:
    """`paints("in/a.png", 200)`: a picture whose red is 200 of 255; no two levels look alike."""

    def paint(name: str | Path, red: int = 200) -> Path:
        path = bench / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(flat(48, 32, (red, 20, 255 - red))))
        return path

    return paint
