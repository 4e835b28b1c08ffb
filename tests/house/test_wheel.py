"""The wheel is the product: installed outside of the checkout, it has all it needs to make a workspace and serve it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "cairn", "collector", "annotate_app", "dataset_builder", "train",
    "label_store", "consensus", "imaging", "shards", "migrations",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as for a release; from the cache, where nothing has to be downloaded."""
    out = tmp_path_factory.mktemp("wheel")
    build = [_uv(), "build", "--wheel", "--out-dir", str(out), str(ROOT)]
    if subprocess.run([*build, "--offline"], capture_output=True).returncode != 0:
        subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel in it.

    What Cairn depends on is not downloaded again: a .pth file leads to where it is installed already. Python does not
    read .pth files that lie behind a .pth file, so this checkout, installed there by one, cannot be imported.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [_uv(), "pip", "install", "--quiet", "--offline", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (_site_packages(folder) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def _uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "uv is missing: `make test` installs it"
    return found


def _site_packages(environment: Path) -> Path:
    return next((environment / "lib").glob("python*/site-packages"))


def _outside() -> dict[str, str]:
    """An environment without anything that leads back to the checkout."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("CAIRN_", "PYTHON", "VIRTUAL_ENV"))}


def _run(environment: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [str(environment / "bin" / str(words[0])), *(str(word) for word in words[1:])]
    return subprocess.run(command, cwd=cwd, env=_outside(), capture_output=True, text=True, timeout=60)


def test_the_wheel_carries_every_file_of_the_rooms(wheel: Path) -> None:
    carried = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".keep"
    }
    for kind in (".html", ".css", ".js", ".svg", ".toml", ".mako"):
        assert any(name.endswith(kind) for name in needed), kind
    assert needed - carried == set()


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    carried = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in carried if ".dist-info/" not in name} == set(ROOMS)
    assert any(name.endswith("licenses/LICENSE") for name in carried)


def test_the_rooms_are_imported_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    code = f"import importlib.util as u, json; print(json.dumps([u.find_spec(name).origin for name in {ROOMS!r}]))"
    ran = _run(environment, "python", "-c", code, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for file in json.loads(ran.stdout):
        assert Path(file).is_relative_to(_site_packages(environment))


@pytest.fixture(scope="module")
def made(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that the installed `cairn init` made."""
    folder = tmp_path_factory.mktemp("workspaces") / "vehicles"
    ran = _run(environment, "cairn", "init", folder, cwd=folder.parent)
    assert ran.returncode == 0, ran.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "cairn.toml", "labels.db", "releases", "runs"]
    return folder


def test_the_doctor_finds_the_workspace_whole(environment: Path, made: Path) -> None:
    ran = _run(environment, "cairn", "doctor", "--json", cwd=made)
    findings = json.loads(ran.stdout)
    assert [finding for finding in findings if finding["verdict"] == "wrong"] == []
    assert ran.returncode == 0
    assert any("labels.db" in finding["what"] or "SQLite" in finding["what"] for finding in findings)


@pytest.fixture(scope="module")
def app(environment: Path, made: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The installed `cairn serve` on a free port: its address and its process."""
    process = subprocess.Popen(
        [str(environment / "bin" / "cairn"), "serve", "--port", "0"],
        cwd=made,
        env=_outside() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = process.stdout.readline()
    address = re.search(r"http://127\.0\.0\.1:\d+", said)
    try:
        assert address, said + process.stdout.read()
        yield address[0], process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)


def test_pages_and_everything_they_load_are_served_from_the_wheel(app: tuple[str, subprocess.Popen[str]]) -> None:
    address, _ = app
    page = _get(f"{address}/login")
    assert "<form" in page
    loaded = set(re.findall(r"(?:href|src)=\"(?:http://127\.0\.0\.1:\d+)?(/static/[^\"?]+)", page))
    assert any(path.endswith(".css") for path in loaded)
    for path in loaded:
        assert _get(address + path)
    assert "openapi" in _get(f"{address}/api/openapi.json")
    assert "/api/v1/judgments" in _get(f"{address}/api/docs")


def test_ctrl_c_ends_the_app_with_exit_code_0(app: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = app
    assert _get(f"{address}/readyz")
    process.send_signal(signal.SIGINT)
    assert process.stdout
    said = process.stdout.read()
    assert process.wait(timeout=20) == 0, said
    assert "stopped" in said
    assert "Traceback" not in said


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())
