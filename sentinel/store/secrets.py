"""A name in, a secret of this house out: drawn once, the same for every process on its database."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from sentinel.store.engines import Engines
from sentinel.store.tables import SecretRow, insert_into, table_of

SECRET = table_of(SecretRow)

BYTES = 32
"""As many as SHA-256 gives; a key of HMAC that is longer is no stronger."""


def secret(engines: Engines, name: str) -> bytes:
    """The secret of that name, drawn where there is none yet."""
    with engines.write.begin() as connection:
        insert = insert_into(SecretRow, connection.dialect.name).on_conflict_do_nothing()
        connection.execute(insert, {"name": name, "value": secrets.token_hex(BYTES)})
        kept = connection.execute(select(SECRET.c.value).where(SECRET.c.name == name)).scalar_one()
    return bytes.fromhex(kept)
