"""Jobs and money: what is delivered is charged once, whatever happens to the process meanwhile."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from sentinel.policy import builtin
from sentinel.settings import Settings
from sentinel.store.keys import NewKey, nanodollars
from sentinel.wiring import Sentinel

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

PRICE = 0.003

KILLED = """
import asyncio, os, signal, sys

from sentinel.contracts import Brief
from sentinel.guarding import Guarding, Wanted
from sentinel.settings import Settings
from sentinel.wiring import Sentinel

home, policies, database, payer = sys.argv[1:]

def charge(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Guarding.charge = charge

async def main():
    settings = Settings.read(home=home, policies=policies, database=database, generator="fixed")
    async with Sentinel.open(settings) as house:
        brief = Brief(prompt="a red square", width=64, height=64)
        await house.jobs.submit(brief, Wanted(payer=payer, price=0.003))
        await asyncio.sleep(120)

asyncio.run(main())
"""
"""A process that dies when its job has ended, a moment before it is charged."""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def settings(tmp_path, database):
    folder = tmp_path / "policies"
    folder.mkdir()
    for name in builtin():
        (folder / f"{name}.toml").write_text(f'name = "{name}"\n[gates.integrity]\n')
    return Settings.read(
        home=tmp_path / "home", policies=folder, database=database, generator="fixed"
    )


async def put_away(house):
    """Let a house look after what others have left, until nothing is."""
    records = await house.jobs._opened()
    house.jobs.watch()
    async with asyncio.timeout(120):
        while await asyncio.to_thread(records.unsettled):  # noqa: ASYNC110 - the port has no bell
            await asyncio.sleep(0.05)


async def test_a_job_whose_process_died_before_it_was_charged_is_charged_once_by_the_next(settings):
    async with Sentinel.open(settings) as house:
        key = house.store.keys.create(NewKey()).key
    words = (settings.home, settings.policies, settings.database_url, key.id)
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *map(str, words))
    died = await dying.wait()
    async with Sentinel.open(settings) as house:
        [job] = (await house.jobs.list()).jobs
        before = house.store.keys.spent(key.id)
        await put_away(house)
        after = house.store.keys.spent(key.id)
        again = house.store.keys.charge(key.id, PRICE, job.id)

    assert died == -signal.SIGKILL
    assert (job.state, before) == ("done", 0)
    assert after == nanodollars(PRICE)
    assert again is False
