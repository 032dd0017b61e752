"""Find entries of the record by their words, people, streams and dates: the same answer on SQLite and PostgreSQL.

It searches what it is given and decides nothing about who may search: the caller narrows the query to the searcher's
mandate first and records the search as an entry. It must not write, and it returns plain data, never HTML.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Left
from django.db.models.sql.compiler import SQLCompiler

from archive.models import Document, Entry

PAGE_SIZE = 25
TOTAL_LIMIT = 1000  # beyond it a page says "more than": an exact count would read every match
STEP, STEPS = 1000, 10  # entries with the words that a walk takes up at once, and how often before it is given up
NEWEST = 2**63 - 1  # no entry has a higher number
MAX_QUERY_LENGTH = 1000
MAX_TERMS = 50
SNIPPET_LENGTH = 160
SNIPPET_LEAD = 40  # what is shown before the first found word
SEARCHED_FOR_SNIPPET = 20_000  # characters of a text that are looked through for the words to mark


class BadQuery(ValueError):
    """The words cannot be read as a query; the message names what is wrong, in words for the person who typed them."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """What to look for. None leaves a filter out, an empty tuple matches nothing; since is included, until is not."""

    words: str = ""
    actor_ids: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None  # names: "conversation:7"
    kinds: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Snippet:
    """A piece of the text, and where in it the found words stand: (start, end) in characters."""

    text: str
    marks: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Hit:
    seq: int
    stream: str
    n: int
    kind: str
    at: datetime
    actor_id: str
    actor_name: str
    snippet: Snippet


@dataclass(frozen=True)
class Page:
    """One page of hits, newest first. `next` is the cursor of the page after it, None on the last one."""

    hits: tuple[Hit, ...]
    next: int | None
    total: int
    is_total_exact: bool


# --- the query language ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Term:
    """One word, one phrase or one prefix: words that stand side by side."""

    words: tuple[str, ...]
    is_prefix: bool = False
    is_negative: bool = False


Clause = tuple[Term, ...]  # all of its terms must hold; a query holds when one of its clauses does
_TOKEN = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))|(?P<quote>")')


def parse(words: str) -> tuple[Clause, ...]:
    """Return the clauses of a query: words (all must occur), "phrases", prefix*, OR, AND, -word or NOT word.

    Raises BadQuery. No clauses mean that nothing was asked for.
    """
    if len(words) > MAX_QUERY_LENGTH:
        raise BadQuery(f"The query is longer than {MAX_QUERY_LENGTH} characters.")
    if not words.strip():
        return ()
    clauses: list[list[Term]] = [[]]
    is_negative = False
    for match in _TOKEN.finditer(words):
        word = match["word"] if not match["minus"] else None
        if word == "OR":
            _require_operand(clauses[-1], is_negative=is_negative)
            clauses.append([])
        elif word == "NOT":
            is_negative = True
        elif word != "AND":
            clauses[-1].append(_term(match, is_negative=is_negative))
            is_negative = False
    _require_operand(clauses[-1], is_negative=is_negative)
    return _limited(clauses)


def _term(match: re.Match[str], *, is_negative: bool) -> Term:
    if match["quote"]:
        raise BadQuery("A quotation mark is not closed.")
    text = match["phrase"] if match["phrase"] is not None else match["word"]
    is_prefix = match["phrase"] is None and text.endswith("*")
    tokens = tuple(text[start:end] for start, end in _spans(text))
    if not tokens:
        raise BadQuery(f"“{match[0]}” holds no letter or digit to look for.")
    return Term(tokens, is_prefix=is_prefix, is_negative=is_negative or bool(match["minus"]))


def _require_operand(clause: list[Term], *, is_negative: bool) -> None:
    if is_negative:
        raise BadQuery("NOT needs a word after it.")
    if not clause:
        raise BadQuery("AND and OR need words on both sides.")
    if all(term.is_negative for term in clause):
        raise BadQuery("A query needs at least one word that is not excluded, also on each side of OR.")


def _limited(clauses: list[list[Term]]) -> tuple[Clause, ...]:
    if sum(len(clause) for clause in clauses) > MAX_TERMS:
        raise BadQuery(f"The query has more than {MAX_TERMS} words.")
    return tuple(tuple(clause) for clause in clauses)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the words of a text stand: letters, digits and the marks that combine with them."""
    start = None
    for place, char in enumerate(text):
        is_inside = char.isalnum() or (start is not None and unicodedata.category(char)[0] == "M")
        if is_inside and start is None:
            start = place
        elif not is_inside and start is not None:
            yield start, place
            start = None
    if start is not None:
        yield start, len(text)


