"""How the benchmark's rows are shown: a table in the terminal, and `docs/benchmarks.md`."""

import inspect
import math
from collections.abc import Sequence

import click

from bot.bench.row import Row
from bot.bench.rows import ROWS
from bot.cli.output import print_table

HEADINGS = ("row", "ours", "beside", "ratio", "goal", "met", "unit")

DOCUMENT = """# Benchmarks

What Runrate reaches beside the bare means, on one machine and in one run of `make bench`, which wrote this page.
The figures are medians of paired runs; how each is measured stands in `bot/bench`.

{hardware}. The run took {minutes:.0f} minutes.

{table}

{sentences}
"""


def says(name: str) -> str:
    """Say in one sentence what a row measures."""
    return (inspect.getdoc(ROWS[name]) or "").partition("\n\n")[0].replace("\n", " ")


def show(hardware: str, rows: Sequence[Row], *, seconds: float) -> None:
    """Print the rows as a table, and beneath it what must be known beside the figures."""
    click.echo(hardware)
    print_table(HEADINGS, [_cells(row) for row in rows], right=("ours", "beside", "ratio"))
    for row in rows:
        for line in _remarks(row):
            click.echo(f"{row.name}: {line}")
    click.echo(f"It took {seconds / 60:.1f} minutes.")


def markdown(hardware: str, rows: Sequence[Row], *, seconds: float) -> str:
    """Write the page."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    sentences = [" ".join([f"- `{row.name}`: {says(row.name)}", *map(_sentence, _remarks(row))]) for row in rows]
    return DOCUMENT.format(
        hardware=hardware, minutes=seconds / 60, table="\n".join(lines), sentences="\n".join(sentences)
    )


def _cells(row: Row) -> list[str]:
    return [
        row.name,
        _number(row.ours),
        _number(row.beside),
        _number(row.ratio),
        row.goal,
        "yes" if row.met else "no",
        row.unit,
    ]


def _remarks(row: Row) -> list[str]:
    client = f"the client used {row.client:.0%} of a core" if row.client and not row.warnings else ""
    return [text for text in (row.note, client, *row.warnings) if text]


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits say enough
