"""What a database says when it cannot be opened or written, as a sentence with the cause and the next step.

SQLite's texts: https://sqlite.org/rescode.html; PostgreSQL's SQLSTATE classes:
https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import shutil
from pathlib import Path

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from label_store.errors import CairnError, StoreBusy, StoreFull

_HARDLY_FREE = 2**20
"""Bytes: SQLite calls a write that finds no room a "disk I/O error" as well as a disk that fails."""


def as_sentence(error: DBAPIError, shown: str, file: Path | None) -> CairnError | None:
    """The error for a person; `shown` names the database, `file` is SQLite's own. None for a defect of ours."""
    if isinstance(error, (IntegrityError, DataError, ProgrammingError)):
        return None
    text = (str(error.orig).strip() or str(error)).splitlines()[0]
    state = str(getattr(error.orig, "sqlstate", None) or "")
    free = _free(file)
    failing = "disk I/O error" in text or state in ("58000", "58030")
    full = "disk is full" in text or "No space left" in text or state == "53100"
    if full or (_is_full(free) and (failing or "unable to open" in text)):
        return StoreFull(
            f"the disk of the database {shown} is full{_said(free)}; nothing was written",
            hint="free some space there, then run the same again",
        )
    if failing:
        return CairnError(
            f"the disk of the database {shown} cannot be read or written: {text}{_said(free)}",
            hint="look at the disk (`dmesg` names one that fails); restore the database from a backup if need be",
        )
    if "readonly database" in text or state == "25006":
        where = f"{file} and its folder" if file else "the database"
        return CairnError(
            f"the database {shown} may only be read", hint=f"make {where} writable for this user, or name another"
        )
    if "database is locked" in text or "database table is locked" in text or state in ("40P01", "55P03"):
        return StoreBusy(
            f"the database {shown} is locked by another process",
            hint="wait until the other command has ended, then run this again",
        )
    if state.startswith("53"):  # too many connections, out of memory
        return StoreBusy(
            f"the database {shown} takes no more work now: {text}", hint="wait a little, then run it again"
        )
    if "unable to open" in text or "connection" in text.lower() or "not a database" in text or state.startswith("57P"):
        known = StoreBusy if state.startswith(("08", "57P")) or file is None else CairnError
        return known(f"the database {shown} cannot be opened: {text}", hint="check database_url with `cairn doctor`")
    if "malformed" in text:
        return CairnError(
            f"the database {shown} is damaged: {text}",
            hint=f"restore {file} from a backup, or save what can be read with `sqlite3 {file} .recover`",
        )
    return None


def _free(file: Path | None) -> int | None:
    try:
        return shutil.disk_usage(file.parent).free if file is not None else None
    except OSError:
        return None


def _is_full(free: int | None) -> bool:
    return free is not None and free < _HARDLY_FREE


def _said(free: int | None) -> str:
    return "" if free is None else f" ({free / 2**20:,.1f} MiB free)"
