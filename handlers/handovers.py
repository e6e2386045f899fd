"""Handing destinations over: one from its details, and all of somebody who is gone from what managers are told."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import destination_details, home, modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import handovers as view
from handlers.views.filled import subject
from models import destination, keeper
from models.base import UserError
from scheduler.messages import keeper as message
from scheduler.messages import mrkdwn


class NothingLeftError(UserError):
    """Somebody answers for all of them already; there is nothing left to take over."""


class NoKeeperError(UserError):
    """Choose who answers for it."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons under what managers are told, and to the question."""
    app.action(message.ACTIONS.take_over)(limited(pressed_take_over))
    app.action(message.ACTIONS.choose)(limited(pressed_choose))
    app.view(view.CALLBACKS.one)(limited(handed_over))
    app.view(view.CALLBACKS.all)(limited(handed_all_over))


async def ask(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, *, trigger_id: str, destination_id: str, over: bool = False
) -> None:
    """Ask who answers for a destination from now on."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await destination.get(session, visitor.workspace_id, destination_id)
    suggested = visitor.user_id if found.kept_by != visitor.user_id else None
    drawn = view.question([found.name], subject=found.id, callback_id=view.CALLBACKS.one, suggested=suggested)
    await modals.show(client, drawn, trigger_id=trigger_id, over=over)


async def handed_over(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Have whoever was chosen answer for the destination."""
    chosen = await _chosen(ack, body, client, desk, visitor)
    if chosen is None:
        return
    async with desk.database.write() as session:
        found = await destination.get(session, visitor.workspace_id, subject(body["view"]) or "", hold=True)
        destination.hand_over(session, found, to=chosen, by=visitor.user_id, now=desk.now())
    await ack()
    await destination_details.show_under(desk, client, visitor, body["view"])
    await home.refresh(desk, client, visitor)


async def pressed_take_over(
    ack: AsyncAck,
    respond: AsyncRespond,
    action: dict[str, Any],
    client: AsyncWebClient,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Have the visitor answer for all of somebody who is gone."""
    await people.require_manager(desk, client, visitor)
    names = await _hand_all_over(desk, visitor, str(action.get("value")), to=visitor.user_id)
    await ack()
    await respond(**view.done_answer(visitor.user_id, names), replace_original=False)
    await home.refresh(desk, client, visitor)


async def pressed_choose(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Ask who answers for all of somebody who is gone."""
    await people.require_manager(desk, client, visitor)
    gone = str(action.get("value"))
    async with desk.database.read() as session:
        names = [one.name for one in await keeper.unkept(session, visitor.workspace_id, gone)]
    if not names:
        raise NothingLeftError
    drawn = view.question(names, subject=gone, callback_id=view.CALLBACKS.all, suggested=None)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def handed_all_over(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Have whoever was chosen answer for all of somebody who is gone."""
    chosen = await _chosen(ack, body, client, desk, visitor)
    if chosen is None:
        return
    names = await _hand_all_over(desk, visitor, subject(body["view"]) or "", to=chosen)
    await ack(response_action="update", view=view.done_view(chosen, names))
    await home.refresh(desk, client, visitor)


async def _chosen(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> str | None:
    """Read whom a manager chose; None where that is refused, which is said under the field."""
    await people.require_manager(desk, client, visitor)
    chosen = view.read(body["view"])
    try:
        await _require_manager(desk, client, visitor, chosen)
    except NoKeeperError as error:
        await ack(response_action="errors", errors=view.errors(str(error)))
        return None
    return chosen


async def _require_manager(desk: Desk, client: AsyncWebClient, visitor: Visitor, user_id: str) -> None:
    """Let only a manager be chosen. Raises `NoKeeperError`."""
    if not user_id:
        raise NoKeeperError
    chosen = Visitor(visitor.workspace_id, user_id)
    if not await people.is_manager(desk, client, chosen):
        name = mrkdwn.shown((await people.who(desk, client, chosen)).name, 80)
        raise NoKeeperError(
            f"{name} is no manager of Runrate. Name them one in the Home tab first, or choose somebody else."
        )


async def _hand_all_over(desk: Desk, visitor: Visitor, gone: str, *, to: str) -> list[str]:
    """Hand over all for which nobody answers since somebody is gone; give their names."""
    async with desk.database.write() as session:
        found = await keeper.unkept(session, visitor.workspace_id, gone, hold=True)
        if not found:
            raise NothingLeftError
        for one in found:
            destination.hand_over(session, one, to=to, by=visitor.user_id, now=desk.now())
        return [one.name for one in found]
