"""`runrate bench`: what this machine reaches with Runrate, beside what it reaches with the bare means."""

import asyncio
import tempfile
import time
from pathlib import Path

import click

from bot import logs
from bot.bench import report
from bot.bench.harness import Bench, hardware
from bot.bench.row import Row
from bot.bench.rows import ROWS
from bot.cli.options import example, json_option
from bot.cli.output import print_json
from models.base import UserError

DOCUMENT = Path("docs") / "benchmarks.md"


@click.command(epilog=example("runrate bench --only dispatch --only latency", "runrate bench --json"))
@click.option(
    "--only", "names", multiple=True, type=click.Choice(list(ROWS)), help="Measure this row; may be repeated."
)
@click.option("--full", "is_full", is_flag=True, help="Take the sizes that take long, up to 10 million movements.")
@click.option("--write", is_flag=True, help=f"Write what was measured to {DOCUMENT}.")
@json_option
def bench(names: tuple[str, ...], *, is_full: bool, write: bool, as_json: bool) -> None:
    """Measure what Runrate reaches on this machine, beside the bare means.

    It needs a quiet machine and about a quarter of an hour, and touches no database but its own. How far it is, it says
    on stderr. A goal that isn't met doesn't change the exit code.
    """
    if write and not DOCUMENT.parent.is_dir():
        raise UserError(f"There is no folder {DOCUMENT.parent} here. Run it in the folder that Runrate's code is in.")
    logs.configure(level="warning")
    started = time.monotonic()
    rows = asyncio.run(_measure(names or tuple(ROWS), is_full=is_full))
    seconds = time.monotonic() - started
    if write:
        DOCUMENT.write_text(report.markdown(hardware(), rows, seconds=seconds))
    if as_json:
        print_json({"hardware": hardware(), "seconds": round(seconds), "rows": [row.as_json() for row in rows]})
    else:
        report.show(hardware(), rows, seconds=seconds)


async def _measure(names: tuple[str, ...], *, is_full: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="runrate-bench-", ignore_cleanup_errors=True) as folder:
        measuring = Bench(folder=Path(folder), say=_say, is_full=is_full)
        rows = []
        with measuring.closing:
            for name in names:
                _say(f"{name}: {report.says(name)}")
                rows.append(await ROWS[name](measuring))
        return rows


def _say(line: str) -> None:
    click.echo(line, err=True)
