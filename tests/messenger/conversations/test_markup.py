"""Words become HTML: what is plain goes a short way, and the short way makes what the long one makes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messenger.conversations import markup

PLAIN = "abcÄß1290 ,.;:?!/()'\"’“”„«»¿¡…–—%€$@+=-é漢字かабвالعربية✅☕👍🏽"
MEANT = "\\`*_~[]<>&#|\n\t\r\0\x0b\x85\xa0\u2028\u200d\ufeff0 "


@given(st.text(alphabet=PLAIN + MEANT, max_size=40) | st.text(max_size=30))
@example("Good morning, who covers Friday?")
@example('www.example.com and https://example.com/a?b=c (c) ... -- "quoted"')
@example("a\u0301 and a ")
@example("Setext\n===")
@example("a - b\n- c")
def test_the_short_way_makes_what_the_long_way_makes(body: str) -> None:
    assert markup.render_body(body) == markup._render(body)


@pytest.mark.parametrize("body", ["Who covers Friday?", "Thanks! 👍", "Größer fassen (3 von 4), bitte", "a漢字 を"])
def test_plain_words_go_the_short_way(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markup, "_render", lambda _: pytest.fail("it went the long way"))
    assert markup.render_body(body) == f"<p>{body}</p>"


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("A <b>bold</b> word", "<p>A &lt;b&gt;bold&lt;/b&gt; word</p>"),
        ("A *lean* word", "<p>A <em>lean</em> word</p>"),
        ("One\nTwo", "<p>One<br>\nTwo</p>"),
        ("A\xa0B", "<p>A&nbsp;B</p>"),
        ("1. One", "<ol>\n<li>One</li>\n</ol>"),
    ],
)
def test_what_means_something_goes_the_long_way(body: str, html: str) -> None:
    assert markup.render_body(body) == html
