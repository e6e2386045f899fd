"""What the rows begin with: workspaces that installed us, destinations with their channels, and what is owed there."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import channel, delivery, destination, installation, lane, scope, source
from models import movement as movements_of
from models.account import Account
from models.base import insert, new_id
from models.database import Database
from models.delivery import Delivery, DeliveryState
from models.destination import Destination
from models.fact import MovementKind
from models.installation import Grant
from models.movement import Movement
from models.recipient import RecipientKind
from models.secret import Keyring
from models.source import SourceKind
from models.wish import Frequency, Wish
from scheduler.drawing.kinds import draw_deliveries
from scheduler.drawing.telling import Setting
from scheduler.match import match_movements

BY = "benchmark"
KEY = Keyring.new_key()
"""The key that the secrets of this run are sealed with."""

YEARS = timedelta(days=3 * 365)
AT_ONCE = 10_000
MOVEMENTS_OF_ONE = 100
KINDS = tuple(MovementKind)
LOSSES = {number for number, kind in enumerate(KINDS) if not kind.is_gain}


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A workspace with one source, and with one destination that hears of every movement in some channels."""

    workspace_id: str
    source_id: str
    source_key: str
    destination: Destination | None
    channels: tuple[str, ...]


async def tenants(
    database: Database, number: int, *, channels: int, tokens: Mapping[str, str] | None = None
) -> list[Tenant]:
    """Make workspaces, each with so many channels that we are in, and a destination for them all."""
    now = datetime.now(UTC)
    async with database.write() as session:
        return [await _tenant(session, one, channels, tokens or {}, now=now) for one in range(number)]


async def _tenant(
    session: AsyncSession, number: int, channels: int, tokens: Mapping[str, str], *, now: datetime
) -> Tenant:
    workspace_id = f"T{number:05}"
    token = tokens.get(workspace_id, f"xoxb-bench-{number:05}")
    await installation.save(session, _grant(workspace_id, token), keyring=Keyring([KEY]), now=now)
    names = tuple(f"C{number:05}{one:03}" for one in range(channels))
    hearing = await _hearing(session, workspace_id, names, now=now) if names else None
    origin, key = await source.add(
        session, workspace_id, kind=SourceKind.API, name="Billing", keyring=Keyring([KEY]), by=BY, now=now
    )
    return Tenant(
        workspace_id=workspace_id,
        source_id=origin.id,
        source_key=key,
        destination=hearing,
        channels=names,
    )


async def _hearing(
    session: AsyncSession, workspace_id: str, channels: tuple[str, ...], *, now: datetime
) -> Destination:
    for name in channels:
        await channel.remember(session, workspace_id, {"id": name, "name": name.lower(), "is_member": True}, now=now)
    wish = Wish(name="Every movement", recipients=tuple((RecipientKind.CHANNEL, name) for name in channels))
    return await destination.create(session, workspace_id, wish, by=BY, now=now)


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
    moved = _account(tenant, 0, now=now)
    session.add(moved)
    await session.flush()
    told = [movement(tenant, moved.id, number, now=now) for number in range(movements)]
    await movements_of.add(session, told)
    owed = await match_movements(session, told)
    if owed:
        await lane.owe_together(session, owed, now=now)


def _account(tenant: Tenant, number: int, *, now: datetime) -> Account:
    return Account(
        id=new_id("acc", now),
        workspace_id=tenant.workspace_id,
        external_id=f"a{number}",
        name="Northwind Traders",
        attributes={},
        created_at=now,
        updated_at=now,
    )


async def history(database: Database, tenant: Tenant, number: int) -> None:
    """Write down so many movements of the last three years, as an import would have."""
    now = datetime.now(UTC)
    accounts = [_account(tenant, one, now=now) for one in range(max(number // MOVEMENTS_OF_ONE, 1))]
    async with database.write() as session:
        session.add_all(accounts)
    for first in range(0, number, AT_ONCE):
        rows = [
            _historic(
                tenant,
                accounts[one % len(accounts)].id,
                one,
                now - YEARS * (1 - one / number),
                is_first=one < len(accounts),
                now=now,
            )
            for one in range(first, min(first + AT_ONCE, number))
        ]
        async with database.write() as session:
            # A session would look at each row anew; there are a million.
            await (await session.connection()).execute(insert(session, Movement), rows)
            columns = itemgetter("workspace_id", "occurred_at", "currency", "kind", "amount_minor")
            await movements_of.add_to_days(session, map(columns, rows))


def _historic(
    tenant: Tenant, account_id: str, number: int, at: datetime, *, is_first: bool, now: datetime
) -> dict[str, Any]:
    return {
        "id": new_id("mov", now),
        "workspace_id": tenant.workspace_id,
        "account_id": account_id,
        "source_id": tenant.source_id,
        "external_id": f"m{number}",
        "kind": KINDS[number % len(KINDS)],
        "amount_minor": -21_000 if number % len(KINDS) in LOSSES else 42_000,
        "currency": "EUR" if number % 10 == 0 else "USD",
        "mrr_before_minor": 0 if is_first else 120_000,
        "is_history": True,
        "occurred_at": at,
        "recorded_at": now,
    }


async def recaps_due(database: Database, tenant: Tenant, number: int) -> None:
    """Make destinations whose daily recap has just come due, each for a channel of its own."""
    due = datetime.now(UTC).replace(second=0, microsecond=0)
    async with database.write() as session:
        for one in range(number):
            name = f"C{one:05}"
            info = {"id": name, "name": name.lower(), "is_member": True}
            await channel.remember(session, tenant.workspace_id, info, now=due)
            wish = Wish(
                name=f"Daily {one}",
                recipients=((RecipientKind.CHANNEL, name),),
                frequency=Frequency.DAILY,
                at=due.time(),
            )
            await destination.create(session, tenant.workspace_id, wish, by=BY, now=due - timedelta(minutes=1))


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
        drawn = await draw_deliveries(session, owed, setting=Setting(datetime.now(UTC), "", _no_picture))
        posts = [{**_drawn(drawn[one.id]), **_addressed(one)} for one in owed]
    await asyncio.to_thread(file.write_text, json.dumps(posts))
    return file


def _no_picture(_preview: Any) -> str:
    return ""


def _drawn(message: Any) -> dict[str, Any]:
    return dict(message)


def _addressed(owed: Delivery) -> dict[str, Any]:
    return {
        "channel": owed.target,
        "metadata": {"event_type": "runrate_delivery", "event_payload": {"delivery_id": owed.id}},
    }
