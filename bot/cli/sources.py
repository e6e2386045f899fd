"""`runrate sources`: where events come from."""

from functools import partial
from typing import Any

import click

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import instant, print_json, print_pairs, print_table
from models import source, workspace
from models.source import KEY_PREFIX, AccountCreation, Source, SourceKind

KINDS = [kind for kind in SourceKind if kind is not SourceKind.CSV]
"""What can be added. A source of kind csv has no webhook; `runrate import` makes it."""

MASK = f"{KEY_PREFIX}_********"
NONE_YET = "No source yet. Add one with: runrate sources add --kind api --name Billing"


@click.group(epilog=example("runrate sources add --kind api --name Billing"))
def sources() -> None:
    """Add, list and remove sources, where events come from."""


@sources.command(
    epilog=example(
        "runrate sources add --kind chartmogul --name ChartMogul",
        "runrate sources add --kind segment --name Website --account-creation contact",
    )
)
@click.option("--kind", type=click.Choice(KINDS, case_sensitive=False), required=True, help="What will send.")
@click.option("--name", required=True, help="What people call it; unique, at most 80 characters.")
@click.option(
    "--account-creation",
    type=click.Choice(AccountCreation, case_sensitive=False),
    help="For segment: an account comes with the user's company (default), or with each contact.",
)
@workspace_option
@json_option
def add(
    *,
    kind: SourceKind,
    name: str,
    account_creation: AccountCreation | None,
    workspace_id: str | None,
    as_json: bool,
) -> None:
    """Add a source, and print its webhook URL and its key.

    Whoever knows the URL can send; keep it like a password.
    """
    if account_creation and kind is not SourceKind.SEGMENT:
        raise click.UsageError("--account-creation is for sources of kind segment.")
    creation = account_creation or AccountCreation.COMPANY
    added = console.run(
        partial(_add, workspace_id=workspace_id, kind=kind, name=name, account_creation=creation), upgrades=True
    )
    if as_json:
        print_json(added)
        return
    write_key = added["key"] if kind is SourceKind.SEGMENT else None
    print_pairs({"Source": added["name"], "Id": added["id"], "Webhook URL": added["url"], "Write key": write_key})


@sources.command("list", epilog=example("runrate sources list", "runrate sources list --show-keys --json"))
@click.option("--show-keys", is_flag=True, help="Print the keys and whole URLs. The audit notes that you did.")
@workspace_option
@json_option
def list_(*, show_keys: bool, workspace_id: str | None, as_json: bool) -> None:
    """List the sources. Their keys are masked."""
    rows = console.run(partial(_reveal if show_keys else _list, workspace_id=workspace_id))
    if as_json:
        print_json([row for row, _ in rows])
    elif not rows:
        click.echo(NONE_YET)
    else:
        cells = [
            (row["name"], row["kind"], row["id"], instant(found.last_event_at), row["url"] or "runrate import")
            for row, found in rows
        ]
        print_table(["Source", "Kind", "Id", "Last event (UTC)", "Webhook URL"], cells)


@sources.command(epilog=example("runrate sources remove Billing"))
@click.argument("name_or_id", metavar="NAME|ID")
@workspace_option
@json_option
def remove(name_or_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Remove a source: its webhook answers 404 from now on. What it brought stays."""
    removed = console.run(partial(_remove, workspace_id=workspace_id, name_or_id=name_or_id))
    if as_json:
        print_json({"id": removed.id, "kind": removed.kind, "name": removed.name})
    else:
        click.echo(f"“{removed.name}” is removed. What it brought stays.")


async def _add(
    opened: Console, *, workspace_id: str | None, kind: SourceKind, name: str, account_creation: AccountCreation
) -> dict[str, Any]:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        added, key = await source.add(
            session,
            tenant.id,
            kind=kind,
            name=name,
            keyring=opened.keyring,
            by=BY,
            now=opened.now,
            account_creation=account_creation,
        )
    return _row(opened, added, key)


async def _list(opened: Console, *, workspace_id: str | None) -> list[tuple[dict[str, Any], Source]]:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.of_workspace(session, tenant.id)
        return [(_row(opened, one, MASK if one.kind in KINDS else None), one) for one in found]


async def _reveal(opened: Console, *, workspace_id: str | None) -> list[tuple[dict[str, Any], Source]]:
    keyring = opened.keyring
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.of_workspace(session, tenant.id)
        shown = {
            one.id: await source.reveal(session, one, keyring=keyring, by=BY, now=opened.now)
            for one in found
            if one.kind in KINDS
        }
        return [(_row(opened, one, shown.get(one.id)), one) for one in found]


async def _remove(opened: Console, *, workspace_id: str | None, name_or_id: str) -> Source:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.named(session, tenant.id, name_or_id)
        await source.remove(session, found, by=BY, now=opened.now)
        return found


def _row(opened: Console, one: Source, key: str | None) -> dict[str, Any]:
    url = opened.webhook_url(key) if key is not None else None
    return {"id": one.id, "kind": one.kind, "name": one.name, "url": url, "key": key}
