"""What commands print: one JSON document, or words and tables for people. Logs never come here; they go to stderr."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import orjson

WIDEST = 60
GAP = "  "
_TURNS_TEXT = {"\u061c", "\u200e", "\u200f", *map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
"""Characters that change the direction of what follows; one in a name would reorder the rest of its row."""


def print_json(value: Any) -> None:
    """Print the document."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
    """Print aligned columns; the headings in `right` have numbers under them. Only the last column may be long."""
    cells = [[*map(plain, row[:-1]), plain(row[-1], widest=None)] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    for number, row in enumerate([headings, *cells]):
        padded = (
            _pad(cell, width, right=heading in right)
            for cell, width, heading in zip(row, widths, headings, strict=True)
        )
        line = GAP.join(padded).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def print_pairs(pairs: Mapping[str, str | None]) -> None:
    """Print names and values, one a line, without those that have none."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        if value:
            click.echo(f"{name:<{width}}{GAP}{plain(value, widest=None)}")


def instant(at: datetime | None) -> str:
    """Write an instant for a table whose heading says UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "–"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Write a number with its noun: 1 account, 2,000 accounts."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def plain(text: str, *, widest: int | None = WIDEST) -> str:
    """Make one line of a text from outside that moves no cursor, turns no writing and isn't too wide."""
    line = "".join(" " if unicodedata.category(one) in {"Cc", "Zl", "Zp"} else one for one in text)
    line = "".join(one for one in line if one not in _TURNS_TEXT)
    if widest is None or _width(line) <= widest:
        return line
    while _width(line) >= widest:
        line = line[:-1]
    return line.rstrip() + "…"


def _pad(cell: str, width: int, *, right: bool) -> str:
    space = " " * (width - _width(cell))
    return space + cell if right else cell + space


def _width(text: str) -> int:
    """Count the columns that a terminal gives a text: two for wide characters, none for combining ones."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else not unicodedata.combining(one) for one in text)
