"""Seeing what is stored of a person, and erasing a contact."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import dossiers as forms
from handlers.views.dossiers import Known
from models import dossier, event, source
from models.base import new_id
from models.dossier import NobodyError


def register(app: AsyncApp) -> None:
    """Listen to the button and the forms."""
    app.action(forms.ACTIONS.ask)(limited(pressed))
    app.view(forms.CALLBACKS.find)(limited(asked))
    app.view(forms.CALLBACKS.erase)(limited(confirmed))


async def pressed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Ask whom it is about."""
    await people.require_manager(desk, client, visitor)
    await client.views_open(trigger_id=body["trigger_id"], view=forms.form())
    await ack()


async def asked(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Say in counts what is stored. Events are left to the command: to look through them takes its time."""
    await people.require_manager(desk, client, visitor)
    who = forms.read(view)
    try:
        async with desk.database.read() as session:
            found = await dossier.compile_for(session, visitor.workspace_id, who, with_events=False)
    except NobodyError as error:
        await ack(response_action="errors", errors=forms.errors(str(error)))
        return
    counts = found.counts()
    known = Known(who=who, is_contact=found.contact_is_known, contact=counts["contact"], colleague=counts["colleague"])
    await ack(response_action="update", view=forms.known(known))


async def confirmed(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Erase the contact, as a source would."""
    await people.require_manager(desk, client, visitor)
    who, now = forms.subject_of(view), desk.now()
    async with desk.database.write() as session:
        origin = await source.the_import(session, visitor.workspace_id, keyring=desk.keyring, now=now)
        wanted = dossier.erasing(visitor.workspace_id, origin.id, who, key=new_id("era", now), now=now)
        await event.store(session, [wanted])
        dossier.record(session, visitor.workspace_id, who, by=visitor.user_id, action="person.erased", now=now)
    await ack(response_action="update", view=forms.erased(who))
