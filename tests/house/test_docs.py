"""The documentation is true: what it lists is what the code has, and what it shows can be run."""

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.collector.site import jpeg
from tests.house import reference

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "cairn", "collector", "annotate_app", "dataset_builder", "train",
    "label_store", "consensus", "imaging", "shards", "migrations",
)  # fmt: skip
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
RUN = "<!-- runs -->"
"""On the line before a ```python block: the block is run by this file."""


def _read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.fixture(scope="module")
def commands_page() -> str:
    return reference.commands_page()


def test_the_page_of_commands_is_what_the_commands_say_now(commands_page: str) -> None:
    assert _read(ROOT / "docs" / "commands.md") == commands_page, "write it with: python -m tests.house.reference"


def test_the_page_of_settings_is_what_the_settings_say_now() -> None:
    page = _read(ROOT / "docs" / "settings.md")
    assert page == reference.settings_page(), "write it with: python -m tests.house.reference"


def test_the_page_of_routes_is_what_the_app_serves_now() -> None:
    page = _read(ROOT / "docs" / "api.md")
    assert page == reference.routes_page(), "write it with: python -m tests.house.reference"


def test_every_command_and_every_option_is_on_the_page_of_commands(commands_page: str) -> None:
    sections = {
        match[1]: match[2]
        for match in re.finditer(r"^## `(cairn [^`]+)`\n(.*?)(?=^## |\Z)", commands_page, re.MULTILINE | re.DOTALL)
    }
    for words, command in reference.leaf_commands():
        section = sections[" ".join(("cairn", *words))]
        for parameter in command.params:
            for flag in reference.flags_of(parameter):
                assert flag == "--help" or f"`{flag}`" in section, f"cairn {' '.join(words)} {flag}"


def test_every_setting_is_on_the_page_of_settings_with_its_environment_variable() -> None:
    from label_store.settings import Settings

    page = _read(ROOT / "docs" / "settings.md")
    for name, field in Settings.model_fields.items():
        assert f"| `{name}` |" in page
        assert f"`CAIRN_{name.upper()}`" in page
        assert field.description, f"{name} says nothing of itself"


def test_every_route_says_who_may_call_it_and_what_it_does() -> None:
    found = reference.routes()
    assert len(found) > 20
    assert all(who and what for _, _, who, what in found)


def test_every_command_has_an_example_in_its_help() -> None:
    without = [" ".join(words) for words, command in reference.leaf_commands() if "Example: cairn " not in command.help]
    assert without == []


# Command lines


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    """(language, code) of every fenced block."""
    for match in re.finditer(r"^[ ]*```([a-z]*)[^\n]*\n(.*?)^[ ]*```", text, re.MULTILINE | re.DOTALL):
        yield match[1], match[2]


def _command_lines(page: Path) -> Iterator[str]:
    """Every `cairn …` command line of a page's shell blocks, continued lines joined."""
    for language, code in _fenced(_read(page)):
        if language in ("", "sh", "bash", "shell", "console"):
            for line in code.replace("\\\n", " ").splitlines():
                words = line.strip().removeprefix("$ ")
                if words.startswith(("cairn ", "python -m train", "python -m consensus")):
                    yield words


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each simple command of a shell line: comments off, cut at pipes, redirections and &."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words: list[str] = []
    for word in lexer:
        if set(word) <= set("|&;<>"):
            if words:
                yield words
            words = []
        else:
            words.append(word)
    if words:
        yield words


def parse(words: list[str]) -> None:
    """Read a command line as the program would, without running it; raises where it would refuse."""
    if words[:3] == ["python", "-m", "consensus"]:
        import consensus.__main__

        consensus.__main__.parser().parse_args(words[3:])
    elif words[:3] == ["python", "-m", "train"] or words[:2] == ["cairn", "train"]:
        import train.cli
        import train.commands

        rest = words[3:] if words[0] == "python" else words[2:]
        command = rest.pop(0) if rest and rest[0] in train.commands.COMMANDS else ""
        train.cli.make_parser(command).parse_args(rest)
    elif words[:1] == ["cairn"]:
        _parse_cairn(words[1:])


