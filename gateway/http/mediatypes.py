"""Media types and charsets as the platform's HTTP library knows them. Touches nothing.

Whether a body is text or base64 hangs on this table; it is the library's own, gaps included."""

import codecs
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Dict, NamedTuple, Optional, Tuple

from gateway.http.grammar import PARAMETER, TOKEN, parameters_from_text, quoted_if_needed

BINARY, OPEN, FIXED = "binary", "open charset", "fixed charset"

_TABLE = {
    OPEN: """
        application/atom+xml
        application/base64
        application/javascript
        application/problem+xml
        application/rss+xml
        application/soap+xml
        application/vnd.google-earth.kml+xml
        application/x-latex
        application/x-vrml
        application/xhtml+xml
        application/xml
        application/xml-dtd
        text/asp
        text/cache-manifest
        text/calendar
        text/css
        text/csv
        text/html
        text/markdown
        text/mcf
        text/plain
        text/richtext
        text/tab-separated-values
        text/uri-list
        text/vnd.wap.wml
        text/vnd.wap.wmlscript
        text/x-asm
        text/x-c
        text/x-component
        text/x-h
        text/x-java-source
        text/x-pascal
        text/x-script
        text/x-scriptcsh
        text/x-scriptelisp
        text/x-scriptksh
        text/x-scriptlisp
        text/x-scriptperl
        text/x-scriptperl-module
        text/x-scriptphyton
        text/x-scriptrexx
        text/x-scriptscheme
        text/x-scriptsh
        text/x-scripttcl
        text/x-scripttcsh
        text/x-scriptzsh
        text/x-server-parsed-html
        text/x-setext
        text/x-sgml
        text/x-speech
        text/x-uuencode
        text/x-vcalendar
        text/x-vcard
        text/xml
    """,
    FIXED: """
        application/json
        application/json-patch+json
        application/merge-patch+json
        application/problem+json
        application/vnd.api+json
        application/x-www-form-urlencoded
        text/event-stream
    """,
    # Only the spelling matters here: a type that isn't registered is binary, too, unless it has
    # a charset.
    BINARY: """
        application/cbor
        application/excel
        application/font-woff
        application/gnutar
        application/grpc+proto
        application/java-archive
        application/lha
        application/lzx
        application/mspowerpoint
        application/msword
        application/octet-stream
        application/pdf
        application/postscript
        application/vnd.google-earth.kmz
        application/vnd.ms-excel
        application/vnd.ms-excel.addin.macroEnabled.12
        application/vnd.ms-excel.sheet.binary.macroEnabled.12
        application/vnd.ms-excel.sheet.macroEnabled.12
        application/vnd.ms-excel.template.macroEnabled.12
        application/vnd.ms-fontobject
        application/vnd.ms-powerpoint
        application/vnd.ms-powerpoint.addin.macroEnabled.12
        application/vnd.ms-powerpoint.presentation.macroEnabled.12
        application/vnd.ms-powerpoint.slideshow.macroEnabled.12
        application/vnd.ms-word.document.macroEnabled.12
        application/vnd.ms-word.template.macroEnabled.12
        application/vnd.oasis.opendocument.chart
        application/vnd.oasis.opendocument.database
        application/vnd.oasis.opendocument.formula
        application/vnd.oasis.opendocument.graphics
        application/vnd.oasis.opendocument.image
        application/vnd.oasis.opendocument.presentation
        application/vnd.oasis.opendocument.spreadsheet
        application/vnd.oasis.opendocument.text
        application/vnd.oasis.opendocument.text-master
        application/vnd.oasis.opendocument.text-web
        application/vnd.openxmlformats-officedocument.presentationml.presentation
        application/vnd.openxmlformats-officedocument.presentationml.slide
        application/vnd.openxmlformats-officedocument.presentationml.slideshow
        application/vnd.openxmlformats-officedocument.presentationml.template
        application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
        application/vnd.openxmlformats-officedocument.spreadsheetml.template
        application/vnd.openxmlformats-officedocument.wordprocessingml.document
        application/vnd.openxmlformats-officedocument.wordprocessingml.template
        application/x-7z-compressed
        application/x-ace-compressed
        application/x-apple-diskimage
        application/x-arc-compressed
        application/x-bzip
        application/x-bzip2
        application/x-chrome-extension
        application/x-compress
        application/x-compressed
        application/x-debian-package
        application/x-dvi
        application/x-font-opentype
        application/x-font-truetype
        application/x-gtar
        application/x-gzip
        application/x-rar-compressed
        application/x-redhat-package-manager
        application/x-shockwave-flash
        application/x-tar
        application/x-tex
        application/x-texinfo
        application/x-x509-ca-cert
        application/x-xpinstall
        application/zip
        audio/aiff
        audio/basic
        audio/midi
        audio/mod
        audio/mpeg
        audio/ogg
        audio/voc
        audio/vorbis
        audio/voxware
        audio/wav
        audio/webm
        audio/x-pn-realaudio
        audio/x-psid
        audio/xm
        font/woff
        font/woff2
        image/gif
        image/jpeg
        image/pict
        image/png
        image/svg+xml
        image/tiff
        image/webp
        image/x-icon
        image/x-ms-bmp
        image/x-pcx
        image/x-pict
        image/x-quicktime
        image/x-rgb
        image/x-xbitmap
        image/x-xpixmap
        message/delivery-status
        message/http
        message/rfc822
        video/avs-video
        video/divx
        video/gl
        video/mp4
        video/mpeg
        video/ogg
        video/quicktime
        video/webm
        video/x-dv
        video/x-flv
        video/x-motion-jpeg
        video/x-ms-asf
        video/x-msvideo
        video/x-sgi-movie
    """,
}

