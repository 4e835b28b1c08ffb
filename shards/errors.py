"""What goes wrong with a release on disk, told so that a person can mend it."""


class ShardError(ValueError):
    """A release is missing, damaged or misused; `str()` names the file and what is wrong with it.

    `hint` is the next step for a person, `exit_code` that of the command (1 failed, 2 bad usage).
    """

    def __init__(self, sentence: str, *, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.exit_code = exit_code
