"""A recap: how MRR moved over a day, week or month, a currency at a time, with the accounts that moved it most."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from models.currency import digits
from models.fact import MovementKind
from models.late import Correction, Late
from models.recap import Figures, Sum
from models.schedule import Period, Rhythm
from scheduler.messages import chart, money, mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import CHART, PICTURE, TABLE, Message, in_forms, message
from scheduler.messages.movement import KINDS

LATE = timedelta(minutes=30)
"""A recap that is told later than this after its time says so."""

MOST_CHARTS = 2
"""As many as Slack takes in a message."""

MOST_DETAILED = 6
"""How many currencies are told in full; of the rest the net is named."""

MOST_BRIEF = 20
LONGEST_ACCOUNT = 80
LONGEST_NOTE = 200

UNKNOWN_START = "Starting MRR unknown: import the history before this, and the next recap says it."
UNKNOWN_MRR = "What MRR stays at is unknown: import the history before this, and the next recap says it."

BEFORE = {Rhythm.DAILY: "the day before", Rhythm.WEEKLY: "the week before", Rhythm.MONTHLY: "the month before"}

FX_OTHER, AT_START, NET, AT_END = "FX/other", "At the start", "Net", "At the end"
NONE = "–"

EARLIER = {Rhythm.DAILY: "earlier days", Rhythm.WEEKLY: "earlier weeks", Rhythm.MONTHLY: "earlier months"}

OPEN = "recap_open"
"""The name of the button that opens the full list."""

BY_SIZE = "size"
"""What asks for that list with the largest first."""

EXPIRED = ("This picture has expired.", "Its figures stand below it, in words.")

_DOT = " · "


@dataclass(frozen=True, kw_only=True)
class RecapMessage:
    """A period, its figures in each currency, and to whom it is told."""

    rhythm: Rhythm
    period: Period
    figures: tuple[Figures, ...] = ()
    destination_name: str
    channel_id: str | None
    """The channel that it is posted to; None where one person gets it, or those of a group DM."""
    is_group: bool = False
    due_at: datetime
    told_at: datetime
    next_at: datetime | None = None
    days_before: int = 1
    """How many days the recap before this one told of: before a daily one, after a weekend or holidays, several."""
    locale: str = money.DEFAULT_LOCALE
    may_be_repeat: bool = False
    late: Late | None = None
    correction: Correction | None = None
    """What changed since it was told, where it is corrected in its place."""
    note: str | None = None
    """Who asked for it, where somebody did."""
    list_url: str | None = None
    """Where every movement of the period is listed."""
    picture_urls: Mapping[str, str]
    """Where the pictures are, by the names of their figures."""


Charts: TypeAlias = Callable[[RecapMessage, Figures], Sequence[dict[str, Any]]]
"""How the chart of a currency is drawn: as blocks, or none."""


@dataclass(frozen=True)
class Form:
    """How charts are drawn, and the table of what leads from the start to the end; None where words say it."""

    chart: Charts
    table: dict[str, Any] | None


def draw(recap: RecapMessage) -> Message:
    """Draw the message with native charts and a table; plainer, with pictures; without these; in its words alone."""
    since, reason = (*_late(recap), *_corrected(recap)), _context(_reason(recap))
    moved = [one for one in recap.figures if one.count]
    if not moved:
        fact, rest = _nothing(recap)
        told = _section(" ".join(part for part in (mrkdwn.bold(fact), rest) if part)) | {"accessory": menu()}
        return message(" ".join(part for part in (fact, rest, *_marks(recap)) if part), told, *since, reason)
    text, body, table = _notification(recap, moved), list(_body(recap, moved)), _table(recap, moved[:MOST_DETAILED])
    forms = (Form(_chart, table), Form(_picture, table), Form(_no_chart, table), Form(_no_chart, None))
    return in_forms(
        *(message(text, *_filled(recap, body, form), *since, *_open(recap), reason) for form in forms),
    )


def picture(figures: Figures, *, rhythm: Rhythm, period: Period, locale: str) -> str:
    """Draw a currency's chart as SVG."""
    title, name, left = _chart_title(figures), period_name(rhythm, period), chart.MARGIN
    amounts = _amounts(figures)
    bars = "".join(chart.bars(amounts, figures.currency, locale))
    drawn = [
        chart.text(title, left, 50, size=chart.MIDDLE, more=' font-weight="bold"'),
        chart.text(f"{name[:1].upper()}{name[1:]}", left, 76, fill=chart.QUIET),
        f'<g transform="translate({left} 96)">{bars}</g>',
    ]
    return chart.card(drawn, height=96 + chart.ROW * len(amounts) + 20, label=title)


