"""`runrate import`: history from a file, through the inbox like everything else, and posted to nobody.

What can't be taken is written, row by row, to a file beside the import's. Importing a file again adds nothing: a row
that is known counts as a duplicate, and is applied once more, since what the file says is so again.
"""

import dataclasses
import sys
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson

from bot.cli import columns, console, rows
from bot.cli.console import Console
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import counted, print_json
from bot.cli.rows import Form, Row, Rows
from handlers.raw import keepable
from handlers.senders import api
from handlers.senders.reading import Received, Refused, digest, identifier
from models import event, history, source, workspace
from models.base import UserError
from models.event import EventOutcome, NewEvent
from models.fact import dump_facts
from scheduler.apply import apply_waiting

KINDS = {"movements": "movement", "accounts": "account", "contacts": "contact", "roles": "role"}
CHUNK = 500
"""Rows a transaction, so that a running Runrate never waits long for its own writes."""


class NothingTakenError(UserError):
    """Every row was refused."""


class RefusedFileError(UserError):
    """The refused rows can't be written."""


@dataclasses.dataclass
class Tally:
    """What became of the rows so far."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    refused: int = 0
    refused_file: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as `runrate import --json` prints it."""
        return dataclasses.asdict(self)


@click.command("import", epilog=example("runrate import --kind movements movements.csv"))
@click.option("--kind", type=click.Choice(list(KINDS), case_sensitive=False), required=True, help="What the rows are.")
@click.option(
    "--refused",
    "refused_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused rows are written, with their reasons. [default: FILE.refused.jsonl]",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@workspace_option
@json_option
def import_(*, kind: str, refused_path: Path | None, file: Path, workspace_id: str | None, as_json: bool) -> None:
    """Bring in history from FILE: a JSON array, JSON lines, or CSV whose first line names the columns.

    Rows have the fields of the JSON that sources send (docs/intake.md); a CSV's attributes are columns such as
    attributes.Country. Movements without an id that say the same are one movement.

    Nothing is posted. Importing the same file again adds nothing.
    """
    refused_path = refused_path or file.with_name(f"{file.name}.refused.jsonl")
    if refused_path.resolve() == file.resolve():
        raise click.UsageError("--refused names the file that is imported. Name another.")
    found = rows.look_at(file)
    if found.form is Form.CSV:
        columns.check(found.header, KINDS[kind])
    work = partial(
        _import,
        found=found,
        kind=KINDS[kind],
        total=found.count(),
        refused=RefusedRows(refused_path),
        workspace_id=workspace_id,
        shows_progress=not as_json and sys.stderr.isatty(),
    )
    tally = console.run(work, upgrades=True)
    if as_json:
        print_json(tally.as_json())
    else:
        _print(tally)
    if tally.read and tally.refused == tally.read:
        raise NothingTakenError(f"Every row was refused; {tally.refused_file} says why.")


class RefusedRows:
    """The file of refused rows. It is made when the first one comes."""

    def __init__(self, path: Path) -> None:
        """Take where it will be."""
        self.path = path
        self._is_begun = False

    def write(self, refused: list[tuple[Row, Refused]]) -> None:
        """Write rows as JSON lines, each with its number, field and reason."""
        if not refused:
            return
        lines = b"".join(orjson.dumps(_refused_json(row, record)) + b"\n" for row, record in refused)
        try:
            with self.path.open("ab" if self._is_begun else "wb") as file:
                file.write(lines)
        except OSError as error:
            raise RefusedFileError(
                f"{self.path} can't be written ({error.strerror}). Name another file with --refused, and import again."
            ) from error
        self._is_begun = True


async def _import(
    opened: Console,
    *,
    found: Rows,
    kind: str,
    total: int,
    refused: RefusedRows,
    workspace_id: str | None,
    shows_progress: bool,
) -> Tally:
    """Take the file in chunks, each in a transaction of its own, and apply each before the next."""
    keyring, tally = opened.keyring, Tally()
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        origin = await source.the_import(session, tenant.id, keyring=keyring, now=opened.now)
    with click.progressbar(length=total, label="Importing", file=sys.stderr, hidden=not shows_progress) as bar:
        for chunk in _chunks(found, kind):
            records = _read(chunk, kind, opened)
            taken = [_event(record, tenant.id, origin.id, opened) for record in records if isinstance(record, Received)]
            outcomes = await _store(opened, taken)
            _settle(tally, chunk, records, outcomes, refused)
            bar.update(len(chunk))
    if kind == "movement" and tally.stored:
        async with opened.database.write() as session:
            await history.owe(session, origin, now=opened.now)
    return tally


def _chunks(found: Rows, kind: str) -> Iterator[list[Row]]:
    rest = (_with_record(row, kind) for row in found) if found.form is Form.CSV else iter(found)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _with_record(row: Row, kind: str) -> Row:
    return row if row.problem else dataclasses.replace(row, value=columns.record(row.value, kind))


def _read(chunk: list[Row], kind: str, opened: Console) -> list[Received | Refused]:
    """Read rows as the sender of kind `api` reads them, so that a file and a call mean the same."""
    reading = api.read([_record(row, kind) for row in chunk], received_at=opened.now)
    return [_judge(row, record, kind) for row, record in zip(chunk, reading.records, strict=True)]


def _record(row: Row, kind: str) -> Any:
    if not isinstance(row.value, dict):
        return row.value
    return {"type": kind, **row.value}


def _judge(row: Row, record: Received | Refused, kind: str) -> Received | Refused:
    """Refuse what is of another kind, or was no row at all; key the rest by what it says."""
    if row.problem is not None:
        return _refuse(record, row, "row", row.problem)
    if isinstance(record, Refused):
        return record
    if record.kind != kind:
        return _refuse(record, row, "type", f"Its type is {record.kind}; import it with --kind {record.kind}s.")
    own_id = identifier(row.value.get("id") or row.value.get("external_id")) if kind == "movement" else None
    return dataclasses.replace(record, dedupe_key=f"{kind}:{own_id or digest(row.value)}")


def _refuse(record: Received | Refused, row: Row, field: str, reason: str) -> Refused:
    return Refused(
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        record=row.number,
        id=None,
        field=field,
        reason=reason,
        raw=row.value,
    )


def _event(record: Received, workspace_id: str, source_id: str, opened: Console) -> NewEvent:
    return NewEvent(
        workspace_id=workspace_id,
        source_id=source_id,
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        occurred_at=record.occurred_at,
        received_at=opened.now,
        facts=dump_facts(record.facts),
        is_history=True,
    )


async def _store(opened: Console, events: list[NewEvent]) -> list[EventOutcome]:
    async with opened.database.write() as session:
        outcomes = await event.store(session, events)
        known = [one for one, outcome in zip(events, outcomes, strict=True) if outcome is EventOutcome.DUPLICATE]
        await event.apply_again(session, known)
    while await apply_waiting(opened.database, now=opened.now, limit=CHUNK):
        pass
    return outcomes


def _settle(
    tally: Tally,
    chunk: list[Row],
    records: list[Received | Refused],
    outcomes: list[EventOutcome],
    refused: RefusedRows,
) -> None:
    """Count what became of a chunk, and write its refused rows down."""
    unfit = [(row, record) for row, record in zip(chunk, records, strict=True) if isinstance(record, Refused)]
    refused.write(unfit)
    tally.read += len(chunk)
    tally.stored += outcomes.count(EventOutcome.STORED)
    tally.duplicates += outcomes.count(EventOutcome.DUPLICATE)
    tally.refused += len(unfit)
    tally.refused_file = str(refused.path) if tally.refused else None


def _refused_json(row: Row, record: Refused) -> dict[str, Any]:
    return {
        "row": row.number,
        "line": row.line,
        "field": record.field,
        "reason": record.reason,
        "record": keepable(row.value) if row.value is not None else None,
    }


def _print(tally: Tally) -> None:
    click.echo(
        f"{counted(tally.read, 'row')} read: {tally.stored:,} stored, {tally.duplicates:,} known already, "
        f"{tally.refused:,} refused. Nothing is posted of them."
    )
    if tally.refused_file:
        click.echo(f"The refused rows, each with its reason, are in {tally.refused_file}.")
