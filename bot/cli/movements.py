"""`runrate movements`: the changes of accounts' MRR, one by one or summed up."""

from functools import partial
from typing import Any, NamedTuple

import click

from bot.cli import console
from bot.cli.console import Console
from bot.cli.options import LIMIT, example, json_option, table_limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_table
from models import movement, workspace
from models.account import Account
from models.fact import MovementKind
from models.movement import Grouping, Movement
from scheduler.messages import money
from scheduler.messages.movement import KINDS

NONE_YET = "No movement yet. They come from a source, or with: runrate import --kind movements FILE"


class Groupings(click.ParamType[tuple[Grouping, ...]]):
    """What to sum by: words with commas between them."""

    name = "groupings"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Grouping, ...]:
        """Read the words; each may be said once."""
        words = [word.strip().lower() for word in str(value).split(",")]
        if not set(words) <= set(Grouping) or len(set(words)) < len(words):
            self.fail(f"{value!r} is none of: month, type, month,type.", param, ctx)
        return tuple(map(Grouping, words))


class Listing(NamedTuple):
    """Some movements with their accounts, and how many there are in all."""

    movements: list[tuple[Movement, Account]]
    total: int
    locale: str


class Sums(NamedTuple):
    """The rows of sums."""

    rows: list[dict[str, Any]]
    locale: str


@click.command(epilog=example("runrate movements", "runrate movements --group-by month,type --json"))
@click.option("--group-by", type=Groupings(), metavar="month,type", help="Sum by month (UTC), by type, or by both.")
@table_limit_option
@workspace_option
@json_option
def movements(
    *, group_by: tuple[Grouping, ...] | None, limit: int | None, workspace_id: str | None, as_json: bool
) -> None:
    """List MRR movements, newest first, or sum them up.

    In JSON, amounts are in minor units (cents). Sums are rows of month, type, currency, count and amount; amounts in
    different currencies are never added up.
    """
    if group_by:
        if limit:
            raise click.UsageError("--limit goes without --group-by, which always sums everything.")
        _print_sums(console.run(partial(_sum, workspace_id=workspace_id, by=group_by)), group_by, as_json=as_json)
        return
    most = limit or (None if as_json else LIMIT)
    listing = console.run(partial(_list, workspace_id=workspace_id, limit=most))
    if as_json:
        print_json([movement.as_json(*one) for one in listing.movements])
    elif not listing.movements:
        click.echo(NONE_YET)
    else:
        _print(listing)


async def _list(opened: Console, *, workspace_id: str | None, limit: int | None) -> Listing:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await movement.of_workspace(session, tenant.id, limit=limit)
        return Listing(found, await movement.count(session, tenant.id), tenant.locale)


async def _sum(opened: Console, *, workspace_id: str | None, by: tuple[Grouping, ...]) -> Sums:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        return Sums(await movement.totals(session, tenant.id, by=by), tenant.locale)


def _print(listing: Listing) -> None:
    rows = [
        (
            instant(one.occurred_at),
            of.display_name,
            _word(one.kind),
            _change(one, listing.locale),
            _mrr(one, listing.locale),
        )
        for one, of in listing.movements
    ]
    print_table(["When (UTC)", "Account", "Type", "Amount", "MRR"], rows, right={"Amount", "MRR"})
    if len(rows) < listing.total:
        click.echo(f"\n{len(rows):,} of {counted(listing.total, 'movement')}. --limit {listing.total} lists them all.")


def _print_sums(sums: Sums, by: tuple[Grouping, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(sums.rows)
    elif not sums.rows:
        click.echo(NONE_YET)
    else:
        rows = [
            (
                *(_word(row[grouping]) if grouping is Grouping.TYPE else row[grouping] for grouping in by),
                f"{row['count']:,}",
                money.signed(row["amount"], row["currency"], sums.locale),
            )
            for row in sums.rows
        ]
        headings = [*(grouping.capitalize() for grouping in by), "Movements", "Amount"]
        print_table(headings, rows, right={"Movements", "Amount"})


def _word(kind: str) -> str:
    drawn = KINDS[MovementKind(kind)]
    return f"{drawn.shape} {drawn.word}"


def _change(one: Movement, locale: str) -> str:
    return money.signed(one.amount_minor, one.currency, locale)


def _mrr(one: Movement, locale: str) -> str:
    if one.mrr_after_minor is None:
        return "–"
    return money.amount(one.mrr_after_minor, one.currency, locale)
