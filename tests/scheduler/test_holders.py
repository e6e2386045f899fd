"""Whoever holds a role at the account is named, and mentioned where the destination asks and it is safe to."""

from typing import Any

import pytest

from models import channel, email_alias
from models.delivery import DeliveryState
from tests import seeds
from tests.sending import ACME, REVENUE, Sending

DANA = "<@U0DANA>"


async def hold_roles(line: Sending, at: str = "account 1", **emails: str) -> None:
    """Let people hold roles at an account, that which moves first or another one."""
    origin, _ = await seeds.add_source(line.database, name=f"CRM of {at}")
    facts = [seeds.role(at, role=role, email=email, name=None) for role, email in emails.items()]
    told = [seeds.event_of(origin, fact, key=fact.role) for fact in facts]
    await seeds.receive(line.database, *told)


async def ready(line: Sending, **changes: Any) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(REVENUE, **changes)


async def fields(line: Sending) -> list[str]:
    """Let the account move, and read what stands beside the fact."""
    await line.move()
    await line.run()
    [only] = line.messages()
    assert (await line.only()).state == DeliveryState.DELIVERED
    assert DANA not in only.text
    return [one["text"] for one in only.blocks[0].get("fields", [])]


async def test_the_owner_is_named_and_nobody_is_mentioned_unless_that_is_asked_for(line: Sending) -> None:
    await ready(line)
    await hold_roles(line, owner="dana@acme.com")
    assert await fields(line) == ["*Owner*  dana@acme.com"]
    assert line.calls("users.lookupByEmail") == []


async def test_whom_the_destination_mentions_is_asked_of_slack_once_and_mentioned(line: Sending) -> None:
    await ready(line, mentions="owner")
    await hold_roles(line, owner="dana@acme.com", csm="mei@acme.com")
    assert await fields(line) == [f"*Owner*  {DANA}"]
    await hold_roles(line, "account 2", owner="dana@acme.com")
    await line.move()
    await line.run()
    assert [DANA in str(one.blocks) for one in line.messages()] == [True, True]
    assert len(line.calls("users.lookupByEmail")) == 1


async def test_the_owner_is_named_beside_another_role_that_is_mentioned(line: Sending) -> None:
    await ready(line, mentions="csm")
    await hold_roles(line, owner="dana@acme.com", csm="mei@acme.com")
    assert await fields(line) == ["*Owner*  dana@acme.com", "*CSM*  <@U0MEI>"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_manager_s_word_whose_an_address_is_counts_first(line: Sending) -> None:
    await ready(line, mentions="owner")
    await hold_roles(line, owner="d.reyes@crm.example")
    async with line.database.write() as session:
        at = line.clock.now()
        await email_alias.give(session, ACME, "d.reyes@crm.example", "U0DANA", by="U0ADA", now=at)
    assert await fields(line) == [f"*Owner*  {DANA}"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
@pytest.mark.parametrize("email", ["nobody@acme.com", "olga@acme.com"])
async def test_nobody_is_mentioned_who_is_not_there_or_has_left(line: Sending, email: str) -> None:
    await ready(line, mentions="owner")
    await hold_roles(line, owner=email)
    assert await fields(line) == [f"*Owner*  {email}"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_that_nobody_holds_the_role_is_said(line: Sending) -> None:
    await ready(line, mentions="csm")
    assert await fields(line) == ["*CSM*  nobody is named"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_slack_out_of_order_costs_the_mention_and_not_the_message(line: Sending) -> None:
    await ready(line, mentions="owner")
    await hold_roles(line, owner="dana@acme.com")
    line.fault("http_500", method="users.lookupByEmail", times=9)
    assert await fields(line) == ["*Owner*  dana@acme.com"]


async def test_where_other_companies_read_nobody_is_mentioned_nor_their_address_shown(line: Sending) -> None:
    await ready(line, mentions="owner")
    await hold_roles(line, owner="dana@acme.com")
    async with line.database.write() as session:
        shared = {"id": REVENUE, "name": "revenue", "is_member": True, "is_ext_shared": True}
        await channel.remember(session, ACME, shared, now=line.clock.now())
        await channel.confirm_outsiders(session, ACME, [REVENUE], by="U0ADA", now=line.clock.now())
    assert await fields(line) == ["*Owner*  somebody whose name nobody told"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_money_is_written_as_the_destination_wants_it(line: Sending) -> None:
    await ready(line, locale="de_DE")
    await line.move(amount_minor=123_456, currency="EUR", mrr_before_minor=0)
    await line.move(amount_minor=5_000, currency="JPY", mrr_before_minor=0)
    await line.run()
    assert [one.text.partition(": ")[2] for one in line.messages()] == [
        "expansion +1.234,56\u00a0€ MRR (0\u00a0€ → 1.234,56\u00a0€)",
        "expansion +5.000\u00a0¥ MRR (0\u00a0¥ → 5.000\u00a0¥)",
    ]
