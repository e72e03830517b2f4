"""Money that is set aside while a picture is being painted.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_hold",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("nanodollars", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_key.id"], name=op.f("fk_key_hold_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_key_hold")),
    )
    op.create_index(op.f("ix_key_hold_key_id"), "key_hold", ["key_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_key_hold_key_id"), "key_hold")
    op.drop_table("key_hold")
