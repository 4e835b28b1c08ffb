"""Runs `python -m cairn` for tests: each command in a process of its own, forked from one that has the imports.

Starting Python and importing the house takes most of a short command's time; a fork takes none of it.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

EVERY_COMMAND = """
from cairn.commands.registry import COMMANDS, load
for name in COMMANDS:
    load(name)
"""
_SERVER = """
import json, os, runpy, sys
answers = os.fdopen(os.dup(1), "w", buffering=1)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        nothing, out, err = (os.open(asked[k], f, 0o600) for k, f in
            (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY | os.O_CREAT), ("stderr", os.O_WRONLY | os.O_CREAT)))
        for number, descriptor in enumerate((nothing, out, err)):
            os.dup2(descriptor, number)
        os.chdir(asked["cwd"])
        os.environ.update(asked["env"])
        sys.argv = ["cairn", *asked["words"]]
        code = 70
        try:
            runpy.run_module("cairn", run_name="__main__")
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    answers.write(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) + "\\n")
"""


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line that says what is wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, f"one sentence was expected, in:\n{self.err}"
        return lines[0].removeprefix("error: ")

    @property
    def hint(self) -> str:
        """The line that says what to do; empty where there is none."""
        after = self.err.partition(f"error: {self.sentence}\n")[2]
        return next((line.removeprefix("hint: ") for line in after.splitlines() if line.startswith("hint: ")), "")

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class FrontDoor:
    """`with FrontDoor() as cairn: cairn("init", "x", cwd=folder)`.

    `python` is the interpreter with its options, `first` what it does once, `path` where else it finds packages.
    """

    def __init__(self, python: Sequence[str] = (sys.executable,), first: str = EVERY_COMMAND, path: str = "") -> None:
        self._server = [*python, "-c", first + _SERVER]
        self._path = {"PYTHONPATH": path} if path else {}

    def __enter__(self) -> Self:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CAIRN_")}
        self._process = subprocess.Popen(
            self._server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment | self._path | {"COLUMNS": "100", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(timeout=10)

    def __call__(self, *words: object, cwd: Path, **env: str) -> Ran:
        """Run one command to its end."""
        with tempfile.TemporaryDirectory() as folder:
            asked = {"stdin": os.devnull, "stdout": f"{folder}/out", "stderr": f"{folder}/err"}
            line = json.dumps(asked | {"words": [str(word) for word in words], "cwd": str(cwd), "env": env})
            assert self._process.stdin
            assert self._process.stdout
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            code = json.loads(self._process.stdout.readline())
            return Ran(code, *(Path(asked[name]).read_text(encoding="utf-8") for name in ("stdout", "stderr")))
