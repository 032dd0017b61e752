"""Reading inbound texts: every spelling of the per-se words, six languages, and the false friends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messenger.sms.rules.opt_out import Help, OptIn, OptOut, Words, normalise, read
from messenger.sms.rules.words import CARRIER, OTHER_LANGUAGES, PER_SE, PHRASES, WHOLE_ONLY

TIER_1 = sorted(PER_SE | CARRIER)
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e"


def tier(body: str) -> int:
    """Return the tier of an opt-out, 0 when the text is none."""
    reading = read(body)
    return reading.tier if isinstance(reading, OptOut) else 0


# rule: us-tcpa-opt-out
@pytest.mark.parametrize(
    "body",
    [
        "STOP", "stop", "Stop.", "  stop \n", "StOp!!!", "“STOP”", "S T O P", "s.t.o.p.", "STOOOP", "stop stop STOP",
        "ＳＴＯＰ", "ⓢⓣⓞⓟ", "STОP", "st\u200bop", "\ufeffSTOP", "s\u0301top", "stop 🛑",
        "STOP\r\n\r\nSent from my iPhone", "STOP - Bob", "stop\n--\nBob Miller\n+1 202 555 0100", "quit", "END",
        "Revoke", "opt out", "Opt-Out", "OPTOUT", "opt\nout", "cancel", "Unsubscribe", "STOPALL", "Stop All", "unsub",
    ],
)  # fmt: skip
def test_the_per_se_words_are_an_opt_out_in_any_spelling(body: str) -> None:
    assert tier(body) == 1


@given(st.sampled_from(TIER_1), st.data())
def test_case_invisible_characters_and_punctuation_do_not_matter(word: str, data: st.DataObject) -> None:
    noise = st.text(alphabet=INVISIBLE, max_size=2)
    letters = [data.draw(st.sampled_from([c, c.upper()])) + data.draw(noise) for c in word]
    around = st.text(alphabet=" \t\n.,!?*\"'()🛑" + INVISIBLE, max_size=4)
    assert tier(data.draw(around) + "".join(letters) + data.draw(around)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "Cancel my 3pm", "END of month works", "stop by the office", "quit smoking plan?", "Can we end at five?",
        "I will stop by at 3", "The week's end suits me", "please don't stop texting me", "Don't cancel the order",
        "cancel the Tuesday order please", "See you at the bus stop", "I quit my job", "yes, stop loss at 40",
        "revoke the power of attorney of my brother", "never stop texting, I like it", "", "🙂", "ok thanks",
        "no mas de 5", "What does the end date mean?",
    ],
)  # fmt: skip
def test_false_friends_are_ordinary_words(body: str) -> None:
    assert read(body) == Words()


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("please remove me from this", "en"), ("Wrong number!", "en"), ("don't text", "en"), ("Don’t text me", "en"),
        ("do NOT contact me again", "en"), ("Stop texting me", "en"), ("stop please", "en"), ("thanks, cancel", "en"),
        ("no me escriban más", "es"), ("número equivocado", "es"), ("por favor, baja", "es"),
        ("Ne m’écrivez plus", "fr"), ("mauvais numéro", "fr"), ("Não me mande mensagens", "pt"),
        ("número errado", "pt"), ("Bitte keine Nachrichten mehr", "de"), ("Falsche Nummer", "de"),
        ("Löschen Sie meine Nummer", "de"), ("Non scrivetemi più", "it"), ("numero sbagliato", "it"),
    ],
)  # fmt: skip
def test_reasonable_wordings_revoke_and_ask_for_a_look(body: str, language: str) -> None:
    reading = read(body)
    assert isinstance(reading, OptOut)
    assert (reading.tier, reading.language, reading.needs_a_person) == (2, language, True)


@pytest.mark.parametrize("body", sorted(WHOLE_ONLY | {"No más", "¡Basta!", "ça suffit"}))
def test_short_cries_count_when_they_are_the_whole_text(body: str) -> None:
    assert tier(body) == 2


@pytest.mark.parametrize(
    "body",
    [
        "STOP\nI told you already", "I said no. Stop! Who are you?", "how do I unsubscribe from this",
        "can you end these texts", "fuck off", "I opted out last year",
    ],
)  # fmt: skip
def test_what_may_be_an_opt_out_suppresses_and_asks_a_person(body: str) -> None:
    assert tier(body) == 3


@pytest.mark.parametrize(
    ("language", "word"), [(language, word) for language, found in OTHER_LANGUAGES.items() for word in sorted(found)]
)
def test_keywords_of_other_languages_are_an_opt_out(language: str, word: str) -> None:
    assert tier(word.upper()) == 1, language


def test_the_lists_are_written_as_normalise_leaves_them() -> None:
    """An entry that is not would never match: every one must be reachable."""
    listed = {*TIER_1, *WHOLE_ONLY, *(w for found in OTHER_LANGUAGES.values() for w in found)}
    listed |= {phrase for phrases in PHRASES.values() for phrase in phrases}
    assert [entry for entry in sorted(listed) if normalise(entry) != entry] == []


@pytest.mark.parametrize("body", ["help", "HELP!", "Info", "ayuda", "Hilfe", "aide", "ajuda", "aiuto"])
def test_help_is_recognised(body: str) -> None:
    assert isinstance(read(body), Help)


def test_start_brings_back_and_yes_only_answers_an_invitation() -> None:
    start, yes = read("Start"), read("yes")
    assert isinstance(start, OptIn)
    assert isinstance(yes, OptIn)
    assert (start.is_only_for_invited, yes.is_only_for_invited) == (False, True)


@given(st.text(max_size=400))
def test_any_text_at_all_can_be_read(body: str) -> None:
    assert isinstance(read(body), OptOut | Help | OptIn | Words)


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(body: str) -> None:
    once = normalise(body)
    assert normalise(once) == once
