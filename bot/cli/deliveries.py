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
from handlers.views.deliveries import REASONS, words
from models import channel, delivery, lane, ledger, person, workspace
from models.delivery import OPEN, RUNRATE, Attempt, Delivery, DeliveryState, SkipReason
from models.ledger import Asker, Told
from models.recipient import RecipientKind, To

NONE_YET = "Nothing is owed to anybody yet. A destination, made in Slack with /mrr new, hears of the next movement."


class Listing(NamedTuple):
    """The newest deliveries, the counts of all there ever were, and the names of channels and people by their ids."""

    deliveries: list[Delivery]
    counts: dict[str, int]
    names: dict[str, str]


class Shown(NamedTuple):
    """One delivery with its attempts, what it tells, what asked for it, and how many were merged into it."""

    delivery: Delivery
    attempts: list[Attempt]
    recipient: str
    told: Told
    asker: Asker | None
    merged: int


@click.group(epilog=example("runrate deliveries list"))
def deliveries() -> None:
    """List what is owed to whom, and retry what failed."""


@deliveries.command("list", epilog=example("runrate deliveries list --state failed", "runrate deliveries list --json"))
@click.option("--state", type=click.Choice(DeliveryState, case_sensitive=False), help="Only deliveries in this state.")
@click.option("--reason", metavar="WORDS", help="Only deliveries with these words in their reason, such as archived.")
@limit_option
@workspace_option
@json_option
def list_(
    *, state: DeliveryState | None, reason: str | None, limit: int, workspace_id: str | None, as_json: bool
) -> None:
    """List the newest deliveries, newest first, with the counts of all.

    Owed are delivered, skipped, failed and open together; open are pending, sending, retrying and ambiguous. What was
    merged into another message counts under that one's state. JSON: {"counts": {…}, "deliveries": […]}.
    """
    listing = console.run(partial(_list, workspace_id=workspace_id, state=state, reason=reason, limit=limit))
    if as_json:
        rows = [delivery.as_json(one) for one in listing.deliveries]
        print_json({"counts": listing.counts, "deliveries": rows})
    elif not listing.counts["owed"]:
        click.echo(NONE_YET)
    else:
        _print(listing, is_chosen=bool(state or reason))


@deliveries.command(epilog=example("runrate deliveries show del_01kbk3v6t5…"))
@click.argument("delivery_id", metavar="ID")
@workspace_option
@json_option
def show(delivery_id: str, *, workspace_id: str | None, as_json: bool) -> None:
    """Show one delivery: what it tells, who asked for it, and what Slack answered to each attempt."""
    shown = console.run(partial(_show, workspace_id=workspace_id, delivery_id=delivery_id))
    if as_json:
        print_json(_shown_json(shown))
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


async def _list(
    opened: Console, *, workspace_id: str | None, state: DeliveryState | None, reason: str | None, limit: int
) -> Listing:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        by_state = await delivery.count_by_state(session, tenant.id)
        return Listing(
            await delivery.of_workspace(session, tenant.id, state=state, reason=reason, limit=limit),
            _counts(by_state),
            await _names(session, tenant.id),
        )


async def _show(opened: Console, *, workspace_id: str | None, delivery_id: str) -> Shown:
    async with opened.database.read() as session:
        tenant = await workspace.the_one(session, workspace_id)
        found = await delivery.get(session, tenant.id, delivery_id)
        return Shown(
            found,
            await delivery.attempts_of(session, found.id),
            _recipient(found, await _names(session, tenant.id)),
            await ledger.told(session, found),
            (await ledger.askers(session, tenant.id, [found.asked_by])).get(found.asked_by),
            await ledger.count_merged(session, tenant.id, found.id),
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


async def _names(session: AsyncSession, workspace_id: str) -> dict[str, str]:
    """Name what messages go to, as people write it in Slack: `#revenue`, `@dana`."""
    channels = {known.channel_id: f"#{known.name}" for known in (await channel.known(session, workspace_id)).values()}
    return channels | {user_id: f"@{name}" for user_id, name in (await person.names(session, workspace_id)).items()}


def _shown_json(shown: Shown) -> dict[str, Any]:
    asker = shown.asker
    return {
        **delivery.as_json(shown.delivery),
        "tells": words(shown.told),
        "asker": {"kind": asker.kind, "name": asker.name, "created_by": asker.created_by} if asker else None,
        "merged": shown.merged,
        "attempt_log": [_attempt_json(attempt) for attempt in shown.attempts],
    }


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "started_at": attempt.started_at.isoformat(),
        "finished_at": attempt.finished_at.isoformat(),
        "seconds": _seconds(attempt),
        "answer": attempt.answer,
    }


