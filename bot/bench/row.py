"""A row of the benchmark: two figures, what they are to each other, and whether that is what we want to reach."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

MOST_OF_A_CORE = 0.7
"""A client busier than this is no longer only a witness."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run: its figure, and the share of a core that the busiest process beside the measured one used."""

    value: float
    client: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a row says. `client` is the largest share of any run; `note` is what a reader must know beside it."""

    name: str
    unit: str
    ours: float | None
    beside: float | None
    ratio: float | None
    goal: str
    met: bool
    client: float = 0.0
    note: str = ""

    @property
    def warnings(self) -> list[str]:
        """Say what makes the figures doubtful."""
        if self.client <= MOST_OF_A_CORE:
            return []
        return [f"the client used {self.client:.0%} of its core, so that it may be what was measured"]

    def as_json(self) -> dict[str, Any]:
        """Give it as `runrate bench --json` prints it."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": _rounded(self.ours),
            "beside": _rounded(self.beside),
            "ratio": _rounded(self.ratio),
            "goal": self.goal,
            "met": self.met,
            "client": round(self.client, 2),
            "note": self.note,
            "warnings": self.warnings,
        }


@dataclass
class Pairs:
    """Runs in pairs: the same number of ours and of what stands beside them."""

    ours: list[Measured] = field(default_factory=list)
    beside: list[Measured] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        pairs = zip(self.ours, self.beside, strict=True)
        return median(ours.value / beside.value if beside.value else 0.0 for ours, beside in pairs)

    def row(
        self, name: str, unit: str, *, at_least: float | None = None, at_most: float | None = None, note: str = ""
    ) -> Row:
        """Make the row: medians, and a ratio that is to be at least, or at most, so much."""
        ratio = self.ratio
        if at_least is not None:
            goal, met = f"≥ {at_least:.2f} ×", ratio >= at_least
        else:
            goal, met = f"≤ {at_most:.2f} ×", at_most is not None and 0 < ratio <= at_most
        return Row(
            name=name,
            unit=unit,
            ours=middle(self.ours),
            beside=middle(self.beside),
            ratio=ratio,
            goal=goal,
            met=met,
            client=max(one.client for one in (*self.ours, *self.beside)),
            note=note,
        )


def middle(runs: Sequence[Measured]) -> float:
    """Give the median figure of some runs."""
    return median(run.value for run in runs)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of the values lie, the nearest one that was measured."""
    if not values:
        return float("inf")
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.4g}")
