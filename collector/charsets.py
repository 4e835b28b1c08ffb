"""Text of a page by the encodings that the web has (WHATWG Encoding Standard, 4.2), and by no other codec."""

import codecs
import re

_WEB = frozenset((
    "utf-8", "cp866", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8",
    "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-15", "iso8859-16", "koi8-r", "koi8-u", "mac-roman",
    "mac-cyrillic", "cp874", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp1258", "gb18030", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "cp949",
))  # fmt: skip
_SAID = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""What browsers take in place of what pages say."""


def decoded(html: bytes) -> str:
    """Text by byte order mark, then by what the page declares, then UTF-8. Never raises."""
    if html.startswith((b"\xff\xfe", b"\xfe\xff")):
        return html.decode("utf-16", errors="replace")
    declared = re.search(rb"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", html[:2048], re.IGNORECASE)
    encoding = web_encoding(declared[1].decode("ascii", "replace")) if declared else None
    return html.decode(encoding or "utf-8-sig", errors="replace")


def web_encoding(label: str) -> str | None:
    """The Python codec for a declared charset; None for UTF-8 and for what is none of the web's."""
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _SAID.get(name, name)
    return name if name in _WEB and name != "utf-8" else None
