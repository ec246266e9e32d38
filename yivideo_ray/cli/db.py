"""`yivideo db`: backups of the database, and its upgrade."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from yivideo_ray.cli.arguments import load, report

if TYPE_CHECKING:
    from yivideo_ray.cli.arguments import Commands

__all__ = ["add"]

NOTES = """\
examples:
  yivideo db backup                        a copy in work_dir/backups, also while the service runs
  yivideo db backup /backups/monday.sqlite
  yivideo db restore /backups/monday.sqlite
                                           puts it back; the service must be stopped
  yivideo db upgrade                       after a new version was installed; every start does that, too

The database holds workflows, their events and what was worked out. Results and uploads are files: back up work_dir with
it. A start of the service removes those of workflows that the database does not know, so restore both together.

These are for SQLite. Of PostgreSQL pg_dump makes backups, and pg_restore restores them; docs/database.md has both
commands.
"""


def add(commands: Commands) -> None:
    """Adds the subcommand."""
    raw = argparse.RawDescriptionHelpFormatter
    db = commands.add_parser(
        "db",
        help="backups of the service's database",
        description="Backs the database up, restores a backup, or upgrades it to this version's tables.",
        epilog=NOTES,
        formatter_class=raw,
    )
    parts = db.add_subparsers(title="commands", required=True, metavar="COMMAND")
    backup = parts.add_parser(
        "backup",
        help="copies the database, also while it is in use",
        description="Copies the database to FILE, also while it is in use, and prints FILE.",
        epilog="example:\n  yivideo db backup /backups/monday.sqlite --overwrite",
        formatter_class=raw,
    )
    backup.add_argument("file", nargs="?", type=Path, metavar="FILE", help="(else a new one in work_dir/backups)")
    backup.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    backup.set_defaults(command=_backup)
    restore = parts.add_parser(
        "restore",
        help="puts a backup in the place of the database",
        description="Puts a copy of FILE in the place of the database, which is kept beside it under another name.",
        epilog="A backup of an older version is upgraded at the next start; one of a newer version is refused.\n\n"
        "example:\n  yivideo db restore /backups/monday.sqlite",
        formatter_class=raw,
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="what yivideo db backup made")
    restore.set_defaults(command=_restore)
    upgrade = parts.add_parser(
        "upgrade",
        help="brings the database to this version's tables",
        description="Brings the database to this version's tables, and prints what they were and are.",
        epilog="SQLite is copied first, to workflows.sqlite.before-REVISION. A newer database is refused.\n\n"
        "example:\n  yivideo db upgrade",
        formatter_class=raw,
    )
    upgrade.set_defaults(command=_upgrade)
    for part in (backup, restore, upgrade):
        part.add_argument("--config", type=Path, metavar="FILE", help="settings in YAML")


def _backup(options: argparse.Namespace) -> int:
    from yivideo_ray.storage.backup import back_up

    print(back_up(load(options.config).storage, options.file, overwrite=options.overwrite))
    return 0


def _restore(options: argparse.Namespace) -> int:
    from yivideo_ray.storage.backup import restore

    kept = restore(load(options.config).storage, options.file)
    report(f"{options.file} is the database now." + ("" if kept is None else f" What was there is {kept}."))
    return 0


def _upgrade(options: argparse.Namespace) -> int:
    from yivideo_ray.storage.database import Database
    from yivideo_ray.storage.migrations.upgrade import copy_of, revision_ids
    from yivideo_ray.storage.migrations.upgrade import revision as revision_of

    database = Database(load(options.config).storage)
    before = revision_of(database.url)
    database.open()
    database.close()
    if before == revision_ids()[-1]:
        report(f"The database is of revision {before}, the newest.")
    elif before is None:
        report(f"There was no database; one of revision {revision_ids()[-1]} was made.")
    else:
        copied = f" {copy_of(database.path)} is as it was." if database.is_sqlite else ""
        report(f"The database was of revision {before}, and is of {revision_ids()[-1]} now.{copied}")
    return 0
