"""House rules 30 and 33: nothing inline, nothing from a foreign origin, and one module that may call HTML safe."""

import re
from html.parser import HTMLParser

from tests.guards.source import PRODUCT, files, short

SANITISER = "messenger/conversations/markup.py"
ADDRESS_ATTRIBUTES = frozenset({"src", "href", "xlink:href", "srcset", "poster", "action", "formaction", "data"})
TEMPLATE_SYNTAX = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)
COMMENT_BLOCK = re.compile(r"{% comment.*?{% endcomment %}", re.DOTALL)
FOREIGN = re.compile(r"^\s*(https?:)?//|^\s*javascript:", re.IGNORECASE)
UNSAFE_TEMPLATE = re.compile(r"\|\s*(safe|safeseq)\b|{%\s*autoescape\s+off")
UNSAFE_PYTHON = re.compile(r"\b(mark_safe|SafeString|SafeText|SafeData)\b|def __html__")
UNSAFE_SCRIPT = re.compile(r"\beval\(|new Function\(|document\.write\(|\bunsafeHTML\b")
# A namespace is a name, not an address that anything is loaded from.
ADDRESS_IN_CODE = re.compile(r"""["'(`]\s*(https?:)?//(?!www\.w3\.org/)[a-z0-9]""", re.IGNORECASE)


class Reader(HTMLParser):
    """Collects what a strict Content-Security-Policy would refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name: value or "" for name, value in attrs}
        if tag == "style" or (tag == "script" and "src" not in names):
            self.problems.append(f"inline <{tag}>")
        for name, value in names.items():
            if name == "style" or name.startswith("on"):
                self.problems.append(f"attribute {name} on <{tag}>")
            if name in ADDRESS_ATTRIBUTES and FOREIGN.match(value):
                self.problems.append(f"foreign address {value} on <{tag}>")


def markup_problems(text: str) -> list[str]:
    """Name what a template holds that the policy of the pages forbids."""
    reader = Reader()
    reader.feed(TEMPLATE_SYNTAX.sub("x", COMMENT_BLOCK.sub("", text)))
    reader.close()
    return reader.problems + [match.group() for match in UNSAFE_TEMPLATE.finditer(text)]


def test_templates_hold_nothing_inline_nothing_foreign_and_nothing_unescaped() -> None:
    found = {short(path): markup_problems(path.read_text(encoding="utf-8")) for path in files(".html", ".svg")}
    assert {path: problems for path, problems in found.items() if problems} == {}


def test_only_the_sanitiser_calls_html_safe() -> None:
    users = {
        short(path) for path in files(".py", under=PRODUCT) if UNSAFE_PYTHON.search(path.read_text(encoding="utf-8"))
    }
    assert users <= {SANITISER}


def test_scripts_and_styles_name_no_foreign_address_and_evaluate_nothing() -> None:
    found = []
    for path in files(".js", ".css", under=("static",)):
        text = path.read_text(encoding="utf-8")
        found += [f"{short(path)}: {m.group()}" for p in (ADDRESS_IN_CODE, UNSAFE_SCRIPT) for m in p.finditer(text)]
    assert found == []


def test_one_module_makes_the_trusted_types_policy() -> None:
    makers = [
        short(path) for path in files(".js", under=("static",)) if "createPolicy(" in path.read_text(encoding="utf-8")
    ]
    assert len(makers) <= 1


def test_the_guard_sees_each_kind_of_fault() -> None:
    assert markup_problems("<script>x()</script>") == ["inline <script>"]
    assert markup_problems("<style>p{}</style>") == ["inline <style>"]
    assert markup_problems('<p style="x" onclick="y">') == ["attribute style on <p>", "attribute onclick on <p>"]
    assert markup_problems('<img src="//cdn.example/x.png">') == ["foreign address //cdn.example/x.png on <img>"]
    assert markup_problems('<a href="JavaScript:x()">') == ["foreign address JavaScript:x() on <a>"]
    assert markup_problems("{{ body|safe }}") == ["|safe"]
    assert markup_problems('<script type="module" src="{% static "js/chat.js" %}"></script><a href="/c/7/">x</a>') == []
    assert ADDRESS_IN_CODE.search('import "https://cdn.example/x.js"')
    assert not ADDRESS_IN_CODE.search('const svg = "http://www.w3.org/2000/svg"')
