"""Kills in, what was lost or done twice out: `sentinel serve` is killed at random moments.

    python benchmarks/kills.py [--kills 50] [--processes 2] [--database URL] [--seed 1]

A painter appends a line to a file when a call begins and when it is billed. Jobs are sent while
processes are killed with SIGKILL, in any moment of their lives, and started again. In the end:

- lost: a job that was accepted (202) and did not come to a result with every attempt
- repeated: a generation that was on record when a process was killed, and was begun again
- asked again: a generation that was being painted when its process was killed, begun once more
- billed twice: of those, the ones that had been billed, and not been on record yet
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import select

from sentinel.jobs.tables import JOB, RECORD, Place
from sentinel.policy import builtin

PAINTER = Path(__file__).with_name("kills_double.py").read_text("utf-8")
"""The painter and the judge that the servers are given."""

POINTS = """
[sentinel.generators]
slow = kills_double:Slow
[sentinel.judges]
stern = kills_double:Stern
"""

ATTEMPTS = 3

PATH = [each for each in [os.environ.get("PYTHONPATH", "")] if each]


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    jobs: int = 0
    lost: int = 0
    repeated: int = 0
    asked_again: int = 0
    billed_twice: int = 0
    billed: int = 0
    taken: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0


class Arena:
    """A folder with doubles, and servers that come and go over one database."""

    def __init__(self, folder: Path, *, database: str = "", seconds: float = 0.3) -> None:
        """Everything that is kept lies in `folder`, unless `database` names another place."""
        self.folder = folder
        self.lines = folder / "lines.jsonl"
        self.database = database or f"sqlite:///{folder / 'home' / 'sentinel.db'}"
        self.servers: dict[int, subprocess.Popen[bytes]] = {}
        self.accepted: list[str] = []
        self.finished: list[tuple[float, set[int]]] = []
        self._next = 0
        self._seconds = seconds
        self._furnish()

    def start(self) -> int:
        """One more server; its port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(self.folder / "doubles"), *PATH)),
            "KILLS_LINES": str(self.lines),
            "KILLS_SECONDS": str(self._seconds), "SENTINEL_HOME": str(self.folder / "home"),
            "SENTINEL_POLICIES": str(self.folder / "policies"), "SENTINEL_GENERATOR": "slow",
            "SENTINEL_DATABASE": self.database, "SENTINEL_JOBS_AT_ONCE": "3",
            "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        command = [sys.executable, "-m", "sentinel", "serve", "--port", str(port)]
        with (self.folder / f"server-{port}.log").open("wb") as log:
            self.servers[port] = subprocess.Popen(  # noqa: S603 - ourselves
                command, env=environment, stdout=log, stderr=log, cwd=self.folder
            )
        return port

    def ready(self, port: int, seconds: float = 60) -> bool:
        """Wait until a server answers; False where it was killed meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and port in self.servers:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:  # noqa: PLR2004
                    return True
            time.sleep(0.05)
        return False

    def send(self, port: int) -> None:
        """Send a job; it counts where it was accepted."""
        self._next += 1
        body = {
            "prompt": "a red square", "seed": self._next * 1000, "async": True, "width": 32,
            "height": 32,
        }  # fmt: skip
        with contextlib.suppress(httpx2.HTTPError):
            answer = httpx2.post(f"http://127.0.0.1:{port}/v1/generate", json=body, timeout=20)
            if answer.status_code == 202:  # noqa: PLR2004
                self.accepted.append(answer.json()["id"])

    def kill(self, port: int) -> None:
        """SIGKILL, and a look at what was on record by then."""
        server = self.servers.pop(port)
        server.send_signal(signal.SIGKILL)
        server.wait()
        self.finished.append((time.time(), self._on_record()))

    def answer(self, path: str) -> httpx2.Response:
        """GET from any server that answers."""
        port = next(iter(self.servers))
        return httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=20)

    def close(self) -> None:
        """Stop every server."""
        for server in self.servers.values():
            server.terminate()
        for server in self.servers.values():
            server.wait(30)
        self.servers.clear()

    def told(self) -> list[dict[str, float]]:
        """Every line that the painter wrote."""
        if not self.lines.exists():
            return []
        return [json.loads(line) for line in self.lines.read_text().splitlines()]

    def _on_record(self) -> set[int]:
        place = Place.beside(self.database)
        if not place.exists:
            return set()
        engines = place.open()
        with engines.write.begin() as connection:
            wanted = select(RECORD.c.payload).where(RECORD.c.name.like("generate %"))
            payloads = list(connection.execute(wanted).scalars())
            over = list(connection.execute(select(JOB.c.id).where(JOB.c.state == "done")).scalars())
        engines.close()
        found = {each["seed"] for text in payloads for each in json.loads(text)["painted"]}
        return found | {seed for job in over for seed in self._seeds(job)}

    def _seeds(self, job: str) -> list[int]:
        """The seeds of a job that has ended, from its trace."""
        from sentinel.store import open_store

        store = open_store(self.database, self.folder / "home" / "media", 7)
        try:
            return [each.seed or 0 for each in store.traces.load(job).attempts]
        finally:
            store.close()

    def _furnish(self) -> None:
        doubles = self.folder / "doubles"
        information = doubles / "kills_doubles-1.0.dist-info"
        information.mkdir(parents=True)
        (doubles / "kills_double.py").write_text(PAINTER)
        name = "Metadata-Version: 2.1\nName: kills-doubles\nVersion: 1.0\n"
        (information / "METADATA").write_text(name)
        (information / "entry_points.txt").write_text(POINTS)
        policies = self.folder / "policies"
        policies.mkdir()
        for each in builtin():
            (policies / f"{each}.toml").write_text(f'name = "{each}"\n')
        rules = (
            f'name = "default"\n[budget]\nattempts = {ATTEMPTS}\n[judges.stern]\nthreshold = 0.5\n'
        )
        (policies / "default.toml").write_text(rules)
        (self.folder / "home").mkdir()


def play(arena: Arena, kills: int, processes: int, chance: random.Random) -> Tally:
    """Kill so often, then let everything end, and count."""
    begun = time.monotonic()
    ports = [arena.start() for _ in range(processes)]
    for number in range(kills):
        port = chance.choice(ports)
        if chance.random() < 0.8:  # noqa: PLR2004 - the others are killed while they start
            arena.ready(port)
        open_jobs = max(0, 4 - _open(port))
        sending = threading.Thread(target=lambda: [arena.send(port) for _ in range(open_jobs)])  # noqa: B023
        sending.start()
        time.sleep(chance.uniform(0.0, 3.0))
        arena.kill(port)
        sending.join()
        ports[ports.index(port)] = arena.start()
        print(f"kill {number + 1}: {len(arena.accepted)} jobs accepted", flush=True)
    arena.ready(ports[0])
    tally = count(arena, wait=60 + 3 * len(arena.accepted))
    tally.kills, tally.seconds = kills, time.monotonic() - begun
    return tally


def count(arena: Arena, wait: float) -> Tally:
    """What became of every job, and of every generation that was on record at a kill."""
    deadline = time.monotonic() + wait
    tally = Tally(jobs=len(arena.accepted))
    for job in arena.accepted:
        while (told := arena.answer(f"/v1/jobs/{job}").json())["status"] in ("queued", "running"):
            if time.monotonic() > deadline:
                break
            time.sleep(0.2)
        tally.taken[told["taken"]] += 1
        result = arena.answer(f"/v1/jobs/{job}/result")
        made = result.json().get("attempts", ()) if told["status"] == "done" else ()
        complete = len(made) == ATTEMPTS and all(each["image_url"] for each in made)
        tally.lost += not complete
    lines = arena.told()
    for at, finished in arena.finished:
        tally.repeated += sum(
            line["what"] == "begun" and line["at"] > at and line["seed"] in finished
            for line in lines
        )
    begun = Counter(line["seed"] for line in lines if line["what"] == "begun")
    billed = Counter(line["seed"] for line in lines if line["what"] == "billed")
    tally.asked_again = sum(times - 1 for times in begun.values())
    tally.billed_twice = sum(times - 1 for times in billed.values())
    tally.billed = sum(billed.values())
    return tally


def _open(port: int) -> int:
    """Jobs that are not over yet, as far as a server that may be starting can say."""
    with contextlib.suppress(httpx2.HTTPError):
        listed = httpx2.get(f"http://127.0.0.1:{port}/v1/jobs?limit=20", timeout=5)
        if listed.status_code == 200:  # noqa: PLR2004
            return sum(job["status"] in ("queued", "running") for job in listed.json()["jobs"])
    return 0


def main() -> int:
    """Play it, print what was seen; 1 where anything was lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--database", default="")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        arena = Arena(Path(folder), database=given.database)
        try:
            tally = play(arena, given.kills, given.processes, chance)
        finally:
            arena.close()
    print(tally)
    return 1 if tally.lost or tally.repeated else 0


if __name__ == "__main__":
    sys.exit(main())
