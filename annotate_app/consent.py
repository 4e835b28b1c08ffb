"""What a giver of pictures agrees to: the words, their version, and the licences to choose from."""

from dataclasses import dataclass

from annotate_app.problems import Problem
from label_store import Settings

CONSENT_VERSION = "1"
"""Raised whenever the words below change; the words themselves are kept with every submission."""
CONSENT_TEXT = (
    "I made these pictures, or I hold the rights that it takes to give them. People who can be recognised in them "
    "agree to that. I give them under the licence that I chose: anybody may use them on its terms, in datasets and "
    "elsewhere. I may take a picture back, and it is then left out of every later release; copies that others already "
    "have cannot be called back. The name that I asked to be credited is published with the pictures."
)
MAX_AUTHOR = 200


@dataclass(frozen=True)
class License:
    """A licence as the form shows it; `spdx` is what is recorded."""

    spdx: str
    name: str
    meaning: str
    url: str


_KNOWN = {
    one.spdx: one
    for one in (
        License(
            "CC0-1.0",
            "Public domain (CC0)",
            "Anybody may do anything with them, without naming you.",
            "https://creativecommons.org/publicdomain/zero/1.0/",
        ),
        License(
            "CC-BY-4.0",
            "Attribution (CC BY 4.0)",
            "Anybody may use and change them, and has to name you.",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        License(
            "CC-BY-SA-4.0",
            "Attribution, share alike (CC BY-SA 4.0)",
            "Anybody may use and change them, has to name you, and gives the result under the same licence.",
            "https://creativecommons.org/licenses/by-sa/4.0/",
        ),
    )
}


@dataclass(frozen=True)
class Terms:
    """What a giver chose and agreed to, checked."""

    license: str
    author: str | None
    consent_version: str = CONSENT_VERSION
    consent_text: str = CONSENT_TEXT


def licenses(settings: Settings) -> list[License]:
    """The licences that this workspace takes, in the order in which they are offered."""
    return [
        _KNOWN.get(spdx) or License(spdx, spdx, "", f"https://spdx.org/licenses/{spdx}.html")
        for spdx in settings.contribution_licenses
    ]


def check_terms(settings: Settings, *, license_id: str, author: str, consent: str) -> Terms:
    """The terms of a submission; Problem 422 where a choice is missing, 409 where the words were changed meanwhile."""
    if license_id not in settings.contribution_licenses:
        raise Problem(
            422,
            f"{license_id!r} is not a licence that is taken here" if license_id else "no licence was chosen",
            hint=f"it is one of {', '.join(settings.contribution_licenses)}",
        )
    if not consent:
        raise Problem(
            422, "the statement was not agreed to", hint="read it and tick its box; without it nothing is kept"
        )
    if consent != CONSENT_VERSION:
        raise Problem(
            409,
            "the statement was changed since this page was loaded",
            hint=f"load the page again and read it; its version is {CONSENT_VERSION} now",
        )
    credited = " ".join(author.split())
    if len(credited) > MAX_AUTHOR or not credited.isprintable():
        raise Problem(422, f"the name to credit has at most {MAX_AUTHOR} printable characters")
    return Terms(license_id, credited or None)
