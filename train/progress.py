"""One line of progress on a terminal, lasting lines elsewhere and for the log; everything goes to standard error."""

import logging
import shutil
import sys
import time

from train.checkpoint import EpochRow


class ProgressLine:
    """One line that redraws itself on a terminal; elsewhere one line an epoch. Writes to standard error."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.drawn = 0.0
        self.start: tuple[float, int] | None = None

    def update(self, done: int, total: int | None, note: str) -> None:
        """Show how far the run is, at most ten times a second."""
        now = time.perf_counter()
        if self.start is None or done < self.start[1]:
            self.start = (now, done)
        if not self.live or now - self.drawn < 0.1:
            return
        self.drawn = now
        passed, gained = now - self.start[0], done - self.start[1]
        left = f"{clock(passed / gained * (total - done))} left" if total and gained else ""
        share = f"{done / total:4.0%} " if total else f"{done} "
        text = f"{share} {note}  {left}"
        sys.stderr.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        sys.stderr.flush()

    def epoch(self, row: EpochRow, fold: str | None = None) -> None:
        """A lasting line for an epoch."""
        self.clear()
        which = f"fold {fold}  " if fold else ""
        val = "" if row.val_top1 is None else f"  val loss {row.val_loss:.3f} accuracy {row.val_top1:.1%}"
        print(
            f"seed {row.seed}  {which}epoch {row.epoch:>3}  loss {row.train_loss:.3f} accuracy {row.train_top1:.1%}"
            f"{val}  {row.samples_per_second:,.0f} samples/s",
            file=sys.stderr,
            flush=True,
        )

    def clear(self) -> None:
        """Remove the moving line."""
        if self.live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class Notes(logging.Handler):
    """What the trainer logs beside its figures, each on a lasting line of its own."""

    def __init__(self, line: ProgressLine) -> None:
        super().__init__()
        self.line = line

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        self.line.clear()
        print(f"{record.getMessage()}", file=sys.stderr, flush=True)


def clock(seconds: float) -> str:
    """1:02:03, 2:03 or 3 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
