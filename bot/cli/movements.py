"""`runrate movements`: the changes of accounts' MRR, one by one or summed up."""

from functools import partial
from typing import Any, NamedTuple

import click

from bot.cli import console
from bot.cli.console import Console
from bot.cli.options import LIMIT, example, json_option, table_limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_table
from models import movement, rate, subscription, workspace
from models.account import Account
from models.fact import MovementKind
from models.movement import Grouping, Movement
from models.rate import Rates
from models.subscription import Restatement
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


class Corrections(NamedTuple):
    """What was corrected, with the accounts."""

    rows: list[tuple[Restatement, Account]]
    locale: str


@click.command(epilog=example("runrate movements", "runrate movements --group-by month,type --json"))
@click.option("--group-by", type=Groupings(), metavar="month,type", help="Sum by month (UTC), by type, or by both.")
@click.option(
    "--in-base",
    is_flag=True,
    help="With --group-by month,type: convert to the base currency, with FX/other as a line of its own.",
)
@click.option("--corrections", is_flag=True, help="List what corrections of subscriptions changed, newest first.")
@table_limit_option
@workspace_option
@json_option
def movements(
    *,
    group_by: tuple[Grouping, ...] | None,
    in_base: bool,
    corrections: bool,
    limit: int | None,
    workspace_id: str | None,
    as_json: bool,
) -> None:
    """List MRR movements, newest first, or sum them up.

    In JSON, amounts are in minor units (cents). Sums are rows of month, type, currency, count and amount; amounts in
    different currencies are never added up, but with --in-base, by the rates that were imported: there the MRR at a
    month's start, its movements and fx_other make the MRR at its end.
    """
    if in_base and set(group_by or ()) != set(Grouping):
        raise click.UsageError("--in-base goes with --group-by month,type.")
    if corrections and group_by:
        raise click.UsageError("--corrections goes without --group-by.")
    if group_by:
        if limit:
            raise click.UsageError("--limit goes without --group-by, which always sums everything.")
        work = partial(_state if in_base else partial(_sum, by=group_by), workspace_id=workspace_id)
        _print_sums(console.run(work), group_by, as_json=as_json)
        return
    most = limit or (None if as_json else LIMIT)
    if corrections:
        _print_corrections(console.run(partial(_corrected, workspace_id=workspace_id, limit=most)), as_json=as_json)
        return
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


async def _state(opened: Console, *, workspace_id: str | None) -> Sums:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        rates = Rates(tenant.base_currency, await rate.of_workspace(session, tenant.id))
        return Sums(rate.by_month(await rate.moved(session, tenant.id), rates), tenant.locale)


async def _corrected(opened: Console, *, workspace_id: str | None, limit: int | None) -> Corrections:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        return Corrections(await subscription.restated(session, tenant.id, limit=limit), tenant.locale)


def _print_corrections(found: Corrections, *, as_json: bool) -> None:
    if as_json:
        print_json([subscription.as_json(*one) for one in found.rows])
    elif not found.rows:
        click.echo("No movement was corrected.")
    else:
        rows = [
            (
                instant(one.restated_at),
                instant(one.occurred_at),
                of.display_name,
                f"{_word(one.kind_before)} {money.signed(one.amount_before_minor, one.currency, found.locale)}",
                _since(one, found.locale),
            )
            for one, of in found.rows
        ]
        print_table(["Corrected (UTC)", "When (UTC)", "Account", "Was", "Is"], rows)


def _since(one: Restatement, locale: str) -> str:
    if one.kind is None or one.amount_minor is None:
        return "none"
    return f"{_word(one.kind)} {money.signed(one.amount_minor, one.currency, locale)}"


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
    if kind == rate.FX_OTHER:
        return "FX/other"
    drawn = KINDS[MovementKind(kind)]
    return f"{drawn.shape} {drawn.word}"


def _change(one: Movement, locale: str) -> str:
    return money.signed(one.amount_minor, one.currency, locale)


def _mrr(one: Movement, locale: str) -> str:
    if one.mrr_after_minor is None:
        return "–"
    return money.amount(one.mrr_after_minor, one.currency, locale)
