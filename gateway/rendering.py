"""One function for each kind of header value that the platform's HTTP library writes anew. Touches nothing.

Each gives the new text, or None where the value doesn't follow the library's grammar."""

import base64
import binascii
import re
import struct
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Callable, List, NamedTuple, Optional, Pattern

from gateway import urls
from gateway.dates import date
from gateway.mediatypes import (
    PARAMETER,
    QUOTED,
    TOKEN,
    MediaType,
    charset_from_name,
    media_type,
    parameters_from_text,
    quoted,
    quoted_if_needed,
    unquoted,
)

SPACE = r"[ \t]*"
WEIGHT = rf"(?:;{SPACE}q{SPACE}={SPACE}(0(?:\.\d*)?|\.\d+|1(?:\.0*)?){SPACE})?"
RANGE = re.compile(rf"(?:(\*)/\*|(\*)|({TOKEN}){SPACE}/(\*(?!{TOKEN})|{TOKEN})){SPACE}((?:{PARAMETER})*)", re.ASCII)
WEIGHTED_TOKEN = re.compile(rf"({TOKEN}){SPACE}{WEIGHT}", re.ASCII)
LANGUAGE = re.compile(rf"(\*|[A-Za-z]+(?:{SPACE}-[A-Za-z0-9]+)*){SPACE}{WEIGHT}", re.ASCII)
ONE_TOKEN = re.compile(rf"({TOKEN}){SPACE}")
AUTH_PARAMETER = re.compile(rf"({TOKEN}){SPACE}={SPACE}({TOKEN}|{QUOTED}){SPACE}")
TOKEN68 = r"[A-Za-z0-9\-._~+/]+=*"
ETAG = r'(?:W/)?"[!#-~\x80-\ufffe]*"'
KNOWN_ENCODINGS = ("compress", "chunked", "deflate", "gzip", "identity", "x-compress", "x-zip")
KNOWN_CODINGS = ("chunked", "gzip", "deflate", "compress", "trailers")
DIRECTIVES_ALONE = (
    *("no-store", "no-transform", "only-if-cached", "public", "must-revalidate"),
    *("proxy-revalidate", "immutable", "private", "no-cache", "max-stale"),
)


class MediaRange(NamedTuple):
    """`type` is None for a range like image/*; `main` is "*" for the one that takes all."""

    main: str
    type: Optional[MediaType]
    parameters: tuple
    weight: float

    def takes(self, other: MediaType) -> bool:
        if self.type is None:
            return self.main in ("*", other.main) and set(self.parameters) <= set(other.parameters)
        wanted = {pair for pair in self.type.parameters if pair[0] != "charset"}
        same = (self.type.main, self.type.sub) == (other.main, other.sub)
        return same and wanted <= set(other.parameters)

    @property
    def text(self) -> str:
        if self.type is not None:
            return self.type.value + weight_text(self.weight)
        extra = "".join(f"; {key}={quoted_if_needed(value)}" for key, value in self.parameters)
        return f"{self.main}/*" + weight_text(self.weight) + extra


def items(pattern: Pattern, text: str, empty: bool = False) -> Optional[list]:
    """The matches of a list separated by commas; None if the text is anything else."""
    if not text and empty:
        return []
    found, at = [], 0
    while True:
        match = pattern.match(text, at)
        if not match or match.end() == at:
            return None
        found.append(match)
        at = match.end()
        if at == len(text):
            return found
        comma = re.compile(rf",{SPACE}").match(text, at)
        if not comma:
            return None
        at = comma.end()


def listed(pattern: Pattern, write: Callable, empty: bool = False) -> Callable[[str], Optional[str]]:
    def render(text: str) -> Optional[str]:
        found = items(pattern, text, empty)
        parts = None if found is None else [write(match) for match in found]
        return None if parts is None or None in parts else ", ".join(parts)

    return render


