"""The rows of the benchmark by name, in the order in which they run. The first line of each is what it says."""

from collections.abc import Awaitable, Callable, Mapping

from bot.bench import engine, flow, intake, screens, sending, sums
from bot.bench.harness import Bench
from bot.bench.row import Row

ROWS: Mapping[str, Callable[[Bench], Awaitable[Row]]] = {
    "intake_single": intake.intake_single,
    "intake_batch": intake.intake_batch,
    "dispatch": sending.dispatch,
    "queue": sending.queue,
    "ceiling": flow.ceiling,
    "burst": flow.burst,
    "neighbour": flow.neighbour,
    "latency": flow.latency,
    "recaps": sums.recaps,
    "recap_render": screens.recap_render,
    "home_open": screens.home_open,
    "modal_open": screens.modal_open,
    "import_1m": engine.import_1m,
    "recompute": engine.recompute,
    "workers": sending.workers,
    "memory": flow.memory,
}
