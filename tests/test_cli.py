"""The command line, run as a user runs it: words in, text and an exit code out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sentinel import registry
from sentinel.cli import main
from sentinel.cli.display import plain
from sentinel.imaging import encode
from sentinel.testing import flat, scene

HEAVY = ("numpy", "fastapi", "starlette", "uvicorn", "sqlalchemy", "PIL", "httpx2",
         "cv2", "onnxruntime", "skimage", "scipy", "torch", "anyio")  # fmt: skip
"""What help must not import. Pydantic is not among them for a command's help: Typer itself loads
it to convert words, and has it only to read the program's own list of commands without."""

PLUGIN = '''
"""A stranger's package."""
import time
from sentinel.contracts import Declined, Finding, ModelCard, Reading
from sentinel.errors import ConfigError, MissingRequirement

class Warmth:
    """How warm the picture's mean colour is."""
    version = "3"
    models = (ModelCard(name="warm-net", title="Warm", licence="CC BY-NC 4.0", commercial=False,
                        megabytes=0.001, source="https://example.org/warm.onnx"),)
    def __init__(self, slow=0.0):
        if not isinstance(slow, float):
            raise ConfigError(f"slow is {slow!r}: give seconds as a number such as 0.5")
        self.slow = slow
    def judge(self, samples):
        time.sleep(self.slow)
        return [self.read(sample) for sample in samples]
    def read(self, sample):
        if sample.brief.category == "unjudged":
            return Declined(reason="nothing to judge")
        red, _, blue = sample.pixels.reshape(-1, 3).mean(0) / 255
        return Reading(value=float(min(1, max(0, 0.5 + red - blue))),
                       reason="asked for [bold]" + (sample.brief.prompt or "nothing"))

class Absent:
    """Never installed."""
    version = "1"
    def load(self, runtime):
        raise MissingRequirement("judge absent", "its weights", "sentinel models pull absent")
    def judge(self, samples):
        return []

class Small:
    """Refuses small pictures."""
    version = "1"
    def check(self, sample):
        fine = sample.width >= 64
        return Finding(passed=fine, reason="large enough" if fine else "it is too small")
'''

