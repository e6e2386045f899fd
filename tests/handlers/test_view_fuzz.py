"""Every view and answer with anything at all in the fields that people and senders fill: test 38."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks, validate_view
from bot.sandbox.elements import starting
from handlers.views import (
    accounts,
    answers,
    claims,
    deliveries,
    destination_answers,
    destination_details,
    destination_form,
    destinations,
    email_aliases,
    glances,
    handovers,
    hearing,
    home,
    managers,
    mutes,
    records,
    segment,
    source_details,
    sources,
    stripe,
    why,
)
from handlers.views.accounts import Reader
from handlers.views.deliveries import Delivering, Failure, Trouble
from handlers.views.destination_answers import Behind, DestinationForm
from handlers.views.destination_details import Change, DestinationDetails, GivenUp, MutedHere
from handlers.views.destination_form import Offer
from handlers.views.destinations import DestinationRow
from handlers.views.hearing import Hearer, Hearing, ToldHere
from handlers.views.listing import Listing
from handlers.views.mutes import Choice, Lasting, Length, MuteRow, Muting, Place
from handlers.views.personal import Personal, TellingRow
from handlers.views.records import Ambiguity
from handlers.views.segment import SegmentForm
from handlers.views.source_details import RefusedEvent, SourceDetails
from handlers.views.sources import SourceAddress, SourceForm, SourceRow
from models.account import Account
from models.account_card import AccountCard
from models.account_search import Fit, Found
from models.claim import Claim, Taken
from models.condition import About, Condition, Criterion, criterion
from models.delivery import DeliveryState, FactKind, SkipReason
from models.duplicate import Weight
from models.email_alias import EmailAlias
from models.fact import AccountStatus, MovementKind, SignalKind
from models.filter import Filter, Forecast
from models.ledger import Asker, AskerKind, Failing, Told
from models.movement import Movement
from models.recipient import RecipientKind, together
from models.record import Record, RecordState
from models.schedule import Period, Rhythm
from models.source import SourceKind
from models.stripe import MOST_SECRETS, Cancellation, Passing, Rules, SigningSecret
from models.trend import Today, Trend
from models.wish import FieldError, Frequency
from scheduler.messages import mrkdwn
from scheduler.messages import trend as trend_drawing
from scheduler.messages.keeper import Gone
from tests.seeds import channels

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
RISING = Trend(currency="USD", first=AT.date(), points=(1, 2), today=Today(gained_minor=1, gains=1))
SECRETS = [SigningSecret(f"sec_{number}", AT, "U0ADA") for number in range(MOST_SECRETS)]
URL = "https://runrate.example.com/in/rrk_1"
MARKUP = [
    "<!channel>", "<!here|here>", "<@U0EVE>", "<#C0BOARD|board>", "<!subteam^S1>", "<https://evil.example|free>", "&",
    "<b>", "*b*", "_i_", "~s~", "`c`", "```", "> q", "@channel", ":tada:", "שלום", "مرحبا", "😀", "👩‍👩‍👧‍👦", "e\u0301",
    "\x00", "\ud800", "\n", "\u202e", "\u2069", "|", ">", "<", "&lt;!here&gt;",
]  # fmt: skip
typed = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=6).map("".join),
    st.text(max_size=60),
    st.builds(lambda part, times: part * times, st.sampled_from(MARKUP), st.integers(1, 400)),
)
names = typed.map(lambda text: mrkdwn.one_line(text)[:80].strip())
"""Names as the database holds them: it takes no NUL and no half of a surrogate pair, and 80 characters at most."""

TOKEN = re.compile(
    r"!date\^\d+\^[^<>|]+\|(20 Nov 2026( at 14:02 UTC)?|14:02 UTC)|#C0REVENUE|@U0(ADA|DANA)"
    r"|https://runrate.example.com/api\|How to send"
)


def tokens(text: str) -> Iterator[str]:
    """Find what Slack would read as a token, however odd: whatever follows an opening angle bracket."""
    for rest in text.split("<")[1:]:
        yield rest.split(">")[0]


def marked(part: Any) -> Iterator[dict[str, Any]]:
    """Find every mrkdwn text object."""
    inside = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and part.get("type") == "mrkdwn":
        yield part
    for value in inside:
        yield from marked(value)


def check(drawn: Any, *texts: str) -> None:
    """Check that a drawing mentions only whom it names by itself, and that it can be sent."""
    orjson.dumps(starting_free(drawn))
    objects = list(marked(drawn))
    assert all(one["verbatim"] is True for one in objects)
    for text in [*texts, *(one["text"] for one in objects)]:
        assert len(text.encode("utf-16-le")) // 2 <= 3000
        assert all(TOKEN.fullmatch(token) for token in tokens(text)), text
        assert not re.search(r"@(channel|here|everyone)", text), text


def starting_free(drawn: Any) -> Any:
    """Leave out what a form starts with: that is exactly what was typed, and stored before it is drawn."""
    if isinstance(drawn, dict):
        return {key: starting_free(value) for key, value in drawn.items() if key != "initial_value"}
    return [starting_free(value) for value in drawn] if isinstance(drawn, list) else drawn


fuzz = settings(deadline=None, max_examples=40)


@pytest.mark.parametrize("text", ["<!channel>", "<@U0EVE>", "a <#C0BOARD|board>", "@here", "<!here"])
def test_the_check_itself_finds_a_mention(text: str) -> None:
    with pytest.raises(AssertionError):
        check({"text": {"type": "mrkdwn", "text": f"*{text}*", "verbatim": True}})


@given(names, typed, typed, st.sampled_from(MovementKind), st.booleans(), st.sampled_from(DeliveryState))
@fuzz
def test_who_hears_of_an_account_and_what_is_muted(
    name: str, said: str, owner: str, kind: MovementKind, told: bool, state: DeliveryState
) -> None:
    storable = said.encode("utf-8", "ignore").decode()[:255]
    account = Account(id="acc_1", external_id=storable or "1", name=name or None)
    moved = Movement(kind=kind, amount_minor=-(10**15), currency="USD", occurred_at=AT)
    hearer = Hearer(name=said, frequency=Frequency.REAL_TIME, recipients=channels("C0REVENUE") * 20, lacks_kind=told)
    recap = replace(hearer, frequency=Frequency.DAILY, next_at=AT)
    paused = replace(hearer, is_paused=True, paused_until=AT if told else None)
    silent = replace(hearer, id="dst_1", is_muted=True, muted_until=AT if told else None)
    here = ToldHere(told=Told(kind=FactKind.MOVEMENT, about=name), state=state, reason=said, at=AT)
    shown = Hearing(
        account_id="acc_1",
        name=name,
        newest=moved if told else None,
        may_change=told,
        hearers=(hearer, silent, recap, paused, replace(hearer, is_too_small=True)) * 4,
        told_here=(here,) * 3,
        owner=owner or None,
        is_muted=told,
    )
    rows = (MuteRow(what="acc_1", name=name), MuteRow(what="signals", name=None, until=AT)) * 8
    for answer in (
        hearing.answer(shown),
        hearing.answer(replace(shown, hearers=(), told_here=(), owner=None, fallback_channel_id="C0REVENUE")),
        mutes.muted(account, AT if told else None),
        mutes.unmuted(account, was_muted=told),
        mutes.listing(rows),
        mutes.listing(()),
        mutes.undone(),
        mutes.told_again(name),
        accounts.which(said, Found((account,) * 8, has_more=True), word="mute"),
        glances.usage(),
        *(claims.released(about, was_held=told, held=None, reader="U0ADA") for about in (name, None)),
    ):
        validate_blocks(answer["blocks"], surface="ephemeral")
        check(answer["blocks"], answer["text"])


@given(names, names, st.booleans(), st.booleans())
@fuzz
def test_the_question_where_an_account_is_to_be_silent_and_who_has_it(
    name: str, destination: str, is_direct: bool, is_new: bool
) -> None:
    account = Account(id="acc_1", external_id=name or "1", name=name or None)
    held = Claim(id="clm_1", user_id="U0DANA", claimed_at=AT)
    for reader in ("U0DANA", "U0ADA"):
        for answer in (
            claims.taken(Taken(held, is_new), account, reader=reader, may_release=is_direct),
            claims.released(name, was_held=is_new, held=held, reader=reader),
        ):
            validate_blocks(answer["blocks"], surface="ephemeral")
            check(answer["blocks"], answer["text"])
    muting = Muting(delivery_id="del_1", name=name, destination_name=destination, is_direct=is_direct)
    silent = replace(muting, own=Lasting(None), in_destination=Lasting(AT))
    drawn = [
        mutes.gone_view(),
        *(mutes.question(one) for one in (muting, silent, replace(muting, destination_name=None))),
    ]
    for view in (*drawn, mutes.muted_view(silent), mutes.muted_view(muting)):
        validate_view(view)
        check(view)
    asked = mutes.question(muting)
    chosen = mutes.read_choice({**asked, "state": {"values": starting(asked["blocks"])}})
    assert chosen == Choice(Place.OWN if is_direct else Place.DESTINATION, Length.WEEK)


@given(typed, typed, typed, typed, st.sampled_from(SourceKind))
@fuzz
def test_the_home_tab(workspace: str, name: str, cause: str, remark: str, kind: SourceKind) -> None:
    told = (*channels("C0REVENUE"), GROUP)
    row = DestinationRow(id="dst_1", name=name, recipients=told, last_sent_at=AT, failing=(failing(cause, remark),) * 4)
    owner = Condition(Criterion(About.ROLE, name or "owner"), ("a@b.c", cause, remark))
    row = replace(row, is_paused=True, paused_until=AT, holders={"a@b.c": remark})
    row = replace(row, filter=Filter(least_gain=1, least_loss_share=2, conditions=(owner,) * 3))
    source = SourceRow(id="src_1", name=name, kind=kind, url=URL)
    view = home.ManagerHome(
        workspace_name=workspace,
        installed_by="U0ADA",
        installed_at=AT,
        now=AT,
        destinations=Listing((row,) * 15, 15),
        sources=Listing((source, replace(source, last_event_at=AT)), 2),
        delivering=troubled(name, cause, remark),
        remarks=(remark,),
        ambiguous=(Ambiguity("src_1", name, 3),) * 12,
        unknown_emails=15,
        known_emails=1,
        mrr=home.MrrNow(words=trend_drawing.words((RISING, replace(RISING, currency="EUR")), "de_DE")),
        personal=Personal(
            zone="Europe/Berlin",
            owned=1200,
            telling=(TellingRow(name=name, frequency=Frequency.WEEKLY, created_by="U0ADA"),) * 12,
            mutes=(MuteRow(what="acc_1", name=name, until=AT),) * 12,
        ),
        manager_ids=("U0DANA",),
    )
    member = home.MemberHome(
        workspace_name=workspace,
        installed_by="U0ADA",
        installed_at=AT,
        destinations=Listing((row,), 1),
        mrr=view.mrr,
        personal=view.personal,
    )
    for drawn in (home.manager_home(view), home.member_home(member)):
        validate_view(drawn)
        check(drawn)


def asker(kind: AskerKind, name: str) -> Asker:
    hears = Frequency.DAILY if kind is AskerKind.DESTINATION else name
    fields = {"hears": hears, "created_by": "U0ADA", "created_at": AT, "is_deleted": False}
    return Asker(kind=kind, id="dst_1", name=name, **fields)  # type: ignore[arg-type]


def failing(reason: str, fix: str) -> Failing:
    return Failing(
        target="C0REVENUE", recipient_kind=RecipientKind.CHANNEL, reason=reason, fix=fix, waiting=2, asked_by=("dst_1",)
    )


def troubled(name: str, reason: str, fix: str) -> Delivering:
    """A day on which something of everything happened, and nothing gets through to a channel or a person."""
    asked = Trouble(failing=failing(reason, fix), askers=tuple(asker(kind, name) for kind in AskerKind) * 2)
    person = Trouble(failing=replace(asked.failing, target="U0DANA", recipient_kind=RecipientKind.PERSON))
    counts = {(state, None): 1 for state in DeliveryState} | {(DeliveryState.SKIPPED, why): 2 for why in SkipReason}
    return Delivering(counts=counts, oldest_waiting=timedelta(hours=2), troubles=(asked, person) * 15)


GROUP = together(["U0ADA", "U0DANA"])
FACTS: list[dict[str, Any]] = [
    {"kind": FactKind.MOVEMENT, "detail": MovementKind.CHURN, "amount_minor": -5, "currency": "JPY"},
    *({"kind": FactKind.RECAP, "detail": one, "period": Period(AT.date(), AT.date())} for one in Rhythm),
    {"kind": FactKind.SIGNAL, "detail": SignalKind.FUNDING},
    *({"kind": kind} for kind in FactKind),
]


@given(st.sampled_from(FACTS), names, typed, st.sampled_from(DeliveryState), st.sampled_from(RecipientKind))
@fuzz
def test_the_answers_about_deliveries(
    fact: dict[str, Any], name: str, text: str, state: DeliveryState, kind: RecipientKind
) -> None:
    told = Told(**fact, about=name or None, at=AT, source_name=name)
    target = {RecipientKind.PERSON: "U0DANA", RecipientKind.GROUP_DM: GROUP.target}.get(kind, "C0REVENUE")
    to: dict[str, Any] = {"delivery_id": "del_1", "told": told, "target": target, "recipient_kind": kind}
    failure = Failure(**to, reason=text, fix=text, at=AT)
    answer = deliveries.answer(troubled(name, text, text), [failure] * 9, now=AT, locale="de_DE", install_url=URL)
    validate_blocks(answer["blocks"], surface="ephemeral")
    check(answer, answer["text"])
    tried = tuple(why.Tried(at=AT, answer=text) for _ in range(30))
    facts: dict[str, Any] = {"state": state, "tried": tried, "settled_at": AT, "may_be_repeat": True, "merged": 3}
    for asking in (None, *(asker(one, name) for one in AskerKind)):
        asked = why.Why(
            **to, **facts, asker=asking, note=text, manager_ids=("U0DANA",), is_for_manager=True, locale="de_DE"
        )
        validate_view(why.answer(asked))
        check(why.answer(asked))
    validate_view(why.unknown())
    check(why.unknown())


@given(names, typed, names, st.sampled_from(AccountStatus), st.sampled_from(Fit))
@fuzz
def test_the_answers_and_forms_about_accounts(
    name: str, text: str, external_id: str, status: AccountStatus, fit: Fit
) -> None:
    fields: dict[str, Any] = {"id": "acc_1", "external_id": external_id or "x", "status": status, "mrr_minor": 10**15}
    one = Account(**fields, name=name, currency="JPY", domain=text)
    other = Account(**{**fields, "id": "acc_2", "mrr_minor": None}, name=None)
    card = AccountCard(**fields, name=name, currency="JPY", locale="de_DE", domain=text, movement_count=41)
    reader = Reader(can_share=True, is_manager=True, alike=(one, other, one))
    answers_given = [
        accounts.card(card, reader, charts=True),
        accounts.choice(text, Found((one, other) * 4, fit, has_more=True), locale="de_DE"),
        accounts.not_found(text),
        accounts.usage(),
    ]
    for answer in answers_given:
        validate_blocks(answer["blocks"], surface="ephemeral")
        check(answer, answer["text"])
    moved = Movement(kind=MovementKind.CHURN, amount_minor=-(10**15), currency="JPY", plan=text, occurred_at=AT)
    views = [
        accounts.history(card, reader),
        accounts.movements(card, [moved] * accounts.PAGE, page=1),
        accounts.movements(card, [], page=9),
        accounts.merge_form(one, alike=[other], locale="de_DE"),
        accounts.merge_question(one, other, Weight(movements=1, roles=2000), locale="de_DE"),
        accounts.merge_question(other, one, Weight(), locale="de_DE"),
        accounts.merged(one),
        accounts.gone_view(),
    ]
    for view in views:
        validate_view(view)
        check(view)
    offered = accounts.options([one, other], locale="de_DE")
    assert [option["value"] for option in offered] == ["acc_1", "acc_2"]


options = st.fixed_dictionaries(
    {
        "frequency": st.sampled_from(Frequency),
        "shows_more": st.booleans(),
        "group_minutes": st.sampled_from([None, 5, 7]),
        "mentions": names.map(lambda role: role[:60]),
        "tells_empty": st.booleans(),
        "locale": st.sampled_from(["", "he_IL", "gsw_CH"]),
        "is_business": st.booleans(),
        "country": names,
        "zone": names,
        "at": st.times().map("{:%H:%M}".format),
        "weekday": st.integers(0, 6),
        "month_day": st.integers(1, 31),
    }
)


@given(names, options, st.lists(names, max_size=12, unique=True), st.lists(names, max_size=120, unique=True))
@fuzz
def test_the_form_of_a_destination_gives_back_what_it_was_given(
    name: str, chosen: dict[str, Any], keys: list[str], known: list[str]
) -> None:
    of, values = criterion(f"attribute:{name}"), tuple(value for value in keys if value)[:10]
    conditions = (Condition(of, values), None, Condition(of, values)) if of else ()
    form = DestinationForm(
        name=name, channel_ids=("C0REVENUE",), attribute_keys=tuple(keys), conditions=conditions, **chosen
    )
    due = (AT, Period(AT.date(), AT.date() + timedelta(days=1)))
    offer = Offer(
        attributes=known, roles=[one[:60] for one in known], forecast=Forecast(told=1, happened=2), first_recap=due
    )
    view = destination_form.form(
        form,
        offer,
        behind=Behind("dst_1"),
        outside_channel_ids=("C0REVENUE",),
        notice=destination_form.overtaken("U0ADA", is_deleted=False),
        refused=FieldError("zone", name or "No."),
    )
    validate_view(view)
    check(view)
    offered = tuple(key for key in keys if key and mrkdwn.width(key) <= 150)[:10]
    asks_for_attributes = form.shows_more and not form.frequency.is_recap and (offered or any(known))
    read = destination_answers.read({**view, "state": {"values": starting(view["blocks"])}}, otherwise=form)
    assert read == (replace(form, attribute_keys=offered) if asks_for_attributes else form)
    assert destination_answers.from_kept(destination_answers.as_kept(form)) == form


@given(typed, typed)
@fuzz
def test_the_other_modals(name: str, reason: str) -> None:
    event = RefusedEvent(record=name, field=reason, reason=reason, at=AT, payload={name: reason}, event_id=1)
    known = {"created_by": "U0ADA", "created_at": AT, "last_event_at": AT, "paused_at": AT, "old_key_until": AT}
    short = mrkdwn.one_line(name)[:80]
    detailed = SourceDetails(id="src_1", name=short, kind=SourceKind.API, refused=(event,), **known)  # type: ignore[arg-type]
    views = [
        destinations.delete_question(destination_id="dst_1", name=name, recipients=channels("C0REVENUE"), waiting=1),
        sources.remove_question(source_id="src_1", name=name, kind=SourceKind.API),
        sources.rotate_question(source_id="src_1", name=name),
        stripe.key_form("src_1", name=name, is_set=True),
        stripe.form("src_1", secrets=SECRETS, rules=Rules(Cancellation.AT_ONCE, frozenset(Passing))),
        source_details.draw(detailed),
        sources.form(SourceForm(name=mrkdwn.one_line(name)[:80], kind=SourceKind.SEGMENT)),
        *(
            sources.address(
                SourceAddress(
                    id="src_1",
                    name=name,
                    kind=kind,
                    url=URL,
                    key="rrk_1",
                    tracking_url="https://runrate.example.com",
                    shared_secret="rrk_2",
                ),
                now=AT,
            )
            for kind in sources.CONNECTED
        ),
        segment.form("src_1", SegmentForm(contact_mappings=reason, conflicts=[(name or "a", ["text", "date"])] * 12)),
        answers.sentence_view(name, reason),
        answers.not_a_manager_view(["U0DANA"]),
        managers.form(managers.ManagersForm(("U0DANA",))),
    ]
    for view in views:
        validate_view(view)
        check(view)


@given(names, typed, st.booleans())
@fuzz
def test_the_details_of_a_destination_and_the_question_who_answers_for_it(name: str, text: str, may: bool) -> None:
    owner = Condition(Criterion(About.ROLE, name or "owner"), (text[:150],) * 3)
    row = DestinationRow(
        id="dst_1",
        name=name,
        recipients=channels("C0REVENUE") * 20,
        filter=Filter(conditions=(owner,) * 3),
        is_paused=may,
        failing=(failing(text, text),) * 30,
        waiting=3,
        last_sent_at=AT,
    )
    changed = {key: [text, name] for key in ("name", "zone", "locale", "mentions")} | {"recipients": None}
    edits = Change(actor="U0ADA", action="destination.edited", detail={"changed": changed}, at=AT)
    other = Change(actor=text, action=f"destination.{text}", detail={}, at=AT)
    muted = Change(actor="U0ADA", action="destination.account_muted", detail={}, about=name or None, at=AT)
    details = DestinationDetails(
        row=row,
        attributes=(text,) * 10,
        mentions=text,
        created_by="U0ADA",
        created_at=AT,
        kept_by="U0DANA",
        gone=Gone.LEFT if may else None,
        may_change=may,
        given_up=GivenUp(count=3, reason=text, fix=text),
        mutes=Listing((MutedHere("acc_1", name, AT if may else None, text),) * 5, 90),
        changes=Listing((edits, other, muted, edits) * 2, 100),
        page=1,
    )
    for view in (
        destination_details.draw(details),
        handovers.question([name] * 30, subject="dst_1", callback_id="handover_one", suggested="U0ADA"),
        handovers.done_view("U0DANA", [name] * 30),
    ):
        validate_view(view)
        check(view)


@given(names, typed, st.lists(names, max_size=12))
@fuzz
def test_the_modals_that_say_who_is_who(name: str, typed: str, several: list[str]) -> None:
    said = {"name": [3, "", name], "domain": [3, "", typed], "url": [3, "", typed]}
    company = Record(id="rec_1", external_id=name or "1", said=said, state=RecordState.AMBIGUOUS)
    accounts = [Account(id=f"acc_{place}", external_id=one or "1", name=one) for place, one in enumerate(several)]
    counts = dict.fromkeys(RecordState, 25)
    form = records.ByHand(company=name, choice=records.Choice.NONE, account=name)
    emails = [f"{place}@{one or 'a'}.io" for place, one in enumerate(several)]
    aliases = [EmailAlias(email=one, user_id="U0DANA") for one in emails]
    place = records.Place("src_1", 1)
    by_hand = records.by_hand("src_1", typed, counts, [company] * 10, filled_in=form)
    views = [
        records.choose(place, typed, 25, [(company, accounts * 20)] * 10, said=records.chosen(company, None)),
        by_hand,
        email_aliases.form(emails, aliases * 10),
    ]
    for view in views:
        validate_view(view)
        check(view)
    assert records.read_place(views[0]) == place
    assert records.read_by_hand({**by_hand, "state": {"values": starting(by_hand["blocks"])}}) == form
    for field in (records.Field.COMPANY, records.Field.ACCOUNT):
        for found in ([], [company], accounts):
            assert all(len(text) <= 2000 for text in records.not_one(field, found).values())


@given(typed, typed)
@fuzz
def test_the_answers(name: str, command: str) -> None:
    row = DestinationRow(id="dst_1", name=name, recipients=channels("C0REVENUE"))
    drawn = [
        answers.destination_list(Listing((row,) * 20, 40), may_change=True),
        answers.unknown_command(command),
        answers.sentence(name),
        answers.not_a_manager(["U0DANA"]),
        answers.usage(),
    ]
    for answer in drawn:
        validate_blocks(answer["blocks"], surface="ephemeral")
        check(answer, answer["text"])
