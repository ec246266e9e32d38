"""What retention needs to know, and which videos are being probed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for column in (
        sa.Column("probing", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("probe_alone", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("video_swept", sa.Double),
    ):
        op.add_column("yivideo_workflows", column)
    # It counted starts, orderly stops and kills of others among them: nobody knows which were the video's fault.
    op.execute("UPDATE yivideo_workflows SET admissions = 0")
    op.create_index("yivideo_workflows_by_end", "yivideo_workflows", ["ended"])
    op.add_column("yivideo_keys", sa.Column("made", sa.Double, nullable=False, server_default=sa.text("0")))
    op.execute(
        "UPDATE yivideo_keys SET made = COALESCE((SELECT created FROM yivideo_workflows "
        "WHERE yivideo_workflows.workflow_id = yivideo_keys.workflow_id), 0)"
    )
    op.create_index("yivideo_keys_by_age", "yivideo_keys", ["made"])
    op.create_table(
        "yivideo_swept",
        sa.Column("workflow_id", sa.String(64), primary_key=True),
        sa.Column("swept", sa.Double, nullable=False),
    )
    op.create_index("yivideo_swept_by_age", "yivideo_swept", ["swept"])
