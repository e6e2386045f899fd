"""What managers see of deliveries, and do about them: `/mrr deliveries`, and another try."""

import asyncio
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncSession

from handlers import destination_details, home, modals, people
from handlers.desk import Desk, Visitor
from handlers.listening import limited
from handlers.views import deliveries as view
from handlers.views.answers import Answer
from handlers.views.deliveries import Failure
from handlers.views.filled import subject
from models import delivery, lane, ledger
from models import workspace as workspaces
from models.delivery import Delivery
from models.person import NotManagerError, Person
from models.recipient import RecipientKind

AWAITED = 0.8
"""Seconds in which another try mostly has its answer, so that whoever asked for it sees what came of it."""


def register(app: AsyncApp) -> None:
    """Listen to the buttons."""
    app.action(view.ACTIONS.try_now)(limited(pressed_try_now))
    app.action(view.ACTIONS.retry)(limited(pressed_retry))


async def answer(desk: Desk, client: AsyncWebClient, visitor: Visitor) -> Answer:
    """Answer a manager how delivery fares, and anybody else whom to ask."""
    try:
        await people.require_manager(desk, client, visitor)
    except NotManagerError as refused:
        return view.not_shown(refused.manager_ids)
    visiting = await people.who(desk, client, visitor)
    async with desk.database.read() as session:
        return await _answer(session, desk, visiting)


async def _answer(session: AsyncSession, desk: Desk, visiting: Person) -> Answer:
    now, tenant = desk.now(), await workspaces.get(session, visiting.workspace_id)
    assert tenant is not None  # noqa: S101 - whoever types a command is of a workspace that installed us
    failed = await ledger.newest_failures(session, visiting.workspace_id, limit=view.MOST_FAILURES, now=now)
    failing = await ledger.failing(session, visiting.workspace_id, now=now)
    return view.answer(
        await home.delivering(session, visiting, failing, now=now),
        [await _failure(session, one) for one in failed],
        now=now,
        locale=tenant.locale,
        install_url=f"{desk.public_url}/slack/install",
    )


async def _failure(session: AsyncSession, failed: Delivery) -> Failure:
    return Failure(
        delivery_id=failed.id,
        told=await ledger.told(session, failed),
        target=failed.target,
        recipient_kind=RecipientKind(failed.recipient_kind),
        reason=failed.reason,
        fix=failed.fix,
        at=failed.settled_at or failed.created_at,
    )


async def pressed_try_now(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Try at once what waits for a target."""
    await people.require_manager(desk, client, visitor)
    target = view.read_value(action)
    async with desk.database.write() as session:
        await lane.hurry(session, visitor.workspace_id, target, now=desk.now())
    await ack()
    await _show_again(desk, client, visitor, respond, body, target)


async def pressed_retry(
    ack: AsyncAck,
    action: dict[str, Any],
    body: dict[str, Any],
    client: AsyncWebClient,
    respond: AsyncRespond,
    desk: Desk,
    visitor: Visitor,
) -> None:
    """Send a message again that was given up."""
    await people.require_manager(desk, client, visitor)
    delivery_id, now = view.read_value(action), desk.now()
    async with desk.database.write() as session:
        retried = await delivery.retry(session, visitor.workspace_id, delivery_id, by=visitor.user_id, now=now)
        await lane.hurry(session, visitor.workspace_id, retried.target, now=now)
    await ack()
    await _show_again(desk, client, visitor, respond, body, retried.target)


async def _show_again(
    desk: Desk, client: AsyncWebClient, visitor: Visitor, respond: AsyncRespond, body: dict[str, Any], target: str
) -> None:
    """Show what came of another try, where it was asked for: in details, in Home, or in the answer to the command."""
    await _until_tried(desk, visitor, target)
    if modals.is_over(body):
        view = body["view"]
        await destination_details.show_again(desk, client, visitor, view_id=view["id"], destination_id=subject(view))
    if body.get("view") is not None:
        await home.refresh(desk, client, visitor)
    else:
        await respond(**await answer(desk, client, visitor), replace_original=True)


async def _until_tried(desk: Desk, visitor: Visitor, target: str) -> None:
    """Wait a moment for the worker, which may be another process, to have tried."""
    for _ in range(int(AWAITED / 0.1)):
        await asyncio.sleep(0.1)
        async with desk.database.read() as session:
            if not await ledger.is_under_way(session, visitor.workspace_id, target, now=desk.now()):
                return
