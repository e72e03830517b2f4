"""A key in, who it is out; and what each key has spent, exact across processes.

    made = store.keys.create(NewKey(label="shop", scopes=("generate",)))
    made.secret                      # shown once; what is kept is its SHA-256
    store.keys.find(made.secret)     # the Key, without the secret

A key is 256 random bits. Slow hashes (bcrypt, argon2) protect what people choose and others can
guess; nobody guesses 256 bits, so SHA-256 is enough, and a look-up costs microseconds. It goes by
the hash: how long it takes tells of the hash, never of the key, and the hashes are compared once
more in constant time. Money is whole nanodollars, so that sums are exact.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import string
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from sqlalchemy import Connection, RowMapping, Select, and_, func, insert, or_, select, update
from ulid import ULID

from sentinel.errors import ConfigError, NotFound
from sentinel.store.engines import Engines
from sentinel.store.key_tables import ChargeRow, KeyRow, SpendRow
from sentinel.store.tables import insert_into, name, table_of, words

Scope = Literal["generate", "score", "evaluations:create", "evaluations:read", "read", "admin"]

SCOPES: tuple[Scope, ...] = get_args(Scope)
"""What a key may be for; `admin` includes all the others."""

USUAL: tuple[Scope, ...] = tuple(each for each in SCOPES if each != "admin")
"""What a key is for where nobody says."""

NANO = 1_000_000_000
"""Nanodollars in a US dollar."""

MOST = 1_000_000 * NANO
"""No charge and no budget is larger: a million dollars is somebody's mistake."""

SECRET_BYTES = 32

PREFIX = "sentinel_"
SHORT = 8
"""Characters of a key that tell it from others: 36⁸, and none of its 256 secret bits."""

TOUCHING_MS = 60_000
"""The last use of a key is written at most once a minute."""

KEY, SPEND, CHARGE = table_of(KeyRow), table_of(SpendRow), table_of(ChargeRow)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be; times in milliseconds since 1970, money in nanodollars a month."""

    label: str = ""
    scopes: tuple[Scope, ...] = USUAL
    project: str = "default"
    expires_ms: int | None = None
    per_minute: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        """ConfigError for what makes no sense."""
        unknown = [each for each in self.scopes if each not in SCOPES]
        if unknown or not self.scopes:
            told = (
                f"{unknown[0]!r} is no scope" if unknown else "a key without a scope opens nothing"
            )
            raise ConfigError(f"{told}; use some of {', '.join(SCOPES)}")
        if self.per_minute is not None and self.per_minute < 1:
            raise ConfigError(f"{self.per_minute} requests per minute: use 1 or more, or none")
        if self.budget is not None and not 0 <= self.budget <= MOST:
            raise ConfigError(f"a budget is 0 to {MOST // NANO:,} dollars a month")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept, and what it has spent in this month."""

    id: str
    prefix: str
    label: str
    scopes: tuple[Scope, ...]
    project: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    used_ms: int | None
    per_minute: int | None
    budget: int | None
    spent: int

    def flaw(self, now_ms: int) -> str | None:
        """Why it opens nothing (any more); None where it does."""
        if self.revoked_ms is not None:
            return f"was revoked on {written(self.revoked_ms)}"
        if self.expires_ms is not None and self.expires_ms <= now_ms:
            return f"expired on {written(self.expires_ms)}"
        return None


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was just made; `secret` is shown this once."""

    key: Key
    secret: str


class Keys:
    """The keys of one database. Plain blocking code, safe across threads and processes."""

    def __init__(self, engines: Engines) -> None:
        """Nothing is read yet."""
        self._write = engines.write
        self._read = engines.read

    def exist(self) -> bool:
        """Whether a key was ever made: one that is revoked keeps the house locked."""
        with self._read.begin() as connection:
            return connection.execute(select(KEY.c.id).limit(1)).first() is not None

    def create(self, new: NewKey) -> MadeKey:
        """Make a key."""
        short = "".join(
            secrets.choice(string.ascii_lowercase + string.digits) for _ in range(SHORT)
        )
        prefix = PREFIX + short
        secret = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
        row = {
            "id": str(ULID()), "prefix": prefix, "digest": digest(secret),
            "label": words(new.label[:200]), "scopes": " ".join(dict.fromkeys(new.scopes)),
            "project": name(new.project) or "default", "created_ms": now_ms(),
            "expires_ms": new.expires_ms, "revoked_ms": None, "used_ms": None,
            "per_minute": new.per_minute, "nanodollars": new.budget,
        }  # fmt: skip
        with self._write.begin() as connection:
            connection.execute(insert(KEY), row)
        return MadeKey(_key({**row, "spent": 0}), secret)

    def find(self, secret: str) -> Key | None:
        """Whose secret this is, revoked and expired ones too; None where it is nobody's."""
        hashed = digest(secret)
        with self._read.begin() as connection:
            row = connection.execute(_with_spend().where(KEY.c.digest == hashed)).mappings().first()
        if row is None or not hmac.compare_digest(row["digest"], hashed):
            return None
        return _key(row)

    def list(self) -> tuple[Key, ...]:
        """Every key, the newest first."""
        with self._read.begin() as connection:
            rows = connection.execute(_with_spend().order_by(KEY.c.id.desc())).mappings().all()
        return tuple(_key(row) for row in rows)

    def revoke(self, named: str) -> Key:
        """Let a key open nothing from now on; revoked again, it stays as it is.

        By its id, its prefix, the beginning of either, or the key itself. NotFound where none or
        several fit.
        """
        if named.startswith(PREFIX):
            named = named[: len(PREFIX) + SHORT]  # so that no message ever repeats a whole key
        with self._write.begin() as connection:
            fitting = _fitting(connection, named)
            if len(fitting) != 1:
                raise NotFound(_which(named, [row["prefix"] for row in fitting]))
            same = KEY.c.id == fitting[0]["id"]
            fresh = and_(same, KEY.c.revoked_ms.is_(None))
            connection.execute(update(KEY).where(fresh).values(revoked_ms=now_ms()))
            return _key(connection.execute(_with_spend().where(same)).mappings().one())

    def touch(self, key_id: str) -> None:
        """Write that a key was used, if that was not written within the last minute."""
        now = now_ms()
        old = or_(KEY.c.used_ms.is_(None), KEY.c.used_ms < now - TOUCHING_MS)
        with self._write.begin() as connection:
            connection.execute(update(KEY).where(KEY.c.id == key_id, old).values(used_ms=now))

    def spent(self, key_id: str) -> int:
        """Nanodollars that a key has spent in this month."""
        same = (SPEND.c.key_id == key_id, SPEND.c.month == month())
        with self._read.begin() as connection:
            found = connection.execute(select(SPEND.c.nanodollars).where(*same)).scalar()
        return found or 0

    def charge(self, key_id: str, dollars: float, reference: str) -> bool:
        """Add US dollars to what a key has spent this month; False where nothing was added.

        The same reference is charged once, whichever process says it again. Nothing is added for
        0, nor for a key that is not there. ValueError for an amount that is no price.
        """
        amount = nanodollars(dollars)
        if amount == 0:
            return False
        entry = {"key_id": key_id, "reference": words(reference[:200]), "created_ms": now_ms(),
                 "nanodollars": amount}  # fmt: skip
        with self._write.begin() as connection:
            if connection.execute(select(KEY.c.id).where(KEY.c.id == key_id)).first() is None:
                return False
            dialect = connection.dialect.name
            once = insert_into(ChargeRow, dialect).values(entry).on_conflict_do_nothing()
            if connection.execute(once.returning(CHARGE.c.reference)).first() is None:
                return False
            adding = insert_into(SpendRow, dialect)
            total = SPEND.c.nanodollars + adding.excluded.nanodollars
            adding = adding.on_conflict_do_update(
                index_elements=["key_id", "month"], set_={"nanodollars": total}
            )
            sums = {"key_id": key_id, "month": month(), "nanodollars": amount}
            connection.execute(adding, sums)
        return True


