"""Seconds of each stage: of the wall, and of this process and all it has started."""

import os
import platform
import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROC = Path("/proc")


class Clock:
    """Measures stages one after another and says when each begins."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.seconds: dict[str, float] = {}
        self.cpu_seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Say that it begins, and measure it."""
        self.tell(f"{name} ...")
        wall, cpu = time.perf_counter(), cpu_seconds()
        yield
        self.seconds[name] = round(time.perf_counter() - wall, 2)
        self.cpu_seconds[name] = round(cpu_seconds() - cpu, 2)


def cpu_seconds() -> float:
    """Of this process and its descendants so far, those that ended included.

    Where there is no /proc, only of this process and the children that it has waited for.
    """
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = time.process_time() + children.ru_utime + children.ru_stime
    return total + sum(map(_spent, _descendants(os.getpid())))


def machine() -> str:
    """Processor, cores and the versions that decide speed."""
    import torch

    model = platform.processor() or platform.machine()
    cpuinfo = PROC / "cpuinfo"
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    trainer = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{model}, {os.cpu_count()} cores, {trainer}, Python {platform.python_version()}, torch {torch.__version__}"


def _descendants(root: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for folder in PROC.glob("[0-9]*"):
        if fields := _fields(int(folder.name)):
            children[int(fields[1])].append(int(folder.name))
    todo = list(children[root])
    while todo:
        pid = todo.pop()
        yield pid
        todo += children[pid]


def _spent(pid: int) -> float:
    """CPU seconds of a living process and of the children that it has waited for: the pools' servers do."""
    fields = _fields(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _fields(pid: int) -> list[str]:
    """What follows the name in /proc/PID/stat (proc(5)): state, parent, ...; nothing where it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
