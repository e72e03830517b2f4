"""A ten-line judge in a package of its own: found, run, conformance-tested."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.imaging import encode
from sentinel.testing import scene

PACKAGE = Path(__file__).parent.parent / "docs" / "plugins" / "sentinel-warmth"
DOC = PACKAGE.parent.parent / "writing-a-judge.md"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the package really installed into it."""
    place = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(PACKAGE, place / "source")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        place / "site",
        source,
    ]
    subprocess.run(pip, check=True, capture_output=True, timeout=200)
    return place


def run(place: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(place / "site"), "SENTINEL_HOME": str(place / "home"),
                   "SENTINEL_POLICIES": str(place / "policies")}  # fmt: skip
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=200,
        check=False,
    )


def test_it_passes_the_conformance_suite(place):
    done = run(
        place, "-m", "pytest", "-q", "-p", "no:cacheprovider", place / "source" / "test_warmth.py"
    )

    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_it_is_found_and_run_by_the_cli(place):
    (place / "policies").mkdir(exist_ok=True)
    (place / "policies" / "cosy.toml").write_text(
        'name = "cosy"\n[judges.warmth]\nthreshold = 0.3\n'
    )
    (place / "picture.png").write_bytes(encode(scene()))
    done = run(
        place, "-m", "sentinel", "score", place / "picture.png", "--policy", "cosy", "--json"
    )
    answer = json.loads(done.stdout)

    assert answer["outcomes"][0]["judge"] == "warmth"
    assert answer["passed"] is True


def test_the_page_shows_the_package_as_it_is():
    page = DOC.read_text("utf-8")

    assert all((PACKAGE / name).read_text("utf-8") in page for name in ["sentinel_warmth.py"])
    assert 'warmth = "sentinel_warmth:Warmth"' in page
