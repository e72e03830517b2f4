"""A house that opens in, whoever watches it at work out: metrics, spans, the live view."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from sentinel.api.going import Going
from sentinel.api.metrics import Metrics
from sentinel.api.spans import spans_of
from sentinel.wiring import Sentinel


@asynccontextmanager
async def watched(app: FastAPI, house: Sentinel) -> AsyncIterator[Going]:
    """Watch until the house closes; ConfigError where spans are asked for and cannot be sent."""
    metrics = app.state.metrics = Metrics()
    going = Going(house, lambda: bool(app.state.leaving()))
    watchers = house.guarding.watchers
    watchers.add(metrics.hear)
    watchers.add(going.hear)
    spans = await asyncio.to_thread(spans_of, os.environ)
    if spans is not None:
        watchers.add(spans.hear)
    try:
        yield going
    finally:
        if spans is not None:
            await asyncio.to_thread(spans.close)
