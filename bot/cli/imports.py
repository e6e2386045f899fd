"""`runrate import`: history from a file, through the inbox or into a table of its own, and posted to nobody.

What can't be taken is written, row by row, to a file beside the import's. Importing a file again adds nothing: a row
that is known counts as a duplicate, and is applied once more, since what the file says is so again. So an import that
was cut short is begun again.
"""

import dataclasses
import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cli import columns, console, direct, rows
from bot.cli.console import Console
from bot.cli.direct import Direct, Target
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import counted, print_json
from bot.cli.rows import Form, Row, Rows
from handlers.raw import keepable
from handlers.senders import api
from handlers.senders.reading import Received, Refused, digest, identifier
from handlers.senders.refusal import RecordRefusedError
from models import event, history, source, workspace
from models.base import UserError
from models.event import EventOutcome, NewEvent
from models.fact import dump_facts
from scheduler.apply import apply_waiting

KINDS = {
    "movements": "movement",
    "subscriptions": "subscription",
    "accounts": "account",
    "contacts": "contact",
    "roles": "role",
    "signals": "signal",
    "rates": "rate",
}
HISTORY = {"movement", "subscription"}
"""The kinds that last week's recap can be drawn from."""
CHUNK = 500
"""Rows a transaction, so that a running Runrate never waits long for its own writes."""
CHUNK_OF_TABLE = 10_000
"""The same of rows that go into a table of their own, which takes a twentieth of the time."""
COLLECTS_AFTER = 50_000
"""Objects, of which Python makes as many in a few milliseconds of an import."""


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


class Renaming(click.ParamType[tuple[str, str]]):
    """What a column is called, and what it is."""

    name = "renaming"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Read the two names."""
        theirs, equals, ours = str(value).partition("=")
        if not (theirs.strip() and equals and ours.strip()):
            self.fail(f"{value!r} is not like THEIRS=OURS.", param, ctx)
        return theirs.strip(), ours.strip()


@click.command("import", epilog=example("runrate import --kind movements movements.csv"))
@click.option("--kind", type=click.Choice(list(KINDS), case_sensitive=False), required=True, help="What the rows are.")
@click.option(
    "--map",
    "names",
    type=Renaming(),
    multiple=True,
    metavar="THEIRS=OURS",
    help="Read the file's column or field THEIRS as OURS; may be said several times.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be taken and refused.")
@click.option(
    "--refused",
    "refused_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where refused rows are written, with their reasons. [default: FILE.refused.jsonl]",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@workspace_option
@json_option
def import_(
    *,
    kind: str,
    names: Sequence[tuple[str, str]],
    dry_run: bool,
    refused_path: Path | None,
    file: Path,
    workspace_id: str | None,
    as_json: bool,
) -> None:
    """Bring in history from FILE: a JSON array, JSON lines, or CSV whose first line names the columns.

    Rows have the fields of the JSON that sources send (docs/intake.md); a CSV's attributes are columns such as
    attributes.country. Movements without an id that say the same are one movement.

    Subscriptions have subscription_id, account_id, start_date, end_date (not included, empty while it goes on), mrr (in
    major units, such as 420.00) and currency. Rates have date, currency and rate, which is what one unit is worth in
    the workspace's base currency.

    Nothing is posted. Importing the same file again adds nothing.
    """
    refused_path = refused_path or file.with_name(f"{file.name}.refused.jsonl")
    if refused_path.resolve() == file.resolve():
        raise click.UsageError("--refused names the file that is imported. Name another.")
    found = rows.renamed(rows.look_at(file), dict(names))
    if found.form is Form.CSV:
        (direct if KINDS[kind] in direct.KINDS else columns).check(found.header, KINDS[kind])
    work = partial(
        _import,
        found=found,
        kind=KINDS[kind],
        total=found.count(),
        refused=RefusedRows(refused_path),
        workspace_id=workspace_id,
        is_dry=dry_run,
        shows_progress=not as_json and sys.stderr.isatty(),
    )
    with _seldom_collecting():
        tally = console.run(work, upgrades=True)
    if as_json:
        print_json(tally.as_json())
    else:
        _print(tally, is_dry=dry_run)
    if tally.read and tally.refused == tally.read:
        raise NothingTakenError(f"Every row was refused; {tally.refused_file} says why.")


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let Python seldom look for garbage, and not among all that was loaded, which took two fifths of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECTS_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


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


class Taken(NamedTuple):
    """What came of a chunk: how many rows are new, how many were known, and the refused ones."""

    stored: int
    known: int
    refused: list[tuple[Row, Refused]]


Bar = Callable[[int, str], AbstractContextManager[Any]]
"""Makes a progress bar of so many steps under this label."""


async def _import(
    opened: Console,
    *,
    found: Rows,
    kind: str,
    total: int,
    refused: RefusedRows,
    workspace_id: str | None,
    is_dry: bool,
    shows_progress: bool,
) -> Tally:
    """Take the file in chunks, each in a transaction of its own, and apply each before the next."""

    def bar(length: int, label: str) -> AbstractContextManager[Any]:
        return click.progressbar(length=length, label=label, file=sys.stderr, hidden=not shows_progress)

    opened.database.expect_much()
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        origin = None if is_dry else await source.the_import(session, tenant.id, keyring=opened.keyring, now=opened.now)
    target = Target(workspace_id=tenant.id, source_id=origin.id if origin else "", now=opened.now)
    if kind in direct.KINDS:
        take, size = partial(_take_into_table, opened, kind=direct.KINDS[kind], target=target), CHUNK_OF_TABLE
    else:
        take, size = partial(_take_into_inbox, opened, kind=kind, target=target), CHUNK
    tally = Tally()
    with bar(total, "Importing") as progress:
        for chunk in _chunks(found, kind, size):
            _settle(tally, chunk, await take(chunk, is_dry=is_dry), refused)
            progress.update(len(chunk))
    if kind in direct.KINDS and not is_dry:
        await _finish(opened, direct.KINDS[kind], target, bar)
    if origin is not None and kind in HISTORY and tally.stored:
        async with opened.database.write() as session:
            await history.owe(session, origin, now=opened.now)
    return tally


async def _take_into_inbox(opened: Console, chunk: list[Row], *, kind: str, target: Target, is_dry: bool) -> Taken:
    """Store a chunk's events, and apply them."""
    records = _read(chunk, kind, opened)
    refused = [(row, record) for row, record in zip(chunk, records, strict=True) if isinstance(record, Refused)]
    taken = [_event(record, target) for record in records if isinstance(record, Received)]
    if is_dry:
        return Taken(len(taken), 0, refused)
    outcomes = await _store(opened, taken)
    return Taken(outcomes.count(EventOutcome.STORED), outcomes.count(EventOutcome.DUPLICATE), refused)


