"""The revisions of the tables, and the upgrade of a database to the newest. The only package that imports alembic.

versions/ holds a file for each revision, in one line: 0001, 0002, ... `python -m yivideo_ray.storage.migrations` writes
the next one; docs/database.md says how.
"""
