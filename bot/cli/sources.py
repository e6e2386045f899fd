"""`runrate sources`: where events come from."""

import os
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TextIO

import click
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cli import console
from bot.cli.access import access_options, read_access
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import instant, print_json, print_pairs, print_table
from models import poll, source, stripe, workspace
from models.base import UserError
from models.source import KEY_PREFIX, POLLED, AccountCreation, Source, SourceKind

KINDS = [kind for kind in SourceKind if kind is not SourceKind.CSV]
"""What can be added. `runrate import` makes a source of kind csv."""

MASK = f"{KEY_PREFIX}_********"
REMOVED = "“{}” is removed. What it brought stays."
NONE_YET = "No source yet. Add one with: runrate sources add --kind api --name Billing"


API_KEYS = {SourceKind.CHARTMOGUL: "CHARTMOGUL_API_KEY", SourceKind.STRIPE: "STRIPE_API_KEY"}
"""Where the environment has the API key of each kind that can be polled."""

MOST_READ = 1000
SIGNING_SECRET = click.option(
    "--signing-secret",
    type=click.File(),
    metavar="FILE",
    help="For stripe: the file with the endpoint's signing secret, or - for standard input; or in the environment as "
    "STRIPE_SIGNING_SECRET.",
)


@click.group(epilog=example("runrate sources add --kind api --name Billing"))
def sources() -> None:
    """Add, list, rename, pause and remove sources, where events come from, and rotate their keys."""


@sources.command(
    epilog=example(
        "runrate sources add --kind chartmogul --name ChartMogul",
        "runrate sources add --kind segment --name Website --account-creation contact",
        "runrate sources add --kind hubspot --name HubSpot --role csm=csm_owner",
    )
)
@click.option("--kind", type=click.Choice(KINDS, case_sensitive=False), required=True, help="What will send.")
@click.option("--name", required=True, help="What people call it; unique, at most 80 characters.")
@click.option(
    "--account-creation",
    type=click.Choice(AccountCreation, case_sensitive=False),
    help="For segment: an account comes with the user's company (default), or with each contact.",
)
@click.option(
    "--api-key",
    help="The API key to poll with; better given in the environment: for chartmogul as CHARTMOGUL_API_KEY, for stripe "
    "as STRIPE_API_KEY.",
)
@access_options
@SIGNING_SECRET
@workspace_option
@json_option
def add(
    *,
    kind: SourceKind,
    name: str,
    account_creation: AccountCreation | None,
    api_key: str | None,
    signing_secret: TextIO | None,
    workspace_id: str | None,
    as_json: bool,
    **access: Any,
) -> None:
    """Add a source, and print its webhook URL and its key. A CRM has neither: it is asked.

    Whoever knows the URL can send; keep it like a password.
    """
    if account_creation and kind is not SourceKind.SEGMENT:
        raise click.UsageError("--account-creation is for sources of kind segment.")
    work = partial(
        _add,
        workspace_id=workspace_id,
        kind=kind,
        name=name,
        account_creation=account_creation or AccountCreation.COMPANY,
        api_key=(api_key or os.environ.get(API_KEYS[kind])) if kind in API_KEYS else None,
        secret=_secret(kind, signing_secret),
        opens=read_access(kind, access),
    )
    added = console.run(work, upgrades=True)
    if as_json:
        print_json(added)
        return
    write_key = added["key"] if kind is SourceKind.SEGMENT else None
    print_pairs({"Source": added["name"], "Id": added["id"], "Webhook URL": added["url"], "Write key": write_key})


def _secret(kind: SourceKind, given: TextIO | None) -> str | None:
    """Read a signing secret from where it was said to stand, or from the environment."""
    if given is not None and kind is not SourceKind.STRIPE:
        raise click.UsageError("--signing-secret is for sources of kind stripe.")
    written = given.read(MOST_READ) if given is not None else os.environ.get("STRIPE_SIGNING_SECRET", "")
    return written.strip() or None if kind is SourceKind.STRIPE else None


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
            (row["name"], row["kind"], row["id"], instant(found.last_event_at), row["url"] or _instead(found))
            for row, found in rows
        ]
        print_table(["Source", "Kind", "Id", "Last event (UTC)", "Webhook URL"], cells)


def _instead(found: Source) -> str:
    """Say what a source without a webhook has in its place."""
    return "is asked" if found.kind in POLLED else "runrate import"


NAMED = click.argument("name_or_id", metavar="NAME|ID")


