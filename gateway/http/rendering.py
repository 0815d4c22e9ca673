"""One function for each kind of header value that the platform's HTTP library writes anew.

Touches nothing. Each gives the new text, or None where the value doesn't follow the library's
grammar."""

import re
from typing import Dict, List, Optional, Tuple

from gateway.http import urls
from gateway.http.dates import date
from gateway.http.grammar import (
    PARAMETER,
    QUOTED,
    SPACE,
    TOKEN,
    Found,
    items,
    listed,
    parameters_from_text,
    quoted,
    quoted_if_needed,
    unquoted,
)
from gateway.http.ranges import encoding

ONE_TOKEN = re.compile(rf"({TOKEN}){SPACE}")
TOKEN_WITH_VERSION = re.compile(rf"({TOKEN}){SPACE}(?:/{SPACE}({TOKEN}){SPACE})?")


def first_group(match: Found) -> str:
    text: str = match.group(1)
    return text


def with_version(match: Found) -> str:
    return "/".join(filter(None, match.groups()))


# -- lists of words -------------------------------------------------------------------------------

tokens = listed(ONE_TOKEN, first_group)
tokens_or_none = listed(ONE_TOKEN, first_group, empty=True)
encodings = listed(ONE_TOKEN, lambda match: encoding(match.group(1)))
protocols = listed(TOKEN_WITH_VERSION, with_version)

KNOWN_CODINGS = ("chunked", "gzip", "deflate", "compress", "trailers")


def transfer_coding(match: Found) -> Optional[str]:
    name = match.group(1)
    known = name.lower()
    if known in KNOWN_CODINGS:
        return None if match.group(2) else known
    # The library takes a known coding where a longer word only begins like one, and stumbles.
    if any(known.startswith(coding) for coding in KNOWN_CODINGS):
        return None
    pairs = sorted(dict(parameters_from_text(match.group(2))).items())
    return name + "".join(f"; {key}={quoted_if_needed(value)}" for key, value in pairs)


transfer_codings = listed(
    re.compile(rf"({TOKEN}){SPACE}((?:{PARAMETER})*)"),
    transfer_coding,
)

# -- conditions -----------------------------------------------------------------------------------

ETAG = r'(?:W/)?"[!#-~\x80-\ufffe]*"'
ONE_ETAG = re.compile(ETAG + r"\Z")
ANY_ETAG = re.compile(rf"\*{SPACE}\Z")
entity_tag_list = listed(re.compile(rf"({ETAG}){SPACE}"), first_group)


def entity_tag(text: str) -> Optional[str]:
    return text if ONE_ETAG.match(text) else None


def entity_tags(text: str) -> Optional[str]:
    return "*" if ANY_ETAG.match(text) else entity_tag_list(text)


def entity_tag_or_date(text: str) -> Optional[str]:
    return entity_tag(text) or date(text)


# -- caching --------------------------------------------------------------------------------------

DIRECTIVES_ALONE = (
    "no-store",
    "no-transform",
    "only-if-cached",
    "public",
    "must-revalidate",
    "proxy-revalidate",
    "immutable",
    "private",
    "no-cache",
    "max-stale",
)
DIRECTIVES_WITH_SECONDS = ("max-age", "max-stale", "min-fresh", "s-maxage")
DIRECTIVES_WITH_NAMES = ("private", "no-cache")
DIRECTIVE = re.compile(rf"({TOKEN})(?:{SPACE}={SPACE}({TOKEN}|{QUOTED}))?{SPACE}")
DIGITS = re.compile(r"\d+\Z", re.ASCII)
SECONDS = re.compile(rf"\d+{SPACE}\Z", re.ASCII)
MOST_SECONDS = 2147483647


