"""Evaluations that were asked for, what people say of verdicts, and answers by idempotency key.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evaluation_request",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("completed_ms", sa.BigInteger(), nullable=True),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("task_type", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("client_ref", sa.Text(), nullable=True),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("called_ms", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_request")),
    )
    op.create_index(
        op.f("ix_evaluation_request_created_ms_id"), "evaluation_request", ["created_ms", "id"]
    )
    op.create_index(op.f("ix_evaluation_request_state"), "evaluation_request", ["state"])
    op.create_index(
        op.f("ix_evaluation_request_trace_id"), "evaluation_request", ["trace_id"], unique=True
    )
    op.create_index(
        op.f("ix_evaluation_request_client_ref"), "evaluation_request", ["client_ref"]
    )
    op.create_index(op.f("ix_evaluation_request_called_ms"), "evaluation_request", ["called_ms"])
    op.create_table(
        "evaluation_picture",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["evaluation_request.id"],
            name=op.f("fk_evaluation_picture_request_id"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("request_id", "position", name=op.f("pk_evaluation_picture")),
    )
    op.create_table(
        "evaluation_feedback",
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("is_positive", sa.Boolean(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "attempt", name=op.f("pk_evaluation_feedback")),
    )
    op.create_table(
        "answer",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("beat_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_answer")),
    )
    op.create_index(op.f("ix_answer_expires_ms"), "answer", ["expires_ms"])


def downgrade() -> None:
    op.drop_index(op.f("ix_answer_expires_ms"), "answer")
    op.drop_table("answer")
    op.drop_table("evaluation_feedback")
    op.drop_table("evaluation_picture")
    op.drop_index(op.f("ix_evaluation_request_called_ms"), "evaluation_request")
    op.drop_index(op.f("ix_evaluation_request_client_ref"), "evaluation_request")
    op.drop_index(op.f("ix_evaluation_request_trace_id"), "evaluation_request")
    op.drop_index(op.f("ix_evaluation_request_state"), "evaluation_request")
    op.drop_index(op.f("ix_evaluation_request_created_ms_id"), "evaluation_request")
    op.drop_table("evaluation_request")
