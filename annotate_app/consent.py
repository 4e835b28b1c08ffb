"""What a giver of pictures agrees to: the words, their version, and the licences to choose from."""

from dataclasses import dataclass

from annotate_app.languages import DEFAULT, available, words_of
from annotate_app.problems import Problem
from label_store import Settings

CONSENT_VERSION = "1"
"""Raised whenever the words change in any language; the words that were shown are kept with every submission."""
MAX_AUTHOR = 200


@dataclass(frozen=True)
class Statement:
    """What a giver agrees to: the version as it is sent back and recorded, and the words in one language."""

    version: str
    text: str


@dataclass(frozen=True)
class License:
    """A licence as the form shows it; `spdx` is what is recorded."""

    spdx: str
    name: str
    meaning: str
    url: str


_URLS = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}


@dataclass(frozen=True)
class Terms:
    """What a giver chose and agreed to, checked."""

    license: str
    author: str | None
    consent: Statement


def statement(language: str = DEFAULT) -> Statement:
    """The statement in this language; its version names the language where it is not English."""
    version = CONSENT_VERSION if language == DEFAULT else f"{CONSENT_VERSION}-{language}"
    return Statement(version, words_of(language)("give.consent"))


def licenses(settings: Settings, language: str = DEFAULT) -> list[License]:
    """The licences that this workspace takes, in the order in which they are offered."""
    words = words_of(language)
    found = []
    for spdx in settings.contribution_licenses:
        if url := _URLS.get(spdx):
            key = spdx.replace(".", "_")
            found.append(License(spdx, words(f"give.licence_{key}"), words(f"give.meaning_{key}"), url))
        else:
            found.append(License(spdx, spdx, "", f"https://spdx.org/licenses/{spdx}.html"))
    return found


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
    agreed = next((one for one in map(statement, available()) if one.version == consent), None)
    if agreed is None:
        raise Problem(
            409,
            "the statement was changed since this page was loaded",
            hint=f"load the page again and read it; its version is {CONSENT_VERSION} now",
        )
    credited = " ".join(author.split())
    if len(credited) > MAX_AUTHOR or not credited.isprintable():
        raise Problem(422, f"the name to credit has at most {MAX_AUTHOR} printable characters")
    return Terms(license_id, credited or None, agreed)
