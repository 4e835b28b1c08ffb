"""The one error of the trainer that is meant for people: a sentence, a hint, an exit code."""


class TrainError(Exception):
    """`str(error)` says what was wrong and where, `hint` what to do; `exit_code` is 1 (failed) or 2 (usage)."""

    def __init__(self, sentence: str, hint: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[type["TrainError"], tuple[str, str, int]]:
        """All three on the way from one process to another."""
        return TrainError, (str(self), self.hint, self.exit_code)
