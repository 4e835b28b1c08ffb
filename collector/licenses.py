"""Licences as SPDX identifiers where the words or the address of one can be known (spdx.org/licenses)."""

import re

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_CC_URL = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)(?:/([a-z]{2,3}))?|publicdomain/(zero|mark)/1\.0)",
    re.IGNORECASE,
)
_CC_WORDS = re.compile(
    r"^(?:creative\s+commons\s+|cc[\s-]+)(by(?:[\s-]nc)?(?:[\s-](?:nd|sa))?)[\s-]+v?(\d(?:\.\d)?)(?:\s+(?:international|unported|generic))?$",
    re.IGNORECASE,
)
_CC_VERSIONS = frozenset({"1.0", "2.0", "2.5", "3.0", "4.0"})
_PORTS = frozenset({
    "CC-BY-2.5-AU", "CC-BY-3.0-AT", "CC-BY-3.0-AU", "CC-BY-3.0-DE", "CC-BY-3.0-IGO", "CC-BY-3.0-NL",
    "CC-BY-3.0-US", "CC-BY-NC-3.0-DE", "CC-BY-NC-ND-3.0-DE", "CC-BY-NC-ND-3.0-IGO", "CC-BY-NC-SA-2.0-DE",
    "CC-BY-NC-SA-2.0-FR", "CC-BY-NC-SA-2.0-UK", "CC-BY-NC-SA-3.0-DE", "CC-BY-NC-SA-3.0-IGO",
    "CC-BY-ND-3.0-DE", "CC-BY-SA-2.0-UK",
    "CC-BY-SA-2.1-JP", "CC-BY-SA-3.0-AT", "CC-BY-SA-3.0-DE", "CC-BY-SA-3.0-IGO",
})  # fmt: skip
"""The national ports that SPDX lists; for others the address found stays the licence."""
_EXACT = {
    "cc0": "CC0-1.0",
    "cc0 1.0": "CC0-1.0",
    "cc0-1.0": "CC0-1.0",
    "mit": "MIT",
    "apache-2.0": "Apache-2.0",
    "opensource.org/licenses/mit": "MIT",
    "www.apache.org/licenses/license-2.0": "Apache-2.0",
}


def spdx(words: str) -> str:
    """The SPDX identifier of a licence given as words or an address, else the words, trimmed to 300 characters."""
    text = " ".join(words.split())[:300]
    if url := _CC_URL.search(text):
        if url[4]:
            return "CC0-1.0" if url[4].lower() == "zero" else "CC-PDM-1.0"
        plain = f"CC-{url[1].upper()}-{url[2]}"
        if url[2] not in _CC_VERSIONS:
            return text
        if not url[3] or url[3].lower() in ("dee", "deed", "leg"):
            return plain
        port = f"{plain}-{url[3].upper()}"
        return port if port in _PORTS else text
    named = _CC_WORDS.match(text)
    version = named[2] if named and "." in named[2] else f"{named[2]}.0" if named else ""
    if named and version in _CC_VERSIONS:
        return f"CC-{named[1].replace(' ', '-').upper()}-{version}"
    return _EXACT.get(re.sub(r"^https?://|/$", "", text.lower()), text)


def is_spdx(text: str) -> bool:
    """Whether a text is an identifier that SPDX lists or `LicenseRef-NAME`, or several joined by AND, OR and WITH."""
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return False
    return True
