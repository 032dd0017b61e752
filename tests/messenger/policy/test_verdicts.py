"""Review of words: what meets a rule in any spelling, what only looks like it, and that it stays fast."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.policy.verdicts import Effect, Limits, Phrase, normalise, review


def phrase(pattern: str, *, effect: Effect = "refuse", version: int = 1) -> Phrase:
    return Phrase(name="rule", version=version, effect=effect, normal=normalise(pattern))


@pytest.mark.parametrize(
    "text",
    [
        "This is a sure thing.", "SURE THING", "sure-thing", "sure\nthing!", "a ｓｕｒｅ thing", "su\u200bre thing",
        "“Sure” (thing)", "sure_thing", "su\u00adre thing",
    ],
)  # fmt: skip
def test_a_phrase_is_met_in_any_spelling(text: str) -> None:
    verdict = review(text, rules=[phrase("Sure thing")])
    assert (verdict.outcome, verdict.hits, verdict.refused) == ("REFUSE", ("rule@1",), ("rule@1",))
    assert verdict.is_refused
    assert verdict.reasons[0].as_json() == {
        "code": "house_words",
        "message": "The firm's rule “rule” does not allow this.",
    }


@pytest.mark.parametrize("text", ["unsure thing", "sure things", "surething", "sure of the thing", "", "thing sure"])
def test_words_that_only_look_like_the_phrase_are_not_met(text: str) -> None:
    assert review(text, rules=[phrase("sure thing")]).hits == ()


@pytest.mark.parametrize(
    ("pattern", "text"), [("STRASSE", "die Straße"), ("İstanbul", "i\u0307stanbul"), ("é", "e\u0301")]
)
def test_case_and_composition_follow_unicode(pattern: str, text: str) -> None:
    assert review(text, rules=[phrase(pattern)]).hits == ("rule@1",)


def test_a_flag_is_noted_and_lets_the_words_through() -> None:
    verdict = review("sure thing", rules=[phrase("sure thing", effect="flag", version=3)])
    assert (verdict.outcome, verdict.hits, verdict.refused, verdict.reasons) == ("ALLOW", ("rule@3",), (), ())


def test_every_rule_that_is_met_is_named() -> None:
    rules = [Phrase("a", 1, "flag", "one"), Phrase("b", 2, "refuse", "two"), Phrase("c", 1, "refuse", "three")]
    verdict = review("one two", rules=rules)
    assert (verdict.hits, verdict.refused) == (("a@1", "b@2"), ("b@2",))


@pytest.mark.parametrize(("text", "outcome"), [("é" * 5, "ALLOW"), ("é" * 5 + "a", "REFUSE")])
def test_the_limit_counts_bytes(text: str, outcome: str) -> None:
    verdict = review(text, rules=[], limits=Limits(longest_bytes=10))
    assert verdict.outcome == outcome
    assert [reason.code for reason in verdict.reasons] == (["too_long"] if outcome == "REFUSE" else [])


@given(st.text(max_size=80), st.text(max_size=80), st.sampled_from([" ", "\n", ", ", "... ", " 🙂 "]))
def test_a_phrase_set_off_by_spaces_or_signs_is_always_found(before: str, after: str, gap: str) -> None:
    assert review(before + gap + "quiet harbour" + gap + after, rules=[phrase("Quiet Harbour")]).hits == ("rule@1",)


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_time_grows_with_the_text_and_not_faster() -> None:
    """Phrases are searched for, not interpreted: the text that is worst for a backtracking pattern is no worse here."""
    rules, limits = [phrase("a a a a a a b")], Limits(longest_bytes=10**7)

    def seconds(size: int) -> float:
        times = []
        for _ in range(3):
            begun = time.process_time()
            review("a " * size, rules=rules, limits=limits)
            times.append(time.process_time() - begun)
        return min(times)

    # Quadratic time would be 1024 times as long; the wide margin is for a busy machine.
    assert seconds(64_000) < 300 * seconds(2_000)


def test_plain_text_is_folded_as_it_is_beside_letters_of_other_kinds() -> None:
    for code in range(128):
        text = f"Guaranteed{chr(code)}Return_{chr(code)}"
        assert f"{normalise(text)} é" == normalise(f"{text} É")
