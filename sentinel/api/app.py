"""Settings in, an ASGI application out.

The house opens with the application and closes with it; models load behind, so that /healthz
answers at once and /readyz tells what is still awaited. There are no interactive pages: they
would pull scripts from a foreign host. /openapi.json is served, with examples.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from sentinel import __version__
from sentinel.api import (
    deliveries,
    errors,
    faces,
    generating,
    jobs,
    metrics,
    pictures,
    published,
    routes,
)
from sentinel.api.compat import ROUTERS, SHAPES, runflow
from sentinel.api.document import documented
from sentinel.api.door import Door
from sentinel.api.keyring import Keyring
from sentinel.api.porter import Porter
from sentinel.api.security import admitted
from sentinel.api.watching import watched
from sentinel.errors import SentinelError
from sentinel.settings import Settings
from sentinel.wiring import Sentinel

log = logging.getLogger(__name__)

OURS = (
    generating.router, routes.router, pictures.router, published.router, jobs.router,
    deliveries.router, metrics.router,
)  # fmt: skip

EXPOSED = (
    "Location", "Retry-After", "Server-Timing", "X-RateLimit-Limit", "X-RateLimit-Remaining",
    "X-RateLimit-Reset", "X-Sentinel-Action", "X-Sentinel-Attempts", "X-Sentinel-Cost-Usd",
    "X-Sentinel-Passed", "X-Sentinel-Score", "X-Sentinel-Trace-Id",
)  # fmt: skip
"""Headers that pages of allowed origins may read."""

OnFailure = Callable[[BaseException], None]

DESCRIPTION = (
    "Gates refuse what must never ship, judges measure the rest, a policy decides. "
    "Every error is `{code, message, errors: [{field, message, value}]}`."
)


def create_app(settings: Settings | None = None, *, on_failure: OnFailure | None = None) -> FastAPI:
    """The application; `on_failure` hears of what stopped the models from loading."""
    chosen = settings or Settings.read()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Sentinel.open(chosen, wait=False) as house, watched(app, house) as going:
            app.state.house = house
            app.state.keyring = Keyring(house.store.keys)
            await asyncio.to_thread(faces.mount, app, house, app.state.keyring, going)
            watch = asyncio.create_task(_watch(house, on_failure))
            house.jobs.watch()
            for surface, shape in SHAPES.items():
                house.webhooks.shape[surface] = partial(shape, house)
            house.webhooks.watch()
            judging = app.state.judging = runflow.judging_of(house)
            judging.watch()
            yield
            watch.cancel()
            await judging.close()

    app = FastAPI(
        title="Sentinel", version=__version__, description=DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False, dependencies=[Depends(admitted)],
    )  # fmt: skip
    app.state.leaving = lambda: False  # a server knows when it is told to stop
    app.state.drawing = asyncio.Semaphore(pictures.PAINTERS)
    for router in (*OURS, *ROUTERS):
        app.include_router(router)
    errors.register(app)
    app.openapi = documented(app)  # type: ignore[method-assign] # FastAPI's own way to extend it
    _surround(app, chosen)
    return app


def _surround(app: FastAPI, chosen: Settings) -> None:
    """What every request goes through before a route, from the innermost layer to the outermost."""
    app.add_middleware(Porter, settings=chosen)
    if chosen.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=chosen.origins, allow_methods=["*"], allow_headers=["*"],
            expose_headers=EXPOSED,
        )  # fmt: skip
    app.add_middleware(Door, body_mb=chosen.body_mb)


async def _watch(house: Sentinel, on_failure: OnFailure | None) -> None:
    """Wait until the models are loaded, and tell of what kept them from it."""
    try:
        await house.loaded()
    except SentinelError as error:
        log.critical("the models could not be loaded: %s", error)
        if on_failure:
            on_failure(error)
    except Exception as error:  # noqa: BLE001 - a plugin's load is foreign code; it stops the start
        log.critical("the models could not be loaded: %s", type(error).__name__)
        if on_failure:
            on_failure(error)
