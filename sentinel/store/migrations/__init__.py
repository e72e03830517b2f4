"""Alembic's scripts: one set for SQLite and PostgreSQL."""

VERSION_TABLE = "sentinel_version"
"""Not Alembic's default name, so that another application may share the database."""
