"""A module for each revision of the tables. Once released, it is never changed: databases have run it."""
