"""The database: connection, tables, migrations, and who may write. Rows are read and written by those who keep some in
it: runtime.workflow.checkpoint and service, the only others that import SQLAlchemy."""
