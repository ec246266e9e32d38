"""The tables of the database. Times are Unix times in seconds; JSON is stored as text of ASCII characters alone, which
holds file names of any bytes. The database may have other tables: ours begin with yivideo_.

This is what the code works with. A database is brought there by migrations: who changes a table here adds a revision
(docs/database.md).
"""

from __future__ import annotations

import sqlalchemy as sa

__all__ = ["events", "keys", "metadata", "owner", "parts", "swept", "version", "workflows"]

# SQLite counts rows by INTEGER only.
_Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData()

version = sa.Table(
    "yivideo_version",
    metadata,
    # One row. version is the number of the last revision, for programs that know of none and take 1 alone.
    # database_id tells this database from others, by whatever address it is reached.
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("database_id", sa.String(32), nullable=False),
)

parts = sa.Table(
    "yivideo_parts",
    metadata,
    # What a workflow has worked out so far; kind and number say which part, fingerprint what it rests on.
    sa.Column("workflow_id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("kept", sa.Double, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("yivideo_parts_by_age", "kept"),
)

workflows = sa.Table(
    "yivideo_workflows",
    metadata,
    # The order in which they were made.
    sa.Column("number", _Number, primary_key=True),
    # The order in which those that wait are begun, within a priority.
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
    # How often the service's process ended while it probed this video and no other.
    sa.Column("admissions", sa.Integer, nullable=False),
    sa.Column("percent", sa.Double, nullable=False),
    sa.Column("eta_s", sa.Double),
    sa.Column("stages", sa.Text, nullable=False),
    sa.Column("outputs", sa.Text, nullable=False),
    sa.Column("warnings", sa.Text, nullable=False),
    sa.Column("partial", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text),
    # The number of its last event.
    sa.Column("events", sa.Integer, nullable=False),
    sa.Column("callback_url", sa.Text),
    sa.Column("callback_id", sa.String(64)),
    sa.Column("callback_body", sa.LargeBinary),
    sa.Column("callback_attempts", sa.Integer, nullable=False),
    # None: nothing is due.
    sa.Column("callback_next", sa.Double),
    # Its work has begun and has not got past the probe of its video.
    sa.Column("probing", sa.Boolean, nullable=False, server_default=sa.false()),
    # The process ended while its video and others were probed: this one is to be probed alone.
    sa.Column("probe_alone", sa.Boolean, nullable=False, server_default=sa.false()),
    # When its video, an upload, was removed to make room (None: it was not).
    sa.Column("video_swept", sa.Double),
    sa.Index("yivideo_workflows_by_state", "state", "priority", "turn"),
    sa.Index("yivideo_workflows_by_callback", "callback_next"),
    sa.Index("yivideo_workflows_by_end", "ended"),
)

keys = sa.Table(
    "yivideo_keys",
    metadata,
    # Idempotency keys: which request came with each, and the workflow that it gave.
    sa.Column("key", sa.String(512), primary_key=True),
    sa.Column("fingerprint", sa.String(128), nullable=False),
    sa.Column("workflow_id", sa.String(64), nullable=False),
    sa.Column("made", sa.Double, nullable=False, server_default=sa.text("0")),
    sa.Index("yivideo_keys_by_age", "made"),
)

swept = sa.Table(
    "yivideo_swept",
    metadata,
    # Workflows that were removed because of their age or to make room, and when.
    sa.Column("workflow_id", sa.String(64), primary_key=True),
    sa.Column("swept", sa.Double, nullable=False),
    sa.Index("yivideo_swept_by_age", "swept"),
)

events = sa.Table(
    "yivideo_events",
    metadata,
    sa.Column("workflow_id", sa.String(64), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("body", sa.Text, nullable=False),
)

owner = sa.Table(
    "yivideo_owner",
    metadata,
    # One row: the service that runs the workflows. It is asked for in each of its transactions.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("token", sa.String(64), nullable=False),
)
