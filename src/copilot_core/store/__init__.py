"""One database by URL: SQLite by default, PostgreSQL for more than one process."""