def _parse_cairn(words: list[str]) -> None:
    command: Any = reference.root_command()
    context = None
    while hasattr(command, "commands"):
        words = [word for word in words if word != "--debug"] if context is None else words
        if words == ["--help"]:
            return
        assert words, "a command is missing"
        assert words[0] in command.commands, f"there is no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
        context = command.make_context(command.name, list(words), resilient_parsing=True)
    if "--help" not in words:
        command.make_context(command.name, list(words))


LINES = [(page, line) for page in PAGES for line in _command_lines(page)]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page.name}: {line[:60]}" for page, line in LINES])
def test_a_command_line_of_the_documentation_is_one_that_the_program_takes(page: Path, line: str) -> None:
    for words in _simple_commands(line):
        try:
            parse(words)
        except SystemExit as refused:
            pytest.fail(f"{page.name}: {line}: {refused}")


def test_the_example_of_every_command_is_one_that_the_program_takes() -> None:
    for words, command in reference.leaf_commands():
        example = inspect.cleandoc(command.help).partition("Example: ")[2].splitlines()[0]
        assert example.split()[1 : 1 + len(words)] == list(words), example
        for simple in _simple_commands(example):
            parse(simple)


@pytest.mark.parametrize("wrong", ["cairn colect urls x.csv", "cairn collect urls", "cairn serve --prt 1"])
def test_a_command_line_that_the_program_refuses_is_found(wrong: str) -> None:
    with pytest.raises(Exception, match=r"no command|[Mm]issing|[Nn]o such option"):
        parse(wrong.split())


# Code, links, docstrings

PYTHON = {
    page: blocks
    for page in PAGES
    if (blocks := re.findall(rf"^{RUN}\n+```python\n(.*?)^```", _read(page), re.MULTILINE | re.DOTALL))
}


@pytest.mark.parametrize("page", PYTHON, ids=_names(list(PYTHON)))
def test_the_python_examples_that_are_marked_run_one_after_the_other(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cat.jpg").write_bytes(jpeg(1))
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, code in enumerate(PYTHON[page]):
        exec(compile(code, f"{page.name}#{number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_every_python_example_is_python(page: Path) -> None:
    for language, code in _fenced(_read(page)):
        if language == "python":
            ast.parse(inspect.cleandoc(code))


@pytest.mark.parametrize("page", PAGES, ids=_names(PAGES))
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", _read(page), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<img[^>]+src=\"([^\"]+)\"", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name}: {target}"
        assert there.is_relative_to(ROOT), f"{page.name}: {target} leads out of the repository"
        if anchor and there.suffix == ".md":
            assert anchor in _anchors(_read(there)), f"{page.name}: {target}"


def _anchors(text: str) -> set[str]:
    """The names that GitHub gives to headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_page_of_the_documentation_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)", _read(page)):
            if not re.match(r"[a-z]+:", target):
                waiting.append((page.parent / target).resolve())
    assert _names([page for page in PAGES if page not in seen]) == []


def test_every_file_that_the_architecture_names_is_in_that_room() -> None:
    sections = re.split(r"^### (\w+)/$", _read(ROOT / "docs" / "architecture.md"), flags=re.MULTILINE)
    rooms = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert set(rooms) == set(ROOMS) - {"migrations"}
    for room, text in rooms.items():
        named = re.findall(r"`([\w/]+(?:\.py|/))`", text.partition("\n## ")[0])
        assert len(named) > 5
        for name in named:
            assert (ROOT / room / name).exists() or (ROOT / name).exists(), f"{room}/{name}"


MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_every_module_begins_by_saying_what_it_is_for() -> None:
    assert len(MODULES) > 100
    silent = [path for path in MODULES if _read(path).strip() and not ast.get_docstring(ast.parse(_read(path)))]
    assert _names(silent) == []
    rambling = [
        path for path in MODULES if len((ast.get_docstring(ast.parse(_read(path))) or ".").split("\n")[0]) > 120
    ]
    assert _names(rambling) == [], "the first line of a module's docstring is one short sentence"


def test_a_package_shows_its_public_names_and_nothing_else() -> None:
    for room in ROOMS:
        tree = ast.parse(_read(ROOT / room / "__init__.py"))
        for node in tree.body:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            names = [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
            assert (
                is_text or isinstance(node, ast.Import | ast.ImportFrom) or set(names) <= {"__all__", "__version__"}
            ), f"{room}/__init__.py, line {node.lineno}"
