"""`runrate rules`: by what rules a workspace's MRR is counted, shown or changed."""

from functools import partial
from typing import Any, NamedTuple

import click

from bot.cli import console
from bot.cli.console import BY, Console
from bot.cli.options import example, json_option, workspace_option
from bot.cli.output import print_json, print_pairs
from models import subscription, workspace
from models.fact import read_currency
from scheduler.recount import recount_all_due

LONGEST_WINDOW = 24 * 60


class CurrencyCode(click.ParamType[str]):
    """A currency code of ISO 4217."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read the code in whatever case."""
        return read_currency(value) or self.fail(f"{value!r} is no currency code of ISO 4217, such as USD.", param, ctx)


class Rules(NamedTuple):
    """How MRR is counted."""

    base_currency: str
    window_minutes: int


@click.command(epilog=example("runrate rules", "runrate rules --base-currency EUR --window 0"))
@click.option("--base-currency", type=CurrencyCode(), metavar="CODE", help="In which totals are stated.")
@click.option(
    "--window",
    type=click.IntRange(0, LONGEST_WINDOW),
    metavar="MINUTES",
    help="How near to new business, churn or a reactivation a change counts as that; 0 turns it off.",
)
@workspace_option
@json_option
def rules(*, base_currency: str | None, window: int | None, workspace_id: str | None, as_json: bool) -> None:
    """Show by what rules MRR is counted, or change them.

    After a change of the window, all accounts with subscriptions are counted anew.
    """
    work = partial(_rules, base_currency=base_currency, window=window, workspace_id=workspace_id)
    found = console.run(work)
    if as_json:
        print_json(found._asdict())
        return
    minutes = f"{found.window_minutes} minutes" if found.window_minutes else "off: each change counts by itself"
    print_pairs({"Base currency": found.base_currency, "Window": minutes})


async def _rules(opened: Console, *, base_currency: str | None, window: int | None, workspace_id: str | None) -> Rules:
    async with opened.database.write() as session:
        tenant = await workspace.the_one(session, workspace_id)
        before = Rules(tenant.base_currency, tenant.classification_minutes)
        after = Rules(base_currency or before.base_currency, before.window_minutes if window is None else window)
        if after != before:
            await workspace.choose_rules(
                session,
                tenant.id,
                base_currency=after.base_currency,
                classification_minutes=after.window_minutes,
                by=BY,
                now=opened.now,
            )
            await subscription.recount_all(session, tenant.id, now=opened.now)
    if after != before:
        await recount_all_due(opened.database, tenant.id, now=opened.now)
    return after
