"""What was measured is kept, and only what changed is measured again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from sentinel.audit.conducting import locked
from sentinel.audit.jobs import Facts, asked_of
from sentinel.audit.ledger import LEDGER, Ledger, Noted, Plugins
from sentinel.audit.rows import Rows
from sentinel.contracts import Brief, Fault, Reference, Score
from sentinel.errors import ConfigError
from sentinel.policy import GateRule, JudgeRule, Policy
from sentinel.testing import RaisingJudge, RedJudge

POLICY = Policy(
    name="p", gates={"face": GateRule()}, judges={"red": JudgeRule(options={"seconds": 0.5})}
)
VERSIONS = {"gate:face": "1", "judge:red": "1"}
NAME = ("sha", "asked")
FACTS = Facts(width=4, height=3, fingerprint="0" * 16)
SCORE = Score(judge="red", version="1", value=0.25, reason="as told", seconds=1.5, threshold=0.9)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Samples that each judge was asked about."""
    counted: Counter[str] = Counter()
    for kind, name in ((RedJudge, "red"), (RaisingJudge, "broken")):
        judge = kind.judge

        def counting(self, samples, judge=judge, name=name):
            counted[name] += len(samples)
            return judge(self, samples)

        monkeypatch.setattr(kind, "judge", counting)
    return counted


# ── the file ──────────────────────────────────────────────────────────────────────────────────


def opened(folder: Path, policy: Policy = POLICY, **versions: str) -> Ledger:
    return Ledger(folder, Plugins.of(policy, VERSIONS | versions))


def noted(position: int = 0, **more: object) -> Noted:
    return Noted(position, f"k{position}", "{}", "scored", name=NAME, **more)


def test_what_was_noted_is_known_after_it_was_closed_without_its_seconds(tmp_path: Path):
    ledger = opened(tmp_path)
    ledger.note([noted(facts=FACTS, outcomes=(SCORE,))])
    ledger.close()
    known = opened(tmp_path).known(NAME)

    assert known.judges == {"red": SCORE.model_copy(update={"seconds": 0.0})}


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        (POLICY, {"judge:red": "2"}),
        (POLICY.model_copy(update={"judges": {"red": JudgeRule()}}), {}),
    ],
    ids=["another version", "other options"],
)
def test_what_another_judge_measured_is_not_known(tmp_path: Path, policy, versions):
    opened(tmp_path).note([noted(facts=FACTS, outcomes=(SCORE,))])

    assert not opened(tmp_path, policy, **versions).known(NAME).judges


def test_a_threshold_is_no_part_of_what_is_kept(tmp_path: Path):
    opened(tmp_path).note([noted(facts=FACTS, outcomes=(SCORE,))])
    rule = POLICY.judges["red"].model_copy(update={"threshold": 0.1, "weight": 7.0})
    other = POLICY.model_copy(update={"judges": {"red": rule}})

    assert opened(tmp_path, other).known(NAME).judges["red"].value == 0.25


def test_a_new_run_asks_what_broke_again_and_nothing_else(tmp_path: Path):
    fault = Fault(judge="red", version="1", cause="error", reason="it broke")
    ledger = opened(tmp_path)
    ledger.note([noted(facts=FACTS, outcomes=(fault,))])
    assert ledger.known(NAME).judges == {"red": fault}
    ledger.begin()

    assert not ledger.known(NAME).judges
    assert ledger.facts("sha") == FACTS
    assert not list(ledger.entries())


def test_a_batch_that_fails_leaves_nothing_of_itself(tmp_path: Path):
    ledger = opened(tmp_path)
    stranger = SCORE.model_copy(update={"judge": "stranger"})
    with pytest.raises(KeyError):
        ledger.note([noted(), noted(1, outcomes=(stranger,))])

    assert not list(ledger.entries())


