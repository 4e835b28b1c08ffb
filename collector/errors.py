"""What can go wrong: a URL that brought no picture (recorded, never fatal), and a run that cannot go on."""

from datetime import datetime

from label_store import CairnError


class CollectError(CairnError):
    """The run cannot start or go on; the sentence says why, the hint what to do."""


class FetchFailed(Exception):
    """One URL brought nothing: `reason` is one of FETCH_REASONS, `may_pass` if a later try may succeed.

    `opt_outs` are those that were in force, by name.
    """

    def __init__(
        self,
        reason: str,
        detail: str,
        *,
        http_status: int | None = None,
        may_pass: bool = False,
        retry_at: datetime | None = None,
        opt_outs: tuple[str, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.http_status = http_status
        self.may_pass = may_pass
        self.retry_at = retry_at
        self.opt_outs = opt_outs
