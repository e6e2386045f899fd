"""The MRR engine: subscriptions over time become an account's movements. It is pure, and money is in minor units.

A subscription is told in segments. At any time the segment that began last decides, until it ends: so the next segment
of a subscription changes it, and one that ends as it begins ends it. A segment from a file takes the place of what was
said earlier of the same time under another start.

Movements are netted per account and instant, in each currency. Their kinds are ChartMogul's, by what the account has as
a whole: its first MRR is new business; MRR after its last subscription ended, a reactivation; the end of its last
subscription, churn; any other gain is an expansion, any other loss a contraction. A free subscription keeps an account
a customer. What gains within the window after new business or a reactivation, or loses within the window before churn,
counts as that.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from models.fact import AccountStatus, MovementKind

WINDOW = timedelta(minutes=60)
"""ChartMogul's default; none at all counts every change by itself."""

NEVER = datetime.max.replace(tzinfo=UTC)


class Segment(NamedTuple):
    """What a subscription is worth a month in `[starts_at, ends_at)`, as was said at `as_of`."""

    source_id: str
    external_id: str
    starts_at: datetime
    account_id: str
    ends_at: datetime | None
    mrr_minor: int
    currency: str
    as_of: datetime
    is_history: bool = False
    replaces: bool = False
    """Whether what was said earlier of the same time, under another start, is void."""

    @property
    def end(self) -> datetime:
        """The end, for comparisons."""
        return self.ends_at or NEVER

    @property
    def said(self) -> tuple[str, datetime, int, str]:
        """What it says, without when and how it was said."""
        return self.account_id, self.end, self.mrr_minor, self.currency


class Change(NamedTuple):
    """A movement of an account, as its subscriptions make it."""

    at: datetime
    currency: str
    kind: MovementKind
    amount_minor: int
    before_minor: int
    after_minor: int
    source_id: str
    external_id: str | None
    """The subscription, where it is only one."""
    is_history: bool
    """Whether nobody waits for it: each subscription that made it was imported, or connected long after it happened."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """An account up to an instant: its movements, what it has then, and when its subscriptions change next."""

    changes: Sequence[Change]
    mrr: Mapping[str, int]
    """By currency, without those in which there is none."""
    status: AccountStatus
    next_at: datetime | None


def newest(one: Segment, other: Segment) -> Segment:
    """Choose between two that say the same subscription from the same start on: what was said last counts."""
    return max(one, other, key=lambda segment: (segment.as_of, segment.said))


def spans(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Cut the segments of subscriptions where the next one begins.

    Of each subscription all segments are needed, and each start only once. Of one that ends as it begins only its
    instant remains, which says whose word it was that a subscription ended.
    """
    subscriptions: dict[tuple[str, str], list[Segment]] = defaultdict(list)
    for segment in segments:
        subscriptions[segment.source_id, segment.external_id].append(segment)
    for told in subscriptions.values():
        yield from _cut(told) if len(told) > 1 else told


def _cut(told: list[Segment]) -> Iterator[Segment]:
    valid = sorted(
        (one for one in told if not any(_voids(other, one) for other in told)), key=lambda one: one.starts_at
    )
    for one, following in zip(valid, [*valid[1:], None], strict=True):
        is_cut = following is not None and following.starts_at < one.end
        yield one._replace(ends_at=following.starts_at) if is_cut and following is not None else one


def _voids(later: Segment, earlier: Segment) -> bool:
    return (
        later.replaces
        and later.as_of > earlier.as_of
        and later.starts_at != earlier.starts_at
        and later.starts_at < earlier.end
        and earlier.starts_at < later.end
    )


def timeline(
    spans: Iterable[Segment],
    *,
    until: datetime,
    window: timedelta = WINDOW,
    news_since: Mapping[str, datetime] = MappingProxyType({}),
) -> Timeline:
    """Follow an account through the spans of its subscriptions, up to an instant and with it.

    What happened before `news_since` is history to a source, whose id it goes by.
    """
    edges: dict[datetime, list[tuple[int, Segment]]] = defaultdict(list)
    for span in spans:
        edges[span.starts_at].append((1, span))
        if span.ends_at is not None:
            edges[span.ends_at].append((-1, span))
    standing = _Standing(news_since)
    changes: list[Change] = []
    for at in sorted(edges):
        if at > until:
            return _timeline(changes, standing, window, next_at=at)
        changes += standing.move(at, edges[at])
    return _timeline(changes, standing, window, next_at=None)


