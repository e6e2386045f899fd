"""Claims: somebody says from a message's menu that they take care of what it tells, and may let it go again."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from handlers import people, told
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import claims as view
from models import claim, ledger, person
from models.base import UserError
from models.claim import CLAIMED
from models.delivery import FactKind
from scheduler.messages.claim import ACTIONS


class NothingToClaimError(UserError):
    """Nobody took it: Runrate doesn't know any more what this message tells. Claim a newer one about the account."""


class ClaimGoneError(UserError):
    """Nothing was let go: Runrate doesn't know this claim any more. The message's menu says who takes care of it."""


class NotYoursError(UserError):
    """Only whoever took this, or a manager, can let it go."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons."""
    app.action(ACTIONS.take)(limited(pressed))
    app.action(ACTIONS.release)(limited(released))


async def pressed(
    ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, desk: Desk, visitor: Visitor
) -> None:
    """Claim what a message tells, and say who has it."""
    visiting = await people.require_member(desk, client, visitor)
    async with desk.database.write() as session:
        found = await told.find(session, visitor.workspace_id, body)
        about = await ledger.account_of(session, found) if found is not None and found.fact_kind in CLAIMED else None
        if found is None or about is None:
            raise NothingToClaimError
        taken = await claim.take(session, found, by=visitor.user_id, now=desk.now())
        may_release = taken.claim.user_id == visitor.user_id or await person.is_manager(session, visiting)
        answer = view.taken(taken, about, reader=visitor.user_id, may_release=may_release)
    await ack()
    await respond(**answer, replace_original=False)


async def released(
    ack: AsyncAck, action: dict[str, Any], client: AsyncWebClient, respond: AsyncRespond, desk: Desk, visitor: Visitor
) -> None:
    """Let a claim go."""
    visiting, claim_id = await people.require_member(desk, client, visitor), view.read(action)
    async with desk.database.write() as session:
        found = await claim.get(session, visitor.workspace_id, claim_id)
        if found is None:
            raise ClaimGoneError
        if found.user_id != visitor.user_id and not await person.is_manager(session, visiting):
            raise NotYoursError
        was_held = await claim.release(session, visitor.workspace_id, claim_id, by=visitor.user_id, now=desk.now())
        held = await claim.held(session, visitor.workspace_id, FactKind(found.fact_kind), found.fact_id)
        about = await claim.about(session, found)
    await ack()
    answer = view.released(about, was_held=was_held, held=held, reader=visitor.user_id)
    await respond(**answer, replace_original=True)