#: By lower-case name: the name as it is written, and its kind.
REGISTERED: Dict[str, Tuple[str, str]] = {}
for _kind, _names in _TABLE.items():
    for _name in _names.split():
        REGISTERED[_name.lower()] = (_name, _kind)

# Each line: the name that the platform writes, and the others that it reads.
_CHARSETS = """\
US-ASCII iso-ir-6 ANSI_X3.4-1968 ANSI_X3.4-1986 ISO_646.irv:1991 ASCII ISO646-US us IBM367 cp367 \
csASCII
ISO-8859-1 iso-ir-100 ISO_8859-1 latin1 l1 IBM819 CP819 csISOLatin1
UTF-8 UTF8
UTF-16 UTF16
UTF-16BE
UTF-16LE
ISO-8859-2 iso-ir-101 ISO_8859-2 latin2 l2 csISOLatin2
ISO-8859-3 iso-ir-109 ISO_8859-3 latin3 l3 csISOLatin3
ISO-8859-4 iso-ir-110 ISO_8859-4 latin4 l4 csISOLatin4
ISO-8859-5 iso-ir-144 ISO_8859-5 cyrillic csISOLatinCyrillic
ISO-8859-6 iso-ir-127 ISO_8859-6 ECMA-114 ASMO-708 arabic csISOLatinArabic
ISO-8859-7 iso-ir-126 ISO_8859-7 ELOT_928 ECMA-118 greek greek8 csISOLatinGreek
ISO-8859-8 iso-ir-138 ISO_8859-8 hebrew csISOLatinHebrew
ISO-8859-9 iso-ir-148 ISO_8859-9 latin5 l5 csISOLatin5
ISO-8859-10 iso-ir-157 l6 ISO_8859-10 csISOLatin6 latin6
UTF-32 UTF32
UTF-32BE
UTF-32LE
windows-1250 cp1250 cp5346
windows-1251 cp1251 cp5347
windows-1252 cp1252 cp5348
windows-1253 cp1253 cp5349
windows-1254 cp1254 cp5350
windows-1257 cp1257 cp5353
"""
CHARSETS: Dict[str, str] = {}
for _line in _CHARSETS.strip().split("\n"):
    for _name in _line.split():
        CHARSETS[_name.lower()] = _line.split()[0]

LONGEST_CHARSET = 40
KNOWN_TO_PYTHON = frozenset([*aliases, *aliases.values(), "koi8_u", "cp720", "cp874", "utf_8_sig"])
PYTHONS_OWN = frozenset(["idna", "punycode", "unicode-escape", "raw-unicode-escape"])

MEDIA_TYPE = re.compile(rf"({TOKEN})[ \t]*/({TOKEN})[ \t]*((?:{PARAMETER})*)\Z")


class MediaType(NamedTuple):
    """`value` is the type with its parameters but its charset, as the platform compares and writes
    it."""

    main: str
    sub: str
    parameters: Tuple[Tuple[str, str], ...]
    kind: str
    charset: Optional[str] = None

    @property
    def value(self) -> str:
        name = f"{self.main}/{self.sub}"
        if not self.parameters:
            return REGISTERED.get(name, (name,))[0]
        return name + "".join(
            f"; {key}={quoted_if_needed(value)}" for key, value in self.parameters
        )

    @property
    def is_binary(self) -> bool:
        return self.kind == BINARY

    @property
    def is_json(self) -> bool:
        return self.value == "application/json" or self.value.endswith("+json")

    @property
    def text(self) -> str:
        """The whole, as in a Content-Type header: a charset counts only where it may be chosen."""
        if self.kind == OPEN and self.charset:
            return f"{self.value}; charset={self.charset}"
        return self.value

    def in_utf8(self) -> "MediaType":
        return self._replace(charset="UTF-8" if self.kind == OPEN else None)


def media_type(
    main: str,
    sub: str,
    parameters: Dict[str, str],
    charset: Optional[str],
) -> MediaType:
    main, sub = main.lower(), sub.lower()
    kind = kind_of(main, sub, charset)
    pairs = tuple(sorted(parameters.items()))
    return MediaType(main, sub, pairs, kind, charset)


def kind_of(main: str, sub: str, charset: Optional[str]) -> str:
    if main == "multipart":
        return BINARY
    default = BINARY if charset is None else OPEN
    return REGISTERED.get(f"{main}/{sub}", ("", default))[1]


def media_type_from_text(text: str) -> Optional[MediaType]:
    """None where the platform can't read it."""
    match = MEDIA_TYPE.match(text)
    if not match:
        return None
    charset, parameters = None, {}
    for key, value in parameters_from_text(match.group(3)):
        if key.lower() == "charset":
            charset = charset_from_name(value)
        else:
            parameters[key] = value
    return media_type(match.group(1), match.group(2), parameters, charset)


def charset_from_name(name: str) -> str:
    return CHARSETS.get(name.lower(), name)


def codec_from_charset(name: str) -> str:
    """Python's own name for it; UTF-8 where that is no charset to others, or to nobody."""
    # Python remembers every name that it was ever asked for, known or not.
    normal = normalize_encoding(name[:LONGEST_CHARSET]).lower()
    if normal not in KNOWN_TO_PYTHON:
        return "utf-8"
    try:
        "".encode(normal)
        codec = codecs.lookup(normal).name
    except (LookupError, ValueError):
        return "utf-8"
    return "utf-8" if codec in PYTHONS_OWN else codec


OCTETS = media_type("application", "octet-stream", {}, None)
JSON = media_type("application", "json", {}, None)
PLAIN = media_type("text", "plain", {}, "UTF-8")
HTML = media_type("text", "html", {}, "UTF-8")
SVG = media_type("image", "svg+xml", {}, None)
FORM = "application/x-www-form-urlencoded"