def digest(secret: str) -> str:
    """What is kept of a key: its SHA-256."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def nanodollars(dollars: float | Decimal) -> int:
    """US dollars as whole nanodollars; ValueError below 0, above a million, or for no number."""
    if not math.isfinite(dollars) or not 0 <= dollars * NANO <= MOST:
        raise ValueError(f"{dollars} US dollars is no price; use 0 to {MOST // NANO:,}")
    return round(Decimal(str(dollars)) * NANO)


def month() -> str:
    """The calendar month in which money is spent now, in UTC: 2026-01."""
    return datetime.now(UTC).strftime("%Y-%m")


def now_ms() -> int:
    """Milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def written(ms: int) -> str:
    """A moment as it is told: 2026-01-31 12:00 UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _with_spend() -> Select[Any]:
    """Keys, and what each has spent in this month."""
    paid = and_(SPEND.c.key_id == KEY.c.id, SPEND.c.month == month())
    spent = func.coalesce(SPEND.c.nanodollars, 0).label("spent")
    return select(*KEY.c, spent).select_from(KEY.outerjoin(SPEND, paid))


def _fitting(connection: Connection, named: str) -> Sequence[RowMapping]:
    """Keys whose id or prefix is, or begins with, that; an exact match alone."""
    if not named:
        return ()
    short = named if named.startswith(PREFIX) else PREFIX + named
    starts = or_(
        KEY.c.id.startswith(named.upper(), autoescape=True),
        KEY.c.prefix.startswith(short.lower(), autoescape=True),
    )
    rows = connection.execute(select(KEY.c.id, KEY.c.prefix).where(starts)).mappings().all()
    exact = [row for row in rows if named in (row["id"], row["prefix"]) or row["prefix"] == short]
    return exact or rows


def _which(named: str, prefixes: Sequence[str]) -> str:
    if prefixes:
        return f"{named[:80]!r} may be {', '.join(prefixes[:5])}; write more of it"
    return f"there is no key {named[:80]!r}; `sentinel keys list` shows all"


def _key(row: RowMapping | dict[str, Any]) -> Key:
    return Key(
        id=row["id"], prefix=row["prefix"], label=row["label"],
        scopes=tuple(each for each in SCOPES if each in row["scopes"].split(" ")),
        project=row["project"], created_ms=row["created_ms"], expires_ms=row["expires_ms"],
        revoked_ms=row["revoked_ms"], used_ms=row["used_ms"], per_minute=row["per_minute"],
        budget=row["nanodollars"], spent=row["spent"],
    )  # fmt: skip
