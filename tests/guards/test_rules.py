"""docs/rules.tsv says which clause of which law is met where. What it claims must be true in the source.

A reference is a comment `# rule: <id>` (or `// rule: <id>`) at the code that meets the clause, and at its test.
"""

import csv
import re
from collections import defaultdict

from tests.guards.source import PRODUCT, ROOT, files, short

TABLE = ROOT / "docs" / "rules.tsv"
COLUMNS = ["id", "source", "clause", "asks", "status", "code", "test"]
STATUSES = {"Yes", "Partly", "Later"}
REFERENCE = re.compile(r"(?:#|//|/\*|{#) rule: ([a-z0-9.-]+)")


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def references(*folders: str) -> dict[str, set[str]]:
    """Return for every rule id the files that refer to it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in files(".py", ".js", ".html", under=folders):
        if path.parent.name == "guards":
            continue
        for rule in REFERENCE.findall(path.read_text(encoding="utf-8")):
            found[rule].add(short(path))
    return found


IN_CODE = references(*PRODUCT, "templates", "static")
IN_TESTS = references("tests")


def test_the_table_has_its_columns_and_every_row_is_whole() -> None:
    assert list(rows()[0]) == COLUMNS
    for row in rows():
        assert row["status"] in STATUSES, row["id"]
        assert all(row[name] for name in COLUMNS[:5]), row["id"]


def test_no_clause_stands_twice() -> None:
    ids = [row["id"] for row in rows()]
    assert sorted(ids) == sorted(set(ids))


def test_every_reference_in_code_and_tests_is_a_row() -> None:
    assert (IN_CODE.keys() | IN_TESTS.keys()) - {row["id"] for row in rows()} == set()


def test_the_table_names_exactly_the_files_that_refer_to_a_clause() -> None:
    for row in rows():
        assert set(row["code"].split()) == IN_CODE.get(row["id"], set()), f"{row['id']}: column code"
        assert set(row["test"].split()) == IN_TESTS.get(row["id"], set()), f"{row['id']}: column test"


def test_what_is_claimed_has_code_and_a_test() -> None:
    for row in rows():
        if row["status"] == "Yes":
            assert row["code"], f"{row['id']} claims Yes without code"
            assert row["test"], f"{row['id']} claims Yes without a test"
        if row["status"] == "Later":
            assert not row["code"], f"{row['id']} has code: it is at least Partly there"


def test_the_guard_reads_a_reference() -> None:
    assert REFERENCE.findall("x = 1  # rule: finra-3110.07\n// rule: ctia-5.1\n") == ["finra-3110.07", "ctia-5.1"]
