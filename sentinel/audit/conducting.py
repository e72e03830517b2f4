"""What was asked in, an audit's folder out: where source, engine, ledger and rows meet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from sentinel import policy as policies
from sentinel.audit.about import About
from sentinel.audit.engines import Engine, EngineName
from sentinel.audit.ledger import LEDGER, Ledger, Plugins
from sentinel.audit.picturing import pictures_of
from sentinel.audit.report.targets import Targets
from sentinel.audit.report.written import Report, head_of, write_report
from sentinel.audit.run import Listener, Run
from sentinel.audit.sources import Source, let_go, open_source
from sentinel.audit.sources.columns import Map
from sentinel.audit.writing import Totals, write_rows
from sentinel.errors import ConfigError, NotFound
from sentinel.panel import Panel
from sentinel.policy import Policy
from sentinel.registry import nearest
from sentinel.settings import Settings

LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is audited, how, and where to."""

    source: Path
    folder: Path
    policy: str | None = None
    engine: EngineName = "local"
    limit: int | None = None
    said: Map = field(default_factory=dict)
    targets: Targets = field(default_factory=Targets)
    """What the report says of it: met or missed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How an audit ended: complete with its totals, or stopped."""

    complete: bool
    totals: Totals = field(default_factory=Totals)
    about: About | None = None
    report: Report | None = None


class Audit:
    """One audit, from the question to the folder."""

    def __init__(self, asked: Asked, settings: Settings) -> None:
        """ConfigError or NotFound where the source or the policy is not there."""
        self.asked = asked
        self.settings = settings
        self.policy = policy_of(settings, asked.policy)
        _apart(asked.source, asked.folder)
        _comparable(asked)
        self.source = self._source()
        self._run: Run | None = None
        self._stopped = False

    def total(self) -> int:
        """Entries that there are, or as many as the limit allows. Goes through the source."""
        number = 0
        for number, _ in enumerate(self.source.entries(), start=1):
            if number == self.asked.limit:
                break
        return number

    def stop(self) -> None:
        """Take no more entries; what is in the house is finished and kept."""
        self._stopped = True
        if self._run is not None:
            self._run.stop()

    def engine(self) -> AbstractAsyncContextManager[Engine]:
        """The engine that was asked for, with the policy seated."""
        return engine_of(self.asked.engine, self.settings, self.policy)

    def held(self) -> AbstractContextManager[None]:
        """The folder, this audit's alone; ConfigError says why it cannot be."""
        return locked(self.asked.folder)

    async def conduct(self, engine: Engine, listener: Listener) -> Ended:
        """Measure everything and write rows and report, into a folder that is `held`."""
        ledger = Ledger(self.asked.folder, plugins_of(engine.panel))
        try:
            self._run = Run(self.source, engine, ledger, self.settings, listener)
            if self._stopped:
                self._run.stop()
            if not await self._run.measure(self.asked.limit):
                return Ended(complete=False)
            return await asyncio.to_thread(self._write, ledger, engine.panel)
        finally:
            ledger.close()
            let_go()

    def keep(self, project: str) -> int:
        """Keep the evaluations of an audit that has ended in the store; how many. Blocking."""
        from sentinel.audit.keeping import keep  # noqa: PLC0415 - a database, where it is wanted

        return keep(self._source(), self.asked.folder, self.policy, self.settings, project)

    def _write(self, ledger: Ledger, panel: Panel) -> Ended:
        totals = write_rows(ledger, panel, self.asked.folder)
        account = self.source.account
        found = self._run.embedded if self._run is not None else 0
        account.prompted["embedded"] += found
        account.prompted[""] -= found
        about = About.of(str(self.asked.source), account, panel, self.asked.limit)
        about.write(self.asked.folder)
        return Ended(complete=True, totals=totals, about=about, report=self._report())

    def _report(self) -> Report:
        most = int(self.settings.body_mb * 1e6)
        source = self._source()
        return write_report(
            self.asked.folder,
            self.policy,
            lambda keys: pictures_of(source, keys, most),
            self.asked.targets,
            self.settings.limits,
        )

    def _source(self) -> Source:
        return open_source(self.asked.source, self.asked.said, self.asked.folder)


@asynccontextmanager
async def engine_of(name: EngineName, settings: Settings, policy: Policy) -> AsyncIterator[Engine]:
    """The engine of a name, seated; what it needs is loaded only here."""
    if name == "ray":
        from sentinel.audit.engines.ray import over_ray  # noqa: PLC0415 - an extra

        async with over_ray(settings, policy) as engine:
            yield engine
        return
    from sentinel.audit.engines.local import local  # noqa: PLC0415 - as above

    async with local(settings, policy) as engine:
        yield engine


def policy_of(settings: Settings, name: str | None) -> Policy:
    """The policy of a name, else the settings'; NotFound names those that there are."""
    known = policies.available(settings.policies)
    wanted = name or settings.policy
    if wanted not in known:
        raise NotFound(f"there is no policy {wanted!r}; {nearest(wanted, tuple(known))}")
    return known[wanted]


def plugins_of(panel: Panel) -> Plugins:
    """Under which names the ledger keeps what this panel measures."""
    versions = {f"gate:{seat.name}": seat.version for seat in panel.gates}
    versions |= {f"judge:{seat.name}": seat.version for seat in panel.judges}
    return Plugins.of(panel.policy, versions)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made where it is not there, and nobody else's until the end.

    ConfigError where another audit writes into it, it cannot be written, or it holds other things.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [each.name for each in folder.iterdir() if each.name != LOCK]
        if others and LEDGER not in others:
            told = f"{folder} is not empty and holds no audit; choose another folder"
            raise ConfigError(told)
        lock.acquire()
    except Timeout as error:
        told = f"another audit is writing into {folder}; wait for it, or choose another folder"
        raise ConfigError(told) from error
    except OSError as error:
        told = f"{folder} cannot be written ({error.strerror or error}); choose another folder"
        raise ConfigError(told) from error
    try:
        yield
    finally:
        lock.release()


def _comparable(asked: Asked) -> None:
    """Refuse, before anything is measured, to compare with what is no finished audit."""
    earlier = asked.targets.no_worse_than
    if earlier is None:
        return
    if earlier.resolve() == asked.folder.resolve():
        told = f"--no-worse-than {earlier} is the folder that --out writes; name an earlier audit"
        raise ConfigError(told)
    head_of(earlier)


def _apart(source: Path, folder: Path) -> None:
    """Refuse a folder that would mix the audit with what is audited."""
    inner, outer = source.resolve(), folder.resolve()
    if inner == outer or outer in inner.parents:
        told = f"--out {folder} is, or holds, the source itself; choose another folder"
        raise ConfigError(told)
