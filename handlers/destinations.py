"""Listing and deleting destinations, and what else their menu offers."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import destination_form, home, pauses, people, trials
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import answers
from handlers.views import destinations as rows
from handlers.views.answers import Answer
from handlers.views.destinations import Menu
from models import destination, ledger, person, recipient
from models.ledger import Health


def register(app: AsyncApp) -> None:
    """Listen to the menu and to the question."""
    app.action(rows.ACTIONS.menu)(limited(chose))
    app.view(rows.CALLBACKS.delete)(limited(deleted))


async def chose(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Do what was chosen in a destination's menu."""
    choice, destination_id = rows.read_menu(action)
    opening = {"trigger_id": body["trigger_id"], "destination_id": destination_id}
    match choice:
        case Menu.EDIT:
            await destination_form.open_edit(desk, client, visitor, **opening)
        case Menu.PAUSE:
            await pauses.ask(desk, client, visitor, **opening)
        case Menu.RESUME:
            await pauses.resume(desk, client, visitor, destination_id=destination_id)
        case Menu.TEST:
            tested = await trials.send(desk, client, visitor, destination_id=destination_id)
            await client.views_open(trigger_id=body["trigger_id"], view=answers.tested_view(*tested))
        case Menu.DUPLICATE:
            await destination_form.open_copy(desk, client, visitor, **opening)
        case Menu.DELETE:
            await _ask_to_delete(desk, client, visitor, **opening)
    await ack()
    if choice is Menu.RESUME:
        await _show_again(desk, client, visitor, respond, body)


async def _show_again(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, respond: AsyncRespond, body: dict[str, Any]
) -> None:
    """Show what came of a change where it was asked for: in the Home tab, or in the answer to `/mrr list`."""
    if body.get("view") is not None:
        await home.refresh(desk, client, visitor)
    else:
        await respond(**await listed(desk, client, visitor), replace_original=True)


async def listed(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> Answer:
    """List the destinations: all of them to a manager, those of public channels to anybody else."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        may_change = await person.is_manager(session, visiting)
        page = home.destinations if may_change else home.readable_destinations
        listing = await page(session, visiting, 0, size=answers.MOST_LISTED, now=desk.now())
    return answers.destination_list(listing, may_change=may_change)


async def _ask_to_delete(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str
) -> None:
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id)
        recipients = (await recipient.of_destinations(session, [found.id]))[found.id]
        health = await ledger.health(session, visitor.workspace_id, [found.id])
    question = rows.delete_question(
        destination_id=found.id,
        name=found.name,
        recipients=[one.to for one in recipients],
        waiting=health.get(found.id, Health()).waiting,
    )
    await client.views_open(trigger_id=trigger_id, view=question)


async def deleted(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Delete the destination that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, view["private_metadata"], hold=True)
        await destination.remove(session, found, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)
