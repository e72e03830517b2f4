"""fal's Python client, unmodified, through what a program does with it; prints one JSON object."""

from __future__ import annotations

import asyncio
import json
import time

import fal_client

APP = "fal-ai/flux/schnell"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7,
         "image_size": {"width": 128, "height": 128}}  # fmt: skip


def failure(call):
    """The class of what a call raises, what it says, and after how many seconds."""
    begun = time.monotonic()
    try:
        call()
    except Exception as error:  # noqa: BLE001 - its class is what is told
        return {
            "class": type(error).__name__, "status": getattr(error, "status_code", None),
            "message": getattr(error, "message", str(error)),
            "error_type": getattr(error, "error_type", None),
            "seconds": time.monotonic() - begun,
        }  # fmt: skip
    return None


def subscribed():
    seen, said = [], []

    def on_queue_update(update):
        seen.append(type(update).__name__)
        if isinstance(update, fal_client.InProgress | fal_client.Completed):
            said.extend(log["message"] for log in update.logs)

    result = fal_client.subscribe(
        APP, arguments=ASKED, with_logs=True, on_queue_update=on_queue_update
    )
    return {"result": result, "seen": seen, "said": said}


def handled():
    handle = fal_client.submit(APP, arguments=ASKED)
    first = handle.status(with_logs=False)
    result = handle.get()
    last = fal_client.status(APP, handle.request_id, with_logs=True)
    return {
        "id": handle.request_id, "first": type(first).__name__, "result": result,
        "again": fal_client.result(APP, handle.request_id), "last": type(last).__name__,
        "metrics": last.metrics, "logs": len(last.logs),
        "late": failure(handle.cancel),
    }  # fmt: skip


def cancelled():
    busy = [fal_client.submit(APP, arguments={**ASKED, "num_images": 4}) for _ in range(2)]
    handle = fal_client.submit(APP, arguments={**ASKED, "seed": 8})
    fal_client.cancel(APP, handle.request_id)
    for each in busy:
        failure(each.cancel)
    status = handle.status(with_logs=True)
    return {
        "status": type(status).__name__, "error": status.error, "error_type": status.error_type,
        "result": failure(handle.get),
    }  # fmt: skip


async def meanwhile():
    handle = await fal_client.submit_async(APP, arguments=ASKED)
    states = [type(event).__name__ async for event in handle.iter_events(with_logs=True)]
    return {"states": sorted(set(states)), "result": await handle.get()}


print(  # noqa: T201 - the tests read it
    json.dumps(
        {
            "run": fal_client.run(APP, arguments=ASKED),
            "subscribe": subscribed(),
            "handle": handled(),
            "cancel": cancelled(),
            "async": asyncio.run(meanwhile()),
            "wrong": failure(lambda: fal_client.run(APP, arguments={**ASKED, "image_size": "big"})),
            "wrong_queued": failure(lambda: fal_client.submit(APP, arguments={"prompt": ""})),
            "elsewhere": failure(lambda: fal_client.run("fal-ai/flux/pro", arguments=ASKED)),
            "unknown": failure(lambda: fal_client.status(APP, "01M89RAFG90P7BM6WAKCAMXARY")),
        }
    )
)