def _timeline(changes: list[Change], standing: "_Standing", window: timedelta, *, next_at: datetime | None) -> Timeline:
    return Timeline(
        changes=_gathered(changes, window) if window else changes,
        mrr={currency: amount for currency, amount in standing.mrr.items() if amount},
        status=standing.status,
        next_at=next_at,
    )


class _Standing:
    """Where an account stands as one goes along its time."""

    def __init__(self, news_since: Mapping[str, datetime]) -> None:
        self.status = AccountStatus.LEAD
        self._news_since = news_since
        self.mrr: dict[str, int] = {}
        self._subscriptions = 0

    def move(self, at: datetime, edges: Sequence[tuple[int, Segment]]) -> list[Change]:
        """Let subscriptions begin and end, and tell what that comes to in each currency."""
        before, amounts = self.status, dict[str, int]()
        for sign, span in edges:
            amounts[span.currency] = amounts.get(span.currency, 0) + sign * span.mrr_minor
            self._subscriptions += sign
        for currency, amount in amounts.items():
            self.mrr[currency] = self.mrr.get(currency, 0) + amount
        self._judge()
        return [
            self._change(at, currency, amounts[currency], before, edges)
            for currency in sorted(amounts)
            if amounts[currency]
        ]

    def _judge(self) -> None:
        if any(self.mrr.values()):
            self.status = AccountStatus.CUSTOMER
        elif self.status is AccountStatus.CUSTOMER and not self._subscriptions:
            self.status = AccountStatus.CHURNED

    def _change(
        self,
        at: datetime,
        currency: str,
        amount: int,
        before: AccountStatus,
        edges: Sequence[tuple[int, Segment]],
    ) -> Change:
        moved = [span for _, span in edges if span.currency == currency]
        subscriptions = {span[:2] for span in moved}
        source_id, external_id = min(subscriptions)
        only = external_id if len(subscriptions) == 1 else None
        has = self.mrr[currency]
        # By their places: a hundred thousand of them are a second otherwise.
        kind, is_history = self._kind(amount, before), self._is_history(at, moved)
        return Change(at, currency, kind, amount, has - amount, has, source_id, only, is_history)

    def _is_history(self, at: datetime, moved: Iterable[Segment]) -> bool:
        return all(span.is_history or at < self._news_since.get(span.source_id, at) for span in moved)

    def _kind(self, amount: int, before: AccountStatus) -> MovementKind:
        match before:
            case AccountStatus.LEAD:
                return MovementKind.NEW_BUSINESS
            case AccountStatus.CHURNED:
                return MovementKind.REACTIVATION
            case AccountStatus.CUSTOMER if self.status is AccountStatus.CHURNED:
                return MovementKind.CHURN
            case AccountStatus.CUSTOMER:
                return MovementKind.EXPANSION if amount > 0 else MovementKind.CONTRACTION


def _gathered(changes: Sequence[Change], window: timedelta) -> list[Change]:
    """Let what happened around a beginning or an end count as that; only gains begin, and only losses end."""
    starts, ends = {MovementKind.NEW_BUSINESS, MovementKind.REACTIVATION}, {MovementKind.CHURN}
    forward = _take_kind(changes, of=MovementKind.EXPANSION, near=starts, window=window)
    return _take_kind(forward[::-1], of=MovementKind.CONTRACTION, near=ends, window=window)[::-1]


def _take_kind(
    changes: Sequence[Change], *, of: MovementKind, near: set[MovementKind], window: timedelta
) -> list[Change]:
    taken: list[Change] = []
    anchor: Change | None = None
    for change in changes:
        if change.kind in near:
            anchor = change
        is_near = change.kind is of and anchor is not None and abs(change.at - anchor.at) <= window
        taken.append(change._replace(kind=anchor.kind) if anchor is not None and is_near else change)
    return taken
