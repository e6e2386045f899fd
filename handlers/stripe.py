"""What only a Stripe source has: its signing secrets, its API key, and how its MRR is counted."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import home, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import stripe as forms
from handlers.views.blocks import Block, View
from handlers.views.filled import subject
from handlers.views.polling import polling
from handlers.views.stripe import Field
from models import poll, source, stripe
from models.base import UserError
from models.poll import ApiKeyError
from models.source import Source, SourceKind
from models.stripe import SigningSecretError, TooManySecretsError


def register(app: AsyncApp) -> None:
    """Listen to the button and the forms."""
    app.action(forms.OPEN)(limited(pressed))
    app.view(forms.OPEN)(limited(saved))
    app.view(forms.KEY)(limited(saved_key))


async def pressed(
    ack: AsyncAck, action: dict[str, Any], body: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor
) -> None:
    """Open the form for secrets and rules over the source's address."""
    await people.require_manager(desk, client, visitor)
    async with desk.database.read() as session:
        found = await _of_kind(session, visitor, str(action.get("value")))
    drawn = forms.form(found.id, secrets=stripe.signing_secrets(found), rules=stripe.rules(found))
    await client.views_push(trigger_id=body["trigger_id"], view=drawn)
    await ack()


async def saved(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Take the new secret, forget those that were unticked, and count by the rules that were chosen."""
    await people.require_manager(desk, client, visitor)
    form, by, now = forms.read(view), visitor.user_id, desk.now()
    try:
        async with desk.database.write() as session:
            found = await _of_kind(session, visitor, subject(view) or "")
            stripe.keep_secrets(session, found, form.kept, by=by, now=now)
            if form.secret:
                stripe.add_secret(session, found, form.secret, keyring=desk.keyring, by=by, now=now)
            stripe.change(session, found, form.rules, by=by, now=now)
    except (SigningSecretError, TooManySecretsError) as error:
        await ack(response_action="errors", errors=errors(error))
        return
    await ack(response_action="clear")
    await home.refresh(desk, client, visitor)


async def opened(session: AsyncSession, found: Source) -> View:
    """Draw the form for the API key."""
    is_set = await poll.of_source(session, found.id) is not None
    return forms.key_form(found.id, name=found.name, is_set=is_set)


async def saved_key(ack: AsyncAck, view: dict[str, Any], client: AsyncWebClient, desk: Desk, visitor: Visitor) -> None:
    """Poll with the key that was entered; with none, no more."""
    await people.require_manager(desk, client, visitor)
    api_key = forms.read(view).api_key
    try:
        async with desk.database.write() as session:
            found = await _of_kind(session, visitor, subject(view) or "")
            if api_key:
                await _poll(session, found, api_key, desk, visitor)
            else:
                await poll.disconnect(session, found, by=visitor.user_id, now=desk.now())
    except ApiKeyError as error:
        await ack(response_action="errors", errors=errors(error))
        return
    await ack(response_action="clear")
    await home.refresh(desk, client, visitor)


async def connect(session: AsyncSession, new: Source, view: dict[str, Any], desk: Desk, visitor: Visitor) -> None:
    """Take what the form for a new source has of Stripe's."""
    if new.kind != SourceKind.STRIPE:
        return
    form, by, now = forms.read(view), visitor.user_id, desk.now()
    stripe.change(session, new, form.rules, by=by, now=now)
    if form.secret:
        stripe.add_secret(session, new, form.secret, keyring=desk.keyring, by=by, now=now)
    if form.api_key:
        await _poll(session, new, form.api_key, desk, visitor)


def errors(error: UserError) -> dict[str, str]:
    """Put a refusal under its field."""
    return {(Field.API_KEY if isinstance(error, ApiKeyError) else Field.SECRET).value: str(error)}


async def offer(session: AsyncSession, found: Source) -> list[Block]:
    """Draw what stands below a source's address."""
    if found.kind != SourceKind.STRIPE:
        return []
    polled = await poll.of_source(session, found.id)
    fares = polling(polled) if polled is not None else None
    return forms.offer(found.id, secrets=stripe.signing_secrets(found), polling=fares)


async def _poll(session: AsyncSession, found: Source, api_key: str, desk: Desk, visitor: Visitor) -> None:
    credentials = poll.read_key(api_key)
    await poll.connect(
        session, found, credentials=credentials, keyring=desk.keyring, by=visitor.user_id, now=desk.now()
    )


async def _of_kind(session: AsyncSession, visitor: Visitor, source_id: str) -> Source:
    found = await source.get(session, visitor.workspace_id, source_id)
    if found.kind != SourceKind.STRIPE:
        raise UserError("Only a Stripe source has signing secrets.")
    return found
