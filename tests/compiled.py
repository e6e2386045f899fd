"""What tests spare their databases: SQL is compiled once a process, and SQLite doesn't wait for the disk.

Each test has a database of its own, and so engines of its own. Each of them would compile all statements anew, which
took a third of the suite's time.
"""

from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event

from models import database

_dialects: dict[tuple[str, str], Dialect] = {}
_compiled: dict[Any, Any] = {}


def share() -> None:
    """Let all engines of this process share what they compile, and SQLite wait for no disk.

    What is lost this way is lost only with the machine.
    """
    event.listen(Engine, "engine_connect", _take_compiled)
    # Not by an event of the engine's: cancelled in one, nobody gives the connection back.
    database.SETTINGS = (*database.SETTINGS, "synchronous=OFF")


def _take_compiled(connection: Connection) -> None:
    """Speak the dialect of the first engine of this kind, under which statements are remembered."""
    dialect = connection.dialect
    connection.dialect = _dialects.setdefault((dialect.name, dialect.driver), dialect)
    connection.execution_options(compiled_cache=_compiled)
