"""Listing and deleting destinations, and what else their menu offers."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import destination_details, destination_form, handovers, home, modals, pauses, people, trials
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import answers
from handlers.views import destination_details as details
from handlers.views import destinations as rows
from handlers.views.answers import Answer
from handlers.views.destinations import Menu
from models import destination, ledger, person, recipient
from models.ledger import Health


def register(app: AsyncApp) -> None:
    """Listen to the menu and to the question."""
    app.action(rows.ACTIONS.menu)(limited(chose))
    for choice in set(Menu) - {Menu.DETAILS}:
        app.action(details.ACTIONS.button(choice))(limited(chose))
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
    """Do what was chosen in a destination's menu, or pressed in its details."""
    choice, destination_id = rows.read_menu(action)
    over = modals.is_over(body)
    if choice is Menu.RESUME:
        await pauses.resume(desk, client, visitor, destination_id=destination_id)
    else:
        opening = {"trigger_id": body["trigger_id"], "destination_id": destination_id}
        await OPENERS[choice](desk, client, visitor, **opening, over=over)
    await ack()
    if over and choice in {Menu.RESUME, Menu.TEST}:
        shown = body["view"]["id"]
        await destination_details.show_again(desk, client, visitor, view_id=shown, destination_id=destination_id)
    if choice is Menu.RESUME:
        await _show_again(desk, client, visitor, respond, body)


async def _test(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool
) -> None:
    tested = await trials.send(desk, client, visitor, destination_id=destination_id)
    await modals.show(client, answers.tested_view(*tested), trigger_id=trigger_id, over=over)


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
        failing = await ledger.failing(session, visiting.workspace_id, now=desk.now())
        listing = await page(session, visiting, 0, failing=failing, size=answers.MOST_LISTED, now=desk.now())
    return answers.destination_list(listing, may_change=may_change)


async def _ask_to_delete(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool
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
    await modals.show(client, question, trigger_id=trigger_id, over=over)


OPENERS: Mapping[Menu, Callable[..., Awaitable[None]]] = {
    Menu.DETAILS: destination_details.show,
    Menu.EDIT: destination_form.open_edit,
    Menu.PAUSE: pauses.ask,
    Menu.TEST: _test,
    Menu.DUPLICATE: destination_form.open_copy,
    Menu.HAND_OVER: handovers.ask,
    Menu.DELETE: _ask_to_delete,
}
"""What opens a modal of its own."""


async def deleted(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Delete the destination that the question was about."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, view["private_metadata"], hold=True)
        await destination.remove(session, found, by=visitor.user_id, now=desk.now())
    await ack(response_action="clear")
    await home.refresh(desk, client, visitor)
