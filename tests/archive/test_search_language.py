"""The query language of the search, and the snippets that show what was found: pure functions."""

import contextlib
import sqlite3
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive.search import BadQuery, Snippet, Term, fts5_match, parse, snippet_of, tsquery

PIECES = [*"abcäøй한 \"*-()'\\:&|!<>+^\0\n", "OR ", " NOT ", "AND "]
TYPED = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("words", "clauses"),
    [
        ("", ()),
        ("  ", ()),
        ("sell", ((Term(("sell",)),),)),
        ("sell now", ((Term(("sell",)), Term(("now",))),)),
        ("sell AND now", ((Term(("sell",)), Term(("now",))),)),
        ('"sell now"', ((Term(("sell", "now")),),)),
        ("guarant*", ((Term(("guarant",), is_prefix=True),),)),
        ("sell OR buy", ((Term(("sell",)),), (Term(("buy",)),))),
        ("sell -now", ((Term(("sell",)), Term(("now",), is_negative=True)),)),
        ("sell NOT now", ((Term(("sell",)), Term(("now",), is_negative=True)),)),
        ('-"by phone" sell', ((Term(("by", "phone"), is_negative=True), Term(("sell",))),)),
        ("off-channel", ((Term(("off", "channel")),),)),  # a hyphen inside a word asks for both, side by side
        ("or not and", ((Term(("or",)), Term(("not",)), Term(("and",))),)),  # operators are capitals
        ("sell(now)", ((Term(("sell", "now")),),)),
    ],
)
def test_queries_are_read_as_people_mean_them(words: str, clauses: object) -> None:
    assert parse(words) == clauses


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ('"open', "quotation mark is not closed"),
        ('sell "', "quotation mark is not closed"),
        ("OR sell", "OR need words on both sides"),
        ("sell OR", "OR need words on both sides"),
        ("sell OR OR buy", "OR need words on both sides"),
        ("sell NOT", "NOT needs a word after it"),
        ("NOT", "NOT needs a word after it"),
        ("-sell", "at least one word that is not excluded"),
        ("sell OR -buy", "at least one word that is not excluded"),
        ("AND", "need words"),
        ('""', "no letter or digit"),
        ("sell *", "“*” holds no letter or digit"),
        ("sell -", "“-” holds no letter or digit"),
        ("👍", "“👍” holds no letter or digit"),
        ("a" * 1001, "longer than 1000 characters"),
        ("a " * 51, "more than 50 words"),
    ],
)
def test_what_is_no_query_is_refused_by_name(words: str, complaint: str) -> None:
    with pytest.raises(BadQuery, match=complaint.replace("*", r"\*")):
        parse(words)


@given(words=TYPED)
@example(words='a"b')
@example(words="a\0b*")
def test_whatever_is_typed_is_a_query_both_databases_can_read_or_a_bad_query(words: str) -> None:
    with contextlib.suppress(BadQuery):
        clauses = parse(words)
        if clauses:
            assert_fts5_reads(fts5_match(clauses))
            assert not set(tsquery(clauses)) & set("\\\0+^")


def assert_fts5_reads(match: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize='unicode61 remove_diacritics 2')")
    database.execute("SELECT * FROM words WHERE words MATCH ?", (match,)).fetchall()
    database.close()


def test_words_cannot_leave_the_quotation_of_either_database() -> None:
    clauses = parse("x')|'y -text:* {a\\}")
    assert fts5_match(clauses) == '(("x y" AND "a") NOT "text" *)'
    assert tsquery(clauses) == "(('x' <-> 'y') & !('text':*) & ('a'))"


@pytest.mark.parametrize(
    ("words", "text", "marked"),
    [
        ("sell", "Please sell, SELL! reselling", ["sell", "SELL"]),
        ("guarant*", "guaranteed or a guarantee", ["guaranteed", "guarantee"]),
        ('"sell now"', "sell later, sell now", ["sell", "now"]),
        ("cafe", "the Café", ["Café"]),
        ("café", "the CAFE\u0301", ["CAFE\u0301"]),
        ("sell -buy", "sell and buy", ["sell"]),
        ("absent", "nothing here", []),
    ],
)
def test_a_snippet_marks_what_was_found(words: str, text: str, marked: list[str]) -> None:
    snippet = snippet_of(text, clauses=parse(words))
    assert [snippet.text[start:end] for start, end in snippet.marks] == marked


def test_a_snippet_of_a_long_text_is_the_piece_around_the_first_found_word() -> None:
    snippet = snippet_of("x" * 10 + " word" * 200 + " needle" + " word" * 200, clauses=parse("needle"))
    assert len(snippet.text) == 160
    assert [snippet.text[start:end] for start, end in snippet.marks] == ["needle"]


def test_without_words_the_snippet_is_the_beginning() -> None:
    assert snippet_of("Good morning", clauses=()) == Snippet("Good morning", ())


@given(text=st.text(max_size=300), words=st.text(st.characters(categories=["Ll", "N"]), min_size=1, max_size=3))
def test_marks_stand_inside_the_snippet_in_order_and_apart(text: str, words: str) -> None:
    snippet = snippet_of(text, clauses=parse(words))
    places = [place for mark in snippet.marks for place in mark]
    assert places == sorted(places)
    assert all(0 <= start < end <= len(snippet.text) for start, end in snippet.marks)
    assert snippet.text in text


def test_folding_needs_no_more_than_unicode_knows() -> None:
    assert unicodedata.normalize("NFD", "é") == "e\u0301"
    assert tsquery(parse("Café")) == "(('Cafe'))"
