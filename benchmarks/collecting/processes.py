"""Running a program with everything it starts, and what that cost: CPU seconds of all processes, wall, memory."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_SECONDS = 0.5
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    returncode: int
    wall: float
    cpu: float
    """Seconds of user and system time of the program and all its descendants."""
    peak_bytes: int
    """Largest sum of the proportional memory (PSS) of all of them at once, sampled."""
    samples: tuple[tuple[float, int], ...] = ()
    """Seconds since the start, bytes: that memory over time."""


def adopt_orphans() -> None:
    """Let descendants whose parent ended become children of this process, so that their CPU time can be read."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot adopt orphans (Linux only)")


def run(
    command: Sequence[str],
    log: Path,
    env: dict[str, str] | None = None,
    kill_after: float | None = None,
    kill_when: Callable[[], bool] | None = None,
) -> Cost:
    """Run a program to its end (or kill it and what it started), and reap everything that it leaves behind.

    It is killed after so many seconds, or as soon as `kill_when`, asked ten times a second, says so.
    No other child of this process may be waited for meanwhile.
    """
    began = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
            start_new_session=True,
        )  # fmt: skip
    samples: list[tuple[float, int]] = []
    ended = threading.Event()
    sampler = threading.Thread(target=_sample, args=(process.pid, began, samples, ended))
    sampler.start()
    if kill_after is not None:
        kill_when = _after(kill_after)
    if kill_when is not None:
        killer = threading.Thread(target=_kill_when, args=(process.pid, kill_when, ended))
        killer.start()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    wall = time.monotonic() - began
    ended.set()
    if kill_when is not None:
        killer.join()
        _kill_group(process.pid)
    cpu += _reap_the_rest(process.pid)
    sampler.join()
    return Cost(process.returncode, wall, cpu, max((size for _, size in samples), default=0), tuple(samples))


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _kill_when(group: int, is_time: Callable[[], bool], ended: threading.Event) -> None:
    while not ended.wait(_LOOK_SECONDS):
        if is_time():
            _kill_group(group)
            return


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap_the_rest(session: int) -> float:
    """Wait for adopted processes of a session; the CPU seconds of all of them."""
    cpu = 0.0
    for pid in _session(session):
        try:
            _, _, usage = os.wait4(pid, 0)
        except ChildProcessError:
            continue
        cpu += usage.ru_utime + usage.ru_stime
    left = _session(session)
    return cpu + (_reap_the_rest(session) if left else 0.0)


def _session(session: int) -> list[int]:
    """The processes of a session."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found.append(int(entry.name))
    return found


def _sample(session: int, began: float, samples: list[tuple[float, int]], ended: threading.Event) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        total = 0
        for pid in _session(session):
            try:
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
            except OSError:
                continue
        samples.append((time.monotonic() - began, total))


if sys.platform != "linux":
    raise SystemExit("this benchmark reads /proc and needs Linux")
