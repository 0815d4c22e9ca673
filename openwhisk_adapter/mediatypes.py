"""Text or base64: the platform decides by its table of media types, which is this one."""

import functools
import re
from typing import NamedTuple


def names_from_words(words):
    """A word that ends in a slash or a dot is the beginning of those after it."""
    prefix = ""
    for word in words.split():
        if word[-1] in "/.":
            prefix = word
        else:
            yield prefix + word


# The platform's registry: base64 or text, whatever the charset. Any other type is text when it names a charset.
TEXT_TYPES = set(
    names_from_words("""
application/ json json-patch+json merge-patch+json problem+json vnd.api+json x-www-form-urlencoded atom+xml base64
javascript problem+xml rss+xml soap+xml vnd.google-earth.kml+xml x-latex x-vrml xhtml+xml xml xml-dtd text/ event-stream
asp cache-manifest calendar css csv html markdown mcf plain richtext tab-separated-values uri-list vnd.wap.wml
vnd.wap.wmlscript x-asm x-c x-component x-h x-java-source x-pascal x-script x-scriptcsh x-scriptelisp x-scriptksh
x-scriptlisp x-scriptperl x-scriptperl-module x-scriptphyton x-scriptrexx x-scriptscheme x-scriptsh x-scripttcl
x-scripttcsh x-scriptzsh x-server-parsed-html x-setext x-sgml x-speech x-uuencode x-vcalendar x-vcard xml
""")
)
BINARY_TYPES = set(
    names_from_words("""
application/ cbor excel font-woff gnutar grpc+proto java-archive lha lzx mspowerpoint msword octet-stream pdf postscript
vnd.google-earth.kmz vnd.ms-excel vnd.ms-fontobject vnd.ms-powerpoint x-7z-compressed x-ace-compressed x-apple-diskimage
x-arc-compressed x-bzip x-bzip2 x-chrome-extension x-compress x-compressed x-debian-package x-dvi x-font-opentype
x-font-truetype x-gtar x-gzip x-rar-compressed x-redhat-package-manager x-shockwave-flash x-tar x-tex x-texinfo
x-x509-ca-cert x-xpinstall zip application/vnd.ms-excel. addin.macroenabled.12 sheet.binary.macroenabled.12
sheet.macroenabled.12 template.macroenabled.12 application/vnd.ms-powerpoint. addin.macroenabled.12
presentation.macroenabled.12 slideshow.macroenabled.12 application/vnd.ms-word. document.macroenabled.12
template.macroenabled.12 application/vnd.oasis.opendocument. chart database formula graphics image presentation
spreadsheet text text-master text-web application/vnd.openxmlformats-officedocument.presentationml. presentation slide
slideshow template application/vnd.openxmlformats-officedocument.spreadsheetml. sheet template
application/vnd.openxmlformats-officedocument.wordprocessingml. document template audio/ aiff basic midi mod mpeg ogg
voc vorbis voxware wav webm x-pn-realaudio x-psid xm font/ woff woff2 image/ gif jpeg pict png svg+xml tiff webp x-icon
x-ms-bmp x-pcx x-pict x-quicktime x-rgb x-xbitmap x-xpixmap message/ delivery-status http rfc822 video/ avs-video divx
gl mp4 mpeg ogg quicktime webm x-dv x-flv x-motion-jpeg x-ms-asf x-msvideo x-sgi-movie
""")
)
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
PARAMETER = r";[ \t]*({0})[ \t]*=[ \t]*({0}|\"(?:[^\"\\]|\\.)*\")[ \t]*".format(TOKEN)
MEDIA_TYPE = re.compile(r"[ \t]*({0}/{0})[ \t]*((?:{1})*)\Z".format(TOKEN, PARAMETER))


class Media(NamedTuple):
    """The name keeps all parameters but the charset."""

    name: str
    charset: str
    is_text: bool

    @property
    def is_json(self):
        return self.name == "application/json" or self.name.endswith("+json")


@functools.lru_cache(maxsize=256)
def media_from_text(text):
    """What the platform can't read is application/octet-stream to it: a `;` at the end, no slash."""
    match = MEDIA_TYPE.match(text) or MEDIA_TYPE.match("application/octet-stream")
    name, parameters = match.group(1).lower(), sorted(re.findall(PARAMETER, match.group(2)))
    charset = "".join([value.strip('"') for key, value in parameters if key.lower() == "charset"][-1:])
    charset = charset if re.match(TOKEN + r"\Z", charset) else ""
    is_text = name in TEXT_TYPES or (bool(charset) and name not in BINARY_TYPES and not name.startswith("multipart/"))
    others = "".join(f"; {key}={value}" for key, value in parameters if key.lower() != "charset")
    return Media(name + others, charset, is_text)
