"""RunPod's Python client, unmodified, through what a program does with it; prints one JSON object."""

from __future__ import annotations

import json
import os
import sys
import time

import requests
import runpod

ENDPOINT = "black-forest-labs-flux-1-schnell"
ASKED = {"prompt": "a red circle on a blue ground", "seed": 7, "width": 256, "height": 256}

KEY = os.environ.get("SENTINEL_KEY", "any")

endpoint = runpod.Endpoint(ENDPOINT, api_key=KEY)


def failure(call):
    """The class of what a call raises, its status and body, and after how many seconds."""
    begun = time.monotonic()
    try:
        call()
    except requests.HTTPError as error:
        return {
            "class": "HTTPError", "status": error.response.status_code,
            "body": error.response.json(), "seconds": time.monotonic() - begun,
        }  # fmt: skip
    except RuntimeError as error:
        return {"class": "RuntimeError", "told": str(error), "seconds": time.monotonic() - begun}
    return None


def handled():
    job = endpoint.run({"input": ASKED})
    first = job.status()
    output = job.output(timeout=60)
    streamed = list(job.stream())
    again = list(runpod.Endpoint(ENDPOINT, api_key=KEY).run({"input": ASKED}).stream())
    late = job.cancel()
    return {"id": job.job_id, "first": first, "output": output, "last": job.status(),
            "streamed": streamed, "stream": again, "late": late}  # fmt: skip


def cancelled():
    large = {"input": {**ASKED, "width": 1536, "height": 1536}}
    busy = [endpoint.run(large) for _ in range(3)]
    job = endpoint.run({"input": ASKED})
    told = job.cancel()
    waiting = endpoint.run({"input": ASKED})
    health = endpoint.health()
    purged = endpoint.purge_queue()
    for each in busy:
        each.cancel()
    return {
        "told": told, "status": job.status(), "output": job.output(), "health": health,
        "purged": purged, "waiting": waiting.status(),
    }  # fmt: skip


def everything():
    wrong = {"input": {**ASKED, "width": 1000}}
    return {
        "run_sync": endpoint.run_sync({"input": ASKED}),
        "bare": endpoint.run_sync(dict(ASKED)),
        "handle": handled(),
        "cancel": cancelled(),
        "wrong": failure(lambda: endpoint.run_sync(wrong)),
        "wrong_run": failure(lambda: endpoint.run(wrong)),
        "empty": failure(lambda: endpoint.run_sync({"input": {}})),
        "elsewhere": failure(
            lambda: runpod.Endpoint("another", api_key=KEY).run_sync({"input": ASKED})
        ),
    }


def locked():
    def denied(key):
        other = runpod.Endpoint(ENDPOINT, api_key=key)
        return failure(lambda: other.run_sync({"input": ASKED}))

    return {"wrong": denied("sk-wrong"), "right": endpoint.health()}


sys.stdout.write(json.dumps(locked() if sys.argv[1:] == ["locked"] else everything()))
