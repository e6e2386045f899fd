"""One workspace never sees or changes what is another's: every function that takes a workspace's id is asked.

Acme is seeded with a row in every table. Each function is asked twice with Acme's own ids and names: for Acme, where it
must show or change something (or the probe would prove nothing), and for Globex, where it must show and change nothing
of Acme's. A new function in `models` that takes a `workspace_id` fails this file until it stands in the table; so
does one that takes `workspace_ids`, or anything `_by_workspace`. The latter is asked nothing of the other workspace
beside it, so that what is asked of one can't be answered with what is another's.
"""

import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import models
from models import (
    account,
    attribute,
    channel,
    claim,
    contact,
    conversation,
    delivery,
    destination,
    destination_mute,
    draft,
    duplicate,
    email_alias,
    erasure,
    event,
    history,
    lane,
    lookup,
    mute,
    notice,
    person,
    personal,
    poll,
    quiet,
    rate,
    recap,
    record,
    report,
    role,
    said,
    signal,
    silence,
    slack_event,
    source,
    subscription,
    tables,
    unfurl,
    workflow,
    workspace,
)
from models.attribute import Subject
from models.base import Base, UserError
from models.condition import About, Criterion
from models.contact import Directory, Forgotten
from models.database import Database
from models.delivery import RUNRATE, UPDATE, DeliveryState, FactKind, MessageEnd, Outcome, Owed
from models.event import Refusal
from models.fact import RecordFact
from models.filter import EVERYTHING
from models.glance import Glance
from models.mute import Muted
from models.quiet import Hours
from models.recap import Recap
from models.recipient import RecipientKind, together
from models.schedule import Rhythm
from models.source import SourceKind
from models.unfurl import SharedLink
from models.wish import Frequency
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING, NOW

MARK = "acme only"
"""Stands in everything of Acme's that a caller doesn't pass in."""


class UndoneError(Exception):
    """Takes a probe's writes back."""


@dataclasses.dataclass
class Ids:
    """The ids of Acme's rows."""

    account: str = ""
    former: str = ""
    twin: str = ""
    destination: str = ""
    source: str = ""
    lane: str = ""
    delivery: str = ""
    posted: str = ""
    told_there: str = ""
    movement: str = ""
    restated: str = ""
    signal: str = ""
    workflow: str = ""
    recap: str = ""
    report: str = ""
    unfurl: str = ""
    draft: str = ""
    streak: str = ""
    silence: str = ""
    claim: str = ""
    event: int = 0
    unapplied: int = 0
    record: str = ""
    open: str = ""
    other: str = ""


def owed(asked_by: str, movement_id: str) -> Owed:
    """A message about a movement, to a channel of Acme's."""
    return Owed(asked_by=asked_by, fact=(FactKind.MOVEMENT, movement_id), recipient=(RecipientKind.CHANNEL, "C1"))


PERSON = seeds.contact(email="a@a.io", name=MARK)
GROUP = together(["U1", "U2"])
HOURS = Hours(starts=time(20), ends=time(8))
GLANCE = Glance(Rhythm.DAILY, NOW.date(), "UTC")
RECAP = Recap(
    frequency=Frequency.DAILY,
    first=NOW.date(),
    end=NOW.date() + timedelta(days=1),
    zone="UTC",
    before_at=NOW - timedelta(days=1),
    starts_at=NOW - timedelta(hours=1),
    ends_at=NOW + timedelta(hours=1),
    created_at=NOW,
)
"""A period in which Acme's movement happened."""


RATE = rate.Told(date(2026, 11, 1), "EUR", Decimal("1.1"))
"""A rate of Acme's."""


def link(report_id: str) -> SharedLink:
    """A link in a message of Acme's."""
    where = {"channel_id": "C1", "message_ts": "1.0"}
    return SharedLink(report_id=report_id, url=f"https://r.io/{MARK}", preview_url="https://r.io/p", **where)


async def seed_records(session: AsyncSession, origin: source.Source, held: account.Account) -> list[str]:
    """Give Acme's account a record of a CRM, and have another and an account's that it could be too."""
    twin = await seeds.hold(session, "twin")
    for one in (held, twin):
        account.apply(one, seeds.account(one.external_id, name=MARK), now=NOW)
        account.recognise(one)
    told = {"r1": {"account_external_id": "acme"}, "r2": {"name": MARK}, "r3": {"name": f"{MARK} none"}}
    found = [record.new(ACME, origin.id, external_id, now=NOW) for external_id in told]
    for one, fields in zip(found, told.values(), strict=True):
        record.apply(one, RecordFact(external_id=one.external_id, **fields), said.voice(3, NOW, NOW))
    session.add_all(found)
    await session.flush()
    await record.settle(session, found, {}, now=NOW)
    await account.ensure(session, ACME, {"late": f"{MARK} none"}, now=NOW)
    return [found[0].id, found[1].id, twin.id]


