"""Text or base64: the platform decides by its table of media types. Touches nothing."""

import functools
import re
from typing import NamedTuple

OCTETS = "application/octet-stream"

# What the platform sends as text whatever the charset, from its HTTP library's table.
TEXT_TYPES = frozenset(
    (
        "application/atom+xml",
        "application/base64",
        "application/javascript",
        "application/json",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/problem+json",
        "application/problem+xml",
        "application/rss+xml",
        "application/soap+xml",
        "application/vnd.api+json",
        "application/vnd.google-earth.kml+xml",
        "application/x-latex",
        "application/x-vrml",
        "application/x-www-form-urlencoded",
        "application/xhtml+xml",
        "application/xml",
        "application/xml-dtd",
        "text/asp",
        "text/cache-manifest",
        "text/calendar",
        "text/css",
        "text/csv",
        "text/event-stream",
        "text/html",
        "text/markdown",
        "text/mcf",
        "text/plain",
        "text/richtext",
        "text/tab-separated-values",
        "text/uri-list",
        "text/vnd.wap.wml",
        "text/vnd.wap.wmlscript",
        "text/x-asm",
        "text/x-c",
        "text/x-component",
        "text/x-h",
        "text/x-java-source",
        "text/x-pascal",
        "text/x-script",
        "text/x-scriptcsh",
        "text/x-scriptelisp",
        "text/x-scriptksh",
        "text/x-scriptlisp",
        "text/x-scriptperl",
        "text/x-scriptperl-module",
        "text/x-scriptphyton",
        "text/x-scriptrexx",
        "text/x-scriptscheme",
        "text/x-scriptsh",
        "text/x-scripttcl",
        "text/x-scripttcsh",
        "text/x-scriptzsh",
        "text/x-server-parsed-html",
        "text/x-setext",
        "text/x-sgml",
        "text/x-speech",
        "text/x-uuencode",
        "text/x-vcalendar",
        "text/x-vcard",
        "text/xml",
    )
)

# What it sends as bytes, even with a charset. A type in neither is text if it names a charset.
BINARY_TYPES = frozenset(
    (
        "application/cbor",
        "application/excel",
        "application/font-woff",
        "application/gnutar",
        "application/grpc+proto",
        "application/java-archive",
        "application/lha",
        "application/lzx",
        "application/mspowerpoint",
        "application/msword",
        "application/octet-stream",
        "application/pdf",
        "application/postscript",
        "application/vnd.google-earth.kmz",
        "application/vnd.ms-excel",
        "application/vnd.ms-excel.addin.macroenabled.12",
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
        "application/vnd.ms-excel.sheet.macroenabled.12",
        "application/vnd.ms-excel.template.macroenabled.12",
        "application/vnd.ms-fontobject",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-powerpoint.addin.macroenabled.12",
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
        "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
        "application/vnd.ms-word.document.macroenabled.12",
        "application/vnd.ms-word.template.macroenabled.12",
        "application/vnd.oasis.opendocument.chart",
        "application/vnd.oasis.opendocument.database",
        "application/vnd.oasis.opendocument.formula",
        "application/vnd.oasis.opendocument.graphics",
        "application/vnd.oasis.opendocument.image",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.text-master",
        "application/vnd.oasis.opendocument.text-web",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.presentationml.slide",
        "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        "application/vnd.openxmlformats-officedocument.presentationml.template",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
        "application/x-7z-compressed",
        "application/x-ace-compressed",
        "application/x-apple-diskimage",
        "application/x-arc-compressed",
        "application/x-bzip",
        "application/x-bzip2",
        "application/x-chrome-extension",
        "application/x-compress",
        "application/x-compressed",
        "application/x-debian-package",
        "application/x-dvi",
        "application/x-font-opentype",
        "application/x-font-truetype",
        "application/x-gtar",
        "application/x-gzip",
        "application/x-rar-compressed",
        "application/x-redhat-package-manager",
        "application/x-shockwave-flash",
        "application/x-tar",
        "application/x-tex",
        "application/x-texinfo",
        "application/x-x509-ca-cert",
        "application/x-xpinstall",
        "application/zip",
        "audio/aiff",
        "audio/basic",
        "audio/midi",
        "audio/mod",
        "audio/mpeg",
        "audio/ogg",
        "audio/voc",
        "audio/vorbis",
        "audio/voxware",
        "audio/wav",
        "audio/webm",
        "audio/x-pn-realaudio",
        "audio/x-psid",
        "audio/xm",
        "font/woff",
        "font/woff2",
        "image/gif",
        "image/jpeg",
        "image/pict",
        "image/png",
        "image/svg+xml",
        "image/tiff",
        "image/webp",
        "image/x-icon",
        "image/x-ms-bmp",
        "image/x-pcx",
        "image/x-pict",
        "image/x-quicktime",
        "image/x-rgb",
        "image/x-xbitmap",
        "image/x-xpixmap",
        "message/delivery-status",
        "message/http",
        "message/rfc822",
        "video/avs-video",
        "video/divx",
        "video/gl",
        "video/mp4",
        "video/mpeg",
        "video/ogg",
        "video/quicktime",
        "video/webm",
        "video/x-dv",
        "video/x-flv",
        "video/x-motion-jpeg",
        "video/x-ms-asf",
        "video/x-msvideo",
        "video/x-sgi-movie",
    )
)

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
PARAMETER = re.compile(rf";[ \t]*({TOKEN})[ \t]*=[ \t]*({TOKEN}|{QUOTED})[ \t]*")
MEDIA_TYPE = re.compile(rf"[ \t]*({TOKEN}/{TOKEN})[ \t]*((?:{PARAMETER.pattern})*)\Z")
IS_TOKEN = re.compile(rf"{TOKEN}\Z")


class Media(NamedTuple):
    """A media type. The name keeps all parameters but the charset."""

    name: str
    charset: str
    is_text: bool

    @property
    def is_json(self) -> bool:
        return self.name == "application/json" or self.name.endswith("+json")

    def parameter(self, name: str) -> str:
        for key, value in PARAMETER.findall(self.name):
            if key.lower() == name:
                return unquoted(value)
        return ""


@functools.lru_cache(maxsize=64)
def media_from_text(text: str) -> Media:
    """What the platform can't read is application/octet-stream to it: a `;` at the end, no `/`."""
    match = MEDIA_TYPE.match(text)
    if match is None:
        return Media(OCTETS, "", False)
    name = match.group(1).lower()
    charset, others = "", ""
    for key, value in sorted(PARAMETER.findall(match.group(2))):
        if key.lower() == "charset":
            charset = value.strip('"')
        else:
            others += f"; {key}={value}"
    if not IS_TOKEN.match(charset):
        charset = ""
    return Media(name + others, charset, is_text(name, charset))


def is_text(name: str, charset: str) -> bool:
    if name in TEXT_TYPES:
        return True
    if name in BINARY_TYPES or name.startswith("multipart/"):
        return False
    return charset != ""


def unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])
