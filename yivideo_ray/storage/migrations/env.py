"""Run by alembic for each of its commands: what a migration runs on. The transaction is the caller's."""

from __future__ import annotations

from alembic import context

from yivideo_ray.storage import tables
from yivideo_ray.storage.migrations.upgrade import REVISIONS


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    """The database may have tables of others."""
    return kind != "table" or name in tables.metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    version_table=REVISIONS.name,
    include_name=_is_ours,
    # SQLite changes a table by writing a new one.
    render_as_batch=True,
)
context.run_migrations()
