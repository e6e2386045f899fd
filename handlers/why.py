"""“Why did I get this?”: answered to whoever asks it of a message, and to nobody else."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import accounts, claims, mutes, people, signals, told
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import why as view
from handlers.views.blocks import View
from handlers.views.why import Tried, Why
from models import delivery, ledger, person
from models import workspace as workspaces
from models.base import UserError
from models.delivery import DeliveryState
from models.person import Person
from models.recipient import RecipientKind
from scheduler.messages import menu
from scheduler.messages.menu import Choice


class OutdatedMenuError(UserError):
    """Nothing was done: this message is from another version of Runrate, whose menu had this. Use a newer message's."""


def register(app: AsyncApp) -> None:
    """Listen to the menu of the messages."""
    app.action(menu.ACTIONS.menu)(limited(chose))


async def chose(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Do what was chosen in a message's menu."""
    try:
        choice = menu.read(action)
    except ValueError as error:
        raise OutdatedMenuError from error
    match choice:
        case Choice.WHY:
            await _tell(body, client, desk, visitor)
            await ack()
        case Choice.HISTORY:
            async with desk.database.read() as session:
                found = await told.find(session, visitor.workspace_id, body)
            await accounts.open_history(desk, client, visitor, trigger_id=body["trigger_id"], told=found)
            await ack()
        case Choice.MUTE:
            await mutes.ask(body, client, desk, visitor)
            await ack()
        case Choice.CLAIM:
            await claims.pressed(ack, body, client, respond, desk, visitor)
        case Choice.STOP_SIGNALS:
            await signals.muted(ack, respond, desk, visitor)


async def _tell(body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.read() as session:
        drawn = await _answer(session, visiting, body)
    await client.views_open(trigger_id=body["trigger_id"], view=drawn)


async def _answer(session: AsyncSession, visiting: Person, body: dict[str, Any]) -> View:
    """Say what whoever asks may know: a member why, a manager every attempt too."""
    manager_ids = tuple(await person.present_managers(session, visiting.workspace_id))
    tenant = await workspaces.get(session, visiting.workspace_id)
    assert tenant is not None  # noqa: S101 - whoever presses a button is of a workspace that installed us
    found = await told.find(session, visiting.workspace_id, body)
    if found is None:
        return view.unknown()
    asking = await ledger.askers(session, visiting.workspace_id, [found.asked_by])
    tried = await delivery.attempts_of(session, found.id)
    return view.answer(
        Why(
            delivery_id=found.id,
            told=await ledger.told(session, found),
            asker=asking.get(found.asked_by),
            note=found.note,
            target=found.target,
            recipient_kind=RecipientKind(found.recipient_kind),
            state=DeliveryState(found.state),
            tried=tuple(Tried(at=one.started_at, answer=one.answer) for one in tried),
            settled_at=found.settled_at,
            may_be_repeat=found.may_be_repeat,
            merged=await ledger.count_merged(session, visiting.workspace_id, found.id),
            manager_ids=manager_ids,
            is_for_manager=await person.is_manager(session, visiting),
            locale=tenant.locale,
        )
    )
