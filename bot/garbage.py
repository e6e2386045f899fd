"""The garbage collector, for a process that runs long.

Most of what it would look through is code and mapped classes, which stay: with Python's own thresholds that was a third
of what a post costs.
"""

import gc

NEW_OBJECTS = 50_000
"""So many come up before cycles are looked for among them; they are some megabytes at most."""


def leave_what_stays() -> None:
    """Look no more through what is there by now, and less often through what comes. Called when all has started."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)
