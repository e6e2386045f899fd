"""A signal, told to whoever owns the account; and what managers read when nobody could be told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.fact import SignalKind
from scheduler.messages import claim, mrkdwn
from scheduler.messages.menu import Choice, menu
from scheduler.messages.message import Message, message

KINDS = {
    SignalKind.JOB_CHANGE: "job change",
    SignalKind.PROMOTION: "promotion",
    SignalKind.NEW_HIRE: "new hire",
    SignalKind.FUNDING: "funding",
    SignalKind.CUSTOM: "signal",
}
STATUSES = {"lead": "a lead", "customer": "a customer", "churned": "a former customer"}


@dataclass(frozen=True)
class SignalActions:
    """The names of the buttons under a signal."""

    unmute: str = "signal_unmute"
    open: str = "signal_open"


ACTIONS = SignalActions()


@dataclass(frozen=True, kw_only=True)
class SignalMessage:
    """A signal, the account it is about, and why this recipient gets it. `is_direct` says that a person does."""

    kind: SignalKind
    person: str | None = None
    title: str | None = None
    text: str | None = None
    url: str | None = None
    account_name: str
    account_url: str | None = None
    account_status: str
    sales_stage: str | None = None
    occurred_at: datetime
    told_at: datetime | None = None
    source_name: str
    why: str
    is_direct: bool
    claimed_by: str | None = None
    may_be_repeat: bool = False


def draw(signal: SignalMessage) -> Message:
    """Draw the message: the fact, what stands behind it, and how to stop it."""
    text = mrkdwn.marked(f"{_fact(signal, strong=True)}{_text(signal)}\n{_account(signal)}")
    choices = [Choice.HISTORY, Choice.MUTE, *([Choice.STOP_SIGNALS] if signal.is_direct else [])]
    address = mrkdwn.web_address(signal.url)
    buttons = [*([_open_button(address)] if address else []), claim.button(signal.claimed_by)]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": text, "accessory": menu(*choices)},
        {"type": "actions", "elements": buttons},
        {"type": "context", "elements": [mrkdwn.marked(_reason(signal))]},
    ]
    repeat = " (may be a repeat)" if signal.may_be_repeat else ""
    return message(f"{_fact(signal)}{repeat}", *blocks)


def _fact(signal: SignalMessage, *, strong: bool = False) -> str:
    """Say who did what where: `Sofia Marín joined Contoso as VP Finance`. The kind is named where no verb says it."""
    account = mrkdwn.escape(signal.account_name, 160)
    account = mrkdwn.bold(account) if strong else account
    if signal.person is None:
        is_raised = signal.kind is SignalKind.FUNDING
        return f"{account} raised money" if is_raised else f"{account} — {KINDS[signal.kind]}"
    person = mrkdwn.escape(signal.person, 160)
    person = mrkdwn.bold(person) if strong else person
    title = mrkdwn.escape(signal.title, 160) if signal.title else None
    match signal.kind:
        case SignalKind.PROMOTION:
            return f"{person} was promoted at {account}{f' to {title}' if title else ''}"
        case SignalKind.JOB_CHANGE:
            return f"{person} changed jobs and joined {account}{f' as {title}' if title else ''}"
        case SignalKind.NEW_HIRE:
            return f"{person} joined {account}{f' as {title}' if title else ''}"
        case _:
            return f"{person} at {account}{f', {title}' if title else ''} — {KINDS[signal.kind]}"


def _text(signal: SignalMessage) -> str:
    return f"\n{mrkdwn.escape(signal.text, 1000)}" if signal.text else ""


def _account(signal: SignalMessage) -> str:
    """Say how we stand with the account."""
    name = mrkdwn.link(signal.account_url, mrkdwn.escape(signal.account_name, 160))
    stage = f" · stage {mrkdwn.escape(signal.sales_stage, 160)}" if signal.sales_stage else ""
    return f"{name} is {STATUSES.get(signal.account_status, 'an account')}{stage}"


def _open_button(url: str) -> dict[str, Any]:
    return {"type": "button", "text": mrkdwn.plain("Open", 75), "action_id": ACTIONS.open, "url": url}


def _reason(signal: SignalMessage) -> str:
    at = mrkdwn.news(signal.occurred_at, told_at=signal.told_at)
    repeat = " · may be a repeat: Slack didn't confirm the first one" if signal.may_be_repeat else ""
    return f"{at} · {mrkdwn.escape(signal.source_name, 160)} · {mrkdwn.escape(signal.why, 600)}{repeat}"


@dataclass(frozen=True, kw_only=True)
class UnheardMessage:
    """A signal that reached nobody."""

    account_name: str
    why: str


def draw_unheard(unheard: UnheardMessage) -> Message:
    """Draw what managers read, once a day at most, when a signal reached nobody."""
    account = mrkdwn.escape(unheard.account_name, 160)
    fact = f"A signal about {account} reached nobody: {mrkdwn.escape(unheard.why, 600)}."
    fix = "Choose a fallback channel in Runrate's Home tab, and such signals are told there."
    text = mrkdwn.marked(f"{mrkdwn.bold(fact)}\n{fix}")
    return message(f"{fact} {fix}", {"type": "section", "text": text, "accessory": menu()})
