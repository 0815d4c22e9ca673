"""What a client accepts, by its Accept and Accept-Charset headers. Touches nothing."""

from typing import List, NamedTuple, Tuple

from gateway.headers import values_of
from gateway.mediatypes import BINARY, OPEN, MediaType, charset_from_name
from gateway.messages import Pairs
from gateway.rendering import WEIGHTED_TOKEN, MediaRange, items, media_ranges_from_text


class NotAcceptable(Exception):
    """The client wants none of the types that there are."""

    def __init__(self, available: str):
        super().__init__(f"Resource representation is only available with these types:\n{available}")


class Preferences(NamedTuple):
    """Ranges with the most particular first; no ranges means that everything is welcome."""

    types: Tuple[MediaRange, ...] = ()
    charsets: Tuple[Tuple[str, float], ...] = ()

    def accepts_type(self, content_type: MediaType) -> bool:
        return not self.types or first_weight((each.takes(content_type), each.weight) for each in self.types) > 0

    def accepts_charset(self, charset: str) -> bool:
        names = ("*", charset.lower())
        weights = ((name.lower() in names, weight) for name, weight in self.charsets)
        return not self.charsets or first_weight(weights) > 0

    def check(self, content_type: MediaType) -> None:
        """Raises NotAcceptable."""
        in_charset = content_type.kind == BINARY or self.accepts_charset(content_type.charset or "UTF-8")
        if not (in_charset and self.accepts_type(content_type)):
            raise NotAcceptable(content_type.text)

    def charset_for(self, content_type: MediaType) -> str:
        """The charset for a text that can be had in any. Raises NotAcceptable."""
        name, weight = self.charsets[0] if self.charsets else ("*", 1.0)
        if not self.accepts_type(content_type) or not weight > 0:
            raise NotAcceptable(content_type.value)
        return "UTF-8" if name == "*" else name

    @property
    def welcome_nothing(self) -> bool:
        """Whether an answer without type and body finds a range that takes it."""
        return self.accepts_type(MediaType("none", "none", (), OPEN))


def first_weight(weights) -> float:
    return next((weight for takes, weight in weights if takes), 0.0)


def preferences_from_headers(headers: Pairs) -> Preferences:
    """What can't be read isn't a wish."""
    ranges = [each for value in values_of(headers, "accept") for each in media_ranges_from_text(value) or ()]
    charsets = [each for value in values_of(headers, "accept-charset") for each in charsets_from_text(value)]
    return Preferences(tuple(sorted(ranges, key=generality)), tuple(sorted(charsets, key=charset_generality)))


def generality(each: MediaRange) -> float:
    if each.main == "*":
        return 2.0
    return -each.weight if each.type is not None else 1.0


def charset_generality(each: Tuple[str, float]) -> float:
    return 1.0 if each[0] == "*" else -each[1]


def charsets_from_text(text: str) -> List[Tuple[str, float]]:
    found = items(WEIGHTED_TOKEN, text) or []
    return [(charset_from_name(match.group(1)), float(match.group(2) or 1)) for match in found]
