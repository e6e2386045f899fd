"""`runrate accounts`: the customer companies, and those that may become it; and two of them made one."""

from functools import partial
from typing import Any, NamedTuple

import click

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import LIMIT, example, json_option, table_limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_pairs, print_table
from models import account, account_card, account_search, attribute, contact, duplicate, movement, role, workspace
from models.account import Account
from models.account_card import AccountCard
from models.fact import AccountStatus, MovementKind
from models.movement import Movement
from scheduler.messages import money
from scheduler.messages.account import STATUSES
from scheduler.messages.movement import KINDS
from scheduler.recount import recount_all_due

NONE_YET = "No account yet. They come with a source's first event, or with: runrate import --kind accounts FILE"


class Listing(NamedTuple):
    """Some accounts, and how many there are in all."""

    accounts: list[Account]
    total: int
    locale: str


class Shown(NamedTuple):
    """An account's card, all its movements, and the same as JSON."""

    card: AccountCard
    movements: list[Movement]
    document: dict[str, Any]


@click.group(epilog=example("runrate accounts list"))
def accounts() -> None:
    """List accounts, show one, and merge duplicates."""


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


@accounts.command("show", epilog=example("runrate accounts show Northwind", "runrate accounts show cus_1 --json"))
@click.argument("name")
@workspace_option
@json_option
def show(name: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Show an account by its name, domain or id, with its movements. In JSON, money is in minor units (cents)."""
    shown = console.run(partial(_show, workspace_id=workspace_id, name=name))
    if as_json:
        print_json(shown.document)
    else:
        _print_card(shown)


@accounts.command("merge", epilog=example("runrate accounts merge cus_9 cus_1"))
@click.argument("former", metavar="FROM")
@click.argument("kept", metavar="INTO")
@workspace_option
@json_option
def merge(former: str, kept: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Make the account FROM a part of the account INTO, for good, and recount its MRR.

    Movements, subscriptions, contacts, roles and signals go along, and so does what comes later for FROM.
    """
    document = console.run(partial(_merge, workspace_id=workspace_id, former=former, kept=kept))
    if as_json:
        print_json(document)
    else:
        click.echo(f"They are one account now: {document['name'] or document['external_id']}.")


async def _show(opened: Console, *, workspace_id: str | None, name: str) -> Shown:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        about = await account_search.the_one(session, tenant.id, name)
        card = await account_card.read(session, tenant.id, about.id, now=opened.now)
        assert card is not None  # noqa: S101 - it was found just now
        moved = await movement.of_account(session, tenant.id, about.id)
        held = await role.of_account(session, about.id)
        people = await contact.of_account(session, about.id, limit=card.contact_count)
        document = {
            **account.as_json(about),
            "aliases": list(card.aliases),
            "roles": [{"role": one.role, "email": one.email, "name": one.name} for one in held],
            "contacts": [{"name": one.display_name, "email": one.email, "title": one.title} for one in people],
            "movements": [movement.as_json(one, about) for one in moved],
        }
        return Shown(card, moved, document)


async def _merge(opened: Console, *, workspace_id: str | None, former: str, kept: str) -> dict[str, Any]:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        one, other = [await account_search.the_one(session, tenant.id, name) for name in (former, kept)]
        await duplicate.merge(session, tenant.id, one.id, other.id, by=BY, now=opened.now)
    await recount_all_due(opened.database, tenant.id, now=opened.now)
    async with opened.database.read() as session:
        merged = await account.get(session, tenant.id, other.id)
        assert merged is not None  # noqa: S101 - it stays
        return account.as_json(merged)


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


def _print_card(shown: Shown) -> None:
    card = shown.card
    mrr = (
        money.amount(card.mrr_minor, card.currency, card.locale)
        if card.mrr_minor is not None and card.currency
        else None
    )
    print_pairs(
        {
            "Account": card.name,
            "External id": ", ".join([card.external_id, *card.aliases]),
            "Status": STATUSES[card.status],
            "MRR": mrr,
            "Stage": card.sales_stage,
            "Plan": card.plan,
            "Domain": card.domain,
            **{f"Their {what}": who for what, who in card.roles},
            **{key: attribute.written(value) for key, value in card.attributes if value is not None},
        }
    )
    if shown.movements:
        click.echo()
        rows = [
            (
                instant(one.occurred_at),
                f"{KINDS[MovementKind(one.kind)].shape} {KINDS[MovementKind(one.kind)].word}",
                money.signed(one.amount_minor, one.currency, card.locale),
                one.plan or "",
            )
            for one in shown.movements[:LIMIT]
        ]
        print_table(["When (UTC)", "Type", "Amount", "Plan"], rows, right={"Amount"})
        if len(rows) < len(shown.movements):
            click.echo(f"\n{len(rows):,} of {counted(len(shown.movements), 'movement')}. --json lists them all.")
