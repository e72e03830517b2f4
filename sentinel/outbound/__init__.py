"""What somebody else's word makes us dial in, only what may be dialled out.

    await fetch_picture(url, field="image_url", limits=house.outbound)
    await admit(webhook, field="webhook", limits=house.outbound)

`addresses` says which IP addresses are public, `targets` takes a URL apart, `dialling` looks a
name up once and dials what it checked, `asking` sends one request within bytes and seconds.
"""

from __future__ import annotations

from sentinel.outbound.addresses import OWN, SETTING, Private, is_public, may_dial
from sentinel.outbound.asking import Limits, headers_of, opened
from sentinel.outbound.dialling import Warden, resolved
from sentinel.outbound.fetching import admit, fetch_picture
from sentinel.outbound.targets import Target, target_of
from sentinel.outbound.troubles import Forbidden, Trouble

__all__ = [
    "OWN",
    "SETTING",
    "Forbidden",
    "Limits",
    "Private",
    "Target",
    "Trouble",
    "Warden",
    "admit",
    "fetch_picture",
    "headers_of",
    "is_public",
    "may_dial",
    "opened",
    "resolved",
    "target_of",
]
