"""The two that are measured: `cairn collect urls`, and img2dataset in its fastest setting that keeps the bytes."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from benchmarks.collecting.processes import Cost, run
from benchmarks.collecting.server import Serving, host_address

ROOT = Path(__file__).resolve().parents[2]
CATEGORY = "thing"


class Server:
    """The picture server in a process of its own."""

    def __init__(self, serving: Serving, folder: Path) -> None:
        self._config = serving.write(folder / "serving.json")

    def __enter__(self) -> "Server":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.collecting.server", str(self._config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self.stop()

    def stop(self) -> dict[str, object]:
        """End it; what was asked of it."""
        told, _ = self._process.communicate(timeout=60)
        return dict(json.loads(told))


def write_list(path: Path, port: int, hosts: list[int]) -> Path:
    """A list with one picture a row; row i is picture i on host `hosts[i]`."""
    with path.open("w", encoding="utf-8") as file:
        file.write("url\n")
        file.writelines(f"http://{host_address(host)}:{port}/p/{i}.jpg\n" for i, host in enumerate(hosts))
    return path


@dataclass(frozen=True)
class Got:
    """What one contender did with a list."""

    cost: Cost
    pictures: int
    """Whole pictures that it has in the end."""

    @property
    def per_second(self) -> float:
        """Pictures a wall second."""
        return self.pictures / self.cost.wall

    @property
    def per_cpu_second(self) -> float:
        """Pictures a CPU second."""
        return self.pictures / self.cost.cpu

    def as_dict(self) -> dict[str, float]:
        """For the JSON."""
        return {
            "pictures": self.pictures,
            "seconds": round(self.cost.wall, 2),
            "cpu_seconds": round(self.cost.cpu, 2),
            "per_second": round(self.per_second, 1),
            "per_cpu_second": round(self.per_cpu_second, 1),
            "peak_mib": round(self.cost.peak_bytes / 2**20, 1),
            "exit_code": self.cost.returncode,
        }


@dataclass(frozen=True)
class Cairn:
    """`cairn collect urls` into a workspace of its own; one process more than `processes - 1` decoders."""

    folder: Path
    concurrency: int = 128
    timeout: float = 10.0
    delay: float = 0.0
    """Seconds between two requests to one host."""
    decoders: int = 1
    per_host: int = 4

    def prepare(self) -> None:
        """A fresh workspace with one category."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._cairn("init", str(self.folder))
        with (self.folder / "cairn.toml").open("a", encoding="utf-8") as settings:
            settings.write(
                f'\nallow_hosts = ["127.0.0.0/8"]\nhost_delay = {self.delay}\n'
                f"fetch_concurrency = {self.concurrency}\nfetch_timeout = {self.timeout}\n"
                'contact = "bench@example.org"\n'
            )
        self._cairn("taxonomy", "add", CATEGORY, "--workspace", str(self.folder))

    def collect(self, urls: Path, kill_after: float | None = None, kill_when: Callable[[], bool] | None = None) -> Got:
        """One run; the same call continues where a killed one was."""
        command = [sys.executable, "-m", "cairn", "collect", "urls", str(urls), "--category", CATEGORY,
                   "--processes", str(self.decoders), "--workspace", str(self.folder)]  # fmt: skip
        cost = run(command, self.folder / "bench.log", {"PYTHONPATH": str(ROOT)}, kill_after, kill_when)
        return Got(cost, self.pictures())

    def pictures(self) -> int:
        """Pictures that are recorded."""
        with sqlite3.connect(self.folder / "labels.db") as database:
            return int(database.execute("SELECT count(*) FROM images").fetchone()[0])

    def _cairn(self, *words: str) -> None:
        subprocess.run([sys.executable, "-m", "cairn", *words], check=True, capture_output=True, cwd=ROOT)


@dataclass(frozen=True)
class Img2dataset:
    """img2dataset: no resizing, no decoding, original bytes into tars."""

    python: Path
    """The interpreter of an environment with img2dataset in it."""
    folder: Path
    processes: int = 2
    threads: int = 64
    timeout: int = 10
    shard: int = 10_000
    """Pictures in a tar, its own default: after every five tars a process of it starts anew, which takes seconds."""

    def version(self) -> str:
        """Of the package."""
        words = "import importlib.metadata as m; print(m.version('img2dataset'))"
        return subprocess.run([self.python, "-c", words], check=True, capture_output=True, text=True).stdout.strip()

    def collect(self, urls: Path, kill_after: float | None = None) -> Got:
        """One run from nothing; killed after so many seconds, where its end cannot be waited for."""
        shutil.rmtree(self.folder, ignore_errors=True)
        log = self.folder.with_suffix(".log")
        words = f"""
from img2dataset import download
if __name__ == "__main__":
    download(url_list={str(urls)!r}, input_format="csv", output_folder={str(self.folder)!r}, output_format="webdataset",
        processes_count={self.processes}, thread_count={self.threads}, number_sample_per_shard={self.shard},
        timeout={self.timeout}, disable_all_reencoding=True, extract_exif=False, compute_hash=None, enable_wandb=False)
"""
        script = self.folder.with_suffix(".py")
        script.write_text(words, encoding="utf-8")
        cost = run([str(self.python), str(script)], log, {"NO_ALBUMENTATIONS_UPDATE": "1"}, kill_after)
        done = (json.loads(path.read_text())["successes"] for path in self.folder.glob("*_stats.json"))
        return Got(cost, sum(done))
