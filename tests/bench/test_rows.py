"""What a row must reach, and what is said of it."""

from typing import Any

import pytest

from bench.rows import ROWS, is_whole, medians, verdict

ROW = {row.name: row for row in ROWS}
RATES_AND_LOSSES = ((100, 0), (350, 2), (200, 1))
WHOLE = {"lost": 0, "doubled": 0, "hung_up": 0, "unanswered": 0}


@pytest.mark.parametrize(
    ("ours", "met", "goal_met"),
    [
        ({"per_second": 0.0, "p99_ms": 0.0}, False, False),  # nothing came in the time that counts
        ({"per_second": 1499.0, "p99_ms": 20.0}, False, False),
        ({"per_second": 1500.0, "p99_ms": 25.0}, True, False),
        ({"per_second": 2500.0, "p99_ms": 25.1}, False, False),
        ({"per_second": 2500.0, "p99_ms": 25.0}, True, True),
    ],
)
def test_a_row_is_met_when_each_of_its_targets_is(ours: dict[str, Any], met: bool, goal_met: bool) -> None:
    found = verdict(ROW["16 senders, one room"], ours | WHOLE, {"per_second": 1000.0})
    assert (found["met"], found["goal_met"]) == (met, goal_met)
    assert found["ratio"] == pytest.approx(ours["per_second"] / 1000, abs=0.005)
    assert found["wanted"] == "per_second ≥ 1.5 × ejabberd, p99_ms ≤ 25"


@pytest.mark.parametrize("fault", WHOLE)
def test_nothing_is_met_with_one_message_lost(fault: str) -> None:
    ours = {"deliveries_per_s": 90_000.0, "last_p50_ms": 5.0} | WHOLE
    row, theirs = ROW["fan-out to 1,000"], {"deliveries_per_s": 20_000.0}
    assert verdict(row, ours, theirs)["met"]
    assert verdict(row, ours | {fault: 1}, theirs)["met"] is False


def test_a_multiple_is_not_judged_without_ejabberd() -> None:
    found = verdict(ROW["1 sender"], {"per_second": 900.0} | WHOLE, {})
    assert (found["ratio"], found["met"]) == (None, None)


@pytest.mark.parametrize(
    ("kilobytes", "met", "goal_met"), [(25.0, True, True), (35.0, True, False), (35.1, False, False)]
)
def test_memory_has_a_limit_of_its_own(kilobytes: float, met: bool, goal_met: bool) -> None:
    found = verdict(ROW["idle members up to 1,000"], {"memory_kb": kilobytes}, {})
    assert (found["met"], found["goal_met"]) == (met, goal_met)


def test_the_median_of_the_rounds_counts_and_everything_that_was_lost() -> None:
    rounds = [{"deliveries_per_s": rate, "messages": 10} | WHOLE | {"lost": lost} for rate, lost in RATES_AND_LOSSES]
    found = medians(rounds, "deliveries_per_s")
    assert (found["deliveries_per_s"], found["spread"], found["messages"], found["lost"]) == (200, 1.25, 30, 3)
    assert not is_whole(found)
