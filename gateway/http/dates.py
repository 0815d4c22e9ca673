"""Dates in headers: the three forms that there are, written in the one that is meant to be. Touches nothing.

None stands for what is no date, a wrong day of the week included."""

import re
from datetime import datetime, timedelta
from typing import List, Optional

SPACE = r"[ \t]*"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIME = r"(\d\d):(\d\d):(\d\d)"
FIXED_DATE = re.compile(
    rf"({'|'.join(LONG_DAYS + DAYS)}), (\d\d?)[- ]({'|'.join(MONTHS)})[- ](\d{{4}}|\d\d) {TIME} (?:GMT|UTC){SPACE}\Z",
    re.ASCII,
)
C_DATE = re.compile(
    rf"({'|'.join(DAYS)}) ({'|'.join(MONTHS)}) (\d\d| \d) {TIME} (\d{{4}}|\d\d){SPACE}\Z", re.ASCII
)
EARLIEST = "Wed, 01 Jan 1800 00:00:00 GMT"


def date(text: str) -> Optional[str]:
    if re.match(rf"0{SPACE}\Z", text):
        return EARLIEST
    fixed, other = FIXED_DATE.match(text), C_DATE.match(text)
    if fixed:
        weekday, day, month, year, *clock = fixed.groups()
    elif other:
        weekday, month, day, *clock, year = other.groups()
    else:
        return None
    return date_text(weekday[:3], int(day), MONTHS.index(month) + 1, full_year(year), clock)


def full_year(year: str) -> int:
    return int(year) if len(year) == 4 else int(year) + (2000 if int(year) <= 69 else 1900)


def date_text(weekday: str, day: int, month: int, year: int, clock: List[str]) -> Optional[str]:
    hour, minute, second = map(int, clock)
    try:
        moment = datetime(year, month, day, hour, minute) + timedelta(seconds=second)
    except (ValueError, OverflowError):
        return None
    if second > 59 or DAYS[moment.weekday()] != weekday:
        return None
    return f"{weekday}, {moment.day:02} {MONTHS[moment.month - 1]} {moment.year:04} {moment:%H:%M:%S} GMT"


def any_date(text: str) -> str:
    return date(text) or EARLIEST
