"""What `/mrr account` answers, the same in a modal, an account's movements page by page, and the merging of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.views import answers
from handlers.views.answers import Answer
from handlers.views.blocks import (
    Block,
    Element,
    View,
    actions,
    button,
    context,
    field,
    modal,
    option,
    overflow,
    section,
)
from handlers.views.filled import filled
from models.account import Account
from models.account_card import AccountCard
from models.account_search import Fit, Found
from models.duplicate import Weight
from models.movement import Movement
from scheduler.messages import account as drawing
from scheduler.messages import mrkdwn

PAGE = 20
"""As many movements on a page; five of them fit into a section however long their plans are called."""
LINES = 5

USAGE = "Say which account: `/mrr {word} NAME`. A part of the name will do, and so will an id, a domain or an e-mail."
GONE = "This account is gone. Look it up again with /mrr account."


@dataclass(frozen=True)
class AccountActions:
    """The names of what can be pressed or chosen."""

    open: str = "account_open"
    share: str = "account_share"
    movements: str = "account_movements"
    older: str = "account_movements_older"
    newer: str = "account_movements_newer"
    menu: str = "account_menu"
    other: str = "account_other"


@dataclass(frozen=True)
class AccountCallbacks:
    """The names of the forms."""

    choose: str = "account_merge_choose"
    merge: str = "account_merge"


ACTIONS = AccountActions()
CALLBACKS = AccountCallbacks()
OTHER = "other"
"""The block of the form's one field."""


class Menu(StrEnum):
    """What a manager can do to an account."""

    MERGE = "merge"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Whoever looks at a card: what they may do with it, and the accounts that look like the same to a manager."""

    can_share: bool = False
    is_manager: bool = False
    alike: tuple[Account, ...] = ()


def usage(word: str = "account") -> Answer:
    """Answer how to ask."""
    text = USAGE.format(word=word)
    return _answer(text.replace("`", ""), section(text))


def gone_view() -> View:
    """Say in a modal that there is no such account any more."""
    return _said("Account history", GONE)


def card(shown: AccountCard, reader: Reader, *, charts: bool) -> Answer:
    """Answer with an account's card, and what can be done with it."""
    return _answer(drawing.summary(shown), *drawing.blocks(shown, charts=charts), *_below(shown, reader))


def history(shown: AccountCard, reader: Reader) -> View:
    """Draw the same as a modal, from where it can't be shared."""
    blocks = [*drawing.blocks(shown), *_below(shown, reader)]
    return modal("Account history", blocks, callback_id="account_history", close="Close")


def _below(shown: AccountCard, reader: Reader) -> list[Block]:
    elements = [button("Share here", ACTIONS.share, value=shown.id, style="primary")] if reader.can_share else []
    if shown.movement_count > len(shown.movements):
        elements.append(button("All movements", ACTIONS.movements, value=shown.id))
    if reader.is_manager:
        elements.append(overflow(ACTIONS.menu, option("Merge with…", f"{Menu.MERGE} {shown.id}")))
    twins = [f"{mrkdwn.bold(_name(one))} ({mrkdwn.code(one.external_id, 60)})" for one in reader.alike]
    hint = [context(f"Looks like a duplicate of {mrkdwn.listed(twins, most=3)}.")] if twins else []
    return [*hint, *([actions(*elements, block_id="account_below")] if elements else [])]


def choice(typed: str, found: Found, *, locale: str) -> Answer:
    """Answer with the accounts that may be meant, a button beside each."""
    said = mrkdwn.quoted(typed)
    text = f"{len(found.accounts)} accounts fit {said}." if found.fit > Fit.NEAR else f"No account is called {said}."
    if found.has_more:
        text = f"More accounts fit {said} than are shown here. Type more of the name."
    near = "Did you mean one of these?" if len(found.accounts) > 1 else "Did you mean this one?"
    ask = "Which one?" if found.fit > Fit.NEAR else near
    rows = [_row(one, locale) for one in found.accounts]
    return _answer(f"{text} {ask}", section(f"{text} {mrkdwn.bold(ask)}"), *rows)


def _row(one: Account, locale: str) -> Block:
    about = [drawing.STATUSES[one.status], drawing.mrr(one.mrr_minor, one.currency, locale)]  # type: ignore[index]
    told = [part for part in (*about, mrkdwn.escape(one.domain, 100) if one.domain else "") if part]
    line = f"{mrkdwn.bold(_name(one))}\n{' · '.join([*told, mrkdwn.code(one.external_id)])}"
    return section(line, accessory=button("Open", ACTIONS.open, value=one.id))


def which(typed: str, found: Found, *, word: str, ending: str = "") -> Answer:
    """Answer with the accounts that may be meant, each with a button that does for it what was asked."""
    ask = f"Which account do you mean by {mrkdwn.quoted(typed)}?"
    more = " More fit than these; type more of the name." if found.has_more else ""
    rows = [_offer(one, f"{word} {mrkdwn.entities(one.external_id)} {ending}".strip(), word) for one in found.accounts]
    return _answer(f"{ask}{more}", section(f"{mrkdwn.bold(ask)}{more}"), *rows)


def _offer(one: Account, command: str, word: str) -> Block:
    done = button(word.capitalize(), answers.ACTIONS.meant, value=command)
    return section(f"{mrkdwn.bold(_name(one))} · {mrkdwn.code(one.external_id)}", accessory=done)


def not_found(typed: str) -> Answer:
    """Answer that nothing comes near what was typed, and what to do."""
    text = (
        f"No account comes near {mrkdwn.quoted(typed)}. Try a shorter part of its name, its domain or its id in your "
        "billing system; an account is here once a source has told of it."
    )
    return _answer(text, section(text))