def weight_text(weight: Optional[float]) -> str:
    if weight is None or weight >= 1:
        return ""
    narrow = struct.unpack("f", struct.pack("f", weight))[0]
    digits = str(Decimal(narrow).quantize(Decimal("0.001"), ROUND_HALF_EVEN)).rstrip("0")
    return ";q=" + (digits + "0" if digits.endswith(".") else digits)


# -- what is accepted -------------------------------------------------------


def media_ranges_from_text(text: str) -> Optional[List[MediaRange]]:
    found = items(RANGE, text, empty=True)
    ranges = None if found is None else [media_range(match) for match in found]
    return None if ranges is None or None in ranges else ranges


def media_range(match) -> Optional[MediaRange]:
    parameters = dict(parameters_from_text(match.group(5)))
    main, sub = match.group(3) or "*", match.group(4) or "*"
    weight = weight_from_text(parameters.pop("q", "1"))
    if not 0 <= weight <= 1:
        return None
    if sub == "*":
        return MediaRange(main.lower(), None, tuple(sorted(parameters.items())), weight)
    return MediaRange(main.lower(), media_type(main, sub, parameters, parameters.get("charset")), (), weight)


def weight_from_text(text: str) -> float:
    try:
        return float(text) if re.match(r"[+-]?[0-9.]+(?:[eE][+-]?\d+)?\Z", text, re.ASCII) else 1.0
    except ValueError:
        return 1.0


def media_ranges(text: str) -> Optional[str]:
    ranges = media_ranges_from_text(text)
    return None if ranges is None else ", ".join(each.text for each in ranges)


def weighted(write: Callable[[str], str]) -> Callable:
    return lambda match: write(match.group(1)) + weight_text(match.group(2) and float(match.group(2)))


def encoding(name: str) -> str:
    return name.lower() if name.lower() in KNOWN_ENCODINGS else name


charset_ranges = listed(WEIGHTED_TOKEN, weighted(charset_from_name))
encoding_ranges = listed(WEIGHTED_TOKEN, weighted(encoding), empty=True)
language_ranges = listed(LANGUAGE, weighted(lambda text: re.sub(r"[ \t]", "", text)))

# -- lists of words -----------------------------------------------------------

tokens = listed(ONE_TOKEN, lambda match: match.group(1))
tokens_or_none = listed(ONE_TOKEN, lambda match: match.group(1), empty=True)
encodings = listed(ONE_TOKEN, lambda match: encoding(match.group(1)))
protocols = listed(
    re.compile(rf"({TOKEN}){SPACE}(?:/{SPACE}({TOKEN}){SPACE})?"), lambda match: "/".join(filter(None, match.groups()))
)
entity_tag_list = listed(re.compile(rf"({ETAG}){SPACE}"), lambda match: match.group(1))


def transfer_coding(match) -> Optional[str]:
    name, known = match.group(1), match.group(1).lower()
    if known in KNOWN_CODINGS:
        return None if match.group(2) else known
    # The library takes a known coding where a longer word only begins like one, and then stumbles.
    if any(known.startswith(coding) for coding in KNOWN_CODINGS):
        return None
    pairs = sorted(dict(parameters_from_text(match.group(2))).items())
    return name + "".join(f"; {key}={quoted_if_needed(value)}" for key, value in pairs)


transfer_codings = listed(re.compile(rf"({TOKEN}){SPACE}((?:{PARAMETER})*)"), transfer_coding)


def entity_tag(text: str) -> Optional[str]:
    return text if re.match(ETAG + r"\Z", text) else None


def entity_tags(text: str) -> Optional[str]:
    return "*" if re.match(rf"\*{SPACE}\Z", text) else entity_tag_list(text)


