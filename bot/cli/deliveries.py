"""`runrate deliveries`: the ledger of what is owed to whom, and what became of it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import click
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option, limit_option, workspace_option
from bot.cli.output import counted, instant, print_json, print_pairs, print_table
from models import channel, delivery, destination, lane, workspace
from models.delivery import OPEN, Attempt, Delivery, DeliveryState
from models.recipient import RecipientKind

NONE_YET = "Nothing is owed to anybody yet. A destination, made in Slack with /mrr new, hears of the next movement."


class Listing(NamedTuple):
    """The newest deliveries, the counts of all there ever were, and the channels' names by id."""

    deliveries: list[Delivery]
    counts: dict[str, int]
    channel_names: dict[str, str]


class Shown(NamedTuple):
    """One delivery with its attempts and, for people, the names of where it goes and what asked for it."""

    delivery: Delivery
    attempts: list[Attempt]
    recipient: str
    destination: str


@click.group(epilog=example("runrate deliveries list"))
def deliveries() -> None:
    """List what is owed to whom, and retry what failed."""


@deliveries.command("list", epilog=example("runrate deliveries list --state failed", "runrate deliveries list --json"))
@click.option("--state", type=click.Choice(DeliveryState, case_sensitive=False), help="Only deliveries in this state.")
@limit_option
@workspace_option
@json_option
def list_(*, state: DeliveryState | None, limit: int, workspace_id: str | None, as_json: bool) -> None:
    """List the newest deliveries, newest first, with the counts of all.

    Owed are delivered, skipped, failed, coalesced and open together; open are pending, sending, retrying and
    ambiguous. JSON: {"counts": {…}, "deliveries": […]}.
    """
    listing = console.run(partial(_list, workspace_id=workspace_id, state=state, limit=limit))
    if as_json:
        rows = [delivery.as_json(one) for one in listing.deliveries]
        print_json({"counts": listing.counts, "deliveries": rows})
    elif not listing.counts["owed"]:
        click.echo(NONE_YET)
    else:
        _print(listing, state)


@deliveries.command(epilog=example("runrate deliveries show del_01kbk3v6t5…"))
@click.argument("delivery_id", metavar="ID")
@workspace_option
@json_option
def show(delivery_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Show one delivery with each of its attempts, and what Slack answered."""
    shown = console.run(partial(_show, workspace_id=workspace_id, delivery_id=delivery_id))
    if as_json:
        log = [_attempt_json(attempt) for attempt in shown.attempts]
        print_json({**delivery.as_json(shown.delivery), "attempt_log": log})
    else:
        _print_one(shown)


@deliveries.command(epilog=example("runrate deliveries retry del_01kbk3v6t5…"))
@click.argument("delivery_id", metavar="ID")
@workspace_option
@json_option
def retry(delivery_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Send a failed delivery again, or one at once that waits to be tried again.

    The running serve or worker sends it.
    """
    retried = console.run(partial(_retry, workspace_id=workspace_id, delivery_id=delivery_id))
    if as_json:
        print_json(delivery.as_json(retried))
    else:
        click.echo(f"{retried.id} is owed again. runrate deliveries show {retried.id} says what becomes of it.")


async def _list(opened: Console, *, workspace_id: str | None, state: DeliveryState | None, limit: int) -> Listing:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        by_state = await delivery.count_by_state(session, tenant.id)
        return Listing(
            await delivery.of_workspace(session, tenant.id, state=state, limit=limit),
            _counts(by_state),
            await _channel_names(session, tenant.id),
        )


async def _show(opened: Console, *, workspace_id: str | None, delivery_id: str) -> Shown:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await delivery.get(session, tenant.id, delivery_id)
        channel_names = await _channel_names(session, tenant.id)
        names = await destination.names(session, tenant.id)
        return Shown(
            found,
            await delivery.attempts_of(session, found.id),
            _recipient(found, channel_names),
            names[found.asked_by],
        )


async def _retry(opened: Console, *, workspace_id: str | None, delivery_id: str) -> Delivery:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        retried = await delivery.retry(session, tenant.id, delivery_id, by=BY, now=opened.now)
        await lane.hurry(session, tenant.id, retried.target, now=opened.now)
        return retried


def _counts(by_state: Mapping[DeliveryState, int]) -> dict[str, int]:
    totals = {"owed": sum(by_state.values()), "open": sum(by_state[state] for state in OPEN)}
    return totals | {state.value: number for state, number in by_state.items()}


async def _channel_names(session: AsyncSession, workspace_id: str) -> dict[str, str]:
    return {channel_id: known.name for channel_id, known in (await channel.known(session, workspace_id)).items()}


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": attempt.started_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat(),
        "answer": attempt.answer,
    }


def _print(listing: Listing, state: DeliveryState | None) -> None:
    counts = listing.counts
    shown = ("delivered", "skipped", "failed", "coalesced", "open")
    parts = ", ".join(f"{counts[name]:,} {name}" for name in shown if counts[name])
    click.echo(f"{counted(counts['owed'], 'delivery', 'deliveries')} owed: {parts}.\n")
    if not listing.deliveries:
        click.echo(f"None is {state}.")
        return
    rows = [
        (one.id, instant(one.created_at), _recipient(one, listing.channel_names), one.state, one.reason or "")
        for one in listing.deliveries
    ]
    print_table(["Delivery", "Owed since (UTC)", "To", "State", "Reason"], rows)


def _print_one(shown: Shown) -> None:
    one = shown.delivery
    print_pairs(
        {
            "Delivery": one.id,
            "State": one.state,
            "Reason": one.reason,
            "Fix": one.fix,
            "To": shown.recipient,
            "Asked for by": f"“{shown.destination}”",
            "Tells": f"{one.fact_kind} {one.fact_id}",
            "Owed since": f"{instant(one.created_at)} UTC",
            "Next try": f"{instant(one.due_at)} UTC" if one.state in OPEN else None,
            "Settled": f"{instant(one.settled_at)} UTC" if one.settled_at else None,
        }
    )
    if not shown.attempts:
        click.echo("\nNot tried yet." if one.state in OPEN else "\nIt was never tried.")
        return
    click.echo()
    rows = [
        (str(attempt.number), f"{attempt.started_at:%Y-%m-%d %H:%M:%S}", attempt.answer) for attempt in shown.attempts
    ]
    print_table(["Attempt", "Began (UTC)", "Answer"], rows, right={"Attempt"})


def _recipient(one: Delivery, channel_names: dict[str, str]) -> str:
    if one.recipient_kind == RecipientKind.CHANNEL and one.target in channel_names:
        return f"#{channel_names[one.target]}"
    return one.target
