"""What goes on in a house in, whoever watches it told: a live view, metrics, traces for others.

A watcher is a function of a trace's id and one of the loop's events. It is called in the event
loop and must not block; what it raises is logged and hurts nobody. A picture that is scored has
the two events of its end: judged, ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from sentinel.contracts import Trace
from sentinel.loop import Ended, Event, Judged, Listener

log = logging.getLogger(__name__)

Watcher = Callable[[str, Event], None]


class Watchers:
    """Everybody who watches one house."""

    def __init__(self) -> None:
        """Nobody watches yet."""
        self._all: list[Watcher] = []

    def add(self, watcher: Watcher) -> None:
        """Tell it of everything from now on."""
        self._all.append(watcher)

    def tell(self, trace_id: str, event: Event) -> None:
        """Tell everybody, whatever each makes of it."""
        for watcher in self._all:
            try:
                watcher(trace_id, event)
            except Exception:
                log.exception("a watcher stumbled over %s", type(event).__name__)

    def besides(self, trace_id: str, listener: Listener) -> Listener:
        """The listener, with everybody told after it."""

        def hear(event: Event) -> None:
            listener(event)
            self.tell(trace_id, event)

        return hear

    def scored(self, trace: Trace) -> None:
        """A picture that was sent in is judged."""
        for attempt in trace.attempts:
            self.tell(trace.id, Judged(attempt))
        self.tell(trace.id, Ended(trace))


def is_early(trace: Trace) -> bool:
    """Whether this is the trace of what was delivered at once: another with its verdict follows."""
    judged = any(attempt.judged for attempt in trace.attempts)
    return trace.mode == "score" and trace.delivered is not None and not judged
