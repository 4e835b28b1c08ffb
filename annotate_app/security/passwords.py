"""Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), and a floor for their length.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from label_store import UsageError

MIN_LENGTH = 8
MAX_LENGTH = 200
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# A verification takes memory and a core: a burst of logins waits its turn instead of starving the app.
_turns = threading.BoundedSemaphore(2)
_nobody = _hasher.hash("the password of nobody")


def hash_password(password: str) -> str:
    """The argon2id hash to keep; UsageError when the password is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise UsageError(
            f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, not {len(password)}",
            hint="several words in a row are easy to keep in mind and hard to guess",
        )
    with _turns:
        return _hasher.hash(password)


def password_matches(password: str, kept: str | None) -> bool:
    """Whether this is the password; as slow when there is nobody (`kept` None), so names cannot be probed."""
    with _turns:
        try:
            return _hasher.verify(kept or _nobody, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False
