"""Deliveries in and out: what is to be told to whom, how often that was tried, whose turn it is.

A row has a lease while a process sends it, so that no two send the same attempt; whoever dies
leaves a lease that runs out. Leases go by each machine's own clock, so clocks may differ by some
seconds less than a lease. Plain blocking code for threads, safe across processes.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from sqlalchemy import (
    BigInteger,
    Connection,
    Index,
    LargeBinary,
    RowMapping,
    Text,
    delete,
    func,
    select,
    update,
)
from sqlmodel import Field

from sentinel.errors import NotFound
from sentinel.store.engines import Engines
from sentinel.store.tables import Row, insert_into, table_of, words

DeliveryState = Literal["waiting", "delivered", "failed"]

HISTORY = 100
"""Attempts that a row remembers: ten deliveries by hand of ten attempts each."""

SPREAD = 4
"""Candidates that are looked at for each delivery that may begin, to find other hosts."""


class DeliveryRow(Row, table=True):
    """One message for one address. `attempts` and `headers` are JSON; `lease_ms` is 0 while free.

    `tries` counts the attempts since it was last begun, which the schedule goes by.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index(None, "state", "next_ms"),
        Index(None, "reference"),
        Index(None, "created_ms", "id"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    event: str = Field(sa_type=Text)
    url: str = Field(sa_type=Text)
    host: str = Field(sa_type=Text)
    surface: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    project: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    headers: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    attempts: str = Field(sa_type=Text)
    tries: int
    next_ms: int = Field(sa_type=BigInteger)
    owner: str | None = Field(sa_type=Text)
    lease_ms: int = Field(sa_type=BigInteger)
    created_ms: int = Field(sa_type=BigInteger)
    updated_ms: int = Field(sa_type=BigInteger)


DELIVERY = table_of(DeliveryRow)


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """One try: when, the status that was answered or why there was none, and how long it took."""

    at_ms: int
    milliseconds: int
    status: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and how it fares; times in milliseconds since 1970-01-01 UTC."""

    id: str
    event: str
    url: str
    host: str
    surface: str
    reference: str
    project: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    state: DeliveryState = "waiting"
    attempts: tuple[DeliveryAttempt, ...] = ()
    tries: int = 0
    next_ms: int = 0
    created_ms: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, the newest first, and the id after which the next page begins."""

    deliveries: tuple[Delivery, ...]
    after: str | None = None


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


class Deliveries:
    """The table of deliveries."""

    def __init__(
        self, engines: Engines, clock: Callable[[], int] = now_ms, *, words: bool = True
    ) -> None:
        """`clock` tells milliseconds since 1970. Without `words` no body outlives its delivery."""
        self._words = words
        self._engine = engines.write
        self._reading = engines.read
        self.clock = clock

    def enter(self, delivery: Delivery) -> Delivery:
        """Keep a delivery, due at once; one whose id is known stays as it is. As it stands."""
        with self._engine.begin() as connection:
            return enter(connection, delivery, self.clock())

    def one(self, delivery_id: str, project: str | None = None) -> Delivery:
        """How it fares; NotFound, also where it is another project's."""
        with self._reading.begin() as connection:
            return _delivery(_row(connection, delivery_id, project))

    def page(
        self, *, project: str | None = None, state: DeliveryState | None = None,
        reference: str | None = None, limit: int = 20, after: str | None = None,
    ) -> DeliveryPage:  # fmt: skip
        """Deliveries, the newest first."""
        wanted = select(DELIVERY).order_by(DELIVERY.c.created_ms.desc(), DELIVERY.c.id.desc())
        for column, value in (("project", project), ("state", state), ("reference", reference)):
            if value is not None:
                wanted = wanted.where(DELIVERY.c[column] == words(value))
        with self._reading.begin() as connection:
            if after is not None:
                last = _row(connection, after, project)
                older = DELIVERY.c.created_ms < last["created_ms"]
                same = (DELIVERY.c.created_ms == last["created_ms"]) & (DELIVERY.c.id < after)
                wanted = wanted.where(older | same)
            rows = connection.execute(wanted.limit(limit + 1)).mappings().all()
        found = tuple(_delivery(row) for row in rows[:limit])
        return DeliveryPage(found, found[-1].id if len(rows) > limit else None)

    def again(self, delivery_id: str, project: str | None = None) -> Delivery | None:
        """Begin anew, whatever became of it; None while an attempt is under way.

        NotFound, also where nothing of its body may be kept.
        """
        now = self.clock()
        with self._engine.begin() as connection:
            row = _row(connection, delivery_id, project, lock=True)
            if row["lease_ms"] > now:
                return None
            if not row["body"]:
                told = "has ended, and nothing of it is kept (SENTINEL_RETENTION)"
                raise NotFound(f"delivery {delivery_id[:80]!r} {told}")
            values = {"state": "waiting", "tries": 0, "next_ms": now, "updated_ms": now}
            connection.execute(update(DELIVERY).where(DELIVERY.c.id == delivery_id).values(values))
            return _delivery({**row, **values})

    def counts(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        wanted = select(DELIVERY.c.state, func.count()).group_by(DELIVERY.c.state)
        with self._reading.begin() as connection:
            found = {row[0]: int(row[1]) for row in connection.execute(wanted)}
        return dict.fromkeys(get_args(DeliveryState), 0) | found

    # ── sending ───────────────────────────────────────────────────────────────────────────────

    def claim(
        self, owner: str, lease_ms: int, room: int, hosts: Mapping[str, int]
    ) -> tuple[Delivery, ...]:
        """At most `room` deliveries that are due, ours until the lease runs out.

        `hosts` tells how many more each host bears at once; the others bear `hosts[""]`.
        """
        now = self.clock()
        due = (
            select(DELIVERY)
            .where(DELIVERY.c.state == "waiting", DELIVERY.c.next_ms <= now)
            .where(DELIVERY.c.lease_ms <= now)
            .where(DELIVERY.c.host.not_in([host for host, left in hosts.items() if left <= 0]))
            .order_by(DELIVERY.c.next_ms)
            .limit(room * SPREAD)
            .with_for_update(skip_locked=True)
        )
        with self._engine.begin() as connection:
            rows = connection.execute(due).mappings().all()
            taken = _fair(rows, room, hosts)
            values = {"owner": owner, "lease_ms": now + lease_ms, "updated_ms": now}
            ours = DELIVERY.c.id.in_([row["id"] for row in taken])
            if taken:
                connection.execute(update(DELIVERY).where(ours).values(values))
        return tuple(_delivery(row) for row in taken)

    def finish(
        self, delivery: Delivery, owner: str, attempt: DeliveryAttempt,
        state: DeliveryState, next_ms: int,
    ) -> bool:  # fmt: skip
        """Write down how an attempt went; False where the row is not ours any more."""
        attempts = (*delivery.attempts, attempt)[-HISTORY:]
        values: dict[str, Any] = {
            "state": state, "next_ms": next_ms, "tries": delivery.tries + 1, "owner": None,
            "lease_ms": 0, "updated_ms": self.clock(),
            "attempts": json.dumps([asdict(each) for each in attempts]),
        }  # fmt: skip
        if state != "waiting" and not self._words:
            values["body"] = b""
        ours = (DELIVERY.c.id == delivery.id, DELIVERY.c.owner == owner)
        with self._engine.begin() as connection:
            return bool(connection.execute(update(DELIVERY).where(*ours).values(values)).rowcount)

    def release(self, owner: str) -> None:
        """Let go of what this process was sending: it is due for anybody, at once."""
        free = {"owner": None, "lease_ms": 0}
        with self._engine.begin() as connection:
            connection.execute(update(DELIVERY).where(DELIVERY.c.owner == owner).values(free))

    def sweep(self, before_ms: int) -> int:
        """Forget deliveries that ended before; how many."""
        over = (DELIVERY.c.state != "waiting", DELIVERY.c.updated_ms < before_ms)
        with self._engine.begin() as connection:
            return connection.execute(delete(DELIVERY).where(*over)).rowcount


def enter(connection: Connection, delivery: Delivery, now: int) -> Delivery:
    """Keep a delivery within somebody else's transaction."""
    values = asdict(delivery) | {
        "headers": json.dumps(dict(delivery.headers)), "attempts": "[]", "owner": None,
        "lease_ms": 0, "next_ms": now, "created_ms": now, "updated_ms": now,
    }  # fmt: skip
    insert = insert_into(DeliveryRow, connection.dialect.name).on_conflict_do_nothing()
    connection.execute(insert, values)
    return _delivery(_row(connection, delivery.id, None))


def _fair(rows: Iterable[RowMapping], room: int, hosts: Mapping[str, int]) -> list[RowMapping]:
    """The first ones, of each host no more than it bears."""
    begun: Counter[str] = Counter()
    taken: list[RowMapping] = []
    for row in rows:
        host = row["host"]
        if len(taken) < room and begun[host] < hosts.get(host, hosts[""]):
            begun[host] += 1
            taken.append(row)
    return taken


def _row(
    connection: Connection, delivery_id: str, project: str | None, *, lock: bool = False
) -> RowMapping:
    wanted = select(DELIVERY).where(DELIVERY.c.id == delivery_id)
    found = connection.execute(wanted.with_for_update() if lock else wanted)
    row = found.mappings().one_or_none()
    if row is None or project not in (None, row["project"]):
        raise NotFound(f"there is no delivery {delivery_id[:80]!r}")
    return row


def _delivery(row: Mapping[str, Any] | RowMapping) -> Delivery:
    plain = {name: row[name] for name in Delivery.__dataclass_fields__}
    attempts = tuple(DeliveryAttempt(**each) for each in json.loads(row["attempts"]))
    headers = json.loads(row["headers"])
    return Delivery(**plain | {"attempts": attempts, "headers": headers})
