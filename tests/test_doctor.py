"""What is installed and what of it works, as `sentinel doctor` tells it."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from sentinel import registry
from sentinel.cli import main
from sentinel.doctor import Check, check_up, checks
from sentinel.doctor.checks import DISTRIBUTION, IDENTITY, NAMES
from sentinel.settings import Settings

OURS = {name: [DISTRIBUTION] for name in NAMES}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A machine whose policies all name a judge of a package that lacks its weights."""
    info = tmp_path / "site" / "lacking-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lacking\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sentinel.judges]\nlacking = lacking_judge:Lacking\n")
    (info.parent / "lacking_judge.py").write_text(
        "from sentinel.errors import MissingRequirement\n"
        "class Lacking:\n    version = '1'\n"
        "    def judge(self, samples):\n        return []\n"
        "    def load(self, runtime):\n"
        "        raise MissingRequirement('judge lacking', 'its net', 'pip install net')\n"
    )
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "strict.toml").write_text('name = "strict"\n[judges.lacking]\n')
    (folder / "mild.toml").write_text('name = "mild"\n[judges.lacking]\noptional = true\n')
    for name in (
        "default",
        "portrait",
        "product",
        "poster",
        "poster-demo",
    ):  # their models are others' tests
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n')
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_POLICIES", str(folder))
    registry._offered.cache_clear()
    yield Settings.read()
    registry._offered.cache_clear()


def by_name(settings: Settings) -> dict[str, Check]:
    return {check.name: check for check in check_up(settings)}


# ── the five names ────────────────────────────────────────────────────────────────────────────


def test_the_five_names_are_ours_alone():
    (check,) = checks.names()

    assert check.state == "ok", check.told


def test_an_editable_install_may_be_listed_twice():
    (check,) = checks.names({name: [DISTRIBUTION, "sentinel_gatekeeper"] for name in NAMES})

    assert check.state == "ok"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_another_package_owns_too_is_told_loudly(name: str):
    (check,) = checks.names({**OURS, name: [DISTRIBUTION, "judges"]})

    assert check.state == "broken"
    assert f"{name} also belongs to judges" in check.told
    assert check.remedy


def test_a_name_that_nobody_owns_is_told_loudly():
    (check,) = checks.names({name: owner for name, owner in OURS.items() if name != "gates"})

    assert check.state == "broken"
    assert "gates belongs to nobody" in check.told


def test_a_folder_that_shadows_one_of_ours_is_told_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards" / "__init__.py").touch()
    monkeypatch.delitem(__import__("sys").modules, "dashboards", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    (check,) = checks.names(OURS)

    assert check.state == "broken"
    assert f"dashboards is imported from {tmp_path}" in check.told


# ── libraries ─────────────────────────────────────────────────────────────────────────────────


def test_the_probe_is_a_model_that_runs():
    session = onnxruntime.InferenceSession(IDENTITY, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"x": np.array([4.5], dtype=np.float32)})

    assert answer.tolist() == [4.5]


def test_the_provider_told_is_the_one_a_session_has():
    (check,) = checks.providers()
    session = onnxruntime.InferenceSession(
        IDENTITY, providers=onnxruntime.get_available_providers()
    )
    real = [name for name in session.get_providers() if name != checks.ONLY_REMOTE]

    assert f"models run on {real[0]}" in check.told


def test_a_provider_that_is_only_offered_is_told_as_not_working(monkeypatch: pytest.MonkeyPatch):
    offered = [name for name in onnxruntime.get_all_providers() if name.startswith("CUDA")]
    works = set(onnxruntime.get_available_providers()) & set(offered)
    if works:
        pytest.skip("CUDA is offered here, which the test above covers")
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: [*offered, "CPUExecutionProvider"]
    )
    (check,) = checks.providers()

    assert check.state == "note"
    assert "models run on CPUExecutionProvider" in check.told
    assert "not working here: CUDAExecutionProvider" in check.told


def test_two_packages_in_the_folder_of_opencv_are_told_with_the_cure():
    (check,) = checks.opencv({"cv2": ["opencv-python", "opencv-python-headless"]})

    assert check.state == "note"
    assert "--force-reinstall --no-deps opencv-python-headless" in check.remedy


def test_one_opencv_is_in_order():
    (check,) = checks.opencv({"cv2": ["opencv-python-headless"]})

    assert check.state == "ok"
    assert importlib.import_module("cv2").__version__ in check.told


def test_each_extra_is_told_with_versions_or_the_command(settings: Settings):
    told = by_name(settings)
    extras = importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or []

    assert extras
    for extra in extras:
        check = told[f"extra {extra}"]
        assert check.state == "ok" or check.remedy == f"pip install '{DISTRIBUTION}[{extra}]'"


# ── database, models, policies ────────────────────────────────────────────────────────────────


def test_a_new_machine_leaves_no_files_behind(settings: Settings):
    told = by_name(settings)

    assert told["database"].state == "ok"
    assert not settings.home.exists()


def test_a_database_that_is_none_is_told(settings: Settings):
    settings.home.mkdir()
    (settings.home / "sentinel.db").write_text("this is no database, however long it is " * 200)
    told = by_name(settings)

    assert told["database"].state == "broken"


def test_a_databases_password_is_not_told(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_DATABASE", "postgresql+psycopg://me:hidden@127.0.0.1:9/none")
    check = by_name(Settings.read())["database"]

    assert check.state == "broken"
    assert "hidden" not in check.told + check.remedy


def test_a_policy_that_would_not_start_is_broken_with_the_command(settings: Settings):
    check = by_name(settings)["policy strict"]

    assert check.state == "broken"
    assert "pip install net" in check.told


def test_a_policy_that_goes_without_a_judge_is_noted(settings: Settings):
    check = by_name(settings)["policy mild"]

    assert check.state == "note"
    assert "starts without" in check.told
    assert "pip install net" in check.told


def test_something_broken_ends_with_1(settings: Settings, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    rows = json.loads(capsys.readouterr().out)

    assert ended.value.code == 1
    assert {row["state"] for row in rows} >= {"ok", "broken"}


def test_nothing_broken_ends_with_0_in_80_columns(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    (Path(settings.policies or "") / "strict.toml").unlink()
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main(["doctor"])
    told = capsys.readouterr().out

    assert ended.value.code == 0, told
    assert max(map(len, told.splitlines())) <= 80