def test_a_full_disk_says_to_make_room_and_keeps_what_there_is(tmp_path: Path):
    ledger = opened(tmp_path)
    ledger.note([noted(facts=FACTS, outcomes=(SCORE,))])
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count={pages}")
    large = SCORE.model_copy(update={"reason": "x" * 100_000})
    with pytest.raises(ConfigError, match="make room and run the same command again"):
        ledger.note([Noted(1, "k", "{}", "scored", name=("b", "c"), outcomes=(large,))])
    ledger.close()

    assert opened(tmp_path).known(NAME).judges


@pytest.mark.parametrize("spoilt", [b"no database at all" * 500, None], ids=["damaged", "newer"])
def test_a_ledger_that_cannot_be_used_is_told(tmp_path: Path, spoilt: bytes | None):
    opened(tmp_path).close()
    if spoilt:
        (tmp_path / LEDGER).write_bytes(spoilt)
    else:
        with sqlite3.connect(tmp_path / LEDGER) as database:
            database.execute("PRAGMA user_version=99")
        database.close()

    with pytest.raises(ConfigError, match="another folder"):
        opened(tmp_path)


def test_everything_that_gates_and_judges_see_is_part_of_what_is_asked():
    brief = Brief(prompt="a cup", references=(Reference(image=b"one"),))
    changed = [
        brief.model_copy(update={"prompt": "a cap"}),
        brief.model_copy(update={"palette": ("red",)}),
        brief.model_copy(update={"references": (Reference(image=b"two"),)}),
        brief.model_copy(update={"references": (Reference(kind="style", image=b"one"),)}),
        brief.model_copy(update={"references": ()}),
    ]
    names = {asked_of(each, "m") for each in [brief, *changed]} | {asked_of(brief, "other")}

    assert len(names) == len(changed) + 2
    assert asked_of(brief.model_copy(), "m") in names


@pytest.mark.parametrize("name", ["/proc/audit", "/dev/null/audit"])
def test_a_folder_that_cannot_be_written_is_refused(name: str):
    with pytest.raises(ConfigError, match="choose another folder"), locked(Path(name)):
        pass


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(ConfigError, match="not empty"), locked(tmp_path):
        pass

    assert [each.name for each in tmp_path.iterdir()] == ["holiday.jpg"]


# ── audits over it ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def audited(sentinel, paints, asked: Counter[str]):
    """An audit of three pictures that has ended; `again()` runs the same one more time."""
    for number in range(3):
        paints(f"in/{number}.png", 100 + 40 * number)

    def again(*words: object) -> Counter[str]:
        asked.clear()
        ran = sentinel("audit", "in", "--out", "out", *words)
        assert ran.code == 0, ran.err
        return Counter(asked)

    assert again() == {"red": 3}
    return again


def test_what_is_finished_is_not_done_again(audited):
    assert audited() == {}


def test_a_changed_picture_is_measured_again_alone(audited, paints):
    paints("in/1.png", 250)

    assert audited() == {"red": 1}


def test_a_changed_prompt_is_measured_again_alone(audited, bench: Path):
    (bench / "in" / "1.txt").write_text("a red square")

    assert audited() == {"red": 1}


def test_a_changed_judge_is_asked_again(audited, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RedJudge, "version", "2")

    assert audited() == {"red": 3}


def test_a_judge_that_joins_a_policy_is_asked_alone(audited, bench: Path):
    policy = bench / "policies" / "cheap.toml"
    policy.write_text(policy.read_text() + '[judges.broken]\noptions = { poison = "poison" }\n')

    assert audited() == {"broken": 3}


def test_a_changed_threshold_changes_verdicts_and_asks_nobody(audited, bench: Path):
    before = [row.passed for row in Rows(bench / "out")]
    policy = bench / "policies" / "cheap.toml"
    policy.write_text(policy.read_text().replace("0.5", "0.6"))

    assert audited() == {}
    assert before == [False, True, True]
    assert [row.passed for row in Rows(bench / "out")] == [False, False, True]


def test_a_moved_picture_is_not_measured_again(audited, bench: Path):
    (bench / "in" / "2.png").rename(bench / "in" / "z.png")

    assert audited() == {}
    assert [row.key for row in Rows(bench / "out")] == ["0.png", "1.png", "z.png"]
