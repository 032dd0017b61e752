"""The API's answers in JSON: the same values as the framework's own renderer writes."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.utils.translation import gettext_lazy
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from messenger.web.rendering import FastJSONRenderer

ANSWERS: list[Any] = [
    {
        "messages": [{"c": 7, "n": 2**53 - 1, "body": "naïve 漢字 👩🏽‍💻 \u2028 \x01 </script>", "sms": None}],
        "has_more": True,
    },
    {"at": datetime(2026, 11, 21, 9, 0, 0, 123456, UTC), "day": date(2026, 11, 21), "for": timedelta(minutes=3)},
    {"key": UUID(int=7), "amount": Decimal("1.50"), "text": gettext_lazy("Sign in"), 7: "a number as a name"},
    ReturnDict({"code": "invalid", "field": None}, serializer=None),
    ReturnList([1, 2.5, False], serializer=None),
    [2**64 + 1, -(2**70)],
    "only words",
    0,
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_it_says_what_the_framework_says(answer: Any) -> None:
    assert json.loads(FastJSONRenderer().render(answer)) == json.loads(JSONRenderer().render(answer))


def test_nothing_is_an_empty_body() -> None:
    assert FastJSONRenderer().render(None) == b""


def test_what_nobody_can_write_is_a_fault_and_not_half_an_answer() -> None:
    with pytest.raises(TypeError):
        FastJSONRenderer().render({"what": object()})
