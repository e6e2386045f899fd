"""Rows that are given to a statement as one parameter, so that it runs once, however many they are.

Run once for each row, a statement costs several times as much on the way to the database as in it.
"""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import Cast, Dialect, Subquery, Text, bindparam, literal_column, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from models.base import sqlite_text


class _Rows(TypeDecorator[Collection[Sequence[Any]]]):
    """Rows as JSON, with instants as the engine keeps them."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Collection[Sequence[Any]] | None, dialect: Dialect) -> str:
        """Write the rows."""
        rows = list(value or ())
        if dialect.name == "sqlite":
            return orjson.dumps(rows, default=sqlite_text, option=orjson.OPT_PASSTHROUGH_DATETIME).decode()
        return orjson.dumps(rows).decode()


class _each(FunctionElement[Any]):  # noqa: N801 - it is read like SQLAlchemy's functions
    """The rows, each as JSON in `value`."""

    inherit_cache = True


class _typed(Cast[Any]):  # noqa: N801 - it is read like SQLAlchemy's functions
    """A value of JSON's as a type. SQLite keeps it as it is, and would make a number of an instant."""

    inherit_cache = True


def given(**columns: TypeEngine[Any]) -> Subquery:
    """Read the parameter `rows`: sequences with a value for each of these columns, in their order."""
    rows = _each(bindparam("rows", type_=_Rows())).table_valued("value", name="rows_given")
    fields = [
        _typed(rows.c.value.op("->>")(literal_column(str(place))), kind).label(name)
        for place, (name, kind) in enumerate(columns.items())
    ]
    return select(*fields).select_from(rows).subquery("given")


@compiles(_each, "sqlite")
def _each_in_sqlite(element: _each, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_each, "postgresql")
def _each_in_postgres(element: _each, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **options)} AS JSON))"


@compiles(_typed, "sqlite")
def _typed_in_sqlite(element: _typed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clause, **options)
