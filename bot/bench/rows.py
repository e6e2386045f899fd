"""The rows of the benchmark by name, in the order in which they run. The first line of each is what it says."""

from collections.abc import Awaitable, Callable, Mapping

from bot.bench import sending
from bot.bench.harness import Bench
from bot.bench.row import Row

ROWS: Mapping[str, Callable[[Bench], Awaitable[Row]]] = {
    "dispatch": sending.dispatch,
    "queue": sending.queue,
    "workers": sending.workers,
}
