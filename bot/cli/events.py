"""`runrate events`: what came in, and what became of it."""

from functools import partial
from typing import Any, NamedTuple

import click

from bot import logs
from bot.cli import console
from bot.cli.console import Console
from bot.cli.options import example, json_option, limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_table
from models import event, source, workspace
from models.event import Event, EventState

NONE_YET = "No event has come in yet. runrate sources list shows which sources there are."


class Listing(NamedTuple):
    """The newest events, their sources' names by id, and the counts of all events there ever were."""

    events: list[Event]
    source_names: dict[str, str]
    counts: dict[str, int]


@click.group(epilog=example("runrate events list"))
def events() -> None:
    """List what came in, and why any of it was refused."""


@events.command("list", epilog=example("runrate events list --state refused", "runrate events list --json"))
@click.option("--state", type=click.Choice(EventState, case_sensitive=False), help="Only events in this state.")
@limit_option
@workspace_option
@json_option
def list_(*, state: EventState | None, limit: int, workspace_id: str | None, as_json: bool) -> None:
    """List the newest events, newest first, with the counts of all.

    Received are applied, duplicate, refused and waiting together. JSON: {"counts": {…}, "events": […]}.
    """
    listing = console.run(partial(_list, workspace_id=workspace_id, state=state, limit=limit))
    if as_json:
        print_json({"counts": listing.counts, "events": [_as_json(one, listing) for one in listing.events]})
    elif not listing.counts["received"]:
        click.echo(NONE_YET)
    else:
        _print(listing, state)


async def _list(opened: Console, *, workspace_id: str | None, state: EventState | None, limit: int) -> Listing:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        return Listing(
            await event.of_workspace(session, tenant.id, state=state, limit=limit),
            await source.names(session, tenant.id),
            await event.count_by_state(session, tenant.id),
        )


def _as_json(one: Event, listing: Listing) -> dict[str, Any]:
    shown = event.as_json(one)
    words = {name: _without_secrets(shown[name]) for name in ("record", "field", "reason")}
    return {**shown, **words, "source": listing.source_names.get(one.source_id)}


def _without_secrets(text: str | None) -> str | None:
    """Take out what a sender put into a field's name or an id, and the refusal repeats."""
    return logs.SECRETS.sub(logs.HIDDEN, text) if text is not None else None


def _print(listing: Listing, state: EventState | None) -> None:
    counts = listing.counts
    parts = ", ".join(f"{counts[name]:,} {name}" for name in ("applied", "duplicate", "refused", "waiting"))
    click.echo(f"{counted(counts['received'], 'event')} received: {parts}.\n")
    if not listing.events:
        click.echo(f"None is {state}.")
        return
    rows = [
        (instant(one.received_at), listing.source_names.get(one.source_id, "–"), one.kind, one.state, _refusal(one))
        for one in listing.events
    ]
    print_table(["Received (UTC)", "Source", "Kind", "State", "Refused because"], rows)


def _refusal(one: Event) -> str:
    return _without_secrets(": ".join(filter(None, (one.refused_field, one.refused_because)))) or ""
