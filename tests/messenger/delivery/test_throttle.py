"""How much one socket and one person may send."""

from messenger.delivery.throttle import Throttle, TypingGate


def test_a_burst_passes_and_then_the_rate() -> None:
    throttle = Throttle(rate=30, now=0)
    assert [throttle.take(0) for _ in range(160)] == [True] * 150 + [False] * 10
    assert [throttle.take(1) for _ in range(40)] == [True] * 30 + [False] * 10


def test_a_sender_of_twice_too_much_is_hopeless_in_the_end_although_some_frames_pass() -> None:
    throttle = Throttle(rate=30, now=0)
    refused_at = [second / 120 for second in range(120 * 60) if not throttle.take(second / 120)]
    assert throttle.is_hopeless and refused_at[0] > 1


def test_a_sender_at_the_rate_is_never_refused() -> None:
    throttle = Throttle(rate=30, now=0)
    assert all(throttle.take(frame / 30) for frame in range(10_000))
    assert not throttle.is_hopeless


def test_a_sender_who_pauses_is_forgiven() -> None:
    throttle = Throttle(rate=30, now=0)
    for _ in range(1_000):
        throttle.take(0)
    assert throttle.take(40) and not throttle.is_hopeless


def test_typing_passes_once_in_three_seconds_for_a_person_and_conversation() -> None:
    gate = TypingGate()
    assert [gate.passes(1, 7, at) for at in (0.0, 1.0, 2.9, 3.0, 3.1)] == [True, False, False, True, False]
    assert gate.passes(2, 7, 3.1) and gate.passes(1, 8, 3.1)


def test_the_gate_keeps_no_more_people_than_type_now() -> None:
    gate = TypingGate()
    for person in range(25_000):
        gate.passes(person, 7, person / 1_000)
    assert len(gate._last) < 15_000
