"""What values about people are taken: names, addresses, passwords, reasons, phone numbers.

Every function returns the cleaned value or raises `Invalid` naming the field. Nothing is read or written here.
"""

import re
import unicodedata
from typing import Final
from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from phonenumbers import PhoneNumberType

from messenger.people.errors import Invalid
from messenger.people.models import Person

NAME_LENGTH: Final = 80
REASON_LENGTH: Final = 300
TOKEN_NAME_LENGTH: Final = 60
TYPED_LENGTH: Final = 40
PASSWORD_LENGTH: Final = 1024
# Characters that turn the direction of text around can make one name look like another.
TURNING: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Calls to these cost the receiver or the caller extra, or reach no person.
REFUSED_TYPES: Final = {
    PhoneNumberType.PREMIUM_RATE: "a premium-rate number",
    PhoneNumberType.SHARED_COST: "a shared-cost number",
    PhoneNumberType.UAN: "a company's access number",
    PhoneNumberType.VOICEMAIL: "a voicemail number",
}


def has_control_characters(text: str) -> bool:
    """Say whether the text holds NUL, line breaks or other control characters, or halves of surrogate pairs."""
    return any(unicodedata.category(char) in ("Cc", "Cs") for char in text)


def clean_line(value: str, *, field: str, length: int) -> str:
    """Return one line of plain text: trimmed, NFC, not empty."""
    if has_control_characters(value) or TURNING.search(value):
        raise Invalid(field, "Use plain characters only: no line breaks and no control characters.")
    line = " ".join(unicodedata.normalize("NFC", value).split())
    if not line:
        raise Invalid(field, "This cannot be empty.")
    if len(line) > length:
        raise Invalid(field, f"This can have at most {length} characters.")
    return line


def clean_name(value: str, *, field: str = "name") -> str:
    return clean_line(value, field=field, length=NAME_LENGTH)


def clean_reason(value: str, *, field: str = "reason") -> str:
    return clean_line(value, field=field, length=REASON_LENGTH)


def clean_email(value: str, *, field: str = "email") -> str:
    """Return the address in lower case: one address is one account, however it is typed."""
    line = clean_line(value, field=field, length=254).lower()
    try:
        validate_email(line)
    except ValidationError as error:
        raise Invalid(field, "Enter an email address such as name@firm.example.") from error
    return line


def clean_password(value: str, *, person: Person, field: str = "password") -> str:
    """Return the password if the firm's rules take it; `person` is whose name it must not resemble."""
    if len(value) > PASSWORD_LENGTH or "\0" in value:
        raise Invalid(field, f"A password has at most {PASSWORD_LENGTH} characters and no NUL.")
    try:
        validate_password(value, user=person)
    except ValidationError as error:
        raise Invalid(field, " ".join(error.messages)) from error
    return value


def clean_number(value: str, *, field: str = "number") -> str:
    """Return the number as E.164 if a person can be reached there by text."""
    typed = clean_line(value, field=field, length=TYPED_LENGTH)
    try:
        number = phonenumbers.parse(typed, None)
    except phonenumbers.NumberParseException as error:
        raise Invalid(field, "Begin with + and the country code, for example +1 202 555 0147.") from error
    if not phonenumbers.is_valid_number(number):
        raise Invalid(field, "No such number exists: check the country code and the number of digits.")
    refused = REFUSED_TYPES.get(phonenumbers.number_type(number))
    if refused:
        raise Invalid(field, f"This is {refused}: it cannot be texted from here.")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if e164 == settings.ONRECORD_SMS_SENDER:
        raise Invalid(field, "This is the firm's own number.")
    return e164


def clean_time_zone(value: str, *, field: str = "time_zone") -> str:
    """Return an IANA name, or "" when none was declared."""
    if value and value not in available_timezones():
        raise Invalid(field, "Use a time zone name such as America/New_York, or leave it empty.")
    return value
