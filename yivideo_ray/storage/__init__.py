"""The database: connection, tables, and who may write. The only package that imports SQLAlchemy."""