def _seconds(attempt: Attempt) -> float:
    return round((attempt.finished_at - attempt.started_at).total_seconds(), 3)


def _print(listing: Listing, *, is_chosen: bool) -> None:
    counts = listing.counts
    shown = ("delivered", "skipped", "failed", "open")
    parts = ", ".join(f"{counts[name]:,} {name}" for name in shown if counts[name])
    click.echo(f"{counted(counts['owed'], 'delivery', 'deliveries')} owed: {parts}.\n")
    if not listing.deliveries:
        click.echo("None of them is as you asked." if is_chosen else NONE_YET)
        return
    rows = [
        (one.id, instant(one.created_at), _recipient(one, listing.names), one.state, one.reason or "")
        for one in listing.deliveries
    ]
    print_table(["Delivery", "Owed since (UTC)", "To", "State", "Reason"], rows)


def _print_one(shown: Shown) -> None:
    one = shown.delivery
    print_pairs(
        {
            "Delivery": one.id,
            "State": one.state,
            "Reason": _reason(one),
            "Fix": one.fix,
            "To": shown.recipient,
            "Tells": f"{words(shown.told)} ({one.fact_kind} {one.fact_id})",
            "Happened": f"{instant(shown.told.at)} UTC" if shown.told.at else None,
            "Source": shown.told.source_name,
            "Asked for by": _asked_by(one, shown.asker),
            "Note": one.note,
            "Owed since": f"{instant(one.created_at)} UTC",
            "Next try": f"{instant(one.due_at)} UTC" if one.state in OPEN else None,
            "Settled": f"{instant(one.settled_at)} UTC" if one.settled_at else None,
            "Message": f"{one.message_ts} in {one.message_channel}" if one.message_ts else None,
            "Repeat": "perhaps: Slack didn't confirm the first one" if one.may_be_repeat else None,
            "Told in": one.coalesced_into,
            "Told by changing": one.edits,
            "In the thread of": one.replies_to,
            "Tells also": counted(shown.merged, "other delivery", "other deliveries") if shown.merged else None,
        }
    )
    if not shown.attempts:
        click.echo("\nNot tried yet." if one.state in OPEN else "\nIt was never tried.")
        return
    click.echo()
    rows = [
        (str(one.number), f"{one.started_at:%Y-%m-%d %H:%M:%S}", f"{_seconds(one):.3f} s", one.answer)
        for one in shown.attempts
    ]
    print_table(["Attempt", "Began (UTC)", "Took", "Answer"], rows, right={"Attempt", "Took"})


def _reason(one: Delivery) -> str | None:
    """Say why a delivery was skipped in a sentence's words; of any other the reason is one."""
    if one.state != DeliveryState.SKIPPED or not one.reason:
        return one.reason
    return f"{one.reason}: {REASONS[SkipReason(one.reason)]}"


def _asked_by(one: Delivery, asker: Asker | None) -> str:
    if asker is None:
        return "Runrate itself" if one.asked_by == RUNRATE else one.asked_by
    deleted = ", deleted since" if asker.is_deleted else ""
    return f"the {asker.kind} “{asker.name}”, made by {asker.created_by}{deleted}"


def _recipient(one: Delivery, names: Mapping[str, str]) -> str:
    return To(RecipientKind(one.recipient_kind), one.target).called(names)