def cache_directive(match) -> Optional[str]:
    name, value = match.group(1), match.group(2)
    if value is None:
        return name
    number = re.match(r"\d+\Z", value, re.ASCII)
    if name in ("max-age", "max-stale", "min-fresh", "s-maxage") and number:
        return f"{name}={capped(value)}"
    if name in ("private", "no-cache"):
        names = re.split(rf"{SPACE},{SPACE}", unquoted(value)) if unquoted(value) else []
        return f'{name}="{",".join(names)}"' if names else name
    if name in DIRECTIVES_ALONE:
        return None
    return f"{name}={quoted_if_needed(unquoted(value))}"


cache_directives = listed(re.compile(rf"({TOKEN})(?:{SPACE}={SPACE}({TOKEN}|{QUOTED}))?{SPACE}"), cache_directive)


def seconds(text: str) -> Optional[str]:
    return capped(text) if re.match(rf"\d+{SPACE}\Z", text, re.ASCII) else None


def capped(text: str) -> str:
    return str(min(int(text[:11]), 2147483647))


# -- credentials and cookies ----------------------------------------------------


def credentials(text: str) -> Optional[str]:
    basic = re.match(rf"(?i:basic){SPACE}({TOKEN68}){SPACE}\Z", text)
    if basic:
        return basic_credentials(basic.group(1))
    bearer = re.match(rf"(?i:bearer){SPACE}({TOKEN68}){SPACE}\Z", text)
    if bearer:
        return f"Bearer {bearer.group(1)}"
    other = re.match(rf"({TOKEN}){SPACE}(.*)\Z", text)
    return other and other_credentials(other.group(1), other.group(2))


def basic_credentials(text: str) -> Optional[str]:
    pair = user_and_password(text)
    return pair and "Basic " + base64.b64encode(":".join(pair).encode("utf-8")).decode("ascii")


def user_and_password(text: str) -> Optional[tuple]:
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, _, password = data.decode("utf-8", "replace").partition(":")
    return user, password


def other_credentials(scheme: str, rest: str) -> Optional[str]:
    if not rest:
        return scheme
    found = items(AUTH_PARAMETER, rest)
    if found:
        pairs = sorted({match.group(1): unquoted(match.group(2)) for match in found}.items())
        return f"{scheme} " + ",".join(f"{key}={quoted_if_needed(value)}" for key, value in pairs)
    token = re.match(rf"({TOKEN68}){SPACE}\Z", rest)
    return f"{scheme} {token.group(1)}" if token else None


def cookies(text: str) -> Optional[str]:
    """What isn't a cookie is dropped, unless there is none at all."""
    octets = r"[!#-+\--:<-\[\]-~]*"
    pair = re.compile(rf'{SPACE}({TOKEN}){SPACE}={SPACE}(?:"({octets})"|({octets})){SPACE}\Z')
    found = [pair.match(part) for part in text.split(";")]
    kept = [f"{match.group(1)}={match.group(2) or match.group(3) or ''}" for match in found if match]
    return "; ".join(kept) or None


# -- the rest ------------------------------------------------------------------------


def expectation(text: str) -> Optional[str]:
    return "100-continue" if re.match(rf"(?i:100-continue){SPACE}\Z", text) else None


def byte_ranges(text: str) -> Optional[str]:
    match = re.match(rf"bytes{SPACE}={SPACE}(?:,{SPACE})*(.*)\Z", text)
    spec = re.compile(rf"(?:(\d{{1,18}}){SPACE}-{SPACE}(\d{{1,18}})?|-(\d{{1,18}})){SPACE}", re.ASCII)
    found = items(spec, match.group(1)) if match else None
    parts = None if found is None else [byte_range(*each.groups()) for each in found]
    return None if not parts or None in parts else "bytes=" + ", ".join(parts)


def byte_range(first: Optional[str], last: Optional[str], suffix: Optional[str]) -> Optional[str]:
    if suffix is not None:
        return f"-{int(suffix)}"
    if last is None:
        return f"{int(first)}-"
    return f"{int(first)}-{int(last)}" if int(first) <= int(last) else None


