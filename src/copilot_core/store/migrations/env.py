"""Alembic's entry: the connection and the folders are given by `migrate.upgrade`."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table="copilot_alembic_version",
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
