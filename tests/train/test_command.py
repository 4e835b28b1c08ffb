"""`python -m train` as a user meets it, also where only torch, torchvision, numpy and pillow are installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shards.make import make_release
from train.cli import main, make_parser
from train.commands import COMMANDS
from train.progress import clock

WITHOUT_THE_REST = """
import sys
ABSENT = {"pandas", "pyarrow", "sqlalchemy", "imagehash", "scipy", "fastapi", "pydantic", "typer", "rich",
          "matplotlib", "tomli_w", "label_store", "alembic", "aiohttp", "simplejpeg"}
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.split(".")[0] in ABSENT else self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
try:
    import pandas
except ModuleNotFoundError:
    from train.cli import main
    sys.exit(main(sys.argv[1:]))
"""


def test_it_runs_with_only_torch_torchvision_numpy_and_pillow(tmp_path):
    release = make_release(tmp_path, {"train": 24, "test": 6}, classes=3, side=16)
    words = [str(release), "--model", "resnet8", "--epochs", "1", "--batch-size", "8", "--threads", "1"]
    words += ["--workers", "0", "--device", "cpu", "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_REST, *words], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "report   " in done.stdout
    settings, epoch = done.stderr.splitlines()  # one line an epoch where there is no terminal
    assert settings.startswith("settings: ")
    assert "model resnet8" in settings
    assert epoch.startswith("seed 0  epoch   1  loss ")
    assert (tmp_path / "run" / "report.html").is_file()


def test_describe_prints_the_contracts_json(capsys):
    assert main(["describe", "resnet56", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {"name", "parameters", "flops", "depth", "layers", "blocks"}
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert main(["describe", "resnet50"]) == 0
    assert "50 weighted layers, 25,557,032 parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["/nowhere/at/all"], 2, "There is nothing at /nowhere/at/all."),
        ([], 2, "No dataset was named."),
        (["describe", "vgg"], 2, "There is no model called 'vgg'."),
        (["/tmp", "--lr", "1", "--rate", "2"], 2, "2.0 is not a value of rate."),
        (["/tmp", "--augment", "wild"], 2, "'wild' is not a value of augment."),
    ],
)
def test_errors_are_one_sentence_and_a_hint(words, code, sentence, capsys):
    assert main(words) == code
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"error: {sentence}"
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["data", "--epoch", "3"], "--epochs"),
        (["data", "--no-chanels-last"], "--no-channels-last"),
        (["head", "detect", "data", "--sed=1"], "--seed"),
        (["decribe", "resnet56"], "describe"),
        (["describe", "resnet-18"], "resnet18"),
    ],
    ids=["epoch", "no", "equals", "command", "model"],
)
def test_a_misspelt_word_is_answered_with_the_nearest_one(words, meant, capsys):
    assert main(words) == 2
    assert f"hint: did you mean {meant}?" in capsys.readouterr().err


def test_help_and_bad_usage_need_not_wait_for_torch():
    asked = [["--help"], ["describe", "--help"], ["head", "--help"], ["data", "--epoch", "3"], ["x", "--model", "vgg"]]
    code = f"""
import sys
from train.cli import main
for words in {asked!r}:
    try:
        main(words)
    except SystemExit as done:
        assert done.code == 0
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "python -m train head detect DATA" in done.stdout


def test_json_at_the_end(tmp_path, capsys):
    release = make_release(tmp_path, {"train": 12, "test": 6}, classes=2, side=16)
    words = [str(release), "--model", "resnet8", "--epochs", "1", "--device", "cpu", "--workers", "0", "--json"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "run" / "metrics.json").read_text())


def test_time_left_reads_like_a_clock():
    assert [clock(x) for x in (3.2, 75, 3723)] == ["3 s", "1:15", "1:02:03"]


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    for command in ("", *COMMANDS):
        for action in make_parser(command)._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    assert f"`{option}`" in page, (command, option)


def test_the_front_door_can_import_the_command():
    from train.__main__ import main as command

    assert command is main
