"""E-mail: what is told when Slack can't be used arrives, through a real SMTP server, and stands in the ledger."""

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from bot.sandbox.people import ADA
from models import channel, delivery, person
from models.delivery import Delivery, DeliveryState, FactKind
from scheduler import smtp
from scheduler.mail import Mailer
from scheduler.mailserver import MailServer, read_url
from scheduler.notices import Notices
from tests.seeds import ACME, KEYRING
from tests.sending import REVENUE, Sending

S = DeliveryState
ADDRESS = "https://runrate.example.com"


class Postbox:
    """A real SMTP server on this machine, which keeps what it takes; or answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.refusal: dict[str, str] = {}
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=False, loop=loop), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.refusal.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.refusal.get("RCPT", "250 OK")

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        refusal = self.refusal.get("DATA")
        if refusal is None:
            self.taken.append(message_from_bytes(envelope.original_content or b"", policy=default))  # type: ignore[arg-type]
        return refusal or "250 OK"

    def server(self) -> MailServer:
        return read_url(f"smtp://127.0.0.1:{self.port}?from=runrate@example.com", host="runrate.example.com")

    @property
    def subjects(self) -> list[tuple[str, str]]:
        return [(str(one["To"]), str(one["Subject"]).strip()) for one in self.taken]


@pytest.fixture
async def postbox() -> AsyncIterator[Postbox]:
    box = Postbox()
    await box.start()
    yield box
    await box.stop()


def mailer(line: Sending, server: MailServer | None) -> Mailer:
    return Mailer(database=line.database, server=server, public_url=ADDRESS, now=line.clock.now, owner="mailer")


async def look(line: Sending) -> None:
    stage = Notices(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now, mails=True)
    await stage.look()


async def known(line: Sending, **people: str) -> None:
    """Let us know these people's addresses, the first one as whoever installed us."""
    async with line.database.write() as session:
        for user_id, email in people.items():
            user = {"id": user_id, "name": user_id, "profile": {"email": email}}
            await person.remember(session, ACME, user, now=line.clock.now())
        await person.name_managers(session, ACME, list(people)[1:], by=ADA, now=line.clock.now())


async def by_mail(line: Sending) -> list[Delivery]:
    return [one for one in await line.ledger() if one.recipient_kind == "email"]


async def failing(line: Sending) -> None:
    """Let a channel be archived while something is owed to it."""
    await line.ready()
    await known(line, U0ADA="ada@acme.com", U0DANA="dana@acme.com")
    line.sandbox.state.channels[REVENUE].is_archived = True
    await line.move(2)
    await line.run(seconds=5)
    await look(line)


async def test_creator_and_managers_get_the_same_words_by_mail(line: Sending, postbox: Postbox) -> None:
    await failing(line)
    await mailer(line, postbox.server()).send_waiting()
    subject = "I can't post to #revenue: the channel is archived"
    assert sorted(postbox.subjects) == [("ada@acme.com", subject), ("dana@acme.com", subject)]
    mail = postbox.taken[0]
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    for words in ("2 updates are waiting; nothing is lost. Unarchive it, or choose another channel.", "app_redirect"):
        assert words in text.get_content()
        assert words in html.get_content()
    assert "the destination “Every movement” in the Slack workspace T0Acme" in text.get_content()
    assert (mail["From"], mail["Auto-Submitted"]) == ("Runrate <runrate@example.com>", "auto-generated")
    assert {(one.state, one.attempts) for one in await by_mail(line)} == {(S.DELIVERED, 1)}


@pytest.mark.parametrize(("is_private", "named"), [(False, "#revenue"), (True, "a private channel")])
async def test_a_mail_names_no_private_channel(
    line: Sending, postbox: Postbox, *, is_private: bool, named: str
) -> None:
    """Test 37: managers read it who aren't in the channel."""
    await failing(line)
    async with line.database.write() as session:
        await channel.change(session, ACME, REVENUE, is_private=is_private)
    await mailer(line, postbox.server()).send_waiting()
    assert {subject for _, subject in postbox.subjects} == {f"I can't post to {named}: the channel is archived"}
    assert ("#revenue" in str(postbox.taken[0])) is not is_private


async def test_the_recovery_comes_once_to_those_who_were_told(line: Sending, postbox: Postbox) -> None:
    await failing(line)
    sends = mailer(line, postbox.server())
    await sends.send_waiting()
    line.sandbox.state.channels[REVENUE].is_archived = False
    await line.run()
    for _ in range(3):
        await look(line)
        line.clock.turn(5)
        await sends.send_waiting()
    assert [subject for _, subject in postbox.subjects[2:]] == ["Posting to #revenue works again"] * 2
    body = postbox.taken[-1].get_body(("plain",))
    assert body is not None
    assert "The 2 waiting updates were delivered at 09:00 UTC on 16 November." in body.get_content()


async def test_a_slack_that_takes_nothing_stops_no_mail(line: Sending, postbox: Postbox) -> None:
    """Test 33: a failing Slack must not stop e-mail."""
    await failing(line)
    await line.sandbox.state.revoke(line.app, ACME)
    await line.run(seconds=600)
    await look(line)
    await mailer(line, postbox.server()).send_waiting()
    line.clock.turn(5)
    await mailer(line, postbox.server()).send_waiting()
    assert ("ada@acme.com", "Runrate can't post in T0Acme: Slack no longer accepts its token") in (postbox.subjects)
    assert {one.state for one in await by_mail(line)} == {S.DELIVERED}
    lost = next(one for one in postbox.taken if "token" in str(one["Subject"])).get_body(("plain",))
    assert lost is not None
    assert f"Open Runrate's set-up page: {ADDRESS}" in lost.get_content()


