"""Sizes of house rule 10: a function at most 50 lines, a file at most 400, a view or consumer method at most 20."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.guards.source import PRODUCT, files, short

FUNCTION_LINES = 50
FILE_LINES = 400
DOOR_LINES = 20
# Each offline verifier is one file by design: an auditor copies it, reads it and runs it without anything else of ours.
LARGER_BY_DESIGN = {"archive/verify.py": 1100, "archive/export/verify.sh": 1060}
DOOR_CLASS_ENDINGS = ("View", "ViewSet", "Consumer")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def too_long(source: str) -> list[str]:
    """Name the functions of a module that are longer than any function may be."""
    return [f"{f.name}, {length(f)} lines" for f in functions(ast.parse(source)) if length(f) > FUNCTION_LINES]


def doors(tree: ast.AST) -> Iterator[Function]:
    """Yield views (functions that take `request` first) and the methods of view and consumer classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith(DOOR_CLASS_ENDINGS):
            yield from (child for child in node.body if isinstance(child, Function))
        elif isinstance(node, Function) and [arg.arg for arg in node.args.args[:1]] == ["request"]:
            yield node


def too_long_doors(source: str) -> list[str]:
    return [f"{f.name}, {length(f)} lines" for f in doors(ast.parse(source)) if length(f) > DOOR_LINES]


def over_all(paths: Iterator[Path], *, check: Callable[[str], list[str]]) -> list[str]:
    return [f"{short(path)}: {name}" for path in paths for name in check(path.read_text(encoding="utf-8"))]


def test_no_function_is_longer_than_50_lines() -> None:
    assert over_all(files(".py"), check=too_long) == []


def test_no_view_or_consumer_method_is_longer_than_20_lines() -> None:
    assert over_all(files(".py", under=PRODUCT), check=too_long_doors) == []


def test_no_file_is_longer_than_400_lines() -> None:
    ours = files(".py", ".html", ".css", ".js", ".mjs", ".sh")
    sizes = {short(path): len(path.read_text(encoding="utf-8").splitlines()) for path in ours}
    over = {path: lines for path, lines in sizes.items() if lines > LARGER_BY_DESIGN.get(path, FILE_LINES)}
    assert over == {}


def test_the_measure_sees_a_long_function_and_a_long_view() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert too_long(f"def f():\n{body}") == ["f, 51 lines"]
    assert too_long_doors("def page(request):\n" + "    x = 1\n" * DOOR_LINES) == ["page, 21 lines"]
    assert too_long_doors("class ChatConsumer:\n    def f(self):\n" + "        x = 1\n" * DOOR_LINES) == ["f, 21 lines"]
