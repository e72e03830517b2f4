"""People's verdicts in, a policy that agrees with them and how sure that is out."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel import policy as policies
from sentinel.audit.calibration.calibrating import calibrated
from sentinel.audit.calibration.crossing import crossed
from sentinel.audit.calibration.findings import Calibration
from sentinel.audit.calibration.fitting import Aim, fitted
from sentinel.audit.calibration.labels import Label, Labels, labels_of
from sentinel.audit.calibration.written import toml_of, write_calibration
from sentinel.audit.report.findings import Head
from sentinel.audit.report.targets import Targets
from sentinel.audit.report.written import write_report
from sentinel.audit.rows import Row, Rows
from sentinel.cli import main
from sentinel.errors import ConfigError
from sentinel.imaging import Limits
from sentinel.supposing import suppose
from tests.audit.audit_rows import (
    POLICY,
    about,
    audit_in,
    judged,
    pictures,
    refusal,
    score,
    with_pictures,
)

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="the extra calibrate is not installed"
)


def rows_of(number: int, seed: int = 1) -> tuple[list[Row], list[Label]]:
    """Pictures that people call good where text ≥ 0.6 and color ≥ 0.3; `style` tells nothing."""
    draw = np.random.default_rng(seed)
    rows, labels = [], []
    for at in range(number):
        text, color, style = (float(value) for value in draw.uniform(0, 1, 3).round(4))
        key = f"{at:04d}.png"
        rows.append(
            judged(key, (score("text", text), score("color", color), score("style", style)))
        )
        labels.append(Label(key, good=text >= 0.6 and color >= 0.3))
    return rows, labels


def head(entries: int) -> Head:
    return Head(audit=about(entries), policy=POLICY, version="1")


def calibration(
    folder: Path, rows: list[Row], labels: list[Label], aim: Aim | None = None,
    problems: tuple[str, ...] = (),
) -> Calibration:  # fmt: skip
    audit_in(folder, rows)
    given = Labels(tuple(labels), problems)
    return calibrated(given, Rows(folder), head(len(rows)), aim or Aim(), "mine")


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Calibration, list[Row]]:
    rows, labels = rows_of(400)
    return calibration(tmp_path_factory.mktemp("audit"), rows, labels), rows


# ── what is fitted ────────────────────────────────────────────────────────────────────────────


def test_the_people_s_rule_is_found_again_over_pictures_not_seen(
    fit: tuple[Calibration, list[Row]],
) -> None:
    found, _ = fit

    assert found.after.kappa is not None
    assert found.before.kappa is not None
    assert found.after.kappa.low > found.before.kappa.high
    assert found.after.precision is not None
    assert found.after.precision.value > 0.95
    assert found.p < 0.001
    text = found.judges[0]
    assert text.threshold == pytest.approx(0.6, abs=0.03)
    assert text.auc is not None
    assert text.auc > 0.8
    style = found.judges[2]
    assert style.weight < text.weight / 5


def test_the_written_policy_gives_exactly_the_fitted_verdicts(
    fit: tuple[Calibration, list[Row]], tmp_path: Path
) -> None:
    found, rows = fit
    again = policies.parse(toml_of(found.policy), "mine.toml")

    assert again == found.policy
    values = np.array([[item.value for item in row.verdict.outcomes] for row in rows])  # type: ignore[union-attr]
    good = np.array([text >= 0.6 and color >= 0.3 for text, color, _ in values])
    rule = fitted(values, good, Aim(), (None, None, None))
    verdicts = [suppose(row.verdict, again).standing == "passed" for row in rows]  # type: ignore[arg-type]
    assert verdicts == rule.passes(values).tolist()


def test_figures_are_of_pictures_that_the_rule_had_not_seen(tmp_path: Path) -> None:
    rows, _ = rows_of(120)
    draw = np.random.default_rng(5)
    noise = [Label(row.key, good=bool(draw.integers(0, 2))) for row in rows]

    found = calibration(tmp_path / "a", rows, noise)

    assert found.after.kappa is not None
    assert found.after.kappa.low < 0 < found.after.kappa.high + 0.1
    assert found.after.kappa.value < 0.2


def test_a_precision_that_is_held_costs_recall(tmp_path: Path) -> None:
    rows, labels = rows_of(300)
    draw = np.random.default_rng(2)
    noisy = [Label(label.picture, label.good ^ bool(draw.random() < 0.1)) for label in labels]

    strict = calibration(tmp_path / "a", rows, noisy, Aim(precision=0.97))
    lenient = calibration(tmp_path / "b", rows, noisy, Aim(recall=0.97))

    assert strict.after.precision is not None
    assert lenient.after.precision is not None
    assert strict.after.recall is not None
    assert lenient.after.recall is not None
    assert strict.after.precision.value > lenient.after.precision.value
    assert strict.after.recall.value < lenient.after.recall.value


def test_a_judge_that_says_the_opposite_of_people_gets_no_weight(tmp_path: Path) -> None:
    rows, _ = rows_of(200)
    labels = [Label(row.key, good=row.verdict.outcomes[0].value < 0.5) for row in rows]  # type: ignore[union-attr]

    found = calibration(tmp_path / "a", rows, labels)

    assert found.judges[0].auc is not None
    assert found.judges[0].auc < 0.1
    assert found.judges[0].weight == 0


def test_a_judge_that_loses_its_threshold_stays_as_required_as_it_was(
    fit: tuple[Calibration, list[Row]],
) -> None:
    for name, rule in fit[0].policy.judges.items():
        if POLICY.judges[name].threshold is not None:
            assert rule.is_required == POLICY.judges[name].is_required


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.4))
def test_the_same_labels_give_the_same_rule_whatever_they_say(seed: int, wrong: float) -> None:
    draw = np.random.default_rng(seed)
    values = draw.uniform(0, 1, (60, 3)).round(3)
    values[draw.random((60, 3)) < 0.1] = np.nan
    good = (np.nan_to_num(values[:, 0], nan=0.5) > 0.5) ^ (draw.random(60) < wrong)
    good[:6], good[6:12] = True, False

    one, other = (fitted(values, good, Aim(), (None, None, None)) for _ in range(2))

    assert one == other
    assert 0 <= one.mark <= 1
    assert min(one.weights) >= 0
    assert all(each == -1 or 0 <= each <= 1 for each in one.thresholds)
    found = crossed(values, good, Aim(), (None, None, None))
    assert (found.scores >= 0).all()
    assert (found.scores <= 1).all()


# ── labels ────────────────────────────────────────────────────────────────────────────────────


def table(path: Path, header: list[str], lines: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *lines])
    return path


def test_people_s_words_are_read_and_others_are_told_by_row(tmp_path: Path) -> None:
    path = table(
        tmp_path / "labels.csv", ["File_Name", "Verdict", "Rater"],
        [["a", "PASS", "x"], ["b", "fail", "x"], ["c", "1", ""], ["d", "perhaps", "x"], ["", "yes", "x"]],
    )  # fmt: skip

    found = labels_of(path, {})

    assert [(label.picture, label.good) for label in found.labels] == [
        ("a", True),
        ("b", False),
        ("c", True),
    ]
    assert found.problems == (
        "row 4: 'perhaps' is neither good nor bad",
        "row 5: it names no picture",
    )


def test_columns_of_other_names_are_mapped(tmp_path: Path) -> None:
    path = table(tmp_path / "labels.csv", ["p", "ship it"], [["a", "yes"]])

    with pytest.raises(ConfigError, match=r"--map picture=COLUMN .*p, ship it"):
        labels_of(path, {})
    found = labels_of(path, {"picture": ("p",), "label": ("ship it",)})

    assert found.labels == (Label("a", good=True),)


def test_two_people_who_differ_leave_a_picture_out_and_are_told(tmp_path: Path) -> None:
    rows, labels = rows_of(80)
    twice = [Label(each.picture, each.good, "ana") for each in labels]
    twice += [Label(each.picture, each.good ^ (at < 30), "bo") for at, each in enumerate(labels)]

    found = calibration(tmp_path / "a", rows, twice)

    assert found.pictures == 50
    assert found.raters is not None
    assert found.raters.value < 0.6
    assert any("30 pictures have as many good as bad labels" in told for told in found.warnings)
    assert any("only moderately" in told for told in found.warnings)


def test_labels_are_joined_by_path_name_or_sha256_and_lost_ones_are_told(tmp_path: Path) -> None:
    rows, labels = rows_of(60)
    renamed = [
        Label(
            {0: row.sha256 or "", 1: f"C:\\pictures\\{row.key}", 2: f"other/{row.key}"}.get(
                at % 4, row.key
            ),
            each.good,
        )
        for at, (row, each) in enumerate(zip(rows, labels, strict=True))
    ]

    found = calibration(tmp_path / "a", rows, [*renamed, Label("nowhere.png", good=True)])

    assert found.pictures == 60
    assert any("1 labelled pictures are not in the audit" in told for told in found.warnings)


def test_few_labels_warn_and_too_few_are_refused(tmp_path: Path) -> None:
    rows, labels = rows_of(40)

    found = calibration(tmp_path / "a", rows, labels)

    assert any("begin to be narrow enough" in told for told in found.warnings)
    good = [label for label in labels if label.good]
    with pytest.raises(ConfigError, match="at least 5 of each are needed"):
        calibration(tmp_path / "b", rows, good)


def test_a_refused_picture_counts_as_held_back_and_is_not_fitted(tmp_path: Path) -> None:
    rows, labels = rows_of(60)
    refused = [judged(f"black-{at}.png", (), (refusal(),)) for at in range(5)]
    more = [Label(row.key, good=True) for row in refused]

    without = calibration(tmp_path / "a", rows, labels)
    found = calibration(tmp_path / "b", [*rows, *refused], [*labels, *more])

    assert found.judges == without.judges
    assert found.after.good_failed == without.after.good_failed + 5
    assert {wrong.key for wrong in found.wrong} >= {row.key for row in refused}


# ── what is written ───────────────────────────────────────────────────────────────────────────


def test_the_sheet_shows_the_mistakes_and_the_same_labels_give_the_same_bytes(
    tmp_path: Path,
) -> None:
    rows, labels = rows_of(120)
    draw = np.random.default_rng(2)
    noisy = [Label(label.picture, label.good ^ bool(draw.random() < 0.15)) for label in labels]
    found = calibration(tmp_path / "a", with_pictures(rows), noisy)

    one, other = (
        write_calibration(tmp_path / name, found, Rows(tmp_path / "a"), pictures, Limits())
        for name in ("one", "other")
    )

    for name in ("policy", "page", "json"):
        assert getattr(one, name).read_bytes() == getattr(other, name).read_bytes()
    page = one.page.read_text("utf-8")
    assert page.count("data:image/webp") == min(48, len(found.wrong))
    assert found.wrong[0].key in page
    assert Calibration.model_validate_json(one.json.read_bytes()) == found
    assert policies.load(one.policy) == found.policy


def test_the_command_writes_a_policy_that_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, labels = rows_of(60)
    audit_in(tmp_path / "audit", rows, source=str(tmp_path / "gone"))
    write_report(tmp_path / "audit", POLICY, pictures, Targets(), Limits())
    path = table(
        tmp_path / "labels.csv", ["picture", "label"],
        [[label.picture, "pass" if label.good else "fail"] for label in labels],
    )  # fmt: skip

    with pytest.raises(SystemExit) as ended:
        main(
            [
                "calibrate",
                str(path),
                "--audit",
                str(tmp_path / "audit"),
                "--out",
                str(tmp_path / "out"),
            ]
        )

    assert ended.value.code == 0
    assert "kappa" in capsys.readouterr().err
    made = policies.load(tmp_path / "out" / "made-calibrated.toml")
    said = json.loads((tmp_path / "out" / "calibration.json").read_bytes())
    assert said["mark"] == made.pass_mark
