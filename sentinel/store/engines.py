"""Database URL in, a write engine and a read engine out.

SQLite: WAL, synchronous=NORMAL, BEGIN IMMEDIATE on the write engine. A deferred BEGIN that turns
into a write fails at once, whatever busy_timeout says. One write connection a process, so that
threads queue fairly here rather than unfairly inside SQLite. PostgreSQL: psycopg; readers see one
snapshot per transaction.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    ExceptionContext,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError

from sentinel.errors import ConfigError, MissingRequirement, Unavailable

log = logging.getLogger(__name__)

BUSY_MS = 5_000
"""Milliseconds a SQLite connection waits for another process's lock."""

CACHE_KIB = 65_536
"""Page cache of the SQLite write connection; readers share the operating system's."""

READERS = 8
"""Connections kept open for reading, and for writing on PostgreSQL."""

CONNECT_SECONDS = 10
"""Without it an address that swallows packets holds the start for two minutes."""

POOL_SECONDS = 60
"""How long a thread waits for its turn to write."""

RETRY_AFTER = 5.0
"""Seconds a caller is asked to wait while the database does not answer."""

NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "lustre", "beegfs", "gpfs",
           "ocfs2", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gluster", "fuse.ceph",
           "vboxsf", "davfs")  # fmt: skip
"""File systems (by prefix) without the shared memory and locks that SQLite's WAL stands on."""

MOUNTS = Path("/proc/self/mounts")

WAY_OUT = "set SENTINEL_DATABASE to sqlite:////folder/sentinel.db or postgresql://user@host/db"


@dataclass(frozen=True, slots=True)
class Engines:
    """`write` for transactions that change rows, `read` for those that only look."""

    url: URL
    write: Engine
    read: Engine

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return shown(self.url)

    def close(self) -> None:
        """Close every connection."""
        self.write.dispose()
        self.read.dispose()


def connect(url: str, *, wiping: bool = False) -> Engines:
    """Engines for a SQLite file or a PostgreSQL database; opens no connection yet.

    With `wiping` SQLite overwrites with zeros what is deleted.
    """
    parsed = parse(url)
    return (
        _sqlite(parsed, wiping=wiping)
        if parsed.get_backend_name() == "sqlite"
        else _postgresql(parsed)
    )


def parse(url: str) -> URL:
    """The URL with its driver; ConfigError if it is neither a SQLite file nor PostgreSQL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # not chained: its text may hold the password
        redacted = re.sub(r"//.*@", "//***@", url)
        raise ConfigError(f"the database {redacted!r} is no URL; {WAY_OUT}") from None
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            if not parsed.database or parsed.database == ":memory:":
                problem = "names no file; what is kept in memory is lost between connections"
                raise ConfigError(f"the database {shown(parsed)!r} {problem}; {WAY_OUT}")
            return parsed
        case "postgres" | "postgresql" | "postgresql+psycopg":
            if find_spec("psycopg") is None:
                remedy = "pip install 'sentinel-gatekeeper[postgres]'"
                raise MissingRequirement("the store", "psycopg (for PostgreSQL)", remedy)
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ConfigError(f"the database {shown(parsed)!r} asks for {other!r}; {WAY_OUT}")


def shown(url: URL) -> str:
    """The URL as it may be printed: no password, neither before the host nor in the query."""
    safe = {key: value for key, value in url.query.items() if "pass" not in key.lower()}
    return url.set(query=safe).render_as_string(hide_password=True)


def outages_told(engines: Engines) -> None:
    """From now on a database that is locked, full or gone is Unavailable, not a driver's error."""

    def tell(context: ExceptionContext) -> Unavailable | None:
        if context.is_pre_ping:  # the pool finds a connection dead and opens another by itself
            return None
        if not isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError):
            return None
        why = " ".join(str(context.original_exception).split())
        return Unavailable("the database", why, RETRY_AFTER)

    for engine in (engines.write, engines.read):
        event.listen(engine, "handle_error", tell, retval=True)


def network_filesystem(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the network file system that `path` lies on; None if local or unknown."""
    try:
        lines = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return None  # no Linux: nothing to ask
    points = [(Path(line[1].replace("\\040", " ")), line[2]) for line in lines if len(line) > 2]  # noqa: PLR2004 - device, mount point, type
    place = path.resolve()
    over = [(len(point.parts), kind) for point, kind in points if place.is_relative_to(point)]
    kind = max(over, default=(0, ""), key=lambda found: found[0])[1]
    return kind if kind.startswith(NETWORK) else None


def sqlite_connection(connection: Any, *, writer: bool, wiping: bool = False) -> None:
    """Set up one new SQLite connection; the database is in WAL mode already."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    if wiping:
        cursor.execute("PRAGMA secure_delete=ON")
    if writer:
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    else:
        cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock at the start of the transaction."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _sqlite(url: URL, *, wiping: bool) -> Engines:
    path = Path(str(url.database))
    _private_file(path, url)
    if kind := network_filesystem(path.parent):
        log.warning(
            "%s lies on a network file system (%s), where SQLite's write-ahead log is not safe; "
            "use a local disk or PostgreSQL", shown(url), kind,
        )  # fmt: skip
    # isolation_level None: the driver begins nothing, the listeners below do
    arguments = {"isolation_level": None}
    write = create_engine(
        url, pool_size=1, max_overflow=0, pool_timeout=POOL_SECONDS, connect_args=arguments
    )
    read = create_engine(url, pool_size=READERS, max_overflow=READERS, connect_args=arguments)
    event.listen(
        write, "connect", lambda raw, _: sqlite_connection(raw, writer=True, wiping=wiping)
    )
    event.listen(read, "connect", lambda raw, _: sqlite_connection(raw, writer=False))
    event.listen(write, "begin", begin_immediate)
    event.listen(read, "begin", _begin_deferred)
    return Engines(url, write, read)


def _private_file(path: Path, url: URL) -> None:
    """Make the file ourselves, readable by its owner alone; its WAL inherits that."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ConfigError(
            f"the database {shown(url)!r} cannot be written ({error.strerror}); make the folder "
            f"{path.parent} writable, or {WAY_OUT}"
        ) from error


def _postgresql(url: URL) -> Engines:
    arguments = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
    arguments = {key: value for key, value in arguments.items() if key not in url.query}
    options: dict[str, Any] = {
        "pool_size": READERS, "max_overflow": READERS, "pool_timeout": POOL_SECONDS,
        "pool_pre_ping": True, "connect_args": arguments,
    }  # fmt: skip
    write = create_engine(url, **options)
    read = create_engine(
        url, isolation_level="REPEATABLE READ", execution_options={"postgresql_readonly": True},
        **options,
    )  # fmt: skip
    return Engines(url, write, read)
