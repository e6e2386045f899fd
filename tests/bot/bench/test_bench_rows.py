"""The benchmark's own arithmetic, and how its rows are shown."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.bench import report
from bot.bench.harness import Bench, hardware
from bot.bench.row import Measured, Pairs, Row, percentile
from bot.bench.rows import ROWS

ROW = Row(name="dispatch", unit="deliveries/s", ours=1234.5678, beside=2000.0, ratio=0.61728, goal="≥ 0.55 ×", met=True)


def runs(*values: float, client: float = 0.0) -> list[Measured]:
    return [Measured(value=value, client=client) for value in values]


async def test_pairs_take_turns_and_every_other_one_begins_with_the_other_side(tmp_path: Path) -> None:
    order: list[str] = []

    async def run(who: str) -> Measured:
        order.append(who)
        return Measured(value=float(len(order)))

    said: list[str] = []
    bench = Bench(folder=tmp_path, say=said.append)
    pairs = await bench.paired("x", lambda: run("ours"), lambda: run("beside"), times=3)
    assert order == ["ours", "beside", "beside", "ours", "ours", "beside"]
    assert ([one.value for one in pairs.ours], [one.value for one in pairs.beside]) == ([1, 4, 5], [2, 3, 6])
    assert len(said) == 6


def test_a_row_gives_medians_and_the_median_ratio_of_the_pairs() -> None:
    pairs = Pairs(runs(10, 40, 20), runs(20, 40, 80))
    row = pairs.row("x", "n/s", at_least=0.5)
    assert (row.ours, row.beside, row.ratio, row.goal, row.met) == (20, 40, 0.5, "≥ 0.50 ×", True)
    assert not pairs.row("x", "n/s", at_least=0.51).met


@pytest.mark.parametrize(("ours", "met"), [(12.5, True), (12.6, False), (float("inf"), False)])
def test_a_ratio_that_is_to_be_small_meets_its_goal_only_below_it(ours: float, met: bool) -> None:
    assert Pairs(runs(ours), runs(10)).row("x", "ms", at_most=1.25).met is met


def test_what_never_came_is_neither_met_nor_a_number_in_json() -> None:
    row = Pairs(runs(float("inf")), runs(float("inf"))).row("x", "ms", at_most=1.25)
    assert (row.met, row.as_json()["ours"], row.as_json()["ratio"]) == (False, None, None)


def test_a_client_that_was_busy_itself_is_warned_of() -> None:
    assert Pairs(runs(1, client=0.7), runs(1)).row("x", "n", at_least=1).warnings == []
    [warning] = Pairs(runs(1), runs(1, client=0.71)).row("x", "n", at_least=1).warnings
    assert "71%" in warning


@pytest.mark.parametrize(("share", "expected"), [(0.5, 51), (0.95, 96), (0.99, 100), (1.0, 100)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert percentile(list(range(1, 101)), share) == expected
    assert percentile([], share) == float("inf")


def test_json_has_the_promised_fields() -> None:
    told = ROW.as_json()
    assert {"name", "ours", "beside", "ratio", "goal", "met"} <= told.keys()
    assert told["ours"] == 1235


def test_the_page_has_the_hardware_each_row_and_what_it_says() -> None:
    page = report.markdown("A machine", [replace(ROW, note="one worker")], seconds=90)
    assert "A machine" in page
    assert "| dispatch | 1,235 | 2,000 | 0.617 | ≥ 0.55 × | yes | deliveries/s |" in page
    assert f"- `dispatch`: {report.says('dispatch')} One worker." in page


@pytest.mark.parametrize("name", ROWS)
def test_each_row_says_in_a_sentence_what_it_measures(name: str) -> None:
    assert report.says(name).endswith(".")
    assert len(report.says(name)) > 40


def test_the_hardware_is_named_in_one_line() -> None:
    assert "cores" in hardware()
    assert "Python 3." in hardware()
    assert "\n" not in hardware()
