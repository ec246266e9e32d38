"""`python -m yivideo_ray.storage.migrations "parts have a size"` writes the next revision: the statements for what
tables.py has and the revisions so far do not. For those who work on yivideo, in a checkout."""

from __future__ import annotations

import argparse

import sqlalchemy as sa

from yivideo_ray.storage.migrations.upgrade import migrate, revision_config, revision_ids


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m yivideo_ray.storage.migrations", description=__doc__)
    parser.add_argument("message", help="what it changes: the name of the file and its first line")
    _add_revision(parser.parse_args().message)


def _add_revision(message: str) -> None:
    from alembic import command

    following = f"{int(revision_ids()[-1]) + 1:04}"
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection)
        command.revision(revision_config(connection), message, autogenerate=True, rev_id=following)
    engine.dispose()


if __name__ == "__main__":
    main()
