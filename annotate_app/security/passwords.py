"""Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), and a floor for their length.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import threading
from functools import cache
from typing import TYPE_CHECKING

from label_store import UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LENGTH = 8
MAX_LENGTH = 200
# A verification takes memory and a core: a burst of logins waits its turn instead of starving the app.
_turns = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """The argon2id hash to keep; UsageError when the password is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise UsageError(
            f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, not {len(password)}",
            hint="several words in a row are easy to keep in mind and hard to guess",
        )
    with _turns:
        return _hasher()[0].hash(password)


def password_matches(password: str, kept: str | None) -> bool:
    """Whether this is the password; as slow when there is nobody (`kept` None), so names cannot be probed."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _turns:
        hasher, of_nobody = _hasher()
        try:
            return hasher.verify(kept or of_nobody, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _hasher() -> "tuple[PasswordHasher, str]":
    """The hasher, and a hash that no password is kept under."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
    return hasher, hasher.hash("the password of nobody")