def content_range(text: str) -> Optional[str]:
    known = re.match(rf"bytes{SPACE}(\d+){SPACE}-{SPACE}(\d+){SPACE}/{SPACE}(\d+|\*){SPACE}\Z", text, re.ASCII)
    if known:
        first, last, whole = known.groups()
        fits = int(first) <= int(last) and (whole == "*" or int(last) < int(whole))
        return f"bytes {int(first)}-{int(last)}/{whole if whole == '*' else int(whole)}" if fits else None
    unsatisfied = re.match(rf"bytes{SPACE}\*/(\d+){SPACE}\Z", text, re.ASCII)
    return f"bytes */{int(unsatisfied.group(1))}" if unsatisfied else None


def content_disposition(text: str) -> Optional[str]:
    match = re.match(rf"({TOKEN}){SPACE}((?:{PARAMETER})*)\Z", text)
    if not match:
        return None
    name = match.group(1).lower() if match.group(1).lower() in ("inline", "attachment", "form-data") else match.group(1)
    pairs = {}
    for key, value in parameters_from_text(match.group(2)):
        key = key.lower() if key.lower() in ("filename", "filename*") else key
        if key.endswith("*"):
            value = extended_value(value)
        if value is None:
            return None
        pairs[key] = value
    if "filename*" in pairs:
        pairs["filename"] = pairs.pop("filename*")
    if "filename" in pairs and not re.match(r"[ !#$&-\[\]-~]*\Z", pairs["filename"]):
        pairs["filename*"] = pairs["filename"]
    return name + "".join(disposition_parameter(*pair) for pair in sorted(pairs.items()))


def extended_value(text: str) -> Optional[str]:
    match = re.match(rf"(?i:(utf-8)|iso-8859-1)'[A-Za-z0-9\-]*'((?:{urls.PERCENT}|[A-Za-z0-9!#$&+\-.^_`|~])*)\Z", text)
    if not match:
        return None
    data = re.sub(urls.PERCENT, lambda each: chr(int(each.group()[1:], 16)), match.group(2)).encode("latin-1")
    return data.decode("utf-8" if match.group(1) else "latin-1", "replace")


def disposition_parameter(key: str, value: str) -> str:
    if key == "filename":
        return '; filename="' + re.sub(r"[^ !#$&-\[\]-~]", "?", value) + '"'
    if key.endswith("*"):
        return f"; {key}=UTF-8''" + urls.encoded(value, r"A-Za-z0-9!#$&+\-.\^_`|~")
    return f"; {key}={quoted(value)}"


def products(text: str) -> Optional[str]:
    product = re.compile(rf"({TOKEN}){SPACE}(?:/{SPACE}({TOKEN}){SPACE})?")
    parts, at = [], 0
    while at < len(text):
        match = product.match(text, at)
        if match:
            parts.append("/".join(filter(None, match.groups())))
            at = match.end()
        elif text[at] == "(":
            comment, at = comment_at(text, at, 5)
            if comment is None:
                return None
            parts.append(f"({comment})")
        else:
            return None
    return " ".join(parts) or None


def comment_at(text: str, at: int, depth: int) -> tuple:
    """The inside of a comment and the place behind it; the library sets a space before each inner one."""
    inside, at = "", re.compile(rf"\({SPACE}").match(text, at).end()
    while at < len(text) and text[at] != ")":
        if text[at] == "(":
            inner, at = comment_at(text, at, depth - 1) if depth else (None, at)
            if inner is None:
                return None, at
            inside += f" ({inner})"
            continue
        at += text[at] == "\\"
        if at == len(text):
            return None, at
        inside, at = inside + text[at], at + 1
    if at == len(text):
        return None, at
    return inside, re.compile(rf"\){SPACE}").match(text, at).end()


def entity_tag_or_date(text: str) -> Optional[str]:
    return entity_tag(text) or date(text)


def date_or_seconds(text: str) -> Optional[str]:
    return date(text) or seconds(text)
