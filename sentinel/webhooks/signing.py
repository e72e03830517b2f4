"""A delivery and the live secrets in, the headers that prove where it comes from out. Pure.

Two schemes over the same secrets:

- `Runflow-Signature`: HMAC-SHA256 of the raw body, in hex, with the newest secret; during a
  rotation `Runflow-Signature-Previous` has the other's. The secret's text is the key.
- Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), which covers id and
  time as well, so that a replay is noticed; it has a signature for each live secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from sentinel.store.callbacks import CallbackSecret
from sentinel.store.deliveries import Delivery


def headers_for(
    delivery: Delivery, secrets: Sequence[CallbackSecret], now_ms: int
) -> dict[str, str]:
    """The headers of an attempt at that time; `secrets` the newest first."""
    at = datetime.fromtimestamp(now_ms // 1000, UTC)
    stamp = str(now_ms // 1000)
    told = dict(delivery.headers) | {
        "content-type": "application/json",
        "user-agent": "sentinel-gatekeeper",
        "Runflow-Request-Id": delivery.id,
        "X-Sentinel-Delivery-Id": delivery.id,
        "X-Sentinel-Event": delivery.event,
        "X-Sentinel-Attempt": str(delivery.tries + 1),
        "X-Sentinel-Timestamp": stamp,
        "webhook-id": delivery.id,
        "webhook-timestamp": stamp,
    }
    names = ("Runflow-Signature", "Runflow-Signature-Previous")
    for name, each in zip(names, secrets, strict=False):
        told[name] = hmac.new(each.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
    if secrets:
        text = delivery.body.decode()
        signed = (Webhook(each.secret).sign(delivery.id, at, text) for each in secrets)
        told["webhook-signature"] = " ".join(signed)
    return told