async def seed(database: Database) -> Ids:  # noqa: PLR0915 - a row in every table takes its lines
    """Give Acme a row in every table."""
    await seeds.install_organisation(database, ACME, GLOBEX)
    origin, _ = await seeds.add_source(database)
    made = await seeds.add_destination(database, "C1", attributes=[MARK])
    ids = Ids(source=origin.id, destination=made.id)
    async with database.write() as session:
        told = seeds.account(name=MARK, attributes={MARK: MARK})
        held = await seeds.hold(session)
        account.apply(held, told, now=NOW)
        ids.account, ids.twin = held.id, (await seeds.hold(session, "twin")).id
        ids.former = (await seeds.hold(session, "former")).id
        await duplicate.merge(session, ACME, ids.former, ids.account, by=MARK, now=NOW)
        await attribute.remember(session, {ACME: {Subject.ACCOUNT: attribute.seen(told.attributes)}}, now=NOW)
        people = Directory(ACME)
        people.apply(PERSON, said.voice(1, NOW, NOW), now=NOW)
        next(iter(people.contacts.values())).account_id = ids.account
        await contact.write(session, [people])
        mine = {"workspace_id": ACME, "account_id": held.id, "email": "a@a.io", "name": MARK}
        stated = role.Statement(role="owner", by=origin.id, voice=said.voice(1, NOW, NOW), **mine)
        await role.apply(session, [stated], now=NOW)
        ids.record, ids.open, ids.other = await seed_records(session, origin, held)
        moved = await seeds.record(session, seeds.movement(plan=MARK, mrr_before_minor=1), "m", source_id=origin.id)
        assert moved is not None
        ids.movement = moved.id
        told_whole = seeds.movement(currency="EUR", mrr_before_minor=0)
        assert await seeds.record(session, told_whole, "whole", source_id=origin.id)
        subscribed = subscription.segment(seeds.subscribed(), held.id, origin.id, is_history=True)
        await subscription.apply(session, ACME, [subscribed], now=NOW)
        corrected = subscribed._replace(mrr_minor=5, as_of=NOW + timedelta(seconds=1))
        ids.restated = (await subscription.apply(session, ACME, [corrected], now=NOW)).restated[0].movement_id
        await subscription.recount_later(session, ACME, {held.id: NOW})
        await rate.store(session, ACME, [RATE])
        there = {"id": "C1", "name": MARK, "is_member": True}
        await channel.remember(session, ACME, there, now=NOW)
        await channel.leave(session, ACME, "C1")
        await channel.remember(session, ACME, there, now=NOW)
        heard = seeds.signal(text=MARK)
        noted = signal.new(held, heard, source_id=origin.id, external_id="s", is_history=False, now=NOW)
        await signal.add(session, [noted])
        wished = await workflow.create(session, ACME, seeds.workflow_wish(name=MARK), by=MARK, now=NOW)
        summed = await destination.create(
            session,
            ACME,
            seeds.wish(recipients=(*seeds.channels("C1"), GROUP), name=MARK, frequency=Frequency.DAILY),
            by=MARK,
            now=NOW,
        )
        await conversation.remember(session, ACME, GROUP.target, "C9", now=NOW)
        [ids.recap] = (await recap.make(session, [(summed, NOW + timedelta(days=1))], now=NOW)).values()
        ids.signal, ids.workflow = noted.id, wished.id
        await quiet.choose(session, ACME, "U1", HOURS, now=NOW)
        await lookup.remember(session, ACME, "a@a.io", lookup.Known(None), now=NOW)
        await email_alias.give(session, ACME, "b@a.io", "U1", by=MARK, now=NOW)
        await mute.add(session, ACME, "U1", Muted.SIGNALS, now=NOW)
        await mute.add(session, ACME, "U1", held.id, now=NOW)
        await workspace.choose_fallback(session, ACME, "C2", by=MARK, now=NOW)
        await channel.remember(session, ACME, {"id": "C2", "name": MARK}, now=NOW)
        await person.remember(session, ACME, {"id": "U1", "name": MARK}, now=NOW)
        reading = await person.get(session, ACME, "U1")
        assert reading is not None
        await personal.choose(session, reading, now=NOW)
        await person.remember(session, ACME, {"id": "U2", "name": MARK, "is_restricted": True}, now=NOW)
        left = {"id": "U3", "name": MARK, "deleted": True, "profile": {"email": "left@a.io"}}
        await person.remember(session, ACME, left, now=NOW)
        await person.name_managers(session, ACME, ["U1"], by=MARK, now=NOW)
        await slack_event.is_first(session, ACME, "Ev1", now=NOW)
        gone = Forgotten(frozenset({MARK}), frozenset(), frozenset())
        await erasure.begin(session, ACME, gone, until=said.written(NOW))
        await history.came(session, {ACME: NOW}, now=NOW)
        bad = seeds.event_of(origin, key="bad", refusal=Refusal("kind", MARK), raw={"userId": "u_9"})
        unapplied = seeds.event_of(origin, seeds.account(), key="2")
        first = dataclasses.replace(seeds.event_of(origin, seeds.movement(), key="1"), is_history=True)
        await event.store(session, [unapplied, first, bad])
        await poll.connect(session, origin, credentials=MARK, keyring=KEYRING, by=MARK, now=NOW)
        await poll.remember(session, await session.get_one(poll.Poll, origin.id), {MARK: []})
        await lane.owe(session, ACME, [owed(ids.destination, ids.movement)], now=NOW)
        ids.lane = (await session.scalars(select(lane.Lane.id).where(lane.Lane.workspace_id == ACME))).one()
        await lane.limit(session, ids.lane, until=NOW, now=NOW)
        built_in = await report.built_in(session, ACME)
        assert built_in is not None
        ids.report = built_in.id
        session.add(unfurl.Unfurl(id="unf_1", workspace_id=ACME, shared_at=NOW, **dataclasses.asdict(link(ids.report))))
        ids.unfurl = "unf_1"
        await channel.remember(session, ACME, {"id": "C3", "name": MARK, "is_ext_shared": True}, now=NOW)
    async with database.write() as session:
        (await destination.get(session, ACME, ids.destination)).unkept_at = NOW
        ids.event = (await event.of_workspace(session, ACME))[0].id
        ids.unapplied = (await event.of_workspace(session, ACME))[2].id
        await event.mark_refused(session, ids.unapplied, Refusal("", MARK), now=NOW)
        [only] = await delivery.of_workspace(session, ACME)
        ids.delivery = only.id
        failed = Outcome(state=DeliveryState.RETRYING, answer="x", due_at=NOW, reason=MARK, fix=MARK)
        failed = dataclasses.replace(failed, message_channel="C1", message_ts="1.0")
        await delivery.settle(session, [seeds.tried(only, failed)], now=NOW)
        await lane.claim(session, owner=MARK, limit=1, now=NOW)
        given_up = delivery.Owed(
            asked_by=ids.workflow, fact=(FactKind.TRACK, "1"), recipient=(RecipientKind.CHANNEL, "C1")
        )
        row = given_up.row(ACME, ids.lane, now=NOW)
        row |= {"state": DeliveryState.FAILED, "settled_at": NOW, "coalesced_into": only.id}
        session.add(delivery.Delivery(**row))
        welcome = Owed(asked_by=RUNRATE, fact=(FactKind.WELCOME, MARK), recipient=(RecipientKind.CHANNEL, "C2"))
        row = welcome.row(ACME, ids.lane, now=NOW) | {"state": DeliveryState.DELIVERED, "settled_at": NOW}
        session.add(delivery.Delivery(**row, message_channel="C2", message_ts="2.0"))
        ids.posted = row["id"]
        above = Owed(
            asked_by=ids.destination, fact=(FactKind.THREAD, ids.twin), recipient=(RecipientKind.CHANNEL, "C2")
        )
        row = above.row(ACME, ids.lane, now=NOW) | {"state": DeliveryState.DELIVERED, "settled_at": NOW}
        session.add(delivery.Delivery(**row))
        card_id = row["id"]
        of_account = dataclasses.replace(
            above, fact=(FactKind.THREAD, ids.account), recipient=(RecipientKind.CHANNEL, "C4")
        )
        row = of_account.row(ACME, ids.lane, now=NOW) | {"state": DeliveryState.DELIVERED, "settled_at": NOW}
        session.add(delivery.Delivery(**row))
        sent = dataclasses.replace(owed(ids.destination, ids.movement), recipient=(RecipientKind.CHANNEL, "C4"))
        row = sent.row(ACME, ids.lane, now=NOW) | {"state": DeliveryState.DELIVERED, "settled_at": NOW}
        told_there = delivery.Delivery(**(row | {"replies_to": card_id}))
        ids.told_there = row["id"]
        session.add(told_there)
        await session.flush()
        ids.claim = (await claim.take(session, told_there, by=MARK, now=NOW)).claim.id
        silenced = await destination.get(session, ACME, ids.destination)
        about = await session.get_one(account.Account, ids.account)
        await destination_mute.add(session, silenced, about, until=None, by=MARK, now=NOW)
    async with database.write() as session:
        [failing] = (await notice.failing(session, now=NOW)).values()
        streak = await notice.begin(session, failing, now=NOW)
        assert streak is not None
        ids.streak = streak.id
    async with database.write() as session:
        await source.heard_from(session, [origin.id], now=NOW - silence.LEAST)
    async with database.write() as session:
        [silent] = await silence.falling(session, now=NOW)
        await silence.begin(session, silent, now=NOW)
        [(noted, _)] = await silence.going_on(session)
        assert await silence.tell(session, noted, now=NOW)
        ids.silence = noted.id
    async with database.write() as session:
        await draft.show(session, ACME, draft.Shown(seeds.wish("C1"), MARK), to="U1", now=NOW)
        ids.draft = (await session.scalars(select(draft.Draft.id))).one()
    return ids


