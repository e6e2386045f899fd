"""E-mail by SMTP: the one call that sends, and what the server's answers mean."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from scheduler.decisions import Class, Decision
from scheduler.mailserver import MailServer
from scheduler.messages.notice import Mail

TIMEOUT = 15.0
"""Seconds for each step of a conversation with the server."""

UNSET = Decision(Class.FIX, "no mail server is set", "Set SMTP_URL and restart Runrate.")
UNREACHABLE = Decision(Class.RETRY, "the mail server can't be reached")
BUSY = Decision(Class.RETRY, "the mail server does not take the message now")
LOGIN = Decision(Class.FIX, "the mail server refused the user name or password", "Correct them in SMTP_URL.")
SENDER = Decision(
    Class.FIX, "the mail server refused the sender's address", "Set one that it takes with ?from= in SMTP_URL."
)
RECIPIENT = Decision(Class.PERMANENT, "the mail server refused the recipient's address", "Correct it in Slack.")
UNABLE = Decision(
    Class.FIX, "the mail server can't encrypt, or takes no password", "Set ?starttls=no or leave the user out."
)
REFUSED = Decision(Class.FIX, "the mail server refused the message", "See the code in the delivery's attempts.")


MEANINGS: tuple[tuple[type[Exception], Decision], ...] = (
    (aiosmtplib.SMTPAuthenticationError, LOGIN),
    (aiosmtplib.SMTPSenderRefused, SENDER),
    (aiosmtplib.SMTPRecipientRefused, RECIPIENT),
    (aiosmtplib.SMTPNotSupported, UNABLE),
    (aiosmtplib.SMTPResponseException, REFUSED),
    (aiosmtplib.SMTPException, UNREACHABLE),
    (OSError, UNREACHABLE),
    (TimeoutError, UNREACHABLE),
)
"""What is raised, the closest kind first, with a code from `PERMANENT` on or none; anything else is `REFUSED`."""

PERMANENT = 500
"""The first of those codes."""


async def send(server: MailServer, mail: Mail, *, to: str, delivery_id: str, now: datetime) -> None:
    """Hand an e-mail over; raise what the server or the way there answers if not.

    Sent again it has the same Message-ID, by which mailboxes know a repeat.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Runrate <{server.sender}>"
    message["To"] = to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{delivery_id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    await aiosmtplib.send(
        message,
        sender=server.sender,
        recipients=[to],
        hostname=server.host,
        port=server.port,
        username=server.user,
        password=server.password,
        use_tls=server.encrypted,
        start_tls=server.starttls,
        timeout=TIMEOUT,
    )


def decide(error: Exception) -> Decision:
    """Say what an error means for the e-mail that was being sent. A repeat is better than a loss."""
    error = _the_one(error)
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code < PERMANENT:
        return BUSY
    return next((decision for kind, decision in MEANINGS if isinstance(error, kind)), REFUSED)


def answer_of(error: Exception) -> str:
    """Name an error for the ledger: the server's code, or the error's kind. Never its text."""
    error = _the_one(error)
    return f"smtp {error.code}" if isinstance(error, aiosmtplib.SMTPResponseException) else type(error).__name__


def _the_one(error: Exception) -> Exception:
    """Give what was said of our one recipient, where that is what was refused."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
            return first
        case _:
            return error
