"""The rows of the desk: review, search, exports and the state of the record, as pages and as calls."""

from typing import Any, Final
from urllib.parse import urlencode

from tests.security.roles import JUDGES, OFFICERS, READERS, TENDERS
from tests.security.rows import Row, row
from tests.security.rows_chat import KEY
from tests.security.world import ABSENT, PURPOSE, WORD, World

ASKER, DECIDER = "officer", "second"  # of the exports
REPORT: Final = {"report_id": "report"}
NEAR: Final = {"report_id": "near_report"}
EXPORT: Final = {"export_id": "export"}
ALARM: Final = {"alarm_id": "alarm"}
PARKED: Final = {"kind": "parked_kind", "key": "parked_key"}
SAID: Final = {"seq": "talk_seq"}
FILE: Final = {"seq": "talk_seq", "place": "first_file"}
SILENT: Final = {"seq": "not_a_message"}
REFUSAL: Final = {"reason": "Too wide"}
SEARCH: Final = {"words": WORD["talk_body"]}


def purpose(world: World, role: str) -> str:
    return urlencode({"purpose": PURPOSE})


def wish(world: World, role: str) -> dict[str, Any]:
    return {"client_key": KEY, "purpose": PURPOSE, "conversations": [world.number("talk")]}


def link(package: str) -> Any:
    return lambda world, role: {"token": world.link_token(package, role=role)}


def link_query(package: str) -> Any:
    return lambda world, role: urlencode({"token": world.link_token(package, role=role)})


def kept_search(world: World, role: str) -> str:
    return urlencode({"s": world.number("kept_search")})


def of_no_kind(world: World, role: str) -> str:
    return urlencode({"kind": world.number("absent")})


PAGES: Final[list[Row]] = [
    row("GET portal/", yes={200: f"{JUDGES} examiner administrator"}),
    row("GET portal/purpose/", yes={200: READERS}),
    row("POST portal/purpose/", body={"text": PURPOSE}, yes={302: READERS}),
    row("GET portal/review/", yes={200: JUDGES}),
    row("GET portal/review/<int:report_id>/", args=REPORT, yes={200: JUDGES}),
    row("GET portal/review/<int:report_id>/", args=NEAR, yes={200: OFFICERS}),
    row(
        "POST portal/review/<int:report_id>/decision/",
        args=REPORT,
        body={"decision": "remove", "reason": "A promise"},
        yes={302: JUDGES},
    ),
    row(
        "POST portal/review/<int:report_id>/decision/",
        args=NEAR,
        body={"decision": "keep", "reason": "Harmless"},
        yes={302: OFFICERS},
    ),
    row("GET portal/search/", yes={200: READERS}),
    # A search is kept in the session of who made it: its key shows nobody else what was searched for.
    row("GET portal/search/", query=kept_search, yes={200: READERS}),
    row("POST portal/search/", body=SEARCH, yes={302: READERS}),
    row("GET portal/entries/<int:seq>/", args=SAID, yes={200: READERS}),
    row("GET portal/entries/<int:seq>/", args=SILENT, no={404: READERS}),
    row("GET portal/entries/<int:seq>/files/<int:place>/", args=FILE, yes={200: READERS}),
    row("GET portal/review/<int:report_id>/files/<int:seq>/<int:place>/", args=REPORT | FILE, yes={200: JUDGES}),
    # Of a conversation that the report does not show.
    row(
        "GET portal/review/<int:report_id>/files/<int:seq>/<int:place>/",
        args=REPORT | FILE | {"seq": "pair_seq"},
        no={404: JUDGES},
    ),
    row("GET portal/exports/", yes={200: OFFICERS}),
    row("GET portal/exports/new/", yes={200: OFFICERS}),
    row("POST portal/exports/new/", body=wish, yes={302: OFFICERS}),
    row("GET portal/exports/<int:export_id>/", args=EXPORT, yes={200: OFFICERS}),
    row("GET portal/exports/<int:export_id>/state/", args=EXPORT, yes={200: OFFICERS}),
    row("POST portal/exports/<int:export_id>/approve/", args=EXPORT, yes={302: DECIDER}, no={302: ASKER}),
    row("POST portal/exports/<int:export_id>/refuse/", args=EXPORT, body=REFUSAL, yes={302: DECIDER}, no={302: ASKER}),
    row(
        "POST portal/exports/<int:export_id>/download/",
        args={"export_id": "package"},
        body=link("package"),
        yes={200: ASKER},
        no={302: DECIDER},
    ),
    row("GET portal/parked/", yes={200: TENDERS}),
    row("GET portal/parked/", query=of_no_kind, no={404: TENDERS}),
    row("GET portal/parked/<str:kind>/<str:key>/", args=PARKED, yes={200: TENDERS}),
    row("POST portal/parked/<str:kind>/<str:key>/retry/", args=PARKED, yes={302: TENDERS}),
    row("POST portal/parked/<str:kind>/<str:key>/set-aside/", args=PARKED, body=REFUSAL, yes={302: TENDERS}),
    row("GET portal/record/", yes={200: READERS}),
    row("POST portal/record/check/", yes={302: READERS}),
    row("GET portal/record/checks/<int:check_id>/", args={"check_id": "check"}, yes={200: READERS}),
    row("POST portal/record/alarms/<int:alarm_id>/", args=ALARM, body={"reason": "Looked at it"}, yes={302: OFFICERS}),
]

CALLS: Final[list[Row]] = [
    row("POST api/v1/record/search", body=SEARCH | {"purpose": PURPOSE}, yes={200: READERS}),
    row("GET api/v1/record/entries/<int:seq>", args=SAID, query=purpose, yes={200: READERS}),
    row("GET api/v1/record/entries/<int:seq>", args=SILENT, query=purpose, no={404: READERS}),
    row("GET api/v1/record/entries/<int:seq>/attachments/<int:place>", args=FILE, query=purpose, yes={200: READERS}),
    row("GET api/v1/exports", yes={200: OFFICERS}),
    row("POST api/v1/exports", body=wish, yes={201: OFFICERS}),
    row(
        "POST api/v1/exports",
        body={"client_key": KEY, "purpose": PURPOSE, "conversations": [ABSENT]},
        no={400: OFFICERS},
    ),
    row("GET api/v1/exports/<int:export_id>", args=EXPORT, yes={200: OFFICERS}),
    row("POST api/v1/exports/<int:export_id>/approve", args=EXPORT, yes={200: DECIDER}, no={403: ASKER}),
    row("POST api/v1/exports/<int:export_id>/refuse", args=EXPORT, body=REFUSAL, yes={200: DECIDER}, no={403: ASKER}),
    row(
        "GET api/v1/exports/<int:export_id>/download",
        args={"export_id": "api_package"},
        query=link_query("api_package"),
        yes={200: ASKER},
        no={403: DECIDER},
    ),
    row("GET api/v1/reports", yes={200: JUDGES}),
    row(
        "POST api/v1/reports/<int:report_id>/decision",
        args=REPORT,
        body={"decision": "removed", "reason": "A promise"},
        yes={200: JUDGES},
    ),
    row(
        "POST api/v1/reports/<int:report_id>/decision",
        args=NEAR,
        body={"decision": "kept", "reason": "Harmless"},
        yes={200: OFFICERS},
    ),
]

ROWS: Final = [*PAGES, *CALLS]
