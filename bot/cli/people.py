"""`runrate people`: what is stored of one person, to be handed over or erased."""

from functools import partial

import click

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import plain, print_json, print_table
from models import dossier, event, source, workspace
from models.base import UserError, new_id
from models.dossier import Dossier
from scheduler.apply import apply_waiting
from scheduler.erase import erase_forgotten

NOTHING = "Nothing is stored of {}."
STAYS = (
    "What is stored of a colleague stays: Slack says who is in the workspace, and your CRM who holds a role. "
    "What was posted to Slack stays there."
)
UNDER_WAY = "It is noted that {} is to be erased; the worker that is running does it within a minute."


class NotConfirmedError(UserError):
    """Nothing was erased."""


@click.group(epilog=example("runrate people export ada@acme.io --json"))
def people() -> None:
    """Export or erase what is stored of one person."""


@people.command(epilog=example("runrate people export ada@acme.io --json > ada.json"))
@click.argument("who", metavar="EMAIL|ID")
@workspace_option
@json_option
def export(*, who: str, workspace_id: str | None, as_json: bool) -> None:
    """Say what is stored of whoever has this e-mail address, user id, anonymous id or Slack user id.

    Colleagues in Slack are found too. With --json, print all of it. The audit notes that you did; of whom, only a hash.
    """
    found = console.run(partial(_compile, who=who.strip(), workspace_id=workspace_id, action="person.exported"))
    _print(who, found, as_json=as_json)


@people.command(epilog=example("runrate people erase ada@acme.io --dry-run", "runrate people erase u_1024 --yes"))
@click.argument("who", metavar="EMAIL|ID")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@workspace_option
@json_option
def erase(*, who: str, dry_run: bool, yes: bool, workspace_id: str | None, as_json: bool) -> None:
    """Erase a contact from all that was said until now. It can't be brought back.

    What sources say of the same person later begins a new contact: erase them there first.
    """
    who = who.strip()
    found = console.run(partial(_compile, who=who, workspace_id=workspace_id))
    if dry_run:
        _print(who, found, as_json=as_json)
        return
    if not yes:
        if not as_json:
            _print_counts(who, found)
        if not click.confirm(f"Erase {plain(who)}?", err=True):
            raise NotConfirmedError
    left = console.run(partial(_erase, who=who, workspace_id=workspace_id))
    if as_json:
        print_json({"erased": not left.contact_is_known, "left": left.counts()})
    elif left.contact_is_known:
        click.echo(UNDER_WAY.format(plain(who)))
    else:
        click.echo(f"{plain(who)} is erased.")
        if left.counts()["colleague"]:
            click.echo(STAYS)


async def _compile(opened: Console, *, who: str, workspace_id: str | None, action: str | None = None) -> Dossier:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await dossier.compile_for(session, tenant.id, who)
    if action is not None:
        async with opened.database.write() as session:
            dossier.record(session, tenant.id, who, by=BY, action=action, now=opened.now)
    return found


async def _erase(opened: Console, *, who: str, workspace_id: str | None) -> Dossier:
    """Erase somebody as Segment's `delete` does; give what is left."""
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        origin = await source.the_import(session, tenant.id, keyring=opened.keyring, now=opened.now)
        asked = dossier.erasing(tenant.id, origin.id, who, key=new_id("era", opened.now), now=opened.now)
        await event.store(session, [asked])
        dossier.record(session, tenant.id, who, by=BY, action="person.erased", now=opened.now)
    while await apply_waiting(opened.database, now=opened.now):
        pass
    await erase_forgotten(opened.database)
    return await _compile(opened, who=who, workspace_id=tenant.id)


def _print(who: str, found: Dossier, *, as_json: bool) -> None:
    if as_json:
        print_json(vars(found))
    else:
        _print_counts(who, found)


def _print_counts(who: str, found: Dossier) -> None:
    rows = [
        (part.capitalize(), kind.replace("_", " "), f"{number:,}")
        for part, kinds in found.counts().items()
        for kind, number in kinds.items()
    ]
    if not rows:
        click.echo(NOTHING.format(plain(who)))
        return
    print_table(["As", "In", "Rows"], rows, right={"Rows"})
