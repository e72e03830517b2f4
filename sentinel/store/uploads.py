"""An upload's id in, the sha256 of what was put there out, for as long as pictures are kept.

Clients are told an address before they send the bytes, so it cannot be made of them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Text, delete, select
from sqlmodel import Field

from sentinel.errors import NotFound
from sentinel.store.engines import Engines
from sentinel.store.media import now_ms
from sentinel.store.rollups import DAY_MS
from sentinel.store.tables import Row, insert_into, table_of


class UploadRow(Row, table=True):
    """What was put under an id, and since when."""

    __tablename__ = "upload"
    __table_args__ = (Index(None, "created_ms"),)

    id: str = Field(primary_key=True, sa_type=Text)
    sha256: str = Field(sa_type=Text)
    created_ms: int = Field(sa_type=BigInteger)


UPLOAD = table_of(UploadRow)


class Uploads:
    """The table; ids are forgotten when their pictures are."""

    def __init__(self, engines: Engines, days: float) -> None:
        """`days` that pictures are kept."""
        self._engines = engines
        self._keep_ms = round(days * DAY_MS)

    def enter(self, upload_id: str, sha256: str) -> None:
        """Say what was put there; once more, and the last word counts."""
        now = now_ms()
        row = {"id": upload_id, "sha256": sha256, "created_ms": now}
        with self._engines.write.begin() as connection:
            connection.execute(delete(UPLOAD).where(UPLOAD.c.created_ms < now - self._keep_ms))
            insert = insert_into(UploadRow, connection.dialect.name)
            latest = {name: insert.excluded[name] for name in ("sha256", "created_ms")}
            connection.execute(
                insert.on_conflict_do_update(index_elements=["id"], set_=latest), row
            )

    def find(self, upload_id: str) -> str:
        """The sha256; NotFound where nothing was put there, or it is kept no longer."""
        wanted = select(UPLOAD.c.sha256).where(
            UPLOAD.c.id == upload_id, UPLOAD.c.created_ms >= now_ms() - self._keep_ms
        )
        with self._engines.read.begin() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise NotFound(
                f"nothing was uploaded under {upload_id[:40]!r}, or it is kept no longer"
            )
        return str(found)