def cache_directive(match: Found) -> Optional[str]:
    name, value = match.group(1), match.group(2)
    if value is None:
        return first_group(match)
    if name in DIRECTIVES_WITH_SECONDS and DIGITS.match(value):
        return f"{name}={capped(value)}"
    if name in DIRECTIVES_WITH_NAMES:
        names = names_from_list(unquoted(value))
        return f'{name}="{",".join(names)}"' if names else first_group(match)
    if name in DIRECTIVES_ALONE:
        return None
    return f"{name}={quoted_if_needed(unquoted(value))}"


def names_from_list(text: str) -> List[str]:
    """Space around the commas isn't part of a name, at either end of the list it is."""
    if not text:
        return []
    first, *others = text.split(",")
    names = [first]
    for each in others:
        names[-1] = names[-1].rstrip(" \t")
        names.append(each.lstrip(" \t"))
    return names


cache_directives = listed(DIRECTIVE, cache_directive)


def seconds(text: str) -> Optional[str]:
    return capped(text) if SECONDS.match(text) else None


def capped(text: str) -> str:
    return str(min(int(text[:11]), MOST_SECONDS))


def date_or_seconds(text: str) -> Optional[str]:
    return date(text) or seconds(text)


# -- cookies --------------------------------------------------------------------------------------

COOKIE_TEXT = r"[!#-+\--:<-\[\]-~]*"
COOKIE = re.compile(rf'({TOKEN}){SPACE}={SPACE}(?:"({COOKIE_TEXT})"|({COOKIE_TEXT}))\Z')


def cookies(text: str) -> Optional[str]:
    """What isn't a cookie is dropped, unless there is none at all."""
    kept = []
    for part in text.split(";"):
        match = COOKIE.match(part.strip(" \t"))
        if match:
            kept.append(f"{match.group(1)}={match.group(2) or match.group(3) or ''}")
    return "; ".join(kept) or None


# -- ranges of bytes ------------------------------------------------------------------------------

# What fits into the library's numbers.
WHOLE = r"\d{1,18}"
BYTES = re.compile(rf"bytes{SPACE}={SPACE}(?:,{SPACE})*(.*)\Z", re.DOTALL)
BYTE_RANGE = re.compile(
    rf"(?:({WHOLE}){SPACE}-{SPACE}({WHOLE})?|-({WHOLE})){SPACE}",
    re.ASCII,
)
CONTENT_RANGE = re.compile(
    rf"bytes{SPACE}({WHOLE}){SPACE}-{SPACE}({WHOLE}){SPACE}/{SPACE}({WHOLE}|\*){SPACE}\Z",
    re.ASCII,
)
UNSATISFIED_RANGE = re.compile(rf"bytes{SPACE}\*/({WHOLE}){SPACE}\Z", re.ASCII)


def byte_ranges(text: str) -> Optional[str]:
    match = BYTES.match(text)
    found = items(BYTE_RANGE, match.group(1)) if match else None
    if not found:
        return None
    parts = []
    for each in found:
        part = byte_range(*each.groups())
        if part is None:
            return None
        parts.append(part)
    return "bytes=" + ", ".join(parts)


def byte_range(
    first: str,
    last: Optional[str],
    suffix: Optional[str],
) -> Optional[str]:
    if suffix is not None:
        return f"-{int(suffix)}"
    if last is None:
        return f"{int(first)}-"
    return f"{int(first)}-{int(last)}" if int(first) <= int(last) else None


def content_range(text: str) -> Optional[str]:
    known = CONTENT_RANGE.match(text)
    if known:
        return known_range(*known.groups())
    unsatisfied = UNSATISFIED_RANGE.match(text)
    return f"bytes */{int(unsatisfied.group(1))}" if unsatisfied else None


def known_range(first: str, last: str, whole: str) -> Optional[str]:
    if int(first) > int(last):
        return None
    if whole == "*":
        return f"bytes {int(first)}-{int(last)}/*"
    if int(last) >= int(whole):
        return None
    return f"bytes {int(first)}-{int(last)}/{int(whole)}"


# -- Content-Disposition --------------------------------------------------------------------------