def day(of: date) -> str:
    """Write a day as a recap names it: `Tuesday 17 November`."""
    return f"{of:%A} {of.day} {of:%B}"


def period_name(rhythm: Rhythm, period: Period) -> str:
    """Name the period: `Tuesday 17 November`, `week of 16 – 22 November`, `November 2026`."""
    first, last = period.first, period.end - timedelta(days=1)
    match rhythm:
        case Rhythm.DAILY:
            return day(first) if first == last else f"{day(first)} to {day(last)}"
        case Rhythm.WEEKLY:
            start = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
            return f"week of {start} – {last.day} {last:%B}"
        case Rhythm.MONTHLY:
            return f"{first:%B} {first.year}"


def _nothing(recap: RecapMessage) -> tuple[str, str]:
    """Say that nothing happened, and what the MRR therefore still is, where it is known."""
    is_days = recap.rhythm is Rhythm.DAILY and recap.period.end - recap.period.first > timedelta(days=1)
    when = {Rhythm.DAILY: "from" if is_days else "on", Rhythm.WEEKLY: "in the", Rhythm.MONTHLY: "in"}[recap.rhythm]
    fact = f"No MRR movements {when} {period_name(recap.rhythm, recap.period)}."
    stays = [_amount(recap, one.end_minor, one) for one in recap.figures if one.end_minor and not one.is_total]
    if stays:
        return fact, f"MRR stays at {mrkdwn.listed(stays, most=MOST_BRIEF)}{_in_all(recap)}."
    return fact, UNKNOWN_MRR if any(one.end_minor is None for one in recap.figures) else ""


def _in_all(recap: RecapMessage) -> str:
    """Say what all currencies come to, where rates tell: these move it even where nothing else does."""
    total = next((one for one in recap.figures if one.is_total), None)
    if total is None:
        return ""
    day = "that day" if recap.period.end - recap.period.first == timedelta(days=1) else "the last day"
    return f": {_amount(recap, total.end_minor, total)} in all, by the rates of {day}"


def _notification(recap: RecapMessage, moved: list[Figures]) -> str:
    """Say the fact for a phone's lock screen: `MRR, Tuesday 17 November: +$4,310 net → $152,480`."""
    told = ", ".join(_net(recap, one) for one in moved[: 1 if moved[0].is_total else MOST_DETAILED])
    return " ".join([f"MRR, {period_name(recap.rhythm, recap.period)}: {told}", *_marks(recap)])


def _net(recap: RecapMessage, one: Figures) -> str:
    end = f" → {_amount(recap, one.end_minor, one)}" if one.end_minor is not None else ""
    return f"{_signed(recap, one.net_minor, one)} net{end}"


def _marks(recap: RecapMessage) -> list[str]:
    return [*(["(late)"] if _is_late(recap) else []), *(["(may be a repeat)"] if recap.may_be_repeat else [])]


def _is_late(recap: RecapMessage) -> bool:
    return recap.told_at - recap.due_at > LATE


@dataclass(frozen=True)
class Place:
    """Where a form puts what it shows of a currency."""

    of: Figures
    has_chart: bool
    is_first: bool


def _body(recap: RecapMessage, moved: list[Figures]) -> Iterable[dict[str, Any] | Place]:
    """Draw what all forms have in common, with the places of what each has of its own."""
    title = mrkdwn.bold(f"MRR, {period_name(recap.rhythm, recap.period)}")
    for number, one in enumerate(moved[:MOST_DETAILED]):
        if number > 0:
            yield {"type": "divider"}
        headline = "\n".join(line for line in (_which(one, is_apart=moved[0].is_total), _headline(recap, one)) if line)
        if number == 0:
            yield _section(f"{title}\n{headline}") | {"accessory": menu()}
        else:
            yield _section(headline)
        has_chart = number < MOST_CHARTS and not (number and moved[0].is_total)
        yield Place(one, has_chart=has_chart, is_first=number == 0)
        if one.gains or one.losses:
            yield largest(one, recap.locale, more_url=recap.list_url)
    rest = "\n".join(line for line in (_brief(recap, moved[MOST_DETAILED:]), _unmoved(recap)) if line)
    if rest:
        yield _section(rest)