def _fold(word: str) -> str:
    """Return the word without accents, as the index on PostgreSQL folds it (migration 0003)."""
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", word))


# --- the two back ends -----------------------------------------------------------------------------------------------
# Words hold letters, digits and combining marks only, so neither quoting can be left from inside.
def fts5_match(clauses: tuple[Clause, ...]) -> str:
    """Return the clauses as an FTS5 query (sqlite.org/fts5.html, section 3)."""
    return " OR ".join(_fts5_clause(clause) for clause in clauses)


def _fts5_clause(clause: Clause) -> str:
    wanted = " AND ".join(_fts5_term(term) for term in clause if not term.is_negative)
    return f"(({wanted}){''.join(f' NOT {_fts5_term(term)}' for term in clause if term.is_negative)})"


def _fts5_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + (" *" if term.is_prefix else "")


def tsquery(clauses: tuple[Clause, ...]) -> str:
    """Return the clauses as text for PostgreSQL's to_tsquery."""
    return " | ".join(f"({' & '.join(_tsquery_term(term) for term in clause)})" for clause in clauses)


def _tsquery_term(term: Term) -> str:
    words = " <-> ".join(f"'{_fold(word)}'" for word in term.words)
    return f"{'!' if term.is_negative else ''}({words}{':*' if term.is_prefix else ''})"


class _WordsMatch(Func):
    """The condition that a document's words hold the clauses, in each database's own full-text search."""

    output_field = BooleanField()

    def __init__(self, clauses: tuple[Clause, ...]) -> None:
        super().__init__(F("seq"))
        self.clauses = clauses

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # Any: as in Func
        found = "SELECT rowid FROM archive_document_words WHERE archive_document_words MATCH %s"
        seq, _params = compiler.compile(self.source_expressions[0])
        return f"{seq} IN ({found})", (fts5_match(self.clauses),)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> Any:  # Any: as in Func
        return "archive_document.words @@ to_tsquery('simple', %s)", (tsquery(self.clauses),)


# --- finding ---------------------------------------------------------------------------------------------------------
def find(query: Query, *, after: int | None = None, limit: int = PAGE_SIZE) -> Page:
    """Return one page of what the query matches, newest first, in a few database queries. Raises BadQuery.

    `after` is the `next` of the page before. A page is stable: entries recorded meanwhile do not shift it.
    """
    clauses = parse(query.words)
    total, page = _walked(query, clauses, after=after, limit=limit) or _matched(query, clauses, after=after)
    rows = list(_with_places(page).order_by("-seq")[: limit + 1])
    hits = tuple(_hit(row, clauses) for row in rows[:limit])
    return Page(
        hits=hits,
        next=hits[-1].seq if len(rows) > limit else None,
        total=min(total, TOTAL_LIMIT),
        is_total_exact=total <= TOTAL_LIMIT,
    )


def _matched(query: Query, clauses: tuple[Clause, ...], *, after: int | None) -> tuple[int, QuerySet[Document]]:
    """Return how many match, counted up to the limit and one, and what the page is taken from."""
    matches = _filtered(query, clauses)
    total = matches.order_by()[: TOTAL_LIMIT + 1].count()
    return total, matches if after is None else matches.filter(seq__lt=after)