async def _take_into_table(opened: Console, chunk: list[Row], *, kind: Direct, target: Target, is_dry: bool) -> Taken:
    """Write a chunk's rows into their table."""
    read, refused = [], []
    for row in chunk:
        try:
            read.append(kind.read(_fields(row), now=target.now))
        except RecordRefusedError as refusal:
            refused.append((row, _refuse(row, refusal.field, refusal.reason)))
    if is_dry or not read:
        return Taken(len(read), 0, refused)
    known = await opened.database.transact(partial(_store_in_table, read=read, kind=kind, target=target))
    return Taken(len(read) - known, known, refused)


async def _store_in_table(session: AsyncSession, *, read: Sequence[Any], kind: Direct, target: Target) -> int:
    await workspace.hold_in_turn(session, target.workspace_id)
    return await kind.store(session, read, target=target)


def _fields(row: Row) -> dict[str, Any]:
    """Give what a row says, without the cells that say nothing."""
    if row.problem is not None:
        raise RecordRefusedError("row", row.problem)
    if not isinstance(row.value, dict):
        raise RecordRefusedError("record", "It must be a JSON object.")
    return {name: value for name, value in row.value.items() if value is not None and value != ""}


async def _finish(opened: Console, kind: Direct, target: Target, bar: Bar) -> None:
    async with opened.database.read() as session:
        number = await kind.left(session, target)
    with bar(number, "Counting") as progress:
        await kind.finish(opened.database, target, progress.update)


def _chunks(found: Rows, kind: str, size: int) -> Iterator[list[Row]]:
    has_facts = found.form is Form.CSV and kind not in direct.KINDS
    rest = (_with_record(row, kind) for row in found) if has_facts else iter(found)
    while chunk := list(islice(rest, size)):
        yield chunk


def _with_record(row: Row, kind: str) -> Row:
    return row if row.problem else row._replace(value=columns.record(row.value, kind))


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
        return _refuse(row, "row", row.problem, kind=record.kind)
    if isinstance(record, Refused):
        return record
    if record.kind != kind:
        return _refuse(
            row, "type", f"Its type is {record.kind}; import it with --kind {record.kind}s.", kind=record.kind
        )
    has_own_id = kind in {"movement", "signal"}
    own_id = identifier(row.value.get("id") or row.value.get("external_id")) if has_own_id else None
    return dataclasses.replace(record, dedupe_key=f"{kind}:{own_id or digest(row.value)}")


def _refuse(row: Row, field: str, reason: str, *, kind: str = "unknown") -> Refused:
    return Refused(kind=kind, dedupe_key="", record=row.number, id=None, field=field, reason=reason, raw=row.value)


def _event(record: Received, target: Target) -> NewEvent:
    return NewEvent(
        workspace_id=target.workspace_id,
        source_id=target.source_id,
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        occurred_at=record.occurred_at,
        received_at=target.now,
        facts=dump_facts(record.facts),
        is_history=True,
    )


async def _store(opened: Console, events: list[NewEvent]) -> list[EventOutcome]:
    async with opened.database.write() as session:
        outcomes = await event.store(session, events)
        known = [one for one, outcome in zip(events, outcomes, strict=True) if outcome is EventOutcome.DUPLICATE]
        await event.apply_again(session, known)
    # A long file is recorded when its rows come, so that recaps are corrected once no more of them do.
    while await apply_waiting(opened.database, now=datetime.now(UTC), limit=CHUNK):
        pass
    return outcomes


def _settle(tally: Tally, chunk: list[Row], taken: Taken, refused: RefusedRows) -> None:
    """Count what became of a chunk, and write its refused rows down."""
    refused.write(taken.refused)
    tally.read += len(chunk)
    tally.stored += taken.stored
    tally.duplicates += taken.known
    tally.refused += len(taken.refused)
    tally.refused_file = str(refused.path) if tally.refused else None


def _refused_json(row: Row, record: Refused) -> dict[str, Any]:
    return {
        "row": row.number,
        "line": row.line,
        "field": record.field,
        "reason": record.reason,
        "record": keepable(row.value) if row.value is not None else None,
    }


def _print(tally: Tally, *, is_dry: bool) -> None:
    read, refused = counted(tally.read, "row"), f"{tally.refused:,} refused"
    if is_dry:
        click.echo(f"{read} read: {tally.stored:,} can be taken, {refused}. Nothing was stored.")
    else:
        click.echo(
            f"{read} read: {tally.stored:,} stored, {tally.duplicates:,} known already, {refused}. "
            "Nothing is posted of them."
        )
    if tally.refused_file:
        click.echo(f"The refused rows, each with its reason, are in {tally.refused_file}.")
