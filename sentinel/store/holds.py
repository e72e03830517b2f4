"""Money that is set aside before a picture is painted: what a key may still begin, exact.

    store.holds.place(key.id, ("01A",), 0.003, seconds=HOUR)     # Overdrawn where it does not fit
    store.keys.charge(key.id, 0.003, "01A")                      # what was delivered
    store.holds.lift("01A")

A hold counts against the budget beside what is spent, in one transaction with looking, so that
callers who ask at the same moment cannot both have the last of it. One that nobody lifts, since
its process died, lapses by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, func, insert, select

from sentinel.errors import SentinelError
from sentinel.store.engines import Engines
from sentinel.store.key_tables import HoldRow
from sentinel.store.keys import KEY, NANO, SPEND, month, nanodollars, now_ms
from sentinel.store.tables import table_of

HOLD = table_of(HoldRow)

REQUEST = 3600.0
"""Seconds after which the hold of a request lapses: longer than anybody waits for an answer."""

JOB = 86_400.0
"""The same of a job, which may wait its turn for long."""


class Overdrawn(SentinelError):  # noqa: N818 - what happened
    """A request that costs more than what a key has left of its month's budget."""

    code = "budget_spent"

    def __init__(self, spent: int, held: int, budget: int, wanted: int) -> None:
        """All in nanodollars."""
        said = [f"{each / NANO:.4f}" for each in (wanted, budget, spent, held)]
        super().__init__(
            f"this costs {said[0]} US dollars; of this month's {said[1]}, {said[2]} are spent and "
            f"{said[3]} set aside for what is being painted"
        )


class Holds:
    """The holds of one database. Plain blocking code, safe across threads and processes."""

    def __init__(self, engines: Engines) -> None:
        """Nothing is read yet."""
        self._write = engines.write
        self._read = engines.read

    def place(
        self, key_id: str, references: Sequence[str], dollars: float, *, seconds: float
    ) -> None:
        """Set so much aside for each reference, for all or none; nothing for a key without budget.

        Overdrawn where the budget has no room. ValueError for an amount that is no price.
        """
        amount = nanodollars(dollars)
        if amount == 0:
            return
        until = now_ms() + round(seconds * 1000)
        rows = [
            {"reference": each, "key_id": key_id, "nanodollars": amount, "until_ms": until}
            for each in references
        ]
        with self._write.begin() as connection:
            # whoever asks for the same key at the same moment waits here (SQLite: since `begin`)
            same = select(KEY.c.nanodollars).where(KEY.c.id == key_id).with_for_update()
            budget = connection.execute(same).scalar()
            if budget is None:
                return
            connection.execute(delete(HOLD).where(HOLD.c.until_ms <= now_ms()))
            spent, held = _spent(connection, key_id), _held(connection, key_id)
            wanted = amount * len(rows)
            if spent + held + wanted > budget:
                raise Overdrawn(spent, held, budget, wanted)
            connection.execute(insert(HOLD), rows)

    def lift(self, *references: str) -> None:
        """Set nothing aside for these any more; nothing where nothing was."""
        same = HOLD.c.reference.in_(references)
        with self._read.begin() as connection:
            if connection.execute(select(HOLD.c.reference).where(same).limit(1)).first() is None:
                return
        with self._write.begin() as connection:
            connection.execute(delete(HOLD).where(same))

    def held(self, key_id: str) -> int:
        """Nanodollars that are set aside for a key's pictures now."""
        with self._read.begin() as connection:
            return _held(connection, key_id)


def _spent(connection: Connection, key_id: str) -> int:
    same = (SPEND.c.key_id == key_id, SPEND.c.month == month())
    return connection.execute(select(SPEND.c.nanodollars).where(*same)).scalar() or 0


def _held(connection: Connection, key_id: str) -> int:
    live = (HOLD.c.key_id == key_id, HOLD.c.until_ms > now_ms())
    found = connection.execute(select(func.sum(HOLD.c.nanodollars)).where(*live)).scalar()
    return int(found or 0)