def _walked(
    query: Query, clauses: tuple[Clause, ...], *, after: int | None, limit: int
) -> tuple[int, QuerySet[Document]] | None:
    """Do on SQLite what _matched() does, by walking back through the index of words; None where that leads too far.

    SQLite by itself lists every entry with the words first, so a common word would cost the more the longer the record
    is. PostgreSQL knows how common a word is, and walks by itself.
    """
    if not clauses or connection.vendor != "sqlite":
        return None
    counted = _walk(query, clauses, before=NEWEST, most=TOTAL_LIMIT + 1)
    shown = counted if after is None else _walk(query, clauses, before=after, most=limit + 1)
    if counted is None or shown is None:
        return None
    return len(counted), Document.objects.filter(seq__in=shown[: limit + 1])


def _walk(query: Query, clauses: tuple[Clause, ...], *, before: int, most: int) -> list[int] | None:
    """Return the newest matches before an entry; None where the other conditions leave out nearly all of them."""
    others = _filtered(query, ())
    found: list[int] = []
    for _ in range(STEPS):
        step = _with_words(clauses, before=before)
        found += others.filter(seq__in=step).order_by("-seq").values_list("seq", flat=True)
        if len(found) >= most or len(step) < STEP:
            return found[:most]
        before = step[-1]
    return None


def _with_words(clauses: tuple[Clause, ...], *, before: int) -> list[int]:
    """Return the newest entries with the words before an entry, as SQLite's index gives them one by one."""
    statement = (
        "SELECT rowid FROM archive_document_words WHERE archive_document_words MATCH %s AND rowid < %s "
        "ORDER BY rowid DESC LIMIT %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, (fts5_match(clauses), before, STEP))
        return [seq for (seq,) in cursor.fetchall()]


def _filtered(query: Query, clauses: tuple[Clause, ...]) -> QuerySet[Document]:
    wanted: dict[str, object] = {
        "actor_id__in": query.actor_ids,
        "stream__name__in": query.streams,
        "kind__in": query.kinds,
        "at__gte": query.since,
        "at__lt": query.until,
    }
    matches = Document.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    return matches.filter(_WordsMatch(clauses)) if clauses else matches


def _with_places(matches: QuerySet[Document]) -> QuerySet[Document, dict[str, Any]]:  # Any: a row of values
    places = Entry.objects.filter(seq=OuterRef("seq")).values("n")
    return matches.annotate(
        n=Subquery(places), stream_name=F("stream__name"), start=Left("text", Value(SEARCHED_FOR_SNIPPET))
    ).values("seq", "stream_name", "n", "kind", "at", "actor_id", "actor_name", "start")


def _hit(row: dict[str, Any], clauses: tuple[Clause, ...]) -> Hit:  # Any: a row of values
    snippet = snippet_of(row.pop("start"), clauses=clauses)
    return Hit(stream=row.pop("stream_name"), snippet=snippet, **row)


# --- snippets --------------------------------------------------------------------------------------------------------
def snippet_of(text: str, *, clauses: tuple[Clause, ...]) -> Snippet:
    """Return the piece of the text around the first found word, with the found words marked."""
    marks = _marks(text, clauses)
    start = max(0, marks[0][0] - SNIPPET_LEAD) if marks else 0
    end = start + SNIPPET_LENGTH
    inside = tuple((first - start, min(last, end) - start) for first, last in marks if start <= first < end)
    return Snippet(text[start:end], inside)


def _marks(text: str, clauses: tuple[Clause, ...]) -> list[tuple[int, int]]:
    spans = list(_spans(text))
    words = [_fold(text[start:end]).casefold() for start, end in spans]
    terms = [term for clause in clauses for term in clause if not term.is_negative]
    found = {place for term in terms for place in _places(words, term)}
    return [spans[place] for place in sorted(found)]


def _places(words: list[str], term: Term) -> Iterator[int]:
    """Yield the places of the words of a text that belong to an occurrence of the term."""
    wanted = [_fold(word).casefold() for word in term.words]
    for start in range(len(words) - len(wanted) + 1):
        here = words[start : start + len(wanted)]
        is_last_equal = here[-1].startswith(wanted[-1]) if term.is_prefix else here[-1] == wanted[-1]
        if is_last_equal and here[:-1] == wanted[:-1]:
            yield from range(start, start + len(wanted))
