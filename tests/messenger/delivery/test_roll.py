"""Who is here, told by several processes whose words may be late, lost or doubled."""

from hypothesis import given
from hypothesis import strategies as st

from messenger.delivery.roll import BEAT_S, FORGET_S, GRACE_S, Roll, Word, text_of, word_of

ALICE, BOB = 1, 2


def _changes(roll: Roll) -> tuple[set[int], set[int]]:
    came, gone = roll.take_changes()
    return set(came), set(gone)


def test_who_has_a_socket_is_here_and_with_several_until_the_last_one_closes() -> None:
    roll = Roll()
    roll.arrive(ALICE)
    roll.arrive(ALICE)
    assert _changes(roll) == ({ALICE}, set())
    roll.depart(ALICE, now=0)
    roll.settle(now=GRACE_S + 1)
    assert _changes(roll) == (set(), set())
    roll.depart(ALICE, now=20)
    roll.settle(now=20 + GRACE_S - 0.1)
    assert _changes(roll) == (set(), set()), "the grace is not over"
    roll.settle(now=20 + GRACE_S)
    assert _changes(roll) == (set(), {ALICE})


def test_who_loads_the_page_anew_has_not_been_away() -> None:
    roll = Roll()
    roll.arrive(ALICE)
    roll.take_changes()
    roll.depart(ALICE, now=0)
    roll.settle(now=GRACE_S / 2)
    roll.arrive(ALICE)
    roll.settle(now=GRACE_S * 3)
    assert _changes(roll) == (set(), set())


def test_who_is_at_another_process_too_does_not_go_when_they_leave_this_one() -> None:
    roll = Roll()
    roll.arrive(ALICE)
    roll.hear("b", Word(1, frozenset({ALICE, BOB})), now=0)
    assert _changes(roll) == ({ALICE, BOB}, set())
    roll.depart(ALICE, now=0)
    roll.settle(now=GRACE_S)
    assert _changes(roll) == (set(), set())
    roll.hear("b", Word(2, frozenset({BOB})), now=GRACE_S)
    assert _changes(roll) == (set(), {ALICE})


def test_a_word_that_is_late_or_doubled_changes_nothing() -> None:
    roll = Roll()
    roll.hear("b", Word(2, frozenset({BOB})), now=0)
    roll.hear("b", Word(1, frozenset({ALICE})), now=1)
    roll.hear("b", Word(2, frozenset({ALICE})), now=1)
    assert roll.here() == {BOB}


def test_a_process_that_says_nothing_any_more_is_forgotten() -> None:
    roll = Roll()
    roll.hear("b", Word(1, frozenset({BOB})), now=0)
    roll.settle(now=FORGET_S - 1)
    assert roll.here() == {BOB}
    roll.settle(now=FORGET_S)
    assert roll.here() == set()


def test_a_process_speaks_when_its_list_changes_to_a_newcomer_and_now_and_then() -> None:
    roll = Roll()
    assert roll.word_to_say(now=0) is None, "nobody is here"
    roll.arrive(ALICE)
    assert roll.word_to_say(now=1) == Word(1, frozenset({ALICE}))
    assert roll.word_to_say(now=2) is None
    roll.hear("b", Word(1, frozenset()), now=2)
    assert roll.word_to_say(now=3) == Word(2, frozenset({ALICE}))
    roll.hear("b", Word(2, frozenset()), now=4)
    assert roll.word_to_say(now=4) is None
    assert roll.word_to_say(now=3 + BEAT_S) == Word(3, frozenset({ALICE}))
    roll.depart(ALICE, now=20)
    roll.settle(now=40)
    assert roll.word_to_say(now=40) == Word(4, frozenset())
    assert roll.word_to_say(now=400) is None, "an empty list is said once"


@given(st.from_regex(r"[0-9a-f]{12}", fullmatch=True), st.integers(0, 2**53), st.frozensets(st.integers(0, 2**53)))
def test_a_word_travels_whole(node: str, number: int, people: frozenset[int]) -> None:
    word = Word(number, people)
    assert word_of(text_of(node, word)) == (node, word)


# What may happen to three processes: (process, person, comes or goes), and which words between them get lost.
STEPS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.booleans(), st.booleans()), max_size=40)


@given(STEPS)
def test_whatever_is_lost_after_one_more_word_of_each_everybody_knows_the_same(
    steps: list[tuple[int, int, bool, bool]],
) -> None:
    rolls, sockets, now = [Roll() for _ in range(3)], [list[int]() for _ in range(3)], 0.0
    for place, person, is_coming, is_lost in steps:
        now += 1
        if is_coming:
            rolls[place].arrive(person)
            sockets[place].append(person)
        elif person in sockets[place]:
            rolls[place].depart(person, now=now)
            sockets[place].remove(person)
        _speak(rolls, now=now, is_lost=is_lost)
    now += GRACE_S + BEAT_S
    for roll in rolls:
        roll.settle(now=now)
    _speak(rolls, now=now, is_lost=False)
    everybody = {person for people in sockets for person in people}
    # A word that was lost, of somebody who has gone since, is forgotten with its process at the latest.
    assert all(everybody <= roll.here() for roll in rolls)
    now += FORGET_S - 1
    _speak(rolls, now=now, is_lost=False)
    for roll in rolls:
        roll.settle(now=now + 1)
    assert [roll.here() for roll in rolls] == [everybody] * 3


def _speak(rolls: list[Roll], *, now: float, is_lost: bool) -> None:
    for place, roll in enumerate(rolls):
        word = roll.word_to_say(now=now)
        for other in rolls:
            if word is not None and not is_lost and other is not roll:
                other.hear(str(place), word, now=now)
