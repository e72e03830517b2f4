"""Access keys, what each spends in a month, and each charge once.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("nanodollars", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_key")),
    )
    op.create_index(op.f("ix_access_key_digest"), "access_key", ["digest"], unique=True)
    op.create_index(op.f("ix_access_key_prefix"), "access_key", ["prefix"], unique=True)

    op.create_table(
        "key_spend",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("nanodollars", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_key.id"], name=op.f("fk_key_spend_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "month", name=op.f("pk_key_spend")),
    )
    op.create_table(
        "key_charge",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("nanodollars", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["access_key.id"], name=op.f("fk_key_charge_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "reference", name=op.f("pk_key_charge")),
    )


def downgrade() -> None:
    op.drop_table("key_charge")
    op.drop_table("key_spend")
    op.drop_index(op.f("ix_access_key_prefix"), "access_key")
    op.drop_index(op.f("ix_access_key_digest"), "access_key")
    op.drop_table("access_key")
