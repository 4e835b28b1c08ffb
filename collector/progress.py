"""How far the last run of each source came, in a small file each: `cairn collect status` tells the time left by it."""

import contextlib
import json
import os
import platform
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Literal

from label_store.models import now

Progress = Callable[[int, int | None, str], None]
_WRITE_SECONDS = 2.0
_RATE_SECONDS = 60.0
"""The rate is that of the last minute: a run that continues passes what is settled in no time."""
_SILENT_SECONDS = 60.0


@dataclass(frozen=True)
class RunState:
    """The last run of one source."""

    source: str
    state: Literal["running", "stopped", "done"]
    done: int
    """Of the source's candidates."""
    total: int | None
    rate: float | None
    """Candidates settled a second, lately."""
    at: datetime

    @property
    def left(self) -> int | None:
        """Candidates not yet settled."""
        return None if self.total is None else max(self.total - self.done, 0)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate of the last minute."""
        return self.left / self.rate if self.left is not None and self.rate else None


class KeptProgress:
    """Hands progress on to who shows it, and keeps it in the workspace."""

    def __init__(self, folder: Path, source: str, show: Progress) -> None:
        self._path, self._source, self._show = folder / f"progress-{source}.json", source, show
        self._marks: deque[tuple[float, int]] = deque([(monotonic(), 0)])
        self._written = 0.0
        self.began = False
        self.done = 0
        self.total: int | None = None

    def __call__(self, done: int, total: int | None, note: str) -> None:
        """What a run reports."""
        self._show(done, total, note)
        self.began, self.done, self.total = True, done, total
        at = monotonic()
        if at - self._written >= _WRITE_SECONDS:
            self._written = at
            self._marks.append((at, done))
            while len(self._marks) > 2 and at - self._marks[1][0] > _RATE_SECONDS:
                self._marks.popleft()
            self.write("running")

    def write(self, state: Literal["running", "stopped", "done"]) -> None:
        """Keep the state; a disk that is full is the run's to report, not this file's."""
        since, before = self._marks[0]
        seconds = monotonic() - since
        rate = (self.done - before) / seconds if seconds > 0 and self.done > before else None
        values = {"state": state, "done": self.done, "total": self.total, "rate": rate, "at": now().isoformat()}
        values |= {"pid": os.getpid(), "machine": platform.node()}
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(values), encoding="utf-8")
            temporary.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def kept_progress(workspace: Path, source: str, show: Progress) -> Iterator[KeptProgress]:
    """A run's progress, kept in `collect/` of the workspace while the `with` lasts."""
    kept = KeptProgress(workspace / "collect", source, show)
    try:
        yield kept
    except BaseException:
        if kept.began:  # a command that was refused is no run; what the last one did stays known
            kept.write("stopped")
        raise
    kept.write("done")


def run_states(workspace: Path, at: datetime) -> list[RunState]:
    """The last run of each source, by name. One that was silent for a minute, or whose process is gone, was killed."""
    found = []
    for path in sorted((workspace / "collect").glob("progress-*.json")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            written = datetime.fromisoformat(values["at"])
            state = values["state"]
            silent = (at - written).total_seconds() > _SILENT_SECONDS
            if state == "running" and (silent or _is_gone(values.get("pid"), values.get("machine"))):
                state = "stopped"
            source = path.stem.removeprefix("progress-")
            found.append(RunState(source, state, values["done"], values["total"], values["rate"], written))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half a file of a version that is not ours; the next run writes it anew
    return found


def _is_gone(pid: int | None, machine: str | None) -> bool:
    """Whether that process is known to have ended: nothing is known of other machines that share the folder."""
    if pid is None or machine != platform.node():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another person's
        return False
    return False
