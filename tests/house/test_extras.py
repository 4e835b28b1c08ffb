"""With each extra alone, and with none: what is installed works, and what is not is named in one sentence."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cairn.cli import EXTRAS, extra_with
from cairn.commands.registry import COMMANDS
from label_store import Workspace
from tests.collector.site import jpeg
from tests.dataset_builder.scenes import Store
from tests.house.front_door import FrontDoor, Ran
from tests.house.lean import PROJECT, lean_door


class Lean(NamedTuple):
    """A command line with some extras, and a workspace that it made, with one picture beside it."""

    extras: tuple[str, ...]
    cairn: FrontDoor
    place: Path

    def __call__(self, *words: object) -> Ran:
        return self.cairn(*words, cwd=self.place)


@pytest.fixture(scope="module", params=[(), ("collect",), ("serve",), ("build",), ("train",)], ids="+".join)
def lean(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lean]:
    packages, place = tmp_path_factory.mktemp("packages"), tmp_path_factory.mktemp("place") / "vehicles"
    with lean_door(packages, request.param) as cairn:
        made = cairn("init", place, cwd=place.parent)
        assert made.code == 0, made
        (place.parent / "password").write_text("many words in a row")
        (place.parent / "pictures").mkdir()
        for number in range(2):
            (place.parent / "pictures" / f"{number}.jpg").write_bytes(jpeg(number, 64))
        yield Lean(request.param, cairn, place)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("labels.db-"))


def misses(ran: Ran, extra: str) -> None:
    assert ran.code == 1, ran
    assert "which is not installed" in ran.sentence
    assert ran.hint == f"pip install 'cairn-dataset[{extra}]'"


def test_the_help_lists_every_command(lean: Lean) -> None:
    shown = lean("--help")
    assert (shown.code, shown.err) == (0, "")
    assert all(name in shown.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_its_help_whatever_is_missing(lean: Lean, command: str) -> None:
    shown = lean(command, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert command in shown.out


def test_the_doctor_finds_nothing_wrong_and_names_every_extra_that_is_missing(lean: Lean) -> None:
    found = lean("doctor", "--json")
    assert found.code == 0, found.out
    remedies = {finding["remedy"] for finding in found.json if finding["what"].startswith("not installed")}
    for extra in {"collect", "serve", "build", "train"} - set(lean.extras):
        assert f"pip install 'cairn-dataset[{extra}]'" in remedies
    assert not any(f"[{extra}]" in remedy for extra in lean.extras for remedy in remedies)


def test_what_needs_no_extra_works_with_none(lean: Lean) -> None:
    for words in (
        ("taxonomy", "add", "car"), ("taxonomy", "show"), ("user", "list"),
        ("campaign", "status"), ("user", "invite"), ("takedown", "--list"), ("duplicates", "../pictures"),
    ):  # fmt: skip
        done = lean(*words)
        assert done.code == 0, (words, done)
    for words in (("consensus", "cars"), ("verify", "vehicles/1"), ("diff", "a", "b"), ("publish", "a", "b")):
        assert lean(*words).code == 2  # there is none yet: the usage is told, not a package
    assert "cairn taxonomy add" in lean("campaign", "create", "x", "--kind", "verify", "-c", "bus").hint
    assert "nothing to release" in lean("build", "vehicles", "--dry-run").sentence


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("collect", "folder", "../pictures"), "collect"),
        (("serve", "--port", "0", "--host", "not-an-address.invalid"), "serve"),
        (("user", "add", "maria", "--password-file", "../password"), "serve"),
        (("duplicates", "../pictures", "--html", "found.html"), "build"),
        (("train", "nowhere"), "train"),
        (("demo",), "all"),
        (("demo", "--live"), "all"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else None,
)
def test_a_command_whose_extra_is_missing_says_which_and_does_nothing(
    lean: Lean, words: tuple[str, ...], extra: str
) -> None:
    before = _files(lean.place)
    done = lean(*words)
    brings = {"build": {"build", "serve", "train"}}.get(extra, {extra})  # what writes a page comes with each
    if brings & set(lean.extras):
        assert "not installed" not in done.err
    else:
        misses(done, extra)
        assert _files(lean.place) == before


def test_a_build_says_what_it_misses_before_it_begins(lean: Lean, tmp_path: Path) -> None:
    workspace = Workspace.init(tmp_path / "settled")
    Store(workspace).fill(20)
    workspace.close()
    done = lean("build", "vehicles", "--workers", 1, "--pixels.size", 48, "--workspace", tmp_path / "settled")
    if {"build", "serve", "train"} & set(lean.extras):
        assert done.code == 0, done
        assert lean("verify", "vehicles/1", "--workspace", tmp_path / "settled").code == 0
    else:
        misses(done, "build")
        assert list((tmp_path / "settled" / "releases").iterdir()) == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_package_of_an_extra_is_known_to_be_of_it(extra: str) -> None:
    imported = {
        "argon2_cffi": "argon2", "markdown_it_py": "markdown_it", "python_multipart": "multipart", "pyyaml": "yaml",
    }  # fmt: skip
    for text in PROJECT["optional-dependencies"][extra]:
        package = text.partition(">")[0].replace("-", "_")
        assert imported.get(package, package) in EXTRAS[extra]


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [("build", "jinja2", "build"), ("serve", "jinja2", "serve"), ("train", "matplotlib", "train"),
     ("demo", "fastapi", "all"), ("collect", "aiohttp", "collect"), ("build", "numpy", None)],
)  # fmt: skip
def test_the_extra_is_the_one_that_the_command_wants(command: str, package: str, extra: str | None) -> None:
    assert extra_with(package, command) == extra
