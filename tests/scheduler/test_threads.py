"""A thread per account: a card that is always current, and under it, in order, whatever happens to the account."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from bot.sandbox.records import Message
from models import account, balance, destination, duplicate, lane, merge, notice
from models.delivery import OPEN, UPDATE, Delivery, DeliveryState, FactKind
from models.destination import Destination
from models.recipient import Recipient, RecipientKind
from scheduler.slack import Slack
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, WINS, Sending

S = DeliveryState
NORTHWIND = "Northwind"
WORKERS = 5


async def ready(line: Sending, *channels: str) -> Destination:
    """Install, and let one destination hear of everything, in a thread for each account."""
    await line.install()
    chosen = channels or (REVENUE,)
    await line.let_in(*chosen)
    return await line.destination(*chosen, has_threads=True)


async def change(line: Sending, amount: int = 100, *, of: str = NORTHWIND, after: float = 30) -> None:
    """Let an account's MRR change by so many dollars, and be told."""
    line.clock.turn(after)
    kind = "expansion" if amount > 0 else "contraction"
    await line.move(of=of, kind=kind, amount_minor=amount * 100)
    await line.run(seconds=20)


def threads(line: Sending, place: str = REVENUE) -> list[tuple[Message, list[Message]]]:
    """Give what stands in a channel, each with what is told under it."""
    told = line.messages(place)
    return [(one, [reply for reply in told if reply.thread_ts == one.ts]) for one in told if one.thread_ts is None]


async def states(line: Sending) -> Counter[str]:
    async with line.database.read() as session:
        sums = await balance.deliveries(session)
        assert sums.is_balanced
        assert await notice.failing(session, now=line.clock.now()) == {}
    return Counter(one.state for one in await line.ledger() if one.fact_kind != FactKind.EDIT)


async def card(line: Sending) -> Delivery:
    [one] = [one for one in await line.ledger() if one.fact_kind == FactKind.THREAD]
    return one


async def test_an_account_has_one_card_and_its_changes_are_told_under_it(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND, amount_minor=10_000, mrr_before_minor=100_000)
    await line.run(seconds=20)
    [(top, [reply])] = threads(line)
    assert top.text == f"{NORTHWIND}: $1,100 MRR after expansion +$100"
    assert (reply.text, reply.reply_broadcast) == (f"{NORTHWIND}: expansion +$100 MRR ($1,000 → $1,100)", False)
    assert line.calls(UPDATE) == [], "it was current from the start"

    await change(line, -300)
    [(top, replies)] = threads(line)
    assert top.text == f"{NORTHWIND}: $800 MRR after contraction −$300"
    assert "2 changes since" in str(top.blocks)
    assert len(replies) == 2
    assert await states(line) == {S.DELIVERED: 3}
    assert [one.replies_to for one in await line.ledger() if one.fact_kind == FactKind.MOVEMENT] == [
        (await card(line)).id
    ] * 2