def _filled(recap: RecapMessage, body: Iterable[dict[str, Any] | Place], form: Form) -> Iterable[dict[str, Any]]:
    """Put what a form has of its own in its places; Slack takes one table in a message, which is that of all."""
    for part in body:
        if not isinstance(part, Place):
            yield part
            continue
        if part.has_chart:
            yield from form.chart(recap, part.of)
        if form.table is None:
            yield _fields(recap, part.of)
        elif part.is_first:
            yield form.table


def _which(one: Figures, *, is_apart: bool) -> str:
    """Say what is together in a total, and which currency stands apart from one."""
    if one.is_total:
        return f"All currencies together in {mrkdwn.escape(one.currency, 20)}, by the rates of their days"
    return f"In {mrkdwn.escape(one.currency, 20)} alone" if is_apart else ""


def _fields(recap: RecapMessage, one: Figures) -> dict[str, Any]:
    """Lead from the MRR at the start to that at the end in words."""
    net = f"{NET}  {mrkdwn.bold(_signed(recap, one.net_minor, one))}  {_movements(one.count, recap.locale)}"
    told = [*(by_kind(one, kind, recap.locale) for kind in MovementKind), *_fx_other(recap, one), net]
    if one.end_minor is not None:
        start, end = (mrkdwn.bold(_amount(recap, minor, one)) for minor in (one.start_minor, one.end_minor))
        told = [f"{AT_START}  {start}", *told, f"{AT_END}  {end}"]
    return {"type": "section", "fields": [mrkdwn.marked(line) for line in told]}


def _fx_other(recap: RecapMessage, one: Figures) -> Sequence[str]:
    """Say what the movements don't explain of a total."""
    if not one.is_total:
        return ()
    told = mrkdwn.bold(_signed(recap, one.fx_other_minor, one)) if one.fx_other_minor else "none"
    return (f"{FX_OTHER}  {told}",)


def _table(recap: RecapMessage, moved: Sequence[Figures]) -> dict[str, Any]:
    """Lead there in a table: of one currency with the numbers of movements apart, or with a column for each."""
    each = [{step.label: step for step in steps(one, recap.locale)} for one in moved]
    named = [mrkdwn.shown(f"{'All in ' if one.is_total else ''}{one.currency}", 20) for one in moved]
    if len(moved) == 1:
        header = [named[0], "MRR", "Movements"]
        rows = [[step.label, step.amount, step.number or NONE] for step in each[0].values()]
    else:
        header = ["MRR (movements)", *named]
        rows = [[label, *(one[label].together if label in one else NONE for one in each)] for label in each[0]]
    sides = [{"align": "left"}, *({"align": "right"} for _ in header[1:])]
    cells = [[{"type": "raw_text", "text": text} for text in row] for row in (header, *rows)]
    return {"type": TABLE, "rows": cells, "column_settings": sides}


@dataclass(frozen=True)
class Step:
    """Something that leads from the MRR at the start to that at the end, in words; `number` is of movements."""

    word: str
    amount: str
    number: str = ""
    shape: str = ""
    is_sum: bool = False
    minor: int = 0
    """How much it changes the MRR by."""

    @property
    def label(self) -> str:
        return f"{self.shape} {self.word}".lstrip()

    @property
    def together(self) -> str:
        return f"{self.amount} ({self.number})" if self.number else self.amount


def steps(one: Figures, locale: str) -> Sequence[Step]:
    """Lead from the start to the end, both of which are steps too."""
    net = money.signed(one.net_minor, one.currency, locale)
    return (
        Step(AT_START, _known(one.start_minor, one, locale), is_sum=True),
        *(_kind_step(one, kind, locale) for kind in MovementKind),
        *([_fx_step(one, locale)] if one.is_total else []),
        Step(NET, net, money.number(one.count, locale), is_sum=True, minor=one.net_minor),
        Step(AT_END, _known(one.end_minor, one, locale), is_sum=True),
    )


def _kind_step(one: Figures, kind: MovementKind, locale: str) -> Step:
    words, sum_ = KINDS[kind], one.sums.get(kind, Sum())
    if not sum_.count:
        return Step(words.word, NONE, shape=words.shape)
    amount = money.signed(sum_.amount_minor, one.currency, locale)
    return Step(words.word, amount, money.number(sum_.count, locale), words.shape, minor=sum_.amount_minor)


