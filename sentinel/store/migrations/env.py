"""A connection in, migrations run on it out.

`sentinel.store.schema` hands the connection over; from the command line it comes from
`alembic -x url=…`.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from sentinel.store.engines import connect
from sentinel.store.migrations import VERSION_TABLE
from sentinel.store.tables import Row


def run(connection: Connection) -> None:
    """Migrate inside the connection's transaction."""
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(context.get_x_argument(as_dictionary=True)["url"]).write.begin() as opened:
        run(opened)
