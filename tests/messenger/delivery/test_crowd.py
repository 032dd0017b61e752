"""The accounts of the fan-out benchmark: what one member heard twice does not stand for what another never heard."""

import pytest

from bench.crowd import Crowd
from bench.wires import OnRecordWire


@pytest.mark.parametrize(
    ("heard", "account"),
    [((3, 3), {"lost": 0, "doubled": 0}), ((4, 2), {"lost": 1, "doubled": 1}), ((3, 1), {"lost": 2, "doubled": 0})],
)
def test_each_members_account_is_their_own(heard: tuple[int, int], account: dict[str, int]) -> None:
    crowd = Crowd(room="7")
    crowd.wires = [OnRecordWire(crowd.take) for _ in heard]
    before = crowd.counts()
    for wire, count in zip(crowd.wires, heard, strict=True):
        crowd.take(wire, wire.needle * count)
    assert crowd.account(before, spoken=3) == account
