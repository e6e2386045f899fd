"""The rows of a file: a JSON array, JSON lines, or CSV with a header, told apart by how the file begins."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import orjson

from models.base import UserError

DELIMITERS = ",;\t"
BEGINNING = 64 * 1024


class FileUnreadableError(UserError):
    """The file can't be read."""


class Form(Enum):
    """How a file holds its rows."""

    JSON = auto()
    JSON_LINES = auto()
    CSV = auto()


class Row(NamedTuple):
    """One row: its number, from 1; the line on which it ends, where the form has lines; what it says.

    A row that can't be read has a `problem`, and what was read of it as its value.
    """

    number: int
    line: int | None
    value: Any
    problem: str | None = None


@dataclass(frozen=True)
class Rows:
    """The rows of a file that was looked at. They are read anew, one by one, each time they are asked for."""

    path: Path
    form: Form
    header: tuple[str, ...] = ()
    delimiter: str = ","
    names: Mapping[str, str] = field(default_factory=dict)
    """What the file calls its fields, and what they are read as."""

    def __iter__(self) -> Iterator[Row]:
        """Read the rows. Raises `FileUnreadableError` where the file stops being what it began as."""
        match self.form:
            case Form.JSON:
                return self._named(_of_document(self.path))
            case Form.JSON_LINES:
                return self._named(_of_lines(self.path))
            case Form.CSV:
                return _of_csv(self)

    def _named(self, found: Iterator[Row]) -> Iterator[Row]:
        return (_renamed(row, self.names) for row in found) if self.names else found

    def count(self) -> int:
        """Read the file once to its end, and say how many rows it has."""
        return sum(1 for _ in self)


def look_at(path: Path) -> Rows:
    """Find out how a file holds its rows; read a CSV's header."""
    beginning = _beginning(path).lstrip()
    first_line = beginning.partition("\n")[0]
    if beginning.startswith(("[", "{")):
        return Rows(path, Form.JSON_LINES if _is_record(first_line) else Form.JSON)
    delimiter = max(DELIMITERS, key=first_line.count)
    header = next(csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter), [])
    return Rows(path, Form.CSV, tuple(name.strip() for name in header), delimiter)


def renamed(found: Rows, names: Mapping[str, str]) -> Rows:
    """Read fields of a file as other ones than they are called. Refuses names that a CSV's header doesn't have."""
    absent = [theirs for theirs in names if found.form is Form.CSV and theirs not in found.header]
    if absent:
        raise FileUnreadableError(f"{found.path} has no column “{absent[0]}”, which --map names.")
    return replace(found, header=tuple(names.get(name, name) for name in found.header), names=names)


def _renamed(row: Row, names: Mapping[str, str]) -> Row:
    if not isinstance(row.value, dict):
        return row
    return row._replace(value={names.get(name, name): value for name, value in row.value.items()})


def _of_document(path: Path) -> Iterator[Row]:
    try:
        document = orjson.loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise FileUnreadableError(f"{path} is not JSON: {error}.") from error
    values = document.get("records", [document]) if isinstance(document, Mapping) else document
    if not isinstance(values, list):
        raise FileUnreadableError(f"{path} has no rows: “records” must be an array.")
    return (Row(number, None, value) for number, value in enumerate(values, 1))


def _of_lines(path: Path) -> Iterator[Row]:
    number = 0
    with path.open("rb") as file:
        for line_number, line in enumerate(file, 1):
            content = line.removeprefix(b"\xef\xbb\xbf").strip()
            if not content:
                continue
            number += 1
            try:
                yield Row(number, line_number, orjson.loads(content))
            except orjson.JSONDecodeError:
                yield Row(number, line_number, content.decode(errors="replace"), "The line is not JSON.")


def _of_csv(rows: Rows) -> Iterator[Row]:
    with _open(rows.path) as file:
        reader = csv.reader(file, delimiter=rows.delimiter, strict=True)
        filled = (cells for cells in reader if any(map(str.strip, cells)))
        try:
            next(filled, None)
            for number, cells in enumerate(filled, 1):
                yield _csv_row(rows, cells, number, reader.line_num)
        except csv.Error as error:
            raise FileUnreadableError(f"{rows.path} is no valid CSV at line {reader.line_num}: {error}.") from error
        except UnicodeDecodeError as error:
            raise _not_utf8(rows.path) from error


def _csv_row(rows: Rows, cells: list[str], number: int, line: int) -> Row:
    if len(cells) > len(rows.header):
        return Row(number, line, cells, f"It has {len(cells)} cells, and the header has {len(rows.header)}.")
    return Row(number, line, dict(zip(rows.header, cells, strict=False)))


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", newline="")


def _beginning(path: Path) -> str:
    try:
        with _open(path) as file:
            return file.read(BEGINNING)
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error


def _not_utf8(path: Path) -> FileUnreadableError:
    return FileUnreadableError(f"{path} is not in UTF-8. Save it as UTF-8 and import it again.")


def _is_record(line: str) -> bool:
    """Say whether a line is one row by itself, and neither the beginning of a document nor a whole one."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(value, dict) and not isinstance(value.get("records"), list)