async def test_a_card_is_brought_up_to_date_within_the_budget_and_the_latest_wins(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.fault("limit", method=UPDATE, retry_after=300, times=1)
    for _ in range(5):
        await change(line, after=1)
    await line.run(seconds=400)
    [(top, replies)] = threads(line)
    assert (len(replies), "6 changes" in str(top.blocks)) == (6, True)
    assert [one.status for one in line.calls(UPDATE)] == [429, 200]


class ScriptedSlack(Slack):
    """Answers each account's posts by a script of its own, and the rest as Slack does."""

    def __init__(self, *args: Any, scripts: dict[str, list[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._scripts = scripts

    async def post(self, token: str, *, message: Any, **fields: Any) -> tuple[str, str]:
        said = self._next(message["text"])
        if said == "500 after":
            await super().post(token, message=message, **fields)
        self._play(said)
        return await super().post(token, message=message, **fields)

    async def reply(self, token: str, *, message: Any, **fields: Any) -> tuple[str, str, bool]:
        self._play(self._next(message["text"]))
        return await super().reply(token, message=message, **fields)

    def _next(self, text: str) -> str:
        script = self._scripts.get(text.partition(":")[0])
        return script.pop(0) if script else "200"

    def _play(self, said: str) -> None:
        if said == "200":
            return
        if said == "reset":
            raise ConnectionResetError
        data: Any = {"ok": False, "error": "ratelimited"} if said == "429" else "Bad Gateway"
        status = 503 if said == "503" else int(said.partition(" ")[0])
        raise SlackApiError("scripted", SimpleNamespace(data=data, status_code=status, headers={"Retry-After": "2"}))


class LostSlack(ScriptedSlack):
    """A deliberately broken one: takes whatever may have arrived for not there."""

    async def find(self, *_args: Any, **_kwargs: Any) -> str | None:
        return None


async def play(line: Sending, kind: type[ScriptedSlack], *, accounts: int, changes: int) -> None:
    """Tell of accounts' changes in two channels, by five workers, while Slack answers by each account's script."""
    chance = random.Random(21)
    names = [f"Account {number}" for number in range(accounts)]
    answers = ["200", "503", "429", "500", "reset"]
    scripts = {name: ["500 after", "200", *chance.choices(answers, k=2 * changes)] for name in names}
    workers = [
        line.dispatcher(
            f"worker {number}",
            slack=kind(line.http, base_url=f"{line.sandbox.url}/api/", scripts=scripts),
            pace=timedelta(0),
        )
        for number in range(WORKERS)
    ]
    for number in range(changes):
        for name in names:
            await line.move(of=name, amount_minor=(number + 1) * 100)
        await asyncio.gather(*(one.drain() for one in workers))
        line.clock.turn(3)
    while any(one.state in OPEN for one in await line.ledger()):
        await asyncio.gather(*(one.drain() for one in workers))
        line.clock.turn(5)
        assert line.clock.now() < NOW + timedelta(hours=1), "it never came to an end"


async def test_parent_first_replies_in_order_one_parent_per_account_and_channel(line: Sending) -> None:
    """Test 21: scripted sequences of answers per account, under five workers."""
    await ready(line, REVENUE, WINS)
    await play(line, ScriptedSlack, accounts=3, changes=4)
    for place in (REVENUE, WINS):
        told = threads(line, place)
        assert sorted(top.text.partition(":")[0] for top, _ in told) == [f"Account {number}" for number in range(3)]
        for top, replies in told:
            seen = list(dict.fromkeys(one.text.removesuffix(" (may be a repeat)").split()[3] for one in replies))
            assert seen == [f"+${number}" for number in range(1, 5)]
            assert all(one.ts > top.ts for one in replies)
            first_ones = [one.text for one in replies if not one.text.endswith("(may be a repeat)")]
            assert len(first_ones) == len(set(first_ones))
            assert "4 changes" in str(top.blocks)
    assert set(await states(line)) == {S.DELIVERED}


async def test_whoever_does_not_look_for_a_parent_in_doubt_posts_a_second_one(line: Sending) -> None:
    """The broken variant of test 21."""
    await ready(line)
    await play(line, LostSlack, accounts=1, changes=1)
    assert len(threads(line)) == 2


async def test_a_parent_in_doubt_is_looked_for_before_anything_is_told_under_it(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND)
    line.fault("lose_response", times=1)
    await line.drain()
    assert [one.state for one in await line.ledger()] == [S.AMBIGUOUS, S.PENDING]
    await line.run(seconds=30)
    [(_, replies)] = threads(line)
    assert len(replies) == 1


async def test_a_reply_in_doubt_which_no_bot_can_look_for_is_told_again_and_says_so(line: Sending) -> None:
    await ready(line)
    await change(line)
    line.clock.turn(5)
    line.fault("lose_response", times=1)
    await change(line)
    await line.run(seconds=60)
    [(_, replies)] = threads(line)
    assert [one.text.endswith("(may be a repeat)") for one in replies] == [False, False, True]
    assert len(line.calls("conversations.history")) == 0


@pytest.mark.parametrize("noticed_by", ["reply", "edit", "unthread"])
async def test_a_card_that_somebody_deleted_is_posted_anew_before_the_next_change(
    line: Sending, noticed_by: str
) -> None:
    await ready(line)
    await change(line)
    channel = line.sandbox.state.channels[REVENUE]
    if noticed_by == "reply":
        for one in line.messages():
            line.sandbox.state.erase(channel, one)
    elif noticed_by == "edit":
        line.fault("error", method=UPDATE, code="message_not_found", times=1)
        await change(line)
    else:
        line.fault("unthread", times=1)
        await change(line)
    before = len(line.messages())
    await change(line)
    *_, (top, [reply]) = threads(line)
    assert len(line.messages()) == before + 2
    assert " after expansion" in top.text
    assert reply.ts > top.ts
    assert await states(line) == {S.DELIVERED: 3 if noticed_by == "reply" else 4}
    await change(line)
    assert len(threads(line)[-1][1]) == 2


async def test_a_channel_that_takes_no_replies_gets_each_change_by_itself_and_no_endless_cards(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND)
    dispatcher = line.dispatcher(slack=_refusing(line))
    await line.run(dispatcher, seconds=60)
    assert [one.text.partition(":")[2][:10] for one in line.messages()] == [" MRR unkno", " expansion"]
    assert await states(line) == {S.DELIVERED: 2}


def _refusing(line: Sending) -> Slack:
    class Refusing(Slack):
        async def reply(self, *_args: Any, **_kwargs: Any) -> tuple[str, str, bool]:
            answer = SimpleNamespace(data={"ok": False, "error": "cannot_reply_to_message"}, status_code=200)
            raise SlackApiError("refused", answer)

    return Refusing(line.http, base_url=f"{line.sandbox.url}/api/")


async def test_where_slack_lets_nobody_change_old_messages_a_new_card_is_posted(line: Sending) -> None:
    await ready(line)
    line.sandbox.state.workspaces[ACME].edit_minutes = 60
    await change(line)
    await change(line)
    await change(line, after=2 * 60 * 60)
    assert len(threads(line)) == 1
    assert len(threads(line)[0][1]) == 3, "told, though the card could not say so"
    await change(line)
    first, second = threads(line)
    assert [len(replies) for _, replies in (first, second)] == [3, 1]


async def test_a_card_that_can_t_be_posted_holds_up_nothing_for_good(line: Sending) -> None:
    await ready(line)
    line.fault("error", code="msg_too_long", times=1)
    await change(line)
    [(alone, [])] = threads(line)
    assert alone.text == f"{NORTHWIND}: expansion +$100 MRR"
    assert [one.state for one in await line.ledger()] == [S.FAILED, S.DELIVERED]
    await change(line)
    assert [len(replies) for _, replies in threads(line)] == [0, 1]


async def test_a_flood_is_told_in_the_channel_and_posts_no_cards(line: Sending) -> None:
    await ready(line)
    await line.move(merge.SINGLY + 5)
    await line.run(seconds=20)
    [flood] = line.messages()
    assert "MRR movements" in flood.text
    assert await states(line) == {S.DELIVERED: 1, S.COALESCED: 2 * (merge.SINGLY + 5) - 1}
    await change(line, of="account 1")
    assert [len(replies) for _, replies in threads(line)] == [0, 1]


async def test_a_card_that_stands_when_a_flood_comes_is_followed_by_what_it_is_about(line: Sending) -> None:
    await ready(line)
    await line.move(of=NORTHWIND)
    await line.drain()
    await line.move(merge.SINGLY + 5)
    await line.run(seconds=20)
    (top, [reply]), (flood, []) = threads(line)
    assert top.text.startswith(NORTHWIND)
    assert reply.text.startswith(NORTHWIND)
    assert flood.text.startswith(f"{merge.SINGLY + 5} MRR movements")


async def test_cards_are_current_after_a_flood_in_which_their_accounts_moved(line: Sending) -> None:
    await ready(line)
    await change(line)
    await line.move(merge.SINGLY)
    await line.move(of=NORTHWIND)
    await line.run(seconds=20)
    top, *_ = line.messages()
    assert "2 changes" in str(top.blocks)
    assert [len(replies) for _, replies in threads(line)] == [1, 0], "the flood is told in the channel"


async def test_whoever_asks_not_what_stands_under_a_card_leaves_it_alone(
    line: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant of the test above."""

    async def never(*_anything: object) -> bool:
        return False

    monkeypatch.setattr(merge, "_is_awaited", never)
    await ready(line)
    await line.move(of=NORTHWIND)
    await line.drain()
    await line.move(merge.SINGLY + 5)
    await line.run(seconds=20)
    assert [len(replies) for _, replies in threads(line)] == [0, 0]


async def test_the_card_of_an_account_that_became_part_of_another_stands_for_that_one(line: Sending) -> None:
    await ready(line)
    await change(line, of="Northwind Inc")
    async with line.database.write() as session:
        former = await account.with_external_id(session, ACME, "Northwind Inc")
        kept = await seeds.hold(session, NORTHWIND)
        assert former is not None
        await duplicate.merge(session, ACME, former.id, kept.id, by="U0ADA", now=line.clock.now())
    await line.run(seconds=20)
    assert threads(line)[0][0].text.startswith(f"{NORTHWIND}: "), "it has the other's name at once"
    await change(line)
    [(top, replies)] = threads(line)
    assert (len(replies), "2 changes" in str(top.blocks)) == (2, True)


async def test_while_it_is_paused_neither_card_nor_reply_is_posted(line: Sending) -> None:
    made = await ready(line)
    await line.move(of=NORTHWIND)
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.pause(session, found, until=None, by="U0ADA", now=line.clock.now())
    await line.run(seconds=20)
    assert (line.messages(), await states(line)) == ([], {S.SKIPPED: 2})
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.resume(session, found, by="U0ADA", now=line.clock.now())
    await change(line)
    assert [len(replies) for _, replies in threads(line)] == [1]


async def test_threads_that_were_switched_off_end_with_what_waits(line: Sending) -> None:
    made = await ready(line)
    await line.move(of=NORTHWIND)
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.edit(session, found, seeds.wish(REVENUE), by="U0ADA", now=line.clock.now())
    await line.run(seconds=20)
    await change(line)
    assert [one.thread_ts for one in line.messages()] == [None, None]
    assert await states(line) == {S.DELIVERED: 2, S.SKIPPED: 1}


async def test_a_person_hears_in_threads_of_their_own_conversation(line: Sending) -> None:
    made = await ready(line)
    async with line.database.write() as session:
        session.add(
            Recipient(destination_id=made.id, kind=RecipientKind.PERSON, target="U0DANA", workspace_id=ACME, position=9)
        )
    await change(line)
    await change(line)
    [direct] = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and one.messages]
    [(top, replies)] = threads(line, direct.id)
    assert (len(replies), "2 changes" in str(top.blocks)) == (2, True)


async def test_a_card_follows_its_channel_to_a_new_id(line: Sending) -> None:
    await ready(line)
    await change(line)
    await line.sandbox.state.change_channel_id(line.sandbox.state.channels[REVENUE], "C9NEW")
    async with line.database.write() as session:
        await lane.follow_channel(session, ACME, old=REVENUE, new="C9NEW", now=line.clock.now())
    await change(line)
    [(top, replies)] = threads(line, "C9NEW")
    assert (len(replies), "2 changes" in str(top.blocks)) == (2, True)
