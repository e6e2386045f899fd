"""The two cores of the intake rows: one for what is measured, another for its client."""

import os

SERVER, CLIENT = 0, -1
"""Places among the cores that this process may use: the first, and the last."""


def stay_on(place: int) -> None:
    """Keep this process on one core, where the system can do so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[place]})