def read_id(action: Mapping[str, Any]) -> str:
    """Read which account a press is about."""
    return str(action.get("value") or "").partition(" ")[0]


def read_menu(action: Mapping[str, Any]) -> tuple[Menu, str]:
    """Read what was chosen, and for which account."""
    chosen, _, account_id = str((action.get("selected_option") or {}).get("value")).partition(" ")
    return Menu(chosen), account_id


def read_page(action: Mapping[str, Any]) -> int:
    """Read which page of the movements is asked for, from 0."""
    _, _, page = str(action.get("value") or "").partition(" ")
    return int(page) if page.isdecimal() else 0


def movements(shown: AccountCard, rows: Sequence[Movement], *, page: int) -> View:
    """Draw a page of an account's movements, newest first."""
    first = page * PAGE
    name = mrkdwn.bold(mrkdwn.escape(shown.name, drawing.LONGEST_NAME))
    counted = f"{first + 1:,}–{first + len(rows):,} of {shown.movement_count:,}" if rows else "This page is empty."
    lines = [drawing.movement_line(one, shown.locale) for one in rows]
    parts = [section("\n".join(lines[start : start + LINES])) for start in range(0, len(lines), LINES)]
    turns = [button("Newer", ACTIONS.newer, value=f"{shown.id} {page - 1}")] if page else []
    if first + len(rows) < shown.movement_count:
        turns.append(button("Older", ACTIONS.older, value=f"{shown.id} {page + 1}"))
    blocks = [section(name), *parts, context(counted), *([actions(*turns, block_id="account_pages")] if turns else [])]
    return modal("All movements", blocks, callback_id="account_movements", close="Close")


def merge_form(kept: Account, *, alike: Sequence[Account] = (), locale: str) -> View:
    """Ask which account is the same as the one that stays."""
    name = mrkdwn.bold(_name(kept))
    text = (
        f"The account that you choose becomes part of {name}, which stays. To keep the other one instead, begin at its "
        "own card."
    )
    select: Element = {
        "type": "external_select",
        "action_id": ACTIONS.other,
        "min_query_length": 2,
        "placeholder": mrkdwn.plain("Name, domain or id", 150),
    }
    if alike:
        select["initial_option"] = _option(alike[0], locale)
    asked = field("The duplicate", select, block_id=OTHER)
    return modal(
        "Merge accounts", [section(text), asked], callback_id=CALLBACKS.choose, submit="Next", metadata=kept.id
    )


def options(found: Sequence[Account], *, locale: str) -> list[Element]:
    """List accounts to choose from."""
    return [_option(one, locale) for one in found]


def _option(one: Account, locale: str) -> Element:
    about = [drawing.mrr(one.mrr_minor, one.currency, locale), one.domain or "", one.external_id]
    return option(one.display_name, one.id, description=" · ".join(part for part in about if part))


def read_other(view: dict[str, Any]) -> str | None:
    """Read which account was chosen."""
    return filled(view).option(OTHER)


def merge_question(kept: Account, former: Account, weight: Weight, *, locale: str) -> View:
    """Ask whether it is to be done, with what becomes of what."""
    stays, goes = mrkdwn.bold(_name(kept)), mrkdwn.bold(_name(former))
    counted = mrkdwn.listed(_counted(weight), most=len(weight))
    lines = [
        f"{counted} {'goes' if sum(weight) == 1 else 'go'} to {stays}, and its MRR is counted anew from all of them."
        if counted
        else f"Nothing stands at {goes} but its own values.",
        "Of values that both have (name, stage, attributes) the better source's stays, or else the newer one.",
        f"What comes later for {mrkdwn.code(former.external_id)} goes to {stays}.",
        "Messages in Slack stay as they are.",
    ]
    described = f"{goes} {_described(former, locale)}\nbecomes part of\n{stays} {_described(kept, locale)}"
    blocks = [section(described), section("\n".join(f"• {one}" for one in lines)), context("This can't be undone.")]
    return modal(
        "Merge accounts", blocks, callback_id=CALLBACKS.merge, submit="Merge", metadata=f"{former.id} {kept.id}"
    )


def _described(one: Account, locale: str) -> str:
    mrr = drawing.mrr(one.mrr_minor, one.currency, locale) or "no MRR"
    return f"({mrkdwn.code(one.external_id)}, {mrr})"


def _counted(weight: Weight) -> list[str]:
    """Say how much there is of each: `3 movements`, `1 role`."""
    return [
        f"{number:,} {name.removesuffix('s') if number == 1 else name}"
        for name, number in weight._asdict().items()
        if number
    ]


def read_merge(view: dict[str, Any]) -> tuple[str, str]:
    """Read which account becomes part of which."""
    former_id, _, kept_id = str(view.get("private_metadata") or "").partition(" ")
    return former_id, kept_id


def merged(kept: Account) -> View:
    """Say that it is done."""
    text = f"Done: they are one account, {mrkdwn.bold(_name(kept))} ({mrkdwn.code(kept.external_id)})."
    return _said("Merge accounts", f"{text} Its MRR is right within a moment.")


def _name(one: Account) -> str:
    return mrkdwn.escape(one.display_name, drawing.LONGEST_NAME)


def _said(title: str, text: str) -> View:
    return modal(title, [section(text)], callback_id="account_said", close="Close")


def _answer(text: str, *blocks: Block) -> Answer:
    return Answer(response_type="ephemeral", text=text, blocks=list(blocks))
