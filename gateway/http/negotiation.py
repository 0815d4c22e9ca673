"""What a client accepts, by its Accept and Accept-Charset headers. Touches nothing."""

from typing import Iterable, List, NamedTuple, Optional, Sized, Tuple

from gateway.http.headerlines import Pairs, values_of
from gateway.http.mediatypes import BINARY, OPEN, MediaType
from gateway.http.ranges import MediaRange, charsets_from_text, media_ranges_from_text
from gateway.refusal import Refusal, Stage

# Nobody wishes for more; each is looked at again and again.
MOST_RANGES = 1000

NOT_ACCEPTABLE = "Resource representation is only available with these types:\n{}"


def not_acceptable(available: str) -> Refusal:
    """For a client that wants none of the types that there are."""
    return Refusal(406, NOT_ACCEPTABLE.format(available), Stage.CONTENT)


class Preferences(NamedTuple):
    """Ranges with the most particular first; no ranges means that everything is welcome.
    `accept` is the last Accept line as the platform writes it."""

    types: Tuple[MediaRange, ...] = ()
    charsets: Tuple[Tuple[str, float], ...] = ()
    accept: Optional[str] = None

    def accepts_type(self, content_type: MediaType) -> bool:
        weights = ((each.takes(content_type), each.weight) for each in self.types)
        return not self.types or first_weight(weights) > 0

    def accepts_charset(self, charset: str) -> bool:
        names = ("*", charset.lower())
        if not self.charsets:
            return True
        weights = ((each[0].lower() in names, each[1]) for each in self.charsets)
        return first_weight(weights) > 0

    def check(self, content_type: MediaType) -> None:
        """Raises Refusal."""
        charset = content_type.charset or "UTF-8"
        in_charset = content_type.kind == BINARY or self.accepts_charset(charset)
        if not (in_charset and self.accepts_type(content_type)):
            raise not_acceptable(content_type.text)

    def charset_for(self, content_type: MediaType) -> str:
        """The charset for a text that can be had in any. Raises Refusal."""
        name, weight = self.charsets[0] if self.charsets else ("*", 1.0)
        if not self.accepts_type(content_type) or not weight > 0:
            raise not_acceptable(content_type.value)
        return "UTF-8" if name == "*" else name

    def names(self, value: str) -> bool:
        """Whether the type itself is asked for, and not only a range that includes it."""
        types = [each.type for each in self.types if each.type is not None]
        return any(each.value == value for each in types)

    @property
    def welcome_nothing(self) -> bool:
        """Whether an answer without type and body finds a range that takes it."""
        return self.accepts_type(MediaType("none", "none", (), OPEN))


def first_weight(weights: Iterable[Tuple[bool, float]]) -> float:
    return next((weight for takes, weight in weights if takes), 0.0)


def preferences_from_headers(headers: Pairs) -> Preferences:
    """What can't be read isn't a wish."""
    types: List[MediaRange] = []
    accept = None
    for value in values_of(headers, "accept"):
        ranges = media_ranges_from_text(value) if few(value, types) else None
        types += ranges or []
        accept = value if ranges is None else ", ".join(each.text for each in ranges)
    charsets: List[Tuple[str, float]] = []
    for value in values_of(headers, "accept-charset"):
        charsets += charsets_from_text(value) if few(value, charsets) else []
    return Preferences(
        tuple(sorted(types, key=generality)),
        tuple(sorted(charsets, key=charset_generality)),
        accept,
    )


def few(text: str, known: Sized) -> bool:
    return text.count(",") + len(known) < MOST_RANGES


def generality(each: MediaRange) -> float:
    if each.main == "*":
        return 2.0
    return -each.weight if each.type is not None else 1.0


def charset_generality(each: Tuple[str, float]) -> float:
    return 1.0 if each[0] == "*" else -each[1]
