"""What the rows begin with: workspaces that installed us, destinations with their channels, and what is owed there."""

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, delivery, destination, installation, scope, source
from models.account import Account
from models.base import new_id
from models.database import Database
from models.delivery import Delivery, DeliveryState
from models.destination import Destination, Wish
from models.fact import MovementKind
from models.installation import Grant
from models.movement import Movement
from models.recipient import MOST_RECIPIENTS, RecipientKind
from models.secret import Keyring
from models.source import SourceKind
from scheduler.drawing import draw_delivery
from scheduler.match import match_movement

BY = "benchmark"
KEY = Keyring.new_key()
"""The key that the secrets of this run are sealed with."""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A workspace with one source, and with one destination that hears of every movement in some channels."""

    workspace_id: str
    token: str
    source_id: str
    source_key: str
    destination: Destination | None
    channels: tuple[str, ...]


async def tenants(database: Database, number: int, *, channels: int, kind: SourceKind = SourceKind.API) -> list[Tenant]:
    """Make workspaces, each with so many channels that we are in, and a destination for them all."""
    now = datetime.now(UTC)
    async with database.write() as session:
        return [await _tenant(session, one, channels, kind, now=now) for one in range(number)]


async def _tenant(session: AsyncSession, number: int, channels: int, kind: SourceKind, *, now: datetime) -> Tenant:
    workspace_id, token = f"T{number:05}", f"xoxb-bench-{number:05}"
    await installation.save(session, _grant(workspace_id, token), keyring=Keyring([KEY]), now=now)
    names = tuple(f"C{number:05}{one:03}" for one in range(channels))
    for name in names:
        await channel.remember(session, workspace_id, {"id": name, "name": name.lower(), "is_member": True}, now=now)
    wish = Wish(
        name="Every movement", recipients=tuple((RecipientKind.CHANNEL, name) for name in names[:MOST_RECIPIENTS])
    )
    hearing = await destination.create(session, workspace_id, wish, by=BY, now=now) if names else None
    origin, key = await source.add(
        session, workspace_id, kind=kind, name="Billing", keyring=Keyring([KEY]), by=BY, now=now
    )
    return Tenant(
        workspace_id=workspace_id,
        token=token,
        source_id=origin.id,
        source_key=key,
        destination=hearing,
        channels=names,
    )


def _grant(workspace_id: str, token: str) -> Grant:
    return Grant(
        workspace_id=workspace_id,
        workspace_name=workspace_id,
        enterprise_id=None,
        app_id="A0RUNRATE",
        bot_id="B1",
        bot_user_id="U0BOT",
        token=token,
        scopes=tuple(one.name for one in scope.REQUIRED),
        installed_by="U0ADA",
    )


async def backlog(database: Database, *, workspaces: int, channels: int, movements: int) -> None:
    """Owe so many movements to each channel of each workspace, as if they had been applied a moment ago."""
    for tenant in await tenants(database, workspaces, channels=channels):
        async with database.write() as session:
            await _owe(session, tenant, movements, now=datetime.now(UTC))


async def _owe(session: AsyncSession, tenant: Tenant, movements: int, *, now: datetime) -> None:
    moved = Account(
        id=new_id("acc", now),
        workspace_id=tenant.workspace_id,
        external_id="acme",
        name="Northwind Traders",
        attributes={},
        created_at=now,
        updated_at=now,
    )
    session.add(moved)
    await session.flush()
    told = [movement(tenant, moved.id, number, now=now) for number in range(movements)]
    session.add_all(told)
    for one in told:
        await match_movement(session, one, now=now)


def movement(tenant: Tenant, account_id: str, number: int, *, now: datetime) -> Movement:
    """Make a movement that was just recorded."""
    return Movement(
        id=new_id("mov", now),
        workspace_id=tenant.workspace_id,
        account_id=account_id,
        source_id=tenant.source_id,
        external_id=f"m{number}",
        kind=MovementKind.EXPANSION,
        amount_minor=42_000 + number,
        currency="USD",
        mrr_before_minor=120_000,
        mrr_after_minor=162_000 + number,
        plan="Scale",
        is_history=False,
        occurred_at=now,
        recorded_at=now,
    )


async def posts(database: Database, file: Path, *, number: int = 200) -> Path:
    """Write down the posts that some open deliveries come to, for whoever posts them by bare means."""
    async with database.read() as session:
        owed = await delivery.of_workspace(session, "T00000", state=DeliveryState.PENDING, limit=number)
        drawn = [{**_drawn(await draw_delivery(session, one, now=one.created_at)), **_addressed(one)} for one in owed]
    await asyncio.to_thread(file.write_text, json.dumps(drawn))
    return file


def _drawn(message: Any) -> dict[str, Any]:
    return dict(message)


def _addressed(owed: Delivery) -> dict[str, Any]:
    return {
        "channel": owed.target,
        "metadata": {"event_type": "runrate_delivery", "event_payload": {"delivery_id": owed.id}},
    }
