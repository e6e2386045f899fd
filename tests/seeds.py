"""What tests of the models and of the scheduler begin with: workspaces that installed us, sources, facts, events."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from models import account as accounts
from models import destination, event, installation, organisation, source
from models import movement as movements
from models.account import Account
from models.database import Database
from models.delivery import Delivery, Outcome, Try
from models.destination import Destination
from models.event import EventOutcome, NewEvent
from models.fact import (
    AccountFact,
    ContactFact,
    Fact,
    MovementFact,
    RoleFact,
    SignalFact,
    SubscriptionFact,
    TrackFact,
    dump_facts,
)
from models.installation import Bot, Grant
from models.movement import Movement
from models.organisation import OrgGrant
from models.recipient import RecipientKind, To
from models.secret import Keyring
from models.source import AccountCreation, Source, SourceKind
from models.wish import Wish
from models.workflow import WorkflowWish

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
ACME, GLOBEX = "T0ACME", "T0GLOBEX"
SECRET_KEY = Keyring.new_key()
KEYRING = Keyring([SECRET_KEY])
SCOPES = ("chat:write", "channels:join", "channels:history", "groups:history")


def grant(workspace_id: str = ACME, *, token: str = "xoxb-planted", scopes: Sequence[str] = SCOPES) -> Grant:
    """What Slack answers to an installation."""
    return Grant(
        workspace_id=workspace_id,
        workspace_name=workspace_id.title(),
        enterprise_id=None,
        app_id="A0RUNRATE",
        bot_id="B1",
        bot_user_id="U0BOT",
        token=token,
        scopes=scopes,
        installed_by="U0ADA",
    )


async def install(database: Database, workspace_id: str = ACME, *, now: datetime = NOW, **changes: Any) -> None:
    async with database.write() as session:
        await installation.save(session, grant(workspace_id, **changes), keyring=KEYRING, now=now)


async def install_organisation(
    database: Database, *workspace_ids: str, token: str = "xoxb-of-all", now: datetime = NOW
) -> None:
    """Install for the organisation E1, which lets us into these workspaces."""
    kept = grant(token=token)
    bot = {one.name: getattr(kept, one.name) for one in fields(Bot)}
    async with database.write() as session:
        org = OrgGrant(enterprise_id="E1", name="Umbrella", **bot)
        await organisation.save(session, org, keyring=KEYRING, now=now)
        saved = await organisation.get(session, "E1")
        assert saved is not None
        named = {workspace_id: workspace_id.title() for workspace_id in workspace_ids}
        await organisation.grant_access(session, saved, named, keyring=KEYRING, now=now)


async def add_source(
    database: Database,
    workspace_id: str = ACME,
    *,
    name: str = "Billing",
    kind: SourceKind = SourceKind.API,
    account_creation: AccountCreation = AccountCreation.COMPANY,
    now: datetime = NOW,
) -> tuple[Source, str]:
    async with database.write() as session:
        return await source.add(
            session,
            workspace_id,
            kind=kind,
            name=name,
            keyring=KEYRING,
            by="U0ADA",
            now=now,
            account_creation=account_creation,
        )


def channels(*channel_ids: str) -> tuple[To, ...]:
    return tuple(To(RecipientKind.CHANNEL, channel_id) for channel_id in channel_ids)


def wish(*channel_ids: str, name: str = "Every movement", attributes: Sequence[str] = (), **fields: Any) -> Wish:
    told = {"recipients": channels(*channel_ids), **fields}
    return Wish(name=name, attributes=tuple(attributes), **told)


async def add_destination(
    database: Database, *channel_ids: str, workspace_id: str = ACME, now: datetime = NOW, **changes: Any
) -> Destination:
    async with database.write() as session:
        return await destination.create(session, workspace_id, wish(*channel_ids, **changes), by="U0ADA", now=now)


def account(external_id: str = "acme", **fields: Any) -> AccountFact:
    return AccountFact(external_id=external_id, **fields)


def contact(**fields: Any) -> ContactFact:
    return ContactFact(**fields)


def role(at: str = "acme", **fields: Any) -> RoleFact:
    return RoleFact(**{"account_external_id": at, "role": "owner", "email": "dana@acme.com", **fields})


def movement(of: str = "acme", **fields: Any) -> MovementFact:
    """A movement of 100.00 up, at `NOW` unless said otherwise."""
    told = {"kind": "expansion", "amount_minor": 10_000, "currency": "USD", "occurred_at": NOW}
    return MovementFact(account_external_id=of, **{**told, **fields})


def subscribed(of: str = "acme", **fields: Any) -> SubscriptionFact:
    """A subscription of 100.00 a month since a year ago, said at `NOW` unless said otherwise."""
    told = {"external_id": "sub_1", "mrr_minor": 10_000, "currency": "USD"}
    told |= {"starts_at": NOW - timedelta(days=365), "as_of": NOW}
    return SubscriptionFact(account_external_id=of, **{**told, **fields})


def signal(of: str = "acme", **fields: Any) -> SignalFact:
    """A new hire at an account, at `NOW` unless said otherwise."""
    told = {"kind": "new_hire", "person": "Sofia Marín", "title": "VP Finance", "occurred_at": NOW}
    return SignalFact(account_external_id=of, **{**told, **fields})


def track(event: str = "Order Completed", **properties: Any) -> TrackFact:
    """A track call of Segment's, at `NOW`."""
    payload = {"type": "track", "event": event, "userId": "u_1", "properties": properties}
    return TrackFact(event=event, payload=payload, occurred_at=NOW)


def workflow_wish(**fields: Any) -> WorkflowWish:
    """A workflow that tells of completed orders in C1."""
    told = {"name": "Orders", "event": "Order Completed", "channel_id": "C1", "template": "{{$.properties.name}}"}
    return WorkflowWish(**{**told, **fields})


def event_of(origin: Source, *facts: Fact, key: str, **fields: Any) -> NewEvent:
    told = {"kind": facts[0].type if facts else "movement", "occurred_at": NOW, "received_at": NOW, **fields}
    return NewEvent(
        workspace_id=origin.workspace_id, source_id=origin.id, dedupe_key=key, facts=dump_facts(facts), **told
    )


async def receive(database: Database, *events: NewEvent) -> list[EventOutcome]:
    async with database.write() as session:
        return await event.store(session, events)


async def hold(session: AsyncSession, external_id: str = "acme", workspace_id: str = ACME) -> Account:
    """Hold an account, beginning it where there is none."""
    held = await accounts.hold(session, {workspace_id: [external_id]})
    found = held[workspace_id].get(external_id) or accounts.new(workspace_id, external_id, now=NOW)
    session.add(found)
    await session.flush()
    return found


async def record(
    session: AsyncSession, fact: MovementFact, key: str, *, source_id: str = "src_1", workspace_id: str = ACME
) -> Movement | None:
    """Record a movement as applying does; None where the source told it before."""
    held = await hold(session, fact.account_external_id, workspace_id)
    accounts.name_first(held, fact.account_name)
    if await movements.known(session, [(source_id, key)]):
        return None
    moved = movements.record(held, fact, source_id=source_id, external_id=key, is_history=False, now=NOW)
    await movements.add(session, [moved])
    return moved


def tried(owed: Delivery, outcome: Outcome, *, at: datetime = NOW) -> Try:
    """A first try at a delivery that came to this."""
    return Try(workspace_id=owed.workspace_id, delivery_id=owed.id, number=1, started_at=at, outcome=outcome)
