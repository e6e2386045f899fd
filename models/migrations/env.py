"""Alembic's entry: run the migrations on the connection that was handed over, in the transaction that it is in."""

from typing import Any, Literal

from alembic import context

from models import base, tables


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types by their names."""
    if kind != "type":
        return False
    if isinstance(item, base.UtcDateTime):
        return "base.UtcDateTime()"
    return {id(base.JsonValue): "base.JsonValue", id(base.Number): "base.Number"}.get(id(item), False)


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    transactional_ddl=True,
    compare_type=True,
    render_item=render_item,
)
context.run_migrations()