POLICY = """
name = "warm"
description = "Warm pictures."
[gates.small]
[judges.warmth]
threshold = 0.5
[judges.absent]
optional = true
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Sentinel = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with a stranger's plugins and a policy that uses them."""
    info = tmp_path / "site" / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[sentinel.judges]\nwarmth = warmth_of_a_stranger:Warmth\n"
        "absent = warmth_of_a_stranger:Absent\n"
        "[sentinel.gates]\nsmall = warmth_of_a_stranger:Small\n"
    )
    (info.parent / "warmth_of_a_stranger.py").write_text(PLUGIN)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "warm.toml").write_text(POLICY)
    monkeypatch.syspath_prepend(str(info.parent))
    monkeypatch.setenv("PYTHONPATH", str(info.parent))
    monkeypatch.setenv("SENTINEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SENTINEL_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("SENTINEL_POLICY", "warm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    registry._offered.cache_clear()
    yield tmp_path
    registry._offered.cache_clear()


@pytest.fixture
def sentinel(home: Path, capsys: pytest.CaptureFixture[str]) -> Sentinel:
    def run(*words: str) -> Ran:
        code = 0
        try:
            main(list(words))
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


@pytest.fixture
def red(home: Path) -> str:
    return picture(home / "red.png", (200, 40, 30))


@pytest.fixture
def blue(home: Path) -> str:
    return picture(home / "blue.png", (30, 40, 200))


def picture(path: Path, colour: tuple[int, int, int], side: int = 96) -> str:
    path.write_bytes(encode(flat(side, side, colour)))
    return path.name


# ── help ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [(["--help"], (*HEAVY, "pydantic")), (["score", "--help"], HEAVY)],
    ids=["the program's", "a command's"],
)
def test_help_imports_nothing_heavy(words: list[str], unwanted: tuple[str, ...]):
    code = (
        "import sys\nfrom sentinel.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "Usage" in done.stdout
    assert not [name for name in unwanted if f"'{name}'" in done.stderr]


def test_help_takes_at_most_three_times_as_long_as_typer_alone():
    ours = "from sentinel.cli import main; main(['--help'])"
    bare = "import rich.console, rich.table, typer; typer.Typer()"

    assert _fastest(ours) <= 3 * _fastest(bare)


def _fastest(code: str) -> float:
    """CPU seconds of the best of five fresh processes: load from neighbours only ever adds."""
    measured = f"import time\ntry:\n    {code}\nexcept SystemExit:\n    pass\nfinally:\n    import sys; print(time.process_time(), file=sys.stderr)"
    runs = [
        subprocess.run([sys.executable, "-c", measured], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    return min(float(run.stderr) for run in runs)


COMMANDS = (
    ("score",), ("judges",), ("gates",), ("models", "list"), ("models", "pull"), ("policy", "list"),
    ("policy", "show"), ("policy", "check"), ("doctor",), ("serve",), ("demo",),
    ("explain-feedback",), ("guard",),
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_commands_help_shows_an_example_in_80_columns(
    sentinel: Sentinel, words: tuple[str, ...]
):
    ran = sentinel(*words, "--help")

    assert ran.code == 0
    assert f"sentinel {' '.join(words)}" in ran.out.partition("Example")[2]
    assert max(map(len, ran.out.splitlines())) <= 80


def test_the_version_is_said(sentinel: Sentinel):
    assert sentinel("--version").out.startswith("sentinel ")


# ── score ─────────────────────────────────────────────────────────────────────────────────────


def test_a_passed_picture_ends_with_0_and_shows_gate_judge_and_verdict(
    sentinel: Sentinel, red: str
):
    ran = sentinel("score", red, "--prompt", "a red cup")

    assert ran.code == 0
    assert "large enough" in ran.out
    assert "passed, weighted score 1.00" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_a_failed_picture_ends_with_1(sentinel: Sentinel, blue: str):
    ran = sentinel("score", blue)

    assert ran.code == 1
    assert "failed" in ran.out


def test_a_refused_picture_ends_with_1_and_no_judge_is_shown(sentinel: Sentinel, home: Path):
    ran = sentinel("score", picture(home / "tiny.png", (200, 40, 30), side=20))

    assert ran.code == 1
    assert "it is too small" in ran.out
    assert "warmth" not in ran.out


def test_a_judge_that_did_not_run_is_named_with_its_remedy(sentinel: Sentinel, red: str):
    ran = sentinel("score", red)

    assert "absent did not run: judge absent needs its weights" in ran.out
    assert "→ sentinel models pull absent\n" in ran.out


def test_a_judge_with_nothing_to_judge_says_so(sentinel: Sentinel, red: str):
    ran = sentinel("score", red, "--category", "unjudged")

    assert "nothing to judge" in ran.out


def test_an_unreadable_picture_ends_with_3_and_the_others_are_scored(
    sentinel: Sentinel, home: Path, red: str, blue: str
):
    (home / "notes.png").write_text("no picture")
    ran = sentinel("score", red, "notes.png", "gone.png", blue)

    assert ran.code == 3
    assert "error: notes.png: image is no picture" in ran.err
    assert "error: gone.png: it cannot be opened (No such file or directory)" in ran.err
    assert ran.out.index("red.png") < ran.out.index("blue.png")


def test_a_folder_is_refused_with_a_hint(sentinel: Sentinel, home: Path):
    (home / "pictures").mkdir()
    ran = sentinel("score", "pictures/")

    assert ran.code == 2
    assert "sentinel score pictures/*.png" in " ".join(ran.err.replace("│", "").split())


def test_json_is_one_object_per_picture_in_order(
    sentinel: Sentinel, home: Path, red: str, blue: str
):
    (home / "notes.png").write_text("no picture")
    ran = sentinel("score", red, "notes.png", blue, "--json")
    first, second, third = (json.loads(line) for line in ran.out.splitlines())

    assert (first["passed"], third["passed"]) == (True, False)
    assert [row["kind"] for row in first["outcomes"]] == ["score", "fault"]
    assert second["code"] == "picture_unreadable"
    assert ran.code == 3


def test_a_brief_arrives_whole_in_the_trace(sentinel: Sentinel, home: Path, red: str, blue: str):
    ran = sentinel(
        "score", red, "-p", "a cup", "--negative-prompt", "a saucer", "-t", "SALE", "-t", "NOW",
        "--palette", "red", "--palette", "#fff", "-r", f"style:{blue}", "-r", blue,
        "--category", "poster", "--model", "flux", "--json",
    )  # fmt: skip
    trace = _trace(home, json.loads(ran.out)["trace_id"])

    assert trace.brief.expected_text == ("SALE", "NOW")
    assert trace.brief.palette == ("red", "#fff")
    assert [reference.kind for reference in trace.brief.references] == ["style", "face"]
    assert (trace.model, trace.brief.negative_prompt) == ("flux", "a saucer")


def _trace(home: Path, key: str):
    from sentinel.settings import Settings
    from sentinel.store import open_store

    settings = Settings.read()
    store = open_store(settings.database_url, settings.media, settings.media_days)
    try:
        return store.traces.load(key)
    finally:
        store.close()


def test_standard_input_is_a_picture(home: Path, red: str):
    done = subprocess.run(
        [sys.executable, "-c", "from sentinel.cli import main; main(['score', '-'])"],
        input=(home / red).read_bytes(), capture_output=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0
    assert b"standard input" in done.stdout


def test_the_annotated_picture_is_written(sentinel: Sentinel, home: Path):
    (home / "scene.png").write_bytes(encode(scene()))
    sentinel("score", "scene.png", "--annotate", "judged.png")

    with Image.open(home / "judged.png") as drawn:
        assert drawn.width * drawn.height > 256 * 192


def test_several_annotated_pictures_are_numbered(
    sentinel: Sentinel, home: Path, red: str, blue: str
):
    sentinel("score", red, blue, "--annotate", "judged.jpg")

    assert sorted(path.name for path in home.glob("judged*")) == ["judged-1.jpg", "judged-2.jpg"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--annotate", "judged.txt"], "ends with none of"),
        (["--annotate", "nowhere/judged.png"], "there is no folder"),
        (["--reference", "gone.png"], "there is no file"),
        (["--reference", "face:notes.png"], "no picture that can be read"),
        (["--policy", "wram"], "did you mean 'warm'"),
        (["--prompt", "\udcff"], "is no text"),
        (["--nonsense"], "No such option"),
    ],
    ids=["annotate ending", "annotate folder", "no reference", "bad reference", "policy name",
         "bytes that are no text", "unknown option"],
)  # fmt: skip
def test_wrong_usage_ends_with_2_and_names_the_way_out(
    sentinel: Sentinel, home: Path, red: str, words: list[str], told: str
):
    (home / "notes.png").write_text("no picture")
    ran = sentinel("score", red, *words)

    assert ran.code == 2
    assert told in " ".join(ran.err.replace("│", "").split())


def test_a_wrong_setting_ends_with_2(sentinel: Sentinel, red: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_THREADS", "many")
    ran = sentinel("score", red)

    assert ran.code == 2
    assert "SENTINEL_THREADS is 'many'" in ran.err


def test_a_file_over_the_limit_is_not_read_whole(
    sentinel: Sentinel, red: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_BODY_MB", "0.00001")
    ran = sentinel("score", "/dev/zero")

    assert ran.code == 3
    assert "SENTINEL_BODY_MB" in ran.err


def test_a_strangers_words_are_no_markup_and_move_no_cursor(sentinel: Sentinel, red: str):
    ran = sentinel("score", red, "--prompt", "\x1b[2Jgone[/bold] \u202eleft")
    told = "".join(ran.out.split())

    assert "\x1b" not in ran.out
    assert "[bold]\\u001b[2Jgone[/bold]\\u202eleft" in told


@pytest.mark.parametrize("text", ["", "plain", "東京 ünïcode"])
def test_visible_text_is_shown_as_it_is(text: str):
    assert plain(text) == text


def test_an_interruption_says_what_is_done_and_ends_with_130(home: Path):
    (home / "policies" / "slow.toml").write_text(
        'name = "slow"\n[judges.warmth]\nthreshold = 0.5\n[judges.warmth.options]\nslow = 0.4\n'
    )
    names = [picture(home / f"{number}.png", (200, number, 30)) for number in range(30)]
    words = repr(["score", *names, "--policy", "slow"])
    process = subprocess.Popen(
        [sys.executable, "-c", f"from sentinel.cli import main; main({words})"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert "0.png" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "of 30 pictures were scored and are kept" in " ".join(err.split())
    assert "Traceback" not in err
    assert time.monotonic() - began < 8


def test_a_reader_that_goes_away_is_no_error(home: Path, red: str):
    process = subprocess.Popen(
        [sys.executable, "-c", f"from sentinel.cli import main; main(['score', '{red}'])"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=30)

    assert "Traceback" not in told
    assert "Broken pipe" not in told


def test_show_draws_half_blocks_on_a_terminal():
    from rich.console import Console

    from sentinel.cli.verdicts import preview

    wide = Console(force_terminal=True, width=60, color_system="truecolor", record=True)
    with wide.capture() as drawn:
        preview(wide, np.repeat(flat(60, 30, (200, 40, 30)), 2, axis=0))

    assert drawn.get().count("▀") == 60 * 30
    assert "38;2;200;40;30;48;2;200;40;30" in drawn.get()


def test_show_draws_nothing_where_there_is_no_terminal(sentinel: Sentinel, red: str):
    ran = sentinel("score", red, "--show")

    assert "▀" not in ran.out + ran.err


# ── judges, models, policies, serve ───────────────────────────────────────────────────────────


def test_judges_tells_what_each_measures_and_what_mends_it(sentinel: Sentinel):
    ran = sentinel("judges", "--json")
    rows = {row["name"]: row for row in json.loads(ran.out)}

    assert rows["warmth"]["measures"] == "How warm the picture's mean colour is."
    assert rows["warmth"]["policies"] == ["warm"]
    assert rows["warmth"]["models"] == ["warm-net"]
    assert (rows["warmth"]["ready"], rows["absent"]["ready"]) == (True, False)
    assert "sentinel models pull absent" in rows["absent"]["reason"]


def test_gates_is_a_table_of_80_columns(sentinel: Sentinel):
    ran = sentinel("gates")

    assert "Refuses small pictures." in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_models_lists_licence_size_and_the_command(sentinel: Sentinel):
    ran = sentinel("models", "list")

    assert "CC BY-NC 4.0" in ran.out
    assert "NOT commercial" in ran.out
    assert "→ sentinel models pull warm-net" in ran.out


def test_models_are_listed_as_json(sentinel: Sentinel):
    rows = {row["name"]: row for row in json.loads(sentinel("models", "list", "--json").out)}

    assert rows["warm-net"]["users"] == ["judge warmth"]
    assert rows["warm-net"]["state"] == "missing"


def test_a_restricted_licence_is_not_accepted_in_silence(sentinel: Sentinel):
    ran = sentinel("models", "pull", "warm-net")

    assert ran.code == 2
    assert "NO commercial use" in ran.err
    assert "--accept-licence warm-net" in " ".join(ran.err.replace("│", "").split())


def test_a_failed_pull_ends_with_1(sentinel: Sentinel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    ran = sentinel("models", "pull", "warm-net", "--accept-licence", "warm-net")

    assert ran.code == 1
    assert "offline" in ran.err


def test_policy_list_names_built_in_and_own_ones(sentinel: Sentinel):
    ran = sentinel("policy", "list")

    assert all(
        name in ran.out for name in ("default", "portrait", "product", "poster-demo", "warm")
    )


def test_policy_show_tells_thresholds(sentinel: Sentinel):
    ran = sentinel("policy", "show", "warm")

    assert "judge warmth" in ran.out
    assert "0.50" in ran.out


def test_policy_check_tells_what_a_right_file_goes_without(sentinel: Sentinel):
    ran = sentinel("policy", "check", "policies/warm.toml")

    assert ran.code == 0
    assert "is right" in ran.out
    assert "sentinel models pull absent" in " ".join(ran.err.split())


def checked(sentinel: Sentinel, home: Path, policy: str) -> tuple[int, str]:
    """How `sentinel policy check` ends over this policy, and all it says besides, in one line."""
    (home / "mine.toml").write_text(f'name = "mine"\n{policy}')
    ran = sentinel("policy", "check", "mine.toml")
    return ran.code, " ".join(ran.err.split())


def test_policy_check_tells_a_category_that_nothing_reports(sentinel: Sentinel, home: Path):
    code, told = checked(
        sentinel, home,
        '[feedback]\nconfirm = ["aligment"]\n'
        '[feedback.strategies]\nlogo = "off"\n"text.unreadable" = "off"\n',
    )  # fmt: skip

    assert code == 0
    assert "feedback.confirm names 'aligment'" in told
    assert "did you mean 'alignment'?" in told
    assert "feedback.strategies names 'logo'" in told
    assert "text" not in told


def test_policy_check_tells_every_mistake_at_once(sentinel: Sentinel, home: Path):
    code, told = checked(
        sentinel, home, 'pass_mrak = 0.5\nmode = "gaurd"\n[judges.warmth]\nthreshold = 7\n'
    )

    assert code == 2
    assert "did you mean 'pass_mark'" in told
    assert "mode is 'gaurd'" in told
    assert "judges.warmth.threshold is 7" in told


def test_policy_check_tells_unknown_judges_wrong_options_and_missing_weights(
    sentinel: Sentinel, home: Path
):
    code, told = checked(
        sentinel, home, '[gates.smal]\n[judges.absent]\n[judges.warmth.options]\nslow = "very"\n'
    )

    assert code == 2
    assert "did you mean 'small'" in told
    assert "slow is 'very'" in told
    assert "sentinel models pull absent" in told


def test_serving_the_world_without_keys_is_refused(sentinel: Sentinel):
    ran = sentinel("serve", "--host", "0.0.0.0")  # noqa: S104 - what must be refused

    assert ran.code == 2
    assert "--i-know-there-are-no-keys" in ran.err


def test_serve_ends_with_2_where_a_policy_does_not_start(sentinel: Sentinel, home: Path):
    (home / "policies" / "wrong.toml").write_text('name = "wrong"\n[judges.absent]\n')
    ran = sentinel("serve", "--port", "18637")

    assert ran.code == 2
    assert "error: policy" in ran.err
