"""Services on local ports, the key they know, and plugins that are closed at the end."""

from __future__ import annotations

import contextlib
import runpy
from pathlib import Path

import pytest

SERVICES = runpy.run_path(str(Path(__file__).with_name("services.py")))


@pytest.fixture
def services():
    """Names to classes: the five services, Trouble, KEY."""
    return SERVICES


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("SERVICE_KEY", SERVICES["KEY"])


@pytest.fixture
def closing():
    """Closes what it is handed."""
    with contextlib.ExitStack() as stack:

        def kept(thing):
            stack.callback(thing.close)
            return thing

        yield kept


@pytest.fixture
def serve(closing):
    """A running service by the name of its class."""
    return lambda name: closing(SERVICES[name]())


@pytest.fixture
def plugged(closing):
    """A plugin with the service's address and key."""

    def made(kind, service, **options):
        return closing(kind(**{"base_url": service.base, "key_env": "SERVICE_KEY", **options}))

    return made
