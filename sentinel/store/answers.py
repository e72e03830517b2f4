"""A key in, the answer that was given under it out: once, whichever process is asked again.

A row is made before the work begins and says who does it; the answer is put into it at the end.
Plain blocking code for threads, safe across processes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Index, LargeBinary, RowMapping, Text, delete, select, update
from sqlmodel import Field

from sentinel.store.engines import Engines
from sentinel.store.tables import Row, insert_into, table_of


class AnswerRow(Row, table=True):
    """An answer by its key's digest; `status` is null while `owner` works at it."""

    __tablename__ = "answer"
    __table_args__ = (Index(None, "expires_ms"),)

    key: str = Field(primary_key=True, sa_type=Text)
    asked: str = Field(sa_type=Text)
    owner: str = Field(sa_type=Text)
    beat_ms: int = Field(sa_type=BigInteger)
    expires_ms: int = Field(sa_type=BigInteger)
    status: int | None
    headers: str = Field(sa_type=Text)
    body: bytes | None = Field(sa_type=LargeBinary)


ANSWER = table_of(AnswerRow)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What stands under a key: whose work it is, and the answer once there is one.

    `asked` is a digest of what was asked; `beat_ms` the owner's last sign of life.
    """

    asked: str
    owner: str
    beat_ms: int
    answer: Answer | None


class Answers:
    """The table, as one process sees it."""

    def __init__(self, engines: Engines) -> None:
        """Nothing is read yet."""
        self._engines = engines

    def claim(self, key: str, asked: str, owner: str, kept_ms: int) -> Claim:
        """Enter the key as `owner`'s, unless it stands there already; what stands there now.

        What has expired is no longer there. `kept_ms`: milliseconds that an answer is kept.
        """
        now = now_ms()
        row = {
            "key": key, "asked": asked, "owner": owner, "beat_ms": now,
            "expires_ms": now + kept_ms, "status": None, "headers": "{}", "body": None,
        }  # fmt: skip
        old = delete(ANSWER).where(ANSWER.c.key == key, ANSWER.c.expires_ms <= now)
        with self._engines.write.begin() as connection:
            connection.execute(old)
            insert = insert_into(AnswerRow, connection.dialect.name).on_conflict_do_nothing()
            connection.execute(insert, row)
            found = connection.execute(select(ANSWER).where(ANSWER.c.key == key)).mappings().one()
        return _claim(found)

    def look(self, key: str) -> Claim | None:
        """What stands under a key."""
        with self._engines.read.begin() as connection:
            wanted = select(ANSWER).where(ANSWER.c.key == key, ANSWER.c.expires_ms > now_ms())
            found = connection.execute(wanted).mappings().one_or_none()
        return None if found is None else _claim(found)

    def take_over(self, key: str, dead: str, owner: str) -> bool:
        """Take the work from a process that is gone; False where somebody was quicker."""
        gone = (ANSWER.c.key == key, ANSWER.c.owner == dead, ANSWER.c.status.is_(None))
        with self._engines.write.begin() as connection:
            taken = update(ANSWER).where(*gone).values(owner=owner, beat_ms=now_ms())
            return bool(connection.execute(taken).rowcount)

    def beat(self, key: str, owner: str) -> None:
        """Say that the owner lives."""
        with self._engines.write.begin() as connection:
            mine = (ANSWER.c.key == key, ANSWER.c.owner == owner)
            connection.execute(update(ANSWER).where(*mine).values(beat_ms=now_ms()))

    def keep(self, key: str, owner: str, answer: Answer) -> None:
        """Put the answer under its key, if the work is still the owner's."""
        kept = {
            "status": answer.status, "headers": json.dumps(dict(answer.headers)),
            "body": answer.body,
        }  # fmt: skip
        with self._engines.write.begin() as connection:
            mine = (ANSWER.c.key == key, ANSWER.c.owner == owner)
            connection.execute(update(ANSWER).where(*mine).values(**kept))

    def forget(self, key: str, owner: str) -> None:
        """Let the key go: whoever comes next begins anew."""
        mine = (ANSWER.c.key == key, ANSWER.c.owner == owner, ANSWER.c.status.is_(None))
        with self._engines.write.begin() as connection:
            connection.execute(delete(ANSWER).where(*mine))

    def sweep(self) -> int:
        """Delete what has expired; how many that were."""
        with self._engines.write.begin() as connection:
            gone = connection.execute(delete(ANSWER).where(ANSWER.c.expires_ms <= now_ms()))
            return int(gone.rowcount)


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def _claim(row: RowMapping) -> Claim:
    answer = None
    if row["status"] is not None:
        answer = Answer(row["status"], row["body"] or b"", json.loads(row["headers"]))
    return Claim(row["asked"], row["owner"], row["beat_ms"], answer)
