"""Cut a snippet into plain and marked pieces, so that templates and clients mark words without any HTML in the data."""

from dataclasses import dataclass

from archive.search import Snippet


@dataclass(frozen=True)
class Piece:
    """A stretch of text; `is_marked` when it is a word that was searched for."""

    text: str
    is_marked: bool


def pieces(snippet: Snippet) -> list[Piece]:
    """Return the text in order, no piece empty; joined they are the snippet's text."""
    found: list[Piece] = []
    place = 0
    for start, end in sorted(snippet.marks):
        found.append(Piece(snippet.text[place:start], is_marked=False))
        found.append(Piece(snippet.text[max(start, place) : end], is_marked=True))
        place = max(place, end)
    found.append(Piece(snippet.text[place:], is_marked=False))
    return [piece for piece in found if piece.text]
