"""What became of a request stands with its pictures and in the rollups; what was in force when.

Revision ID: 0006
Revises: 0005
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTED = ("delivered", "retried", "guarded", "added_microseconds")
ALL_COUNTED = (
    "evaluations", "passed", "failed", "refused", "undecided", "traces", "first_passed",
    "failed_judges", "scored", "score_millionths", "microseconds", "nanodollars", *COUNTED,
)
PLACE = "project, model, policy, category, mode"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def upgrade() -> None:
    _add_columns()
    _fill_evaluations()
    for table, width in (("rollup_hour", HOUR_MS), ("rollup_day", DAY_MS)):
        _fill_rollup(table, width)
    _fill_glances()
    op.execute(
        "INSERT INTO in_force_hour (policy, policy_fingerprint, model, start_ms, n) "
        "SELECT policy, policy_fingerprint, model, created_ms - created_ms % 3600000, count(*) "
        "FROM evaluation GROUP BY 1, 2, 3, 4"
    )


def _add_columns() -> None:
    with op.batch_alter_table("evaluation") as batch:
        text, no, nothing = sa.text("''"), sa.false(), sa.text("0")
        batch.add_column(
            sa.Column("policy_fingerprint", sa.Text(), nullable=False, server_default=text)
        )
        for name in ("delivered", "retried", "guarded"):
            batch.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=no))
        for name in ("added", "rank"):
            batch.add_column(sa.Column(name, sa.Float(), nullable=False, server_default=nothing))
    op.drop_index(op.f("ix_evaluation_created_ms"), "evaluation")
    op.create_index(op.f("ix_evaluation_created_ms"), "evaluation", ["created_ms"])
    op.create_index(op.f("ix_evaluation_rank_created_ms"), "evaluation", ["rank", "created_ms"])
    for table in ("rollup_hour", "rollup_day"):
        for name in COUNTED:
            column = sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))
            op.add_column(table, column)
    op.create_table(
        "in_force_hour",
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_fingerprint", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "policy", "policy_fingerprint", "model", "start_ms", name=op.f("pk_in_force_hour")
        ),
        sqlite_with_rowid=False,
    )
    for width in ("hour", "day"):
        counted = [sa.Column(name, sa.BigInteger(), nullable=False) for name in ALL_COUNTED]
        _add_glance(f"glance_{width}", (), counted)
        n = sa.Column("n", sa.BigInteger(), nullable=False)
        _add_glance(f"glance_failure_{width}", ("quality", "subcategory"), [n])


def _add_glance(table: str, own: tuple[str, ...], counted: "list[sa.Column[Any]]") -> None:
    op.create_table(
        table,
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in own),
        *counted,
        sa.PrimaryKeyConstraint("kind", "start_ms", "name", *own, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def _fill_glances() -> None:
    for kind in ("", *PLACE.split(", ")):
        name = kind or "''"
        for width, start in (("hour", "start_ms"), ("day", f"start_ms - start_ms % {DAY_MS}")):
            sums = ", ".join(f"sum({each})" for each in ALL_COUNTED)
            op.execute(
                f"INSERT INTO glance_{width} (kind, start_ms, name, {', '.join(ALL_COUNTED)}) "
                f"SELECT '{kind}', {start}, {name}, {sums} FROM rollup_hour GROUP BY 1, 2, 3"
            )
            op.execute(
                f"INSERT INTO glance_failure_{width} "
                "(kind, start_ms, name, quality, subcategory, n) "
                f"SELECT '{kind}', {start}, {name}, quality, subcategory, sum(n) "
                "FROM failure_hour GROUP BY 1, 2, 3, 4, 5"
            )


def _fill_evaluations() -> None:
    """From what the rows know. Rounds were not kept in a column: the number stands in for one.

    A row whose trace is gone (deleted by hand, past the foreign keys) must not stop a start.
    """
    whole = "(SELECT {} FROM trace WHERE trace.id = evaluation.trace_id)"
    op.execute(
        "UPDATE evaluation SET rank = coalesce(score, -1), "
        f"policy_fingerprint = coalesce({whole.format('policy_fingerprint')}, ''), "
        f"delivered = coalesce({whole.format('delivered')} = number AND mode = 'guard', false), "
        "guarded = (first AND mode = 'guard')"
    )
    op.execute(
        "UPDATE evaluation SET retried = (delivered AND number > 1), "
        f"added = CASE WHEN guarded THEN coalesce({whole.format('seconds')}, 0) ELSE 0 END"
    )


def _fill_rollup(table: str, width: int) -> None:
    connection = op.get_bind()
    start = f"created_ms - created_ms % {width}"
    one = "sum(CASE WHEN {0} THEN 1 ELSE 0 END) AS {0}"
    sums = ", ".join(one.format(name) for name in COUNTED[:3])
    found = connection.execute(sa.text(
        f"SELECT {start} AS start_ms, {PLACE}, {sums}, "
        f"sum(round(CAST(added * 1000000 AS numeric))) AS added_microseconds "
        f"FROM evaluation GROUP BY 1, {PLACE}"
    )).mappings().all()  # fmt: skip
    same = " AND ".join(f"{name} = :{name}" for name in ("start_ms", *PLACE.split(", ")))
    put = ", ".join(f"{name} = :{name}" for name in COUNTED)
    rows = [dict(row) | {"added_microseconds": int(row["added_microseconds"])} for row in found]
    if rows:
        connection.execute(sa.text(f"UPDATE {table} SET {put} WHERE {same}"), rows)


def downgrade() -> None:
    for table in (
        "in_force_hour", "glance_hour", "glance_day", "glance_failure_hour", "glance_failure_day",
    ):
        op.drop_table(table)
    for table in ("rollup_hour", "rollup_day"):
        for name in COUNTED:
            op.drop_column(table, name)
    op.drop_index(op.f("ix_evaluation_rank_created_ms"), "evaluation")
    with op.batch_alter_table("evaluation") as batch:
        for name in ("policy_fingerprint", "delivered", "retried", "guarded", "added", "rank"):
            batch.drop_column(name)
