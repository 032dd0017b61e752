"""Turn what people type into HTML. The one sanitiser: nothing else in the product may call text safe.

Worst case of a mistake here: script in every reader's page. Two independent walls stand: markdown-it never passes HTML
through (`html` is off), and nh3 keeps only the listed tags; the page's CSP is the third.
"""

import re

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_TAGS = {"p", "br", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_SCHEMES = {"http", "https", "mailto", "tel"}
QUICK = 300  # characters
_LINK_REL = "noopener noreferrer nofollow"

_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": False})
    .enable("strikethrough")
    .disable(["image", "heading", "lheading", "hr", "html_block", "html_inline", "reference"])
)

# One line that begins like a sentence and holds nothing to which markdown, HTML or Unicode gives a meaning: letters,
# digits, these marks, emoji. Most messages are such a line, and both walls leave it as it is: a test compares.
_MARKS = " \\-,.;:?!/()'\"’“”„«»¿¡…–—%€$@+=\u2600-\u27bf\U0001f300-\U0001faff"
_PLAIN = re.compile(rf"(?:[^\W\d_]|[¿¡])[\w{_MARKS}]*(?<! )")


def is_quick(body: str) -> bool:
    """Say whether rendering takes a millisecond or two; that of the longest body may take a quarter of a second."""
    return len(body) <= QUICK or _PLAIN.fullmatch(body) is not None


def render_body(body: str) -> str:
    """Return the body as sanitised HTML that may be put into a page as it is."""
    if _PLAIN.fullmatch(body) and "_" not in body:
        return f"<p>{body}</p>"
    return _render(body)


def _render(body: str) -> str:
    return nh3.clean(
        _markdown.render(body), tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=_LINK_REL
    ).strip()


def trust_rendered(html: str) -> SafeString:
    """Return HTML that `render_body` made, and the database kept, as text that a template inserts unescaped."""
    return mark_safe(html)  # noqa: S308  # the one place; the argument never holds anything but render_body's output