@sources.command(epilog=example("runrate sources rename Billing Invoices"))
@NAMED
@click.argument("name", metavar="NEW-NAME")
@workspace_option
@json_option
def rename(name_or_id: str, name: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Give a source another name."""
    change = partial(_rename, name=name)
    _change(change, "It is called “{}” now.", name_or_id, workspace_id=workspace_id, as_json=as_json)


@sources.command(epilog=example("runrate sources rotate Billing", "runrate sources rotate Billing --leaked"))
@NAMED
@click.option("--leaked", is_flag=True, help="The old key stops at once. Otherwise it works for another 24 hours.")
@workspace_option
@json_option
def rotate(name_or_id: str, *, leaked: bool, workspace_id: str | None, as_json: bool) -> None:
    """Give a source a new key, and print its new webhook URL."""
    rotated = console.run(partial(_rotate, workspace_id=workspace_id, name_or_id=name_or_id, leaked=leaked))
    if as_json:
        print_json(rotated)
    else:
        old = "works no more" if leaked else "works for another 24 hours"
        print_pairs({"Source": rotated["name"], "Webhook URL": rotated["url"], "The old key": old})


@sources.command("sign", epilog=example("runrate sources sign Stripe --signing-secret secret.txt"))
@NAMED
@SIGNING_SECRET
@click.option("--only", is_flag=True, help="Forget the secrets before it. Otherwise all count, as while one is rolled.")
@workspace_option
@json_option
def sign(
    name_or_id: str, *, signing_secret: TextIO | None, only: bool, workspace_id: str | None, as_json: bool
) -> None:
    """Take what Stripe signs with a secret, which is kept encrypted and never shown."""
    secret = _secret(SourceKind.STRIPE, signing_secret)
    if secret is None:
        raise click.UsageError("Say where the secret stands: --signing-secret FILE, or STRIPE_SIGNING_SECRET.")
    work = partial(_sign, workspace_id=workspace_id, name_or_id=name_or_id, secret=secret, only=only)
    row, number = console.run(work)
    if as_json:
        print_json({**row, "signing_secrets": number})
    else:
        click.echo(
            f"“{row['name']}” takes what is signed with {'this secret' if number == 1 else f'{number} secrets'}."
        )


@sources.command(epilog=example("runrate sources pause Billing"))
@NAMED
@workspace_option
@json_option
def pause(name_or_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Pause a source: what it sends is stored, and applied once it is resumed."""
    words = "“{}” is paused. What it sends is stored, and applied once it is resumed."
    _change(source.pause, words, name_or_id, workspace_id=workspace_id, as_json=as_json)


@sources.command(epilog=example("runrate sources resume Billing"))
@NAMED
@workspace_option
@json_option
def resume(name_or_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Resume a paused source, and apply what it sent meanwhile."""
    words = "“{}” is resumed. What it sent meanwhile is being applied."
    _change(source.resume, words, name_or_id, workspace_id=workspace_id, as_json=as_json)


@sources.command(epilog=example("runrate sources remove Billing", "runrate sources remove Billing --with-data"))
@NAMED
@click.option("--with-data", is_flag=True, help="Delete what no other source told of, too. It can't be brought back.")
@workspace_option
@json_option
def remove(name_or_id: str, *, with_data: bool, workspace_id: str | None, as_json: bool) -> None:
    """Remove a source: its webhook answers 404 from now on. What it brought stays, unless --with-data is given."""
    change = partial(source.remove, is_forgotten=with_data)
    words = "“{}” is removed. What only it brought is being deleted." if with_data else REMOVED
    _change(change, words, name_or_id, workspace_id=workspace_id, as_json=as_json)


class Change(Protocol):
    """What changes a source."""

    async def __call__(self, session: AsyncSession, found: Source, /, *, by: str, now: datetime) -> None:
        """Change it, and audit that."""


def _change(work: Change, words: str, name_or_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Change a source, and say what became of it."""
    changed = console.run(partial(_apply, work=work, workspace_id=workspace_id, name_or_id=name_or_id))
    if as_json:
        print_json({"id": changed.id, "kind": changed.kind, "name": changed.name})
    else:
        click.echo(words.format(changed.name))


async def _apply(opened: Console, *, work: Change, workspace_id: str | None, name_or_id: str) -> Source:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.named(session, tenant.id, name_or_id)
        await work(session, found, by=BY, now=opened.now)
        return found


async def _rename(session: AsyncSession, found: Source, /, *, name: str, by: str, now: datetime) -> None:
    await source.rename(session, found, name, by=by, now=now)


async def _rotate(opened: Console, *, workspace_id: str | None, name_or_id: str, leaked: bool) -> dict[str, Any]:
    keyring = opened.keyring
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.named(session, tenant.id, name_or_id)
        key = await source.rotate(session, found, keyring=keyring, is_leaked=leaked, by=BY, now=opened.now)
    return _row(opened, found, key)


async def _sign(
    opened: Console, *, workspace_id: str | None, name_or_id: str, secret: str, only: bool
) -> tuple[dict[str, Any], int]:
    keyring = opened.keyring
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.named(session, tenant.id, name_or_id)
        if found.kind != SourceKind.STRIPE:
            raise UserError("Only a Stripe source has signing secrets.")
        if only:
            stripe.keep_secrets(session, found, (), by=BY, now=opened.now)
        stripe.add_secret(session, found, secret, keyring=keyring, by=BY, now=opened.now)
        return {"id": found.id, "kind": found.kind, "name": found.name}, len(found.signing_secrets)


async def _add(
    opened: Console,
    *,
    workspace_id: str | None,
    kind: SourceKind,
    name: str,
    account_creation: AccountCreation,
    api_key: str | None,
    opens: str | None,
    secret: str | None,
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
        if api_key:
            await poll.connect(
                session, added, credentials=poll.read_key(api_key), keyring=opened.keyring, by=BY, now=opened.now
            )
        if opens:
            await poll.connect(session, added, credentials=opens, keyring=opened.keyring, by=BY, now=opened.now)
        if secret:
            stripe.add_secret(session, added, secret, keyring=opened.keyring, by=BY, now=opened.now)
    return _row(opened, added, key if added.has_webhook else None)


async def _list(opened: Console, *, workspace_id: str | None) -> list[tuple[dict[str, Any], Source]]:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.of_workspace(session, tenant.id)
        return [(_row(opened, one, MASK if one.has_webhook else None), one) for one in found]


async def _reveal(opened: Console, *, workspace_id: str | None) -> list[tuple[dict[str, Any], Source]]:
    keyring = opened.keyring
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await source.of_workspace(session, tenant.id)
        shown = {
            one.id: await source.reveal(session, one, keyring=keyring, by=BY, now=opened.now)
            for one in found
            if one.has_webhook
        }
        return [(_row(opened, one, shown.get(one.id)), one) for one in found]


def _row(opened: Console, one: Source, key: str | None) -> dict[str, Any]:
    url = opened.webhook_url(key) if key is not None else None
    return {"id": one.id, "kind": one.kind, "name": one.name, "url": url, "key": key}