def _fx_step(one: Figures, locale: str) -> Step:
    amount = money.signed(one.fx_other_minor, one.currency, locale) if one.fx_other_minor else NONE
    return Step(FX_OTHER, amount, minor=one.fx_other_minor)


def _known(minor: int | None, one: Figures, locale: str) -> str:
    return "unknown" if minor is None else money.amount(minor, one.currency, locale)


def _headline(recap: RecapMessage, one: Figures) -> str:
    """Say the net and where it led; below that, the net before it and a year ago."""
    net = f"{mrkdwn.bold(_signed(recap, one.net_minor, one))} net"
    if one.end_minor is None:
        return f"{net}\n{UNKNOWN_START}"
    share = money.share(one.net_minor, one.start_minor or 0, recap.locale)
    led_to = f"{net}{f' ({share})' if share else ''} → {mrkdwn.bold(_amount(recap, one.end_minor, one))}"
    told = compared(one, _period_before(recap), recap.locale)
    return f"{led_to}\n{_DOT.join(told)}" if told else led_to


def compared(one: Figures, before: str, locale: str) -> Sequence[str]:
    """Say the net of the period before, which is called `before`, and of the same one a year ago, as far as known."""
    if one.start_minor is None:
        return ()
    nets = ((before, one.before_minor), ("a year ago", one.year_ago_minor))
    return [f"{when}: {money.signed(net, one.currency, locale)}" for when, net in nets if net is not None]


def _period_before(recap: RecapMessage) -> str:
    return period_before(recap.rhythm, days=recap.days_before)


def period_before(rhythm: Rhythm, *, days: int) -> str:
    """Name the period before this one, which had so many days."""
    return "the days before" if rhythm is Rhythm.DAILY and days > 1 else BEFORE[rhythm]


def by_kind(one: Figures, kind: MovementKind, locale: str) -> str:
    """Say what the movements of a kind come to, and how many they are."""
    words, sum_ = KINDS[kind], one.sums.get(kind)
    if sum_ is None or not sum_.count:
        return f"{words.shape} {words.word}  none"
    amount = mrkdwn.bold(money.signed(sum_.amount_minor, one.currency, locale))
    return f"{words.shape} {words.word}  {amount}  {_movements(sum_.count, locale)}"


def _movements(number: int, locale: str) -> str:
    return f"{money.number(number, locale)} movement{'' if number == 1 else 's'}"


def largest(one: Figures, locale: str, *, more_url: str | None = None) -> dict[str, Any]:
    """Name the accounts that gained and lost most, side by side where there are both, and say how many more did.

    Each has a line that begins with its amount, so that no sign stands apart from it at a line's end.
    """
    lists = (("Largest gains", one.gains, one.more_gains), ("Largest losses", one.losses, one.more_losses))
    told = [
        "\n".join([mrkdwn.bold(title), *_accounts(one, accounts, locale), *_more(more, locale, more_url)])
        for title, accounts, more in lists
        if accounts
    ]
    return {"type": "section", "fields": [mrkdwn.marked(text) for text in told]} if told[1:] else _section(*told)


def _accounts(one: Figures, accounts: Iterable[tuple[str, int]], locale: str) -> list[str]:
    return [
        f"{money.signed(amount, one.currency, locale)}  {mrkdwn.escape(name, LONGEST_ACCOUNT)}"
        for name, amount in accounts
    ]


def _more(number: int, locale: str, url: str | None) -> Sequence[str]:
    return (
        (mrkdwn.link(url and f"{url}?by={BY_SIZE}#movements", f"{money.number(number, locale)} more"),)
        if number
        else ()
    )


def _late(recap: RecapMessage) -> Sequence[dict[str, Any]]:
    """Say what arrived after the recap of its own time, since no recap before this one told of it."""
    late = recap.late
    if late is None:
        return ()
    belong = "belongs" if late.count == 1 else "belong"
    when = _period_before(recap) if late.is_just_before else EARLIER[recap.rhythm]
    which = "that recap was" if late.is_just_before else "the recaps of those were"
    corrected = f"; {which} corrected" if late.is_corrected else ""
    return (_context(f"{_arrived(late, recap.locale)} arrived late and {belong} to {when}{corrected}."),)


