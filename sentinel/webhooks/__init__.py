"""Something happened in, somebody told out: signed, tried again, recorded, at least once.

`desk` records and delivers, `endings` waits for batches, `composing` makes a delivery of them,
`schedule` says when to try again, `signing` proves who it is from, `sending` makes one attempt
through `sentinel.outbound`.
"""

from __future__ import annotations

from sentinel.webhooks.composing import Body
from sentinel.webhooks.desk import Webhooks
from sentinel.webhooks.endings import Shaper
from sentinel.webhooks.schedule import Schedule

__all__ = ["Body", "Schedule", "Shaper", "Webhooks"]
