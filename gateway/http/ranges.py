"""What the Accept headers say, and how the platform's HTTP library writes them anew.

Touches nothing. None stands for what doesn't follow the grammar."""

import re
import struct
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Callable, List, NamedTuple, Optional, Tuple

from gateway.http.grammar import (
    PARAMETER,
    SPACE,
    TOKEN,
    Found,
    items,
    listed,
    parameters_from_text,
    quoted_if_needed,
)
from gateway.http.mediatypes import MediaType, charset_from_name, media_type

NUMBER = r"0(?:\.\d*)?|\.\d+|1(?:\.0*)?"
WEIGHT = rf"(?:;{SPACE}q{SPACE}={SPACE}({NUMBER}){SPACE})?"
RANGE = re.compile(
    rf"(?:(\*)/\*|(\*)|({TOKEN}){SPACE}/(\*(?!{TOKEN})|{TOKEN})){SPACE}((?:{PARAMETER})*)",
    re.ASCII,
)
WEIGHTED_TOKEN = re.compile(rf"({TOKEN}){SPACE}{WEIGHT}", re.ASCII)
LANGUAGE = re.compile(
    rf"(\*|[A-Za-z]+(?:{SPACE}-[A-Za-z0-9]+)*){SPACE}{WEIGHT}",
    re.ASCII,
)
KNOWN_ENCODINGS = (
    "compress",
    "chunked",
    "deflate",
    "gzip",
    "identity",
    "x-compress",
    "x-zip",
)


class MediaRange(NamedTuple):
    """`type` is None for a range like image/*; `main` is "*" for the one that takes all."""

    main: str
    type: Optional[MediaType]
    parameters: Tuple[Tuple[str, str], ...]
    weight: float

    def takes(self, other: MediaType) -> bool:
        if self.type is None:
            fits = self.main in ("*", other.main)
            return fits and set(self.parameters) <= set(other.parameters)
        wanted = {pair for pair in self.type.parameters if pair[0] != "charset"}
        same = self.type.main == other.main and self.type.sub == other.sub
        return same and wanted <= set(other.parameters)

    @property
    def text(self) -> str:
        if self.type is not None:
            return self.type.value + weight_text(self.weight)
        extra = "".join(f"; {key}={quoted_if_needed(value)}" for key, value in self.parameters)
        return f"{self.main}/*" + weight_text(self.weight) + extra


def media_ranges_from_text(text: str) -> Optional[List[MediaRange]]:
    found = items(RANGE, text, empty=True)
    if found is None:
        return None
    ranges = []
    for match in found:
        one = media_range(match)
        if one is None:
            return None
        ranges.append(one)
    return ranges


def media_range(match: Found) -> Optional[MediaRange]:
    parameters = dict(parameters_from_text(match.group(5)))
    main = (match.group(3) or "*").lower()
    sub = match.group(4) or "*"
    weight = weight_from_text(parameters.pop("q", "1"))
    if not 0 <= weight <= 1:
        return None
    if sub == "*":
        return MediaRange(main, None, tuple(sorted(parameters.items())), weight)
    one = media_type(main, sub, parameters, parameters.get("charset"))
    return MediaRange(main, one, (), weight)


def weight_from_text(text: str) -> float:
    if not re.match(r"[+-]?[0-9.]+(?:[eE][+-]?\d+)?\Z", text, re.ASCII):
        return 1.0
    try:
        return float(text)
    except ValueError:
        return 1.0


def weight_text(weight: Optional[float]) -> str:
    """As Java writes a 32 bit number with three digits."""
    if weight is None or weight >= 1:
        return ""
    narrow = struct.unpack("f", struct.pack("f", weight))[0]
    rounded = Decimal(narrow).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
    digits = str(rounded).rstrip("0")
    return ";q=" + (digits + "0" if digits.endswith(".") else digits)


def media_ranges(text: str) -> Optional[str]:
    ranges = media_ranges_from_text(text)
    return None if ranges is None else ", ".join(each.text for each in ranges)


def weighted(
    write: Callable[[str], str],
) -> Callable[[Found], str]:
    def render(match: Found) -> str:
        weight = float(match.group(2)) if match.group(2) else None
        return write(match.group(1)) + weight_text(weight)

    return render


def encoding(name: str) -> str:
    return name.lower() if name.lower() in KNOWN_ENCODINGS else name


def without_space(text: str) -> str:
    return re.sub(r"[ \t]", "", text)


def charsets_from_text(text: str) -> List[Tuple[str, float]]:
    """Each with its weight; nothing where the text can't be read."""
    charsets = []
    for match in items(WEIGHTED_TOKEN, text) or []:
        name, weight = match.groups()
        charsets.append((charset_from_name(name), float(weight or 1)))
    return charsets


charset_ranges = listed(WEIGHTED_TOKEN, weighted(charset_from_name))
encoding_ranges = listed(WEIGHTED_TOKEN, weighted(encoding), empty=True)
language_ranges = listed(LANGUAGE, weighted(without_space))
