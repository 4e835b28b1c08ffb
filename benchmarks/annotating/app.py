"""`cairn serve` as a process of its own on a free port, and what it counts of itself."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A running app."""

    url: str
    pid: int

    def peak_mib(self) -> float:
        """Largest resident memory since the start or the last `forget_peak`, MiB (Linux)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def forget_peak(self) -> None:
        """Measure the peak from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def seconds_below(self) -> dict[float, int]:
        """The app's own histogram: how many answers began within so many seconds; the key inf has them all."""
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            text = answer.read().decode()
        found = re.findall(r'cairn_request_seconds_bucket\{le="([^"]+)"\} (\d+)', text)
        return {float(bound.replace("+Inf", "inf")): int(number) for bound, number in found}


@contextmanager
def serve(folder: Path) -> Iterator[Served]:
    """Run the app as a user runs it, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "cairn", "serve", "--workspace", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    served = Served(f"http://127.0.0.1:{port}", process.pid)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{served.url}/readyz").close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the app ended before it answered") from None
                time.sleep(0.1)
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