DISPOSITIONS = ("inline", "attachment", "form-data")
DISPOSITION = re.compile(rf"({TOKEN}){SPACE}((?:{PARAMETER})*)\Z")
FILENAMES = ("filename", "filename*")
NOT_PLAIN = re.compile(r"[^ !#$&-\[\]-~]")
ATTRIBUTE_CHARACTERS = r"A-Za-z0-9!#$&+\-.^_`|~"
EXTENDED = re.compile(
    r"(?i:(utf-8)|iso-8859-1)'[A-Za-z0-9\-]*'"
    rf"((?:{urls.PERCENT}|[{ATTRIBUTE_CHARACTERS}])*)\Z"
)


def content_disposition(text: str) -> Optional[str]:
    match = DISPOSITION.match(text)
    if not match:
        return None
    name = match.group(1)
    if name.lower() in DISPOSITIONS:
        name = name.lower()
    pairs = disposition_pairs(match.group(2))
    if pairs is None:
        return None
    if "filename*" in pairs:
        pairs["filename"] = pairs.pop("filename*")
    if NOT_PLAIN.search(pairs.get("filename", "")):
        pairs["filename*"] = pairs["filename"]
    written = [disposition_parameter(key, pairs[key]) for key in sorted(pairs)]
    return name + "".join(written)


def disposition_pairs(text: str) -> Optional[Dict[str, str]]:
    pairs: Dict[str, str] = {}
    for name, given in parameters_from_text(text):
        key = name.lower() if name.lower() in FILENAMES else name
        value = extended_value(given) if key.endswith("*") else given
        if value is None:
            return None
        pairs[key] = value
    return pairs


def extended_value(text: str) -> Optional[str]:
    match = EXTENDED.match(text)
    if not match:
        return None
    characters = re.sub(urls.PERCENT, character_from_percent, match.group(2))
    data = characters.encode("latin-1")
    return data.decode("utf-8" if match.group(1) else "latin-1", "replace")


def character_from_percent(match: Found) -> str:
    return chr(int(match.group()[1:], 16))


def disposition_parameter(key: str, value: str) -> str:
    if key == "filename":
        return '; filename="' + NOT_PLAIN.sub("?", value) + '"'
    if key.endswith("*"):
        return f"; {key}=UTF-8''" + urls.encoded(value, r"A-Za-z0-9!#$&+\-.\^_`|~")
    return f"; {key}={quoted(value)}"


# -- the rest -------------------------------------------------------------------------------------

EXPECTATION = re.compile(rf"(?i:100-continue){SPACE}\Z")
COMMENT_START = re.compile(rf"\({SPACE}")
COMMENT_END = re.compile(rf"\){SPACE}")
DEEPEST_COMMENT = 5


def expectation(text: str) -> Optional[str]:
    return "100-continue" if EXPECTATION.match(text) else None


def products(text: str) -> Optional[str]:
    """Names with versions, and comments in brackets: what User-Agent and Server have."""
    parts = []
    at = 0
    while at < len(text):
        match = TOKEN_WITH_VERSION.match(text, at)
        if match:
            parts.append(with_version(match))
            at = match.end()
            continue
        comment, at = comment_at(text, at, DEEPEST_COMMENT)
        if comment is None:
            return None
        parts.append(f"({comment})")
    return " ".join(parts) or None


def comment_at(
    text: str,
    at: int,
    depth: int,
) -> Tuple[Optional[str], int]:
    """The inside of a comment and the place behind it; the library sets a space before each inner
    one."""
    start = COMMENT_START.match(text, at)
    if not start or depth < 0:
        return None, at
    inside = ""
    at = start.end()
    while at < len(text) and text[at] != ")":
        if text[at] == "(":
            inner, at = comment_at(text, at, depth - 1)
            if inner is None:
                return None, at
            inside += f" ({inner})"
            continue
        at += text[at] == "\\"
        if at == len(text):
            return None, at
        inside += text[at]
        at += 1
    end = COMMENT_END.match(text, at)
    return (inside, end.end()) if end else (None, at)
