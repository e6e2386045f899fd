"""`runrate accounts`: the customer companies, and those that may become it."""

from functools import partial
from typing import NamedTuple

import click

from bot.cli import console
from bot.cli.console import Console
from bot.cli.options import LIMIT, example, json_option, table_limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_table
from models import account, workspace
from models.account import Account
from models.fact import AccountStatus
from scheduler.messages import money

NONE_YET = "No account yet. They come with a source's first event, or with: runrate import --kind accounts FILE"


class Listing(NamedTuple):
    """Some accounts, and how many there are in all."""

    accounts: list[Account]
    total: int
    locale: str


@click.group(epilog=example("runrate accounts list"))
def accounts() -> None:
    """List accounts."""


@accounts.command("list", epilog=example("runrate accounts list --status churned", "runrate accounts list --json"))
@click.option("--status", type=click.Choice(AccountStatus, case_sensitive=False), help="Only accounts of this status.")
@table_limit_option
@workspace_option
@json_option
def list_(*, status: AccountStatus | None, limit: int | None, workspace_id: str | None, as_json: bool) -> None:
    """List accounts by their external id. In JSON, money is in minor units (cents)."""
    most = limit or (None if as_json else LIMIT)
    listing = console.run(partial(_list, workspace_id=workspace_id, status=status, limit=most))
    if as_json:
        print_json([account.as_json(one) for one in listing.accounts])
    elif not listing.accounts:
        click.echo(f"No account has the status {status}." if status else NONE_YET)
    else:
        _print(listing)


async def _list(
    opened: Console, *, workspace_id: str | None, status: AccountStatus | None, limit: int | None
) -> Listing:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await account.of_workspace(session, tenant.id, status=status, limit=limit)
        return Listing(found, await account.count(session, tenant.id, status=status), tenant.locale)


def _print(listing: Listing) -> None:
    rows = [
        (one.display_name, one.external_id, one.status, _mrr(one, listing.locale), instant(one.updated_at))
        for one in listing.accounts
    ]
    print_table(["Account", "External id", "Status", "MRR", "Updated (UTC)"], rows, right={"MRR"})
    if len(rows) < listing.total:
        click.echo(f"\n{len(rows):,} of {counted(listing.total, 'account')}. --limit {listing.total} lists them all.")


def _mrr(one: Account, locale: str) -> str:
    if one.mrr_minor is None or one.currency is None:
        return "–"
    return money.amount(one.mrr_minor, one.currency, locale)
