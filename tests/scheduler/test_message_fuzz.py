"""Every kind of message that is posted, with anything at all in what people and senders write.

Test 15: fuzz all templates against a Block Kit validator: never more than 50 blocks, more than 3,000 characters, or a
cut inside an entity or a link.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models import recap as recaps
from models.delivery import FactKind
from models.fact import MovementKind, SignalKind
from models.glance import Glance, Seen
from models.recap import Figures, Sum
from models.schedule import Period, Rhythm, Schedule
from scheduler.drawing.kinds import DRAWINGS
from scheduler.messages import api_key, glance, history, keeper, notice, signal, silence, thread, track, welcome
from scheduler.messages.api_key import RefusedKey
from scheduler.messages.glance import GlanceMessage
from scheduler.messages.history import HistoryMessage
from scheduler.messages.keeper import Gone, KeeperNotice
from scheduler.messages.message import Message
from scheduler.messages.notice import Asker, FailureNotice, RecoveryNotice
from scheduler.messages.recap import RecapMessage
from scheduler.messages.signal import SignalMessage, UnheardMessage
from scheduler.messages.silence import SilenceNotice
from scheduler.messages.thread import ThreadMessage
from scheduler.messages.track import TrackMessage
from scheduler.messages.welcome import Newcomer

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
WEEK = Period(date(2026, 11, 9), date(2026, 11, 16))
MARKUP = [
    "<!channel>", "<!here|here>", "<@U0ADA>", "<#C0BOARD|board>", "<https://evil.example|free>", "&", "<b>", "*b*",
    "_i_", "```", "> q", "@channel", ":tada:", "שלום", "😀", "👩‍👩‍👧‍👦", "e\u0301", "\x00", "\ud800", "\n", "\u202e",
    "|", ">", "&amp;", "&lt",
]  # fmt: skip
typed = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=6).map("".join),
    st.text(max_size=60),
    st.builds(lambda part, times: part * times, st.sampled_from(MARKUP), st.integers(1, 1000)),
)

ELSEWHERE = {
    FactKind.MOVEMENT: "test_message_movement.py and test_message_merged.py",
    FactKind.RECAP: "test_message_recap.py",
    FactKind.TEST: "test_message_trial.py",
    FactKind.DRAFT: "test_message_draft.py",
    FactKind.ACCOUNT: "test_message_account.py",
    FactKind.UNFURL: "test_message_report.py",
    FactKind.CORRECTION: "test_message_mentions.py",
    FactKind.CLAIM: "test_message_mentions.py",
    FactKind.RELEASE: "test_message_mentions.py",
    FactKind.EDIT: "drawn as what is brought up to date",
}
"""What has a fuzz of its own, with more in it than texts."""


def figures(name: str) -> Figures:
    sums = {kind: Sum(amount_minor=-(10**15), count=10**6) for kind in MovementKind}
    return Figures(
        currency=name[:3] or "USD", start_minor=None, sums=sums, gains=((name, 1),) * 5, losses=((name, -1),)
    )


def week(name: str, text: str) -> RecapMessage:
    return RecapMessage(
        rhythm=Rhythm.WEEKLY,
        period=WEEK,
        figures=(figures(name), figures(text)) * 4,
        destination_name=name,
        channel_id=None,
        due_at=AT,
        told_at=AT,
        picture_urls={},
    )


def glanced(name: str, text: str) -> Message:
    asked = Glance(Rhythm.WEEKLY, WEEK.first, "UTC")
    told = recaps.of_nobody("T1", Schedule(rhythm=asked.rhythm, zone=asked.zone), asked.period, now=AT)
    both = (figures(name), figures(text)) * 4
    seen = Seen(glance=asked, recap=told, is_over=False, figures=both, total=(10**15, "USD"), locale="de_DE")
    return glance.draw(GlanceMessage(seen=seen, note=text, told_at=AT, is_posted=True, may_be_repeat=True))


def signalled(name: str, text: str) -> Iterator[Message]:
    for kind in SignalKind:
        yield signal.draw(
            SignalMessage(
                kind=kind,
                person=name,
                title=text,
                text=text,
                url=f"https://crm.example/{quote(text, errors='replace')[:900]}",
                account_name=name,
                account_url=text,
                account_status="churned",
                sales_stage=text,
                occurred_at=AT,
                source_name=name,
                why=text,
                is_direct=True,
                may_be_repeat=True,
            )
        )


def tracked(name: str, text: str) -> Iterator[Message]:
    event = {"properties": {"name": name, "text": text, "many": [name, text] * 9}}
    source = "*{{$.properties.name}}* {{$.properties.text}} " * 9 + "{{$.properties.many}}"
    drawn = track.draw(TrackMessage(template=source, event=event, may_be_repeat=True)).message
    yield from [drawn] if drawn else []


def failed(name: str, text: str) -> Iterator[Message]:
    told = {"destination_id": "dst_1", "destination_name": name, "channel_id": "C0REVENUE", "cause": text, "fix": text}
    for asker in Asker:
        yield notice.draw_failure(FailureNotice(**told, waiting=10**6, failed=3, asker=asker, place=name))  # type: ignore[arg-type]


def carded(name: str, text: str) -> Iterator[Message]:
    for channel_id in ("C0REVENUE", None):
        yield thread.draw(
            ThreadMessage(
                account_name=name,
                account_url=text,
                mrr_minor=10**15,
                currency=text,
                count=3,
                since=AT,
                told_at=AT,
                destination_name=name,
                channel_id=channel_id,
                may_be_repeat=True,
            )
        )


def recovered(name: str, _text: str) -> Iterator[Message]:
    for asker in Asker:
        yield notice.draw_recovery(RecoveryNotice(channel_id="C0REVENUE", delivered=2, at=AT, asker=asker, place=name))


def gone(name: str, text: str) -> Iterator[Message]:
    for how in Gone:
        yield keeper.draw(KeeperNotice(user_id="U0DANA", name=name, how=how, destinations=(name, text) * 40))


def quiet(name: str) -> SilenceNotice:
    return SilenceNotice(source_id="src_1", source_name=name, since=AT, until=AT)


def refused(name: str, text: str) -> Iterator[Message]:
    for kind in api_key.WORDS:
        yield api_key.draw_refused(RefusedKey(source_id="src_1", source_kind=kind, source_name=name, trouble="fails"))


def welcomed(_name: str, _text: str) -> Iterator[Message]:
    yield welcome.draw("C0REVENUE")
    yield welcome.draw_for_person(Newcomer(is_manager=False))
    yield welcome.draw_for_person(Newcomer(is_manager=True, has_source=False, has_destination=False))
    yield welcome.draw_for_person(Newcomer(is_manager=True, has_destination=False))


HERE: Mapping[FactKind, Callable[[str, str], Iterator[Message]]] = {
    FactKind.TRACK: tracked,
    FactKind.SIGNAL: signalled,
    FactKind.UNHEARD: lambda name, text: iter([signal.draw_unheard(UnheardMessage(account_name=name, why=text))]),
    FactKind.WELCOME: welcomed,
    FactKind.NOTICE: failed,
    FactKind.RECOVERY: recovered,
    FactKind.SILENCE: lambda name, _text: iter([silence.draw_silence(quiet(name))]),
    FactKind.HEARD_AGAIN: lambda name, _text: iter([silence.draw_heard_again(quiet(name))]),
    FactKind.KEEPER_GONE: gone,
    FactKind.HISTORY: lambda name, text: iter([history.draw(HistoryMessage(source_name=name, recap=week(name, text)))]),
    FactKind.THREAD: carded,
    FactKind.GLANCE: lambda name, text: iter([glanced(name, text)]),
    FactKind.KEY_REFUSED: refused,
}

TOKEN = re.compile(r"!date\^\d+\^[^<>|]+\|[^<>|]+|https?://[^<>|\s]+\|[^<>|]*|#C0REVENUE|@U0DANA")


def marked(part: Any) -> Iterator[str]:
    """Find every mrkdwn text."""
    if isinstance(part, dict) and part.get("type") == "mrkdwn":
        yield part["text"]
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from marked(value)


def check(text: str) -> None:
    """Check that a text is short enough, and that no entity or link in it is cut or somebody else's."""
    assert len(text.encode("utf-16-le")) // 2 <= 3000
    rest = re.sub(r"<([^<>]*)>", lambda token: "" if TOKEN.fullmatch(token[1]) else token[0], text)
    assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", rest), text


def forms(drawn: Message) -> Iterator[Message]:
    yield drawn
    if "plainer" in drawn:
        yield from forms(drawn["plainer"])


def test_no_kind_of_message_is_forgotten() -> None:
    assert {*HERE, *ELSEWHERE} == set(DRAWINGS)
    assert not HERE.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("kind", HERE)
@given(name=typed, text=typed)
@settings(deadline=None, max_examples=15)
def test_slack_takes_each_whatever_is_written_in_it(kind: FactKind, name: str, text: str) -> None:
    for drawn in HERE[kind](name, text):
        for form in forms(drawn):
            orjson.dumps(form["blocks"])
            validate_blocks(form["blocks"], surface="message")
            assert len(form["blocks"]) <= 50
            assert 0 < len(form["text"]) <= 4000
            for one in [form["text"], *marked(form["blocks"])]:
                check(one)


@pytest.mark.parametrize("text", ["<!channel>", "a &am", "<https://r.io/x|cut", "<@U0EVE>", "x" * 3001, "a > b"])
def test_the_check_itself_finds_what_is_cut_or_too_long(text: str) -> None:
    with pytest.raises(AssertionError):
        check(text)
