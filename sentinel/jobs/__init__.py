"""A guarded request in, its trace some time later out, whatever happens to the process meanwhile.

`port` says what a job is and what may be asked of whoever keeps them; `desk` is that port. It
enters jobs into `records` (the rows, in `tables`), lets `engine` (DBOS) hand them out, and `work`
brings each to its end with a staff whose every step `recording` writes down (`generations`: what
a maker came to). `batching` is the half of the desk for several jobs that were accepted together
(rows in `batches`; `bell` wakes who waits). `vigil` tells the living from the dead.
"""

from __future__ import annotations

from sentinel.jobs.desk import Desk
from sentinel.jobs.house import Bounds, House
from sentinel.jobs.port import MOST, Batch, Job, Jobs, NotDone, Page, State, Step, Task
from sentinel.jobs.tables import Place

__all__ = [
    "MOST",
    "Batch",
    "Bounds",
    "Desk",
    "House",
    "Job",
    "Jobs",
    "NotDone",
    "Page",
    "Place",
    "State",
    "Step",
    "Task",
]