async def test_a_lost_token_is_one_notice_to_each_manager_by_mail_and_one_recovery(
    line: Sending, postbox: Postbox
) -> None:
    """Test 12: one notice, queue held; reinstall resumes."""
    await line.ready()
    await known(line, U0ADA="ada@acme.com", U0DANA="dana@acme.com")
    await line.sandbox.state.revoke(line.app, ACME)
    await line.move(3)
    sends = mailer(line, postbox.server())
    for _ in range(4):
        await line.run(seconds=900)
        await look(line)
        await sends.send_waiting()
    assert [to for to, _ in sorted(postbox.subjects)] == ["ada@acme.com", "dana@acme.com"]
    await line.install()
    for _ in range(4):
        await line.run(seconds=60)
        await look(line)
        line.clock.turn(5)
        await sends.send_waiting()
    assert [subject for _, subject in postbox.subjects[2:]] == ["Runrate posts in T0Acme again"] * 2
    assert {one.state for one in await line.ledger()} == {S.DELIVERED}


async def test_a_mail_server_that_is_down_stops_no_message_in_slack(line: Sending, postbox: Postbox) -> None:
    """Test 33, the other way round."""
    server = postbox.server()
    await postbox.stop()
    await failing(line)
    await mailer(line, server).send_waiting()
    assert {(one.state, one.reason) for one in await by_mail(line)} == {(S.RETRYING, smtp.UNREACHABLE.reason)}
    await line.drain()
    notices = [
        one for one in await line.ledger() if one.fact_kind == FactKind.NOTICE and one.recipient_kind == "person"
    ]
    assert [one.state for one in notices] == [S.DELIVERED]

    await postbox.start()
    line.clock.turn(60)
    await mailer(line, server).send_waiting()
    assert len(postbox.taken) == 2
    assert {one.state for one in await by_mail(line)} == {S.DELIVERED}


@pytest.mark.parametrize(
    ("command", "answer", "state", "decision"),
    [
        ("MAIL", "550 no such sender", S.RETRYING, smtp.SENDER),
        ("RCPT", "550 no such user", S.FAILED, smtp.RECIPIENT),
        ("RCPT", "450 come back", S.RETRYING, smtp.BUSY),
        ("DATA", "554 spam", S.RETRYING, smtp.REFUSED),
        ("DATA", "451 later", S.RETRYING, smtp.BUSY),
    ],
)
async def test_what_the_server_refuses_stands_in_the_ledger(
    line: Sending, postbox: Postbox, command: str, answer: str, state: DeliveryState, decision: Any
) -> None:
    postbox.refusal[command] = answer
    await failing(line)
    await mailer(line, postbox.server()).send_waiting()
    assert postbox.taken == []
    owed = await by_mail(line)
    assert {(one.state, one.reason, one.fix) for one in owed} == {(state, decision.reason, decision.fix)}
    async with line.database.read() as session:
        [tried] = await delivery.attempts_of(session, owed[0].id)
    assert tried.answer == f"smtp {answer[:3]}"


async def test_a_mail_that_fails_is_told_to_nobody(line: Sending, postbox: Postbox) -> None:
    """Test 32: the notice path itself failing does not recurse."""
    postbox.refusal["RCPT"] = "550 no such user"
    await failing(line)
    for _ in range(3):
        await mailer(line, postbox.server()).send_waiting()
        await look(line)
        line.clock.turn(900)
    assert len(await by_mail(line)) == 2


async def test_without_a_server_what_was_owed_by_mail_says_so(line: Sending) -> None:
    await failing(line)
    await mailer(line, None).send_waiting()
    assert {(one.state, one.reason) for one in await by_mail(line)} == {(S.RETRYING, "no mail server is set")}


async def test_two_mailers_send_each_mail_once(line: Sending, postbox: Postbox) -> None:
    await failing(line)
    await asyncio.gather(*(mailer(line, postbox.server()).send_waiting() for _ in range(3)))
    assert len(postbox.taken) == 2
    async with line.database.read() as session:
        lanes = [one.lane_id for one in await delivery.of_workspace(session, ACME) if one.recipient_kind == "email"]
    assert len(set(lanes)) == 2


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("smtp://mail.example.com", ("mail.example.com", 25, None, False, None, "runrate@here")),
        ("smtp://u:p%40ss@mail.example.com", ("mail.example.com", 587, "p@ss", False, True, "runrate@here")),
        ("smtps://u:p@mail.example.com", ("mail.example.com", 465, "p", True, None, "runrate@here")),
        ("smtp://u:p@[::1]:2525?starttls=no&from=a@b.io", ("::1", 2525, "p", False, False, "a@b.io")),
        ("smtp://mail.example.com?starttls=yes", ("mail.example.com", 25, None, False, True, "runrate@here")),
    ],
)
def test_a_url_is_read(url: str, told: tuple[Any, ...]) -> None:
    server = read_url(url, host="here")
    read = (server.host, server.port, server.password, server.encrypted, server.starttls, server.sender)
    assert read == told
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "post.acme.com", "http://mail.acme.com", "smtp://", "smtp://h:x", "smtp://h/path", "smtp://h?tls=1",
        "smtp://h?starttls=maybe", "smtps://h?starttls=no", "smtp://h?from=nobody", "smtp://h?from=a@b.io%0ABcc:c@d.io",
    ],
)  # fmt: skip
def test_a_url_that_can_t_be_used_is_refused_without_its_value(url: str) -> None:
    with pytest.raises(ValueError, match=r"is an address|takes") as refused:
        read_url(url, host="here")
    assert url not in str(refused.value)
