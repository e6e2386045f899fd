"""What people answer to signals: no more of them, or again; and where those go that have nobody else to go to."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import home, people
from handlers.channels import check_channels
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import signals as forms
from models import mute, workspace
from models.mute import Muted
from models.wish import FieldError
from scheduler.messages.signal import ACTIONS


def register(app: AsyncApp) -> None:
    """Listen to the buttons and the form."""
    app.action(ACTIONS.unmute)(limited(unmuted))
    app.action(ACTIONS.open)(limited(opened))
    app.action(forms.ACTIONS.fallback)(limited(pressed_fallback))
    app.view(forms.CALLBACKS.fallback)(limited(chose_fallback))


async def muted(ack: AsyncAck, respond: AsyncRespond, desk: Desk, visitor: Visitor) -> None:
    """Tell the person nothing of signals any more, and how to undo that."""
    async with desk.database.write() as session:
        await mute.add(session, visitor.workspace_id, visitor.user_id, Muted.SIGNALS, now=desk.now())
    await ack()
    await respond(**forms.muted(), replace_original=False)


async def unmuted(ack: AsyncAck, respond: AsyncRespond, desk: Desk, visitor: Visitor) -> None:
    """Tell the person of signals again."""
    async with desk.database.write() as session:
        await mute.remove(session, visitor.workspace_id, visitor.user_id, Muted.SIGNALS)
    await ack()
    await respond(**forms.unmuted(), replace_original=True)


async def opened(ack: AsyncAck) -> None:
    """Acknowledge a button that only opens a link."""
    await ack()


async def pressed_fallback(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form with the channel as it is chosen."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        chosen = await workspace.fallback(session, visitor.workspace_id)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.fallback_form(chosen))
    await ack()


async def chose_fallback(
    ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Take over the channel, or none, once it is sure that we can post there."""
    await people.require_manager(desk, client, visitor)
    channel_id = forms.read_fallback(view)
    try:
        await check_channels([channel_id] if channel_id else [], client, desk, visitor)
    except FieldError as error:
        await ack(response_action="errors", errors=forms.fallback_errors(str(error)))
        return
    async with desk.database.write() as session:
        await workspace.choose_fallback(session, visitor.workspace_id, channel_id, by=visitor.user_id, now=desk.now())
    await ack()
    await home.refresh(desk, client, visitor)