def fill(asked: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    """Put Acme's ids in the place of their names."""
    by_name = {f"<{name}>": value for name, value in dataclasses.asdict(ids).items()}

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return by_name.get(value, value) if isinstance(value, str) else value

    return {name: filled(value) for name, value in asked.items()}


PROBES: Mapping[str, Mapping[str, Any]] = {
    "account.count": {},
    "account.ensure": {"names": {"new": None}, "now": NOW},
    "account.get": {"account_id": "<account>"},
    "account.hold": {"names_by_workspace": ["acme"]},
    "account.mrr": {},
    "account.of_workspace": {},
    "account.unclear_currencies": {},
    "account.with_external_id": {"external_id": "acme"},
    "account_alias.now_in": {"former_id": "<former>"},
    "account_card.read": {"account_id": "<account>", "now": NOW},
    "account_search.find": {"typed": "former"},
    "account_search.the_one": {"typed": "former"},
    "attribute.keys": {},
    "attribute.remember": {"seen_by_workspace": {Subject.ACCOUNT: {("new", "number")}}, "now": NOW},
    "attribute.types": {},
    "audit.of_subject": {"subject_id": "<destination>", "limit": 5},
    "audit.of_workspace": {},
    "channel.change": {"channel_id": "C1", "name": "Renamed"},
    "channel.confirm_outsiders": {"channel_ids": ["C3"], "by": "U1", "now": NOW},
    "channel.forget_memberships": {},
    "channel.get": {"channel_id": "C1"},
    "channel.closed": {},
    "channel.known": {},
    "channel.leave": {"channel_id": "C1"},
    "channel.lose_sight": {"channel_id": "C1"},
    "channel.public_among": {"channel_ids": ["C1", "C2", "C3"]},
    "channel.remember": {"info": {"id": "C1", "name": "Renamed"}, "now": NOW},
    "channel.times_left": {"channel_id": "C1"},
    "claim.get": {"claim_id": "<claim>"},
    "claim.held": {"kind": FactKind.MOVEMENT, "fact_id": "<movement>"},
    "claim.release": {"claim_id": "<claim>", "by": "U1", "now": NOW},
    "contact.directories": {"facts_by_workspace": [PERSON]},
    "conversation.forget": {"target": GROUP.target},
    "conversation.remember": {"target": GROUP.target, "channel_id": "C8", "now": NOW},
    "conversation.target_of": {"channel_id": "C9"},
    "delivery.count_by_state": {},
    "delivery.get": {"delivery_id": "<delivery>"},
    "delivery.of_workspace": {},
    "delivery.retry": {"delivery_id": "<delivery>", "by": "U1", "now": NOW},
    "delivery.was_owed": {"kind": FactKind.MOVEMENT, "since": NOW - timedelta(hours=1)},
    "destination.create": {"wish": seeds.wish("C1"), "by": "U1", "now": NOW},
    "destination.find_by_name": {"name": "Every movement"},
    "destination.get": {"destination_id": "<destination>"},
    "destination.hearing_movements": {},
    "destination.named": {"typed": "Every movement"},
    "destination.newest_told": {"wish": seeds.wish("C1"), "now": NOW},
    "destination.of_workspace": {},
    "destination.page": {"limit": 5},
    "destination.reaching": {"user_id": "U1"},
    "destination_mute.find": {"destination_id": "<destination>", "account_id": "<account>", "now": NOW},
    "destination_mute.of_destination": {"destination_id": "<destination>", "limit": 9, "now": NOW},
    "destination_mute.move": {"account_id": "<account>", "to_account_id": "<other>"},
    "draft.content": {"draft_id": "<draft>"},
    "draft.keep": {"content": {}, "now": NOW},
    "draft.show": {"shown": draft.Shown(seeds.wish("C1"), None), "to": "U2", "now": NOW},
    "draft.shown": {"draft_id": "<draft>"},
    "duplicate.merge": {"former_id": "<twin>", "kept_id": "<account>", "by": "U1", "now": NOW},
    "duplicate.weigh": {"account_id": "<account>"},
    "edit.ask": {"delivery_ids": ["<posted>"], "now": NOW},
    "edit.end": {"delivery_id": "<posted>", "how": MessageEnd.GONE},
    "email_alias.find": {"email": "b@a.io"},
    "email_alias.give": {"email": "c@a.io", "user_id": "U1", "by": "U1", "now": NOW},
    "email_alias.of_workspace": {},
    "email_alias.of_person": {"user_id": "U1"},
    "email_alias.remove": {"email": "b@a.io", "by": "U1", "now": NOW},
    "email_alias.unknown": {},
    "dossier.compile_for": {"who": "a@a.io"},
    "erasure.begin": {"forgotten": Forgotten(frozenset({"u_9"}), frozenset(), frozenset()), "until": said.written(NOW)},
    "event.awaits_history": {},
    "event.claim_waiting": {"limit": 5},
    "event.count_by_state": {},
    "event.empty_old": {"since": NOW, "until": NOW + timedelta(hours=1), "limit": 5},
    "event.get": {"event_id": "<event>"},
    "event.of_workspace": {},
    "condition.criteria": {},
    "condition.known_values": {"of": Criterion(About.ATTRIBUTE, MARK)},
    "condition.roles": {},
    "filter.total_mrr": {"on": NOW.date() + timedelta(days=1)},
    "filter.forecast": {"wanted": EVERYTHING, "now": NOW + timedelta(hours=1)},
    "event.oldest_waiting": {},
    "event.try_again": {"event_id": "<unapplied>"},
    "history.take": {"now": NOW + history.QUIET},
    "installation.get": {},
    "installation.heard_from": {"now": NOW},
    "installation.many": {},
    "organisation.revoke_access": {"enterprise_id": "E1", "because": "x", "now": NOW},
    "installation.revoke": {"because": "x", "now": NOW},
    "keeper.keepers": {},
    "keeper.unkept": {"user_id": "U0ADA"},
    "lane.of_target": {"method": UPDATE, "target": "C1", "now": NOW},
    "lane.owe": {"owed": [owed("dst_1", "mov_2")], "now": NOW},
    "lane.follow_channel": {"old": "C1", "new": "C9", "now": NOW},
    "lane.hold_for_updates": {"now": NOW},
    "lane.is_known": {"target": "C1"},
    "lane.leased": {"now": NOW},
    "lane.hurry_all": {"asked_by": "<destination>", "now": NOW - timedelta(hours=1)},
    "lane.hurry": {"target": "C1", "now": NOW - timedelta(hours=1)},
    "late.arrived": {
        "recap": Recap(starts_at=NOW, created_at=NOW + timedelta(hours=1)),
        "before": RECAP,
        "target": "C1",
    },
    "late.correction": {"recap": RECAP, "told_at": NOW - timedelta(hours=1)},
    "late.note_history": {"since": NOW - timedelta(days=1), "at": NOW, "now": NOW},
    "ledger.askers": {"asked_by": ["<destination>", "<workflow>"]},
    "ledger.count_merged": {"delivery_id": "<delivery>"},
    "ledger.count_since": {"since": NOW},
    "ledger.failing": {"now": NOW},
    "ledger.health": {"asked_by": ["<destination>"]},
    "ledger.is_under_way": {"target": "C1", "now": NOW},
    "ledger.newest_failures": {"limit": 5, "now": NOW},
    "ledger.oldest_open": {"now": NOW},
    "ledger.of_movements": {"movement_ids": ["<movement>"], "asked_by": ["<destination>"], "target": "C1", "limit": 5},
    "ledger.tellings": {"movement_ids": ["<movement>"], "since": NOW},
    "ledger.of_message": {"channel_id": "C1", "ts": "1.0"},
    "lookup.forget": {"email": "a@a.io", "user_id": "U1"},
    "lookup.known": {"email": "a@a.io", "now": NOW},
    "lookup.remember": {"email": "b@a.io", "found": lookup.Known(None), "now": NOW},
    "movement.changes": {"since": NOW, "until": NOW + timedelta(hours=1), "most": 5},
    "movement.count": {},
    "movement.in_period": {"since": NOW, "until": NOW + timedelta(hours=1), "limit": 5},
    "movement.get": {"movement_id": "<movement>"},
    "movement.largest": {"currency": "USD", "since": NOW, "until": NOW + timedelta(hours=1), "limit": 5},
    "movement.of_account": {"account_id": "<account>"},
    "movement.of_workspace": {},
    "movement.sums": {"since": NOW, "until": NOW + timedelta(hours=1)},
    "movement.sums_apart": {"times": [(None, NOW), (NOW, NOW + timedelta(hours=1))]},
    "movement.sums_by_day": {"since": NOW, "until": NOW + timedelta(hours=1)},
    "movement.totals": {},
    "mute.add": {"user_id": "U2", "what": Muted.SIGNALS, "now": NOW},
    "mute.find": {"user_id": "U1", "what": Muted.SIGNALS, "now": NOW},
    "mute.is_muted": {"user_id": "U1", "what": [Muted.SIGNALS], "now": NOW},
    "mute.move": {"account_id": "<account>", "to_account_id": "<former>"},
    "mute.of_person": {"user_id": "U1", "now": NOW},
    "mute.remove": {"user_id": "U1", "what": Muted.SIGNALS},
    "notice.get": {"streak_id": "<streak>"},
    "person.guests": {},
    "person.get": {"user_id": "U1"},
    "person.left_with": {"email": "left@a.io"},
    "person.name_managers": {"user_ids": [], "by": "U1", "now": NOW},
    "person.named_managers": {},
    "person.present_managers": {},
    "person.named": {"user_ids": ["U1"]},
    "person.names": {},
    "person.turn": {"user_id": "U1", "destinations_page": 2, "sources_page": 1},
    "person.remember": {"user": {"id": "U1", "name": "Renamed"}, "now": NOW},
    "personal.of_person": {"user_id": "U1"},
    "personal.stop": {"user_id": "U1", "now": NOW},
    "quiet.choose": {"user_id": "U2", "hours": HOURS, "now": NOW},
    "quiet.end": {"user_id": "U1", "now": NOW},
    "quiet.get": {"user_id": "U1"},
    "recipient.people": {},
    "person.with_email": {"email": "left@a.io"},
    "record.accounts_named": {"typed": MARK},
    "record.ambiguous": {},
    "record.appeared": {"names": {"late": f"{MARK} none"}, "now": NOW},
    "record.choose": {"record_id": "<open>", "account_id": "<other>", "by": "U1", "now": NOW},
    "record.counts": {"source_id": "<source>"},
    "record.forget": {"source_id": "<source>", "limit": 5, "now": NOW},
    "record.get": {"record_id": "<record>"},
    "record.leave_open": {"record_id": "<open>", "by": "U1", "now": NOW},
    "record.move": {"from_account_id": "<account>", "to_account_id": "<other>", "by": "U1", "now": NOW},
    "record.named": {"source_id": "<source>", "typed": "r1"},
    "record.part": {"account_ids": ["<account>"], "now": NOW},
    "record.unmatched": {"source_id": "<source>"},
    "record.waiting": {"source_id": "<source>"},
    "glance.share": {"glance": GLANCE, "channel_id": "C1", "asked": "1.0", "note": "x", "by": "U1", "now": NOW},
    "role.count_held": {"role": "owner", "emails": ["a@a.io"]},
    "recap.figures": {"recap": RECAP},
    "recap.get": {"recap_id": "<recap>"},
    "recap.locale_of": {"recap_id": "<recap>"},
    "rate.moved": {},
    "rate.of_workspace": {},
    "rate.store": {"told": [RATE]},
    "rate.worth": {"amount_minor": 100, "currency": "EUR", "on": RATE.day},
    "reach.channels": {},
    "reach.destinations": {"targets": ["C1"], "now": NOW},
    "reach.others": {"targets": ["C1"]},
    "reach.channels_to_join": {},
    "report.built_in": {},
    "report.figures": {"now": NOW},
    "report.get": {"report_id": "<report>"},
    "role.names": {"emails": ["a@a.io"]},
    "signal.get": {"signal_id": "<signal>"},
    "silence.get": {"silence_id": "<silence>"},
    "silence.told": {},
    "slack_event.is_first": {"event_id": "Ev2", "now": NOW},
    "slack_event.is_known": {"event_id": "Ev1"},
    "source.add": {"kind": SourceKind.API, "name": "Billing", "keyring": KEYRING, "by": "U1", "now": NOW},
    "source.find_by_name": {"name": "Billing"},
    "source.get": {"source_id": "<source>"},
    "source.named": {"name_or_id": "<source>"},
    "source.names": {},
    "source.of_workspace": {},
    "source.the_import": {"keyring": KEYRING, "now": NOW},
    "subscription.account_of_gone": {"movement_id": "<restated>"},
    "subscription.count_due": {"now": NOW},
    "subscription.due": {"now": NOW, "limit": 5},
    "subscription.first_restated": {"at": NOW},
    "subscription.forget": {"source_id": "<source>", "limit": 5, "now": NOW},
    "subscription.recount": {"account_ids": ["<account>"], "now": NOW},
    "subscription.recount_all": {"now": NOW - timedelta(hours=1)},
    "subscription.restated": {},
    "trend.news_at": {},
    "trend.read": {"now": NOW},
    "thread.cards_above": {"delivery_ids": ["<told_there>"]},
    "thread.cards_of_merged": {"carrier_id": "<told_there>"},
    "thread.follow_account": {"former_id": "<twin>", "kept_id": "<account>", "now": NOW},
    "unfurl.get": {"unfurl_id": "<unfurl>"},
    "welcome.owe": {"channel_id": "C1", "now": NOW},
    "welcome.owe_person": {"user_id": "U7", "now": NOW},
    "workflow.create": {"wish": seeds.workflow_wish(), "by": "U1", "now": NOW},
    "workflow.get": {"workflow_id": "<workflow>"},
    "workflow.hearing": {"events_by_workspace": ["Order Completed"]},
    "workflow.of_workspace": {},
    "workspace.choose_fallback": {"channel_id": None, "by": "U1", "now": NOW},
    "workspace.events_emptied": {"until": NOW},
    "workspace.choose_rules": {"base_currency": "EUR", "classification_minutes": 0, "by": "U1", "now": NOW},
    "workspace.fallback": {},
    "workspace.get": {},
    "workflow.follow_channel": {"old": "C1", "new": "C9"},
    "workspace.follow_channel": {"old": "C2", "new": "C9"},
    "workspace.guests_listed": {"now": NOW},
    "workspace.remember": {"name": "Renamed", "enterprise_id": None, "now": NOW},
    "workspace.switch_previews": {"on": False, "by": "U1", "now": NOW},
    "workspace.the_one": {},
}
"""What each function is asked beside the workspace's id; `<account>` stands for the id of Acme's account.

Of what is asked by workspace, one workspace's part stands here.
"""

MAKERS = {
    "account.ensure", "destination.create", "draft.keep", "erasure.begin", "glance.share",
    "installation.revoke", "lane.hold_for_updates", "lane.of_target", "lane.owe", "slack_event.is_first", "source.add",
    "source.the_import", "welcome.owe", "workflow.create",
}  # fmt: skip
"""Their answer is what they made or did; only what they changed is looked at."""

NOT_QUERIES = {
    "glance.see": "sums up by `recap.figures`",
    "keeper.theirs_or_managers": "names who is asked for, or asks `keeper.to_tell`",
    "keeper.to_tell": "finds somebody in every workspace; test_keepers.py has an admin of another one",
    "recipient.replace": "takes a destination that `destination.get` has found",
    "report.ensure": "changes nothing in a workspace that has its report, as each has from its installation on",
    "subscription.apply": "takes segments of accounts that `account.hold` has given",
    "subscription.recount_later": "takes accounts that were found in the workspace",
    "subscription.store": "takes segments of accounts that `account.hold` has given",
    "workspace.hold_in_turn": "shows and changes nothing: it keeps others waiting",
    "workspace.hold": "shows and changes nothing: it keeps others waiting",
    "unfurl.owe": "takes a report that `report.get` has found",
}


OF_WORKSPACES = ("workspace_id", "workspace_ids", "_by_workspace")
Function = Callable[..., Awaitable[Any]]


def test_every_function_that_takes_a_workspace_is_probed() -> None:
    assert set(_functions()) == {*PROBES, *NOT_QUERIES}


def _functions() -> dict[str, Function]:
    modules = [importlib.import_module(f"models.{found.name}") for found in pkgutil.iter_modules(models.__path__)]
    return {
        f"{module.__name__.removeprefix('models.')}.{name}": function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and any(name.endswith(OF_WORKSPACES) for name in inspect.signature(function).parameters)
    }


async def test_nothing_of_another_workspace_is_seen_or_changed(database: Database) -> None:
    ids, functions = await seed(database), _functions()
    touched: dict[str, set[str]] = {ACME: set(), GLOBEX: set()}
    before = await _rows_so_far(database)
    for name, asked in PROBES.items():
        for here, names in touched.items():
            if await _touches_acme(database, functions[name], here, fill(asked, ids), before, makes=name in MAKERS):
                names.add(name)
    assert set(PROBES) - touched[ACME] == set()
    assert touched[GLOBEX] == set()


async def _touches_acme(
    database: Database,
    function: Function,
    here: str,
    asked: Mapping[str, Any],
    before: Sequence[Any],
    *,
    makes: bool,
) -> bool:
    """Say whether a call shows or changes anything of Acme's, whose rows were as `before`; and take it back."""
    touches = False
    with contextlib.suppress(UndoneError):
        async with database.write() as session:
            try:
                answer = await function(session, **_asked_in(function, here, asked))
                shown = _shows(answer) and not makes
            except UserError:
                shown = here == ACME  # The name is taken. To others, an id is refused as one that doesn't exist.
            else:
                await session.flush()
            touches = shown or before != await _rows_of_acme(session)
            raise UndoneError
    return touches


def _asked_in(function: Function, here: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Say in a function's own way which workspace it is asked for."""
    names = inspect.signature(function).parameters
    other = GLOBEX if here == ACME else ACME
    said = {
        name: {here: value, other: type(value)()} if name.endswith("_by_workspace") else value
        for name, value in asked.items()
    }
    named = {"workspace_id": here, "workspace_ids": [here]}
    return said | {name: value for name, value in named.items() if name in names}


async def _rows_so_far(database: Database) -> list[Any]:
    async with database.read() as session:
        return await _rows_of_acme(session)


async def _rows_of_acme(session: AsyncSession) -> list[Any]:
    rows = []
    for table in tables.metadata.sorted_tables:
        column = table.c.get("workspace_id", table.c.get("id"))
        if column is not None:
            found = await session.execute(select(table).where(column == ACME).order_by(*table.primary_key))
            rows += [(table.name, *row) for row in found]
    return rows


def _shows(answer: Any) -> bool:
    """Say whether an answer holds anything of Acme's: a marked row, or anything at all that is listed or counted."""
    match answer:
        case Base():
            columns = {column.key: getattr(answer, column.key) for column in answer.__table__.columns}
            return any(value == ACME or MARK in str(value) for value in columns.values())
        case Mapping():
            return any(_shows(value) for value in answer.values())
        case list() | tuple():
            return any(_shows(one) for one in answer)
        case _:
            return bool(answer)


async def test_the_seed_reaches_every_table(database: Database) -> None:
    await seed(database)
    async with database.read() as session:
        reached = {row[0] for row in await _rows_of_acme(session)}
    assert {table.name for table in tables.metadata.sorted_tables} - reached == {"oauth_states", "organisations"}


async def test_a_query_that_mixes_workspaces_up_would_be_found_out(database: Database) -> None:
    """The broken variant: whatever one of the workspaces names, it finds in each of them."""

    async def careless(session: AsyncSession, names_by_workspace: Mapping[str, list[str]]) -> Any:
        names = {name for some in names_by_workspace.values() for name in some}
        query = select(account.Account).where(
            account.Account.workspace_id.in_(names_by_workspace), account.Account.external_id.in_(names)
        )
        return list(await session.scalars(query))

    await seed(database)
    before = await _rows_so_far(database)
    assert await _touches_acme(database, careless, GLOBEX, {"names_by_workspace": ["acme"]}, before, makes=False)


async def test_a_query_that_forgot_its_workspace_would_be_found_out(database: Database) -> None:
    """The broken variant: it finds by the id alone."""

    async def careless(session: AsyncSession, workspace_id: str, delivery_id: str) -> Any:
        return await session.get(delivery.Delivery, delivery_id)

    asked = {"delivery_id": (await seed(database)).delivery}
    assert await _touches_acme(database, careless, GLOBEX, asked, await _rows_so_far(database), makes=False)


@pytest.mark.parametrize("named", [ACME, None])
async def test_a_command_means_the_named_workspace_or_the_only_one(database: Database, named: str | None) -> None:
    async with database.write() as session:
        with pytest.raises(workspace.WorkspaceUnknownError):
            await workspace.the_one(session, named)
    await seeds.install(database)
    async with database.read() as session:
        assert (await workspace.the_one(session, named)).id == ACME
    await seeds.install(database, GLOBEX)
    async with database.read() as session:
        if named is None:
            with pytest.raises(workspace.WorkspaceUnknownError, match=GLOBEX):
                await workspace.the_one(session, None)
        else:
            assert (await workspace.the_one(session, named)).id == ACME
