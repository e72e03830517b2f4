"""Fixtures that every test may use."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from sentinel.contracts import Declined, Reading

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared" / "data"

POSTGRES = os.environ.get("SENTINEL_TEST_POSTGRES", "")
"""A server for tests that run on both databases."""

CHROMIUM = Path("/usr/bin/chromium")

Answer = Reading | Declined
Check = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--refresh-golden", action="store_true", help="write the golden cases anew (make golden)"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that drive a browser run in a process of their own: Playwright keeps a loop running."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Debian's browser, driven by Playwright."""
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the test's own: a file, or a schema that is dropped afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/sentinel.db"
        return
    if not POSTGRES:
        pytest.skip('SENTINEL_TEST_POSTGRES names no server; eval "$(.ci/postgres)" starts one')
    schema = f"test_{uuid.uuid4().hex}"
    engine = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with engine.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        connection.execute(text(f"DROP SCHEMA IF EXISTS {schema}_jobs CASCADE"))
    engine.dispose()


@pytest.fixture
def shared_data() -> Path:
    """The folder of real, labelled pictures beside the checkout; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"the folder of real pictures is not beside the checkout ({SHARED.name})")
    return SHARED


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Check:
    """`golden("text", "clean sign", reading, tolerance=0.03)`: as it was when last agreed."""

    def check(judge: str, case: str, answer: Answer, tolerance: float = 0.02) -> None:
        path = HERE / "golden" / f"{judge}.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        if request.config.getoption("--refresh-golden"):
            known[case] = _summary(answer)
            path.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
            return
        assert case in known, f"no golden case {case!r} in {path.name}; run make golden"
        expected, found = known[case], _summary(answer)
        assert found["kind"] == expected["kind"]
        assert found.get("issues") == expected.get("issues")
        if "value" in expected:
            assert abs(found["value"] - expected["value"]) <= tolerance

    return check


def _summary(answer: Answer) -> dict[str, object]:
    if isinstance(answer, Declined):
        return {"kind": "declined", "reason": answer.reason}
    issues = sorted(f"{issue.category}/{issue.subcategory}" for issue in answer.issues)
    return {"kind": "reading", "value": round(answer.value, 4), "issues": issues}
