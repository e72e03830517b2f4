"""`sentinel guard`, run as a user runs it: attempts, pictures, JSON and an exit code."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest
from PIL import Image

from sentinel import registry
from sentinel.cli import main
from sentinel.policy import builtin
from sentinel.testing import RedJudge, ScriptedGenerator, red


class Rising(ScriptedGenerator):
    """Redder every time."""

    def __init__(self, folder: str = "") -> None:
        super().__init__(red(0.2), red(0.4), red(0.8 if folder != "dull" else 0.3))


class Broken(ScriptedGenerator):
    """Never paints."""

    def __init__(self) -> None:
        super().__init__([])


OFFERED = {
    "sentinel.judges": {"red": RedJudge},
    "sentinel.generators": {"rising": Rising, "broken": Broken},
}


@pytest.fixture
def guard(monkeypatch, tmp_path, capsys):
    """`guard("PROMPT", …)`: exit code, standard output, standard error."""

    class Point(EntryPoint):
        def load(self):
            return OFFERED[self.group][self.name]

    def offered(group):
        return [Point(name, f"here:{name}", group) for name in OFFERED.get(group, {})]

    policies = tmp_path / "policies"
    policies.mkdir()
    for name in builtin():
        (policies / f"{name}.toml").write_text(f'name = "{name}"\n')
    (policies / "default.toml").write_text('name = "default"\n[judges.red]\nthreshold = 0.5\n')
    monkeypatch.setattr(registry, "entry_points", offered)
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_POLICIES", str(policies))
    monkeypatch.setenv("SENTINEL_GENERATOR", "rising")
    monkeypatch.chdir(tmp_path)
    registry._offered.cache_clear()

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["guard", *words])
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    yield run
    registry._offered.cache_clear()


def test_every_attempt_is_told_and_the_one_that_passed_is_written(guard, tmp_path):
    code, out, _ = guard("a red square", "--out", "cup.png", "--sheet", "all.png")

    assert code == 0
    assert "→3" in out
    assert "passed" in out
    assert (tmp_path / "cup.png").read_bytes() == red(0.8)
    with Image.open(tmp_path / "all.png") as sheet:
        assert sheet.width > 1000


def test_json_is_the_answer_of_the_api(guard):
    code, out, _ = guard("a red square", "--seed", "7", "--json")
    answer = json.loads(out)

    assert code == 0
    assert answer["id"] == answer["trace_id"]
    assert (answer["status"], answer["action"], answer["delivered_attempt"]) == (
        "completed", "pass", 3,
    )  # fmt: skip
    assert answer["images"] == [
        {
            "url": f"/v1/traces/{answer['id']}/picture", "width": 32, "height": 32,
            "content_type": "image/png",
        }
    ]  # fmt: skip
    assert answer["evaluation"]["overall_passed"] is True
    assert answer["attempts"][0]["seed"] == 7


def test_the_best_that_did_not_pass_is_written_and_the_exit_code_says_so(guard, tmp_path):
    code, out, _ = guard("a red square", "--max-attempts", "2", "--out", "cup.png")

    assert code == 1
    assert "budget: all 2 attempts" in out
    assert (tmp_path / "cup.png").read_bytes() == red(0.4)


def test_a_picture_is_written_in_the_format_that_its_name_asks_for(guard, tmp_path):
    guard("a red square", "--out", "cup.jpg")

    assert (tmp_path / "cup.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_folder_goes_to_the_generator(guard):
    code, out, _ = guard("a red square", "--folder", "dull", "--json")

    assert code == 1
    assert json.loads(out)["delivered_attempt"] == 2


def test_no_picture_at_all_has_an_exit_code_of_its_own(guard):
    code, out, _ = guard("a red square", "--generator", "broken", "--max-attempts", "1")

    assert code == 3
    assert "no picture" in out


def test_score_mode_waits_for_the_judges_word(guard):
    code, out, _ = guard("a red square", "--mode", "score", "--json")
    answer = json.loads(out)

    assert code == 1
    assert (answer["action"], answer["standing"]) == ("score", "failed")
    assert answer["evaluation"]["status_code"] == "completed"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["x", "--generator", "risin"], "did you mean 'rising'", id="generator"),
        pytest.param(["x", "--policy", "defautl"], "did you mean 'default'", id="policy"),
        pytest.param(["x", "--out", "cup.gif"], "ends with none of", id="format"),
        pytest.param(["x", "--out", "no/cup.png"], "there is no folder", id="folder"),
        pytest.param(["x", "--candidates", "99"], "candidates is 99", id="candidates"),
        pytest.param(["x", "--max-seconds", "-1"], "max_seconds is -1", id="budget"),
    ],
)
def test_wrong_usage_is_told_with_the_way_out(guard, words, told):
    code, _, err = guard(*words)

    assert code == 2
    assert told in " ".join(err.split())


def test_several_pictures_are_written_each_under_a_name_of_its_own(guard, tmp_path):
    code, told, _ = guard("a cup", "--count", "2", "--seed", "3", "--out", "cup.png", "--sheet", "all.png", "--json")  # fmt: skip
    answer = json.loads(told)

    assert code == 0
    assert {path.name for path in tmp_path.glob("*.png")} == {"cup.png", "cup-2.png", "all.png", "all-2.png"}  # fmt: skip
    assert len(answer["images"]) == 2
    [other] = answer["others"]
    assert other["id"] != answer["id"]
    assert other["seed"] != answer["seed"] == 3


def test_more_pictures_than_four_are_wrong_usage(guard):
    code, _, told = guard("a cup", "--count", "5")

    assert code == 2
    assert "--count" in told
