"""What opens a CRM: entered with the source, and changed later. Secrets are kept encrypted and never shown."""

from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import crm as forms
from handlers.views.blocks import View
from handlers.views.filled import subject
from models import crm, poll, source
from models.crm import Access, AccessInvalidError
from models.secret import SecretUnreadableError
from models.source import POLLED, Source, SourceKind, SourceUnknownError


def register(app: AsyncApp) -> None:
    """Listen to the form."""
    app.view(forms.CALLBACK)(limited(saved))


async def opened(session: AsyncSession, desk: Desk, found: Source) -> View:
    """Draw the form, with all that is set but the secrets."""
    access = await _before(session, desk, found)
    return forms.form(source_id=found.id, name=found.name, kind=SourceKind(found.kind), access=access)


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Read the CRM with what was entered from now on."""
    await people.require_manager(desk, client, visitor)
    try:
        async with desk.database.write() as session:
            found = await source.get(session, visitor.workspace_id, subject(view) or "")
            await connect(session, found, view, desk, visitor)
    except AccessInvalidError as error:
        await ack(response_action="errors", errors=forms.errors(error.errors))
        return
    await ack(response_action="clear")
    await home.refresh(desk, client, visitor)


async def connect(session: AsyncSession, found: Source, view: Mapping[str, Any], desk: Desk, visitor: Visitor) -> None:
    """Read a CRM with what a form has. Raises `AccessInvalidError` where that can't be used."""
    if found.kind not in POLLED:
        raise SourceUnknownError
    written = forms.read(view, found.kind)
    access = crm.read(found.kind, written, before=await _before(session, desk, found))
    await poll.connect(
        session,
        found,
        credentials=crm.dump(access),
        keyring=desk.keyring,
        by=visitor.user_id,
        now=desk.now(),
        is_anew=True,
    )


async def _before(session: AsyncSession, desk: Desk, found: Source) -> Access | None:
    """Read what is set; None where nothing is, or where it was sealed with a key that is not listed any more."""
    polled = await poll.of_source(session, found.id)
    if polled is None:
        return None
    try:
        credentials = desk.keyring.open(polled.credentials_sealed)
    except SecretUnreadableError:
        return None
    return crm.load_salesforce(credentials) if found.kind == SourceKind.SALESFORCE else crm.load_hubspot(credentials)
