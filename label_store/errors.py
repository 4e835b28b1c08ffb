"""Errors that a person reads: one sentence, a hint of what to do, and the exit code of the command."""


class CairnError(Exception):
    """Something went wrong that a person can mend; `str()` is the sentence, `hint` the next step."""

    def __init__(self, sentence: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.exit_code = exit_code


class UsageError(CairnError):
    """The command or request itself was wrong (exit 2)."""

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence, hint=hint, exit_code=2)


class NotAWorkspace(UsageError):
    """No `cairn.toml` where one was expected."""


class StoreVersionError(CairnError):
    """The database was made by a newer Cairn, or was never made."""


class StoreFull(CairnError):
    """There is no room for what was to be written; nothing of it was."""


class StoreBusy(CairnError):
    """The database cannot be reached or written now; the same may work later."""


class TakenDown(CairnError):
    """The picture, or one very like it, was taken down and may not enter again."""
