"""What this room says when its input cannot be used: one sentence and what to do next."""


class ConsensusError(ValueError):
    """Judgments, gold or a rule that cannot be used; `str()` is the sentence for people.

    `hint` says what to do; `exit_code` is 1 (the data) or 2 (the way it was asked).
    """

    def __init__(self, sentence: str, hint: str = "", exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.exit_code = exit_code
