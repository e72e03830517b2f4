"""Who wants to be told when a batch has ended in, one delivery for each out, exactly once.

And the secrets that deliveries are signed with. A secret is kept as it is, not hashed: without
it nothing can be signed. It is shown to its maker once and never again.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Index, Text, delete, func, insert, select, update
from sqlmodel import Field
from ulid import ULID

from sentinel.errors import NotFound, SentinelError
from sentinel.store.deliveries import Deliveries, Delivery, enter
from sentinel.store.engines import Engines
from sentinel.store.tables import Row, insert_into, table_of, words

LIVE = 2
"""Secrets a project has at once: the one in use, and the one it is being replaced by."""

BYTES = 32
"""As many as SHA-256 gives."""

PREFIX = "whsec_"
"""What Standard Webhooks puts before a secret in base64."""


class CallbackRow(Row, table=True):
    """A batch whose end somebody wants to hear of; gone once the delivery is entered."""

    __tablename__ = "callback"
    __table_args__ = (Index(None, "look_ms"),)

    batch_id: str = Field(primary_key=True, sa_type=Text)
    url: str = Field(sa_type=Text)
    surface: str = Field(sa_type=Text)
    project: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)
    look_ms: int = Field(sa_type=BigInteger)


class CallbackSecretRow(Row, table=True):
    """A secret that a project's deliveries are signed with, readable."""

    __tablename__ = "callback_secret"

    id: str = Field(primary_key=True, sa_type=Text)
    project: str = Field(sa_type=Text)
    label: str = Field(sa_type=Text)
    secret: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)


CALLBACK, SECRET = table_of(CallbackRow), table_of(CallbackSecretRow)


@dataclass(frozen=True, slots=True)
class Callback:
    """A batch, the address that is told of its end, and the surface that words it."""

    batch_id: str
    url: str
    surface: str
    project: str
    created_ms: int = 0


@dataclass(frozen=True, slots=True)
class CallbackSecret:
    """A secret by its id; `secret` is what both sides know."""

    id: str
    label: str
    secret: str = field(repr=False)
    created_ms: int


class TooManySecrets(SentinelError):  # noqa: N818 - a state, not a mistake
    """Two are live already."""

    code = "too_many_secrets"


class Callbacks:
    """Callbacks and secrets."""

    def __init__(self, engines: Engines, deliveries: Deliveries) -> None:
        """In the same database as the deliveries, so that one transaction covers both."""
        self._engine = engines.write
        self._reading = engines.read
        self._clock = deliveries.clock

    # ── the end of batches ────────────────────────────────────────────────────────────────────

    def expect(self, callback: Callback) -> None:
        """Remember who wants to hear of a batch's end; a second word for the same batch is none."""
        now = self._clock()
        row = {
            "batch_id": callback.batch_id, "url": callback.url, "surface": callback.surface,
            "project": callback.project, "created_ms": now, "look_ms": now,
        }  # fmt: skip
        with self._engine.begin() as connection:
            known = insert_into(CallbackRow, connection.dialect.name).on_conflict_do_nothing()
            connection.execute(known, row)

    def expected(self, limit: int) -> Sequence[Callback]:
        """Callbacks whose batch is worth another look."""
        due = select(CALLBACK).where(CALLBACK.c.look_ms <= self._clock())
        with self._reading.begin() as connection:
            rows = connection.execute(due.order_by(CALLBACK.c.look_ms).limit(limit)).mappings()
            names = Callback.__dataclass_fields__
            return [Callback(**{name: row[name] for name in names}) for row in rows]

    def look_later(self, batch_id: str, seconds: float) -> None:
        """The batch goes on, or cannot be told of yet."""
        later = {"look_ms": self._clock() + round(seconds * 1000)}
        with self._engine.begin() as connection:
            same = CALLBACK.c.batch_id == batch_id
            connection.execute(update(CALLBACK).where(same).values(later))

    def settle(self, callback: Callback, delivery: Delivery | None) -> bool:
        """Enter the delivery, or none, in place of the callback; False where another has."""
        with self._engine.begin() as connection:
            gone = delete(CALLBACK).where(CALLBACK.c.batch_id == callback.batch_id)
            if not connection.execute(gone).rowcount:
                return False
            if delivery is not None:
                enter(connection, delivery, self._clock())
            return True

    # ── secrets ───────────────────────────────────────────────────────────────────────────────

    def create(self, project: str, label: str) -> CallbackSecret:
        """A new secret, which deliveries are signed with from now on; TooManySecrets."""
        text = PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode("ascii")
        made = CallbackSecret(str(ULID()), words(label), text, self._clock())
        row = {
            "id": made.id, "project": project, "label": made.label, "secret": text,
            "created_ms": made.created_ms,
        }  # fmt: skip
        count = select(func.count()).select_from(SECRET).where(SECRET.c.project == project)
        with self._engine.begin() as connection:
            if connection.execute(count).scalar_one() >= LIVE:
                raise TooManySecrets(
                    f"{LIVE} secrets are live already, so a third one would silently end one of "
                    "them; delete the one that nobody verifies with any more"
                )
            connection.execute(insert(SECRET), row)
        return made

    def secrets(self, project: str) -> tuple[CallbackSecret, ...]:
        """A project's secrets, the newest first."""
        wanted = select(SECRET).where(SECRET.c.project == project)
        newest = (SECRET.c.created_ms.desc(), SECRET.c.id.desc())
        with self._reading.begin() as connection:
            rows = connection.execute(wanted.order_by(*newest)).mappings().all()
        names = CallbackSecret.__dataclass_fields__
        return tuple(CallbackSecret(**{name: row[name] for name in names}) for row in rows)

    def revoke(self, project: str, secret_id: str) -> CallbackSecret:
        """Sign with it no more; NotFound."""
        known = {each.id: each for each in self.secrets(project)}
        gone = delete(SECRET).where(SECRET.c.id == secret_id, SECRET.c.project == project)
        with self._engine.begin() as connection:
            if not connection.execute(gone).rowcount or secret_id not in known:
                raise NotFound(f"there is no callback secret {secret_id[:80]!r}")
        return known[secret_id]