def _corrected(recap: RecapMessage) -> Sequence[dict[str, Any]]:
    """Mark a recap whose sums are others than when it was told, and say why."""
    correction = recap.correction
    if correction is None:
        return ()
    late, restated = correction.late, correction.restated
    why = [f"{_arrived(late, recap.locale)} arrived late"] if late else []
    why += (
        [f"{_arrived(restated, recap.locale)} {'was' if restated.count == 1 else 'were'} restated"] if restated else []
    )
    why += ["history came in"] if correction.has_history else []
    return (_context(f"{mrkdwn.bold('Corrected')} on {mrkdwn.day(correction.at)}: {' and '.join(why)}."),)


def _arrived(late: Late, locale: str) -> str:
    nets = (money.signed(net, currency, locale) for currency, net in late.nets.items())
    return f"{_movements(late.count, locale)} ({mrkdwn.listed(nets, most=MOST_BRIEF)})"


def _open(recap: RecapMessage) -> Sequence[dict[str, Any]]:
    if recap.list_url is None:
        return ()
    shown = {"text": mrkdwn.plain("Open the full list", 75), "action_id": OPEN, "url": recap.list_url}
    return ({"type": "actions", "elements": [{"type": "button", **shown}]},)


def _brief(recap: RecapMessage, rest: list[Figures]) -> str:
    if not rest:
        return ""
    return f"{mrkdwn.bold('Also')}  {mrkdwn.listed((_net(recap, one) for one in rest), most=MOST_BRIEF)}"


def _unmoved(recap: RecapMessage) -> str:
    stays = [_amount(recap, one.end_minor, one) for one in recap.figures if one.end_minor and not one.count]
    return f"{mrkdwn.bold('Unchanged')}  {mrkdwn.listed(stays, most=MOST_BRIEF)}" if stays else ""


def _no_chart(_recap: RecapMessage, _one: Figures) -> Sequence[dict[str, Any]]:
    """Draw nothing: what a chart shows stands in words below it too."""
    return ()


def _picture(recap: RecapMessage, one: Figures) -> Sequence[dict[str, Any]]:
    """Show the chart as a picture, where it has one, and say in its description all that it shows."""
    if one.name not in recap.picture_urls:
        return ()
    told = ", ".join(f"{word} {_signed(recap, amount, one)}" for word, amount in _amounts(one).items())
    described = f"{_chart_title(one)}, {period_name(recap.rhythm, recap.period)}: {told}"
    return ({"type": PICTURE, "image_url": recap.picture_urls[one.name], "alt_text": described},)


def _chart_title(one: Figures) -> str:
    return f"MRR change by kind, {'all in ' if one.is_total else ''}{one.currency}"


def _amounts(one: Figures) -> dict[str, int]:
    """Give what the chart shows."""
    amounts = {KINDS[kind].word: one.sums.get(kind, Sum()).amount_minor for kind in MovementKind}
    return {**amounts, FX_OTHER: one.fx_other_minor} if one.is_total else amounts


def _chart(_recap: RecapMessage, one: Figures) -> Sequence[dict[str, Any]]:
    """Draw the five kinds as bars, and FX/other of a total, in whole units of the currency."""
    values = _amounts(one)
    points = [{"label": word, "value": minor / 10 ** digits(one.currency)} for word, minor in values.items()]
    drawn = {
        "type": "bar",
        "series": [{"name": mrkdwn.shown(one.currency, 20), "data": points}],
        "axis_config": {"categories": list(values)},
    }
    return ({"type": CHART, "title": mrkdwn.shown(_chart_title(one), 50), "chart": drawn},)


def _reason(recap: RecapMessage) -> str:
    """Say whose wish it is that it stands here, and when the next one comes."""
    to = mrkdwn.reader(recap.channel_id, is_group=recap.is_group)
    asked = [mrkdwn.escape(recap.note, LONGEST_NOTE)] if recap.note else []
    parts = [*asked, f"to {to} by {mrkdwn.quoted(recap.destination_name)}"]
    if _is_late(recap):
        parts.append(f"late: due {mrkdwn.moment(recap.due_at)}")
    if recap.next_at is not None:
        parts.append(f"next: {mrkdwn.appointment(recap.next_at)}")
    if recap.may_be_repeat:
        parts.append("may be a repeat: Slack didn't confirm the first one")
    return _DOT.join(parts)


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [mrkdwn.marked(text)]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text)}


def _signed(recap: RecapMessage, minor: int, one: Figures) -> str:
    return money.signed(minor, one.currency, recap.locale)


def _amount(recap: RecapMessage, minor: int | None, one: Figures) -> str:
    return money.amount(minor or 0, one.currency, recap.locale)
