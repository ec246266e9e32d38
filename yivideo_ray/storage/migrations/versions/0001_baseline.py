"""The tables of 0.1.0. What is there stays as it is: so a database from before there were revisions is taken over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# SQLite counts rows by INTEGER only.
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "yivideo_version",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("database_id", sa.String(32), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "yivideo_parts",
        sa.Column("workflow_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("kept", sa.Double, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "yivideo_workflows",
        sa.Column("number", _Number, primary_key=True),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("workflow_id", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("video", sa.Text, nullable=False),
        sa.Column("owned_video", sa.Boolean, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("admissions", sa.Integer, nullable=False),
        sa.Column("percent", sa.Double, nullable=False),
        sa.Column("eta_s", sa.Double),
        sa.Column("stages", sa.Text, nullable=False),
        sa.Column("outputs", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("callback_url", sa.Text),
        sa.Column("callback_id", sa.String(64)),
        sa.Column("callback_body", sa.LargeBinary),
        sa.Column("callback_attempts", sa.Integer, nullable=False),
        sa.Column("callback_next", sa.Double),
        if_not_exists=True,
    )
    op.create_table(
        "yivideo_keys",
        sa.Column("key", sa.String(512), primary_key=True),
        sa.Column("fingerprint", sa.String(128), nullable=False),
        sa.Column("workflow_id", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "yivideo_events",
        sa.Column("workflow_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "yivideo_owner",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("token", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    for name, table, columns in (
        ("yivideo_parts_by_age", "yivideo_parts", ["kept"]),
        ("yivideo_workflows_by_state", "yivideo_workflows", ["state", "priority", "turn"]),
        ("yivideo_workflows_by_callback", "yivideo_workflows", ["callback_next"]),
    ):
        op.create_index(name, table, columns, if_not_exists=True)
