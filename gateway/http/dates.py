"""Dates in headers: the three forms that there are, written in the one that is meant to be.
Touches nothing.

None stands for what is no date, a wrong day of the week included."""

import re
from datetime import datetime, timedelta
from typing import List, Optional

SPACE = r"[ \t]*"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIME = r"(\d\d):(\d\d):(\d\d)"
MONTH = "|".join(MONTHS)
YEAR = r"(\d{4}|\d\d)"
FIXED_DATE = re.compile(
    rf"({'|'.join(LONG_DAYS + DAYS)}), (\d\d?)[- ]({MONTH})[- ]{YEAR} {TIME} (?:GMT|UTC){SPACE}\Z",
    re.ASCII,
)
C_DATE = re.compile(
    rf"({'|'.join(DAYS)}) ({MONTH}) (\d\d| \d) {TIME} {YEAR}{SPACE}\Z",
    re.ASCII,
)
NO_DATE = re.compile(rf"0{SPACE}\Z")
EARLIEST = "Wed, 01 Jan 1800 00:00:00 GMT"


def date(text: str) -> Optional[str]:
    if NO_DATE.match(text):
        return EARLIEST
    fixed = FIXED_DATE.match(text)
    if fixed:
        weekday, day, month, year, *clock = fixed.groups()
        return date_text(weekday, day, month, year, clock)
    other = C_DATE.match(text)
    if other:
        weekday, month, day, *clock, year = other.groups()
        return date_text(weekday, day, month, year, clock)
    return None


def full_year(year: str) -> int:
    if len(year) == 4:
        return int(year)
    return int(year) + (2000 if int(year) <= 69 else 1900)


def date_text(
    given_weekday: str,
    day: str,
    month: str,
    year: str,
    clock: List[str],
) -> Optional[str]:
    hour, minute, second = map(int, clock)
    number = MONTHS.index(month) + 1
    try:
        start = datetime(full_year(year), number, int(day), hour, minute)
        moment = start + timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None
    weekday = DAYS[moment.weekday()]
    if second > 59 or weekday != given_weekday[:3]:
        return None
    written = f"{moment.day:02} {MONTHS[moment.month - 1]} {moment.year:04}"
    return f"{weekday}, {written} {moment:%H:%M:%S} GMT"


def any_date(text: str) -> str:
    return date(text) or EARLIEST
