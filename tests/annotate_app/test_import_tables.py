"""Judgments from tables and tasks: bad rows told one by one, memory bounded, the same file any number of times."""

import csv
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from annotate_app import create_campaign
from annotate_app.importing import ImportWish, import_judgments, rows
from cairn.cli import run
from label_store import Origin, UsageError, ingest
from label_store.models import Item, Judgment, Person, Tally
from tests.annotate_app.material import add_pictures, draw
from tests.annotate_app.work import judge_all


@pytest.fixture
def boats(stocked):
    """SHA-256s of four pictures in a campaign of verify."""
    pictures = add_pictures(stocked, "boat", 4)
    create_campaign(stocked, "boats", "verify", ["boat"])
    return pictures


def judgments(workspace):
    """Active ones, as (SHA-256, role) -> judgment."""
    with workspace.read() as session:
        asked = select(Item.image_sha256, Judgment).join(Item, Item.id == Judgment.item_id).where(Judgment.active)
        return {(sha256, judgment.role): judgment for sha256, judgment in session.execute(asked)}


def reasons(result):
    return {bad.place: bad.reason for bad in result.bad}


def test_each_bad_row_of_a_csv_is_told_with_its_line_and_reason_and_the_rest_is_taken(stocked, boats, tmp_path):
    file = tmp_path / "old.csv"
    file.write_bytes(
        "item,annotator,answer\n"
        f"{boats[0]},maria,yes\n"
        f'{boats[1]},maria,"{{""value"": ""no"",\n ""comment"": ""two lines""}}"\n'
        f"{boats[2]},,yes\n"
        f"{boats[2]},maria,perhaps\n".encode()
        + f"{boats[2]},mar\xeda,yes\n".encode("latin-1")
        + f"{'0' * 64},maria,yes\nnowhere.jpg,maria,yes\n\n{boats[3]},maria,yes\n".encode()
    )
    heard = []
    result = import_judgments(stocked, "boats", file, told=heard.append)
    assert (result.accepted, result.refused) == (3, 5)
    assert heard == result.bad
    told = reasons(result)
    assert "no annotator" in told["line 5"]
    assert "'perhaps' is not one of yes, no, unsure" in told["line 6"]
    assert told["line 7"] == "it is not UTF-8"
    assert "no item" in told["line 8"]
    assert "collected under the name 'nowhere.jpg'" in told["line 9"]
    found = {sha256: judgment.answer["value"] for (sha256, _), judgment in judgments(stocked).items()}
    assert found == {boats[0]: "yes", boats[1]: "no", boats[3]: "yes"}


def test_each_bad_line_of_jsonl_is_told_with_what_it_lacks(stocked, boats, tmp_path):
    file = tmp_path / "old.jsonl"
    good = {"task": boats[0], "worker": "maria", "label": {"value": "no", "comment": "a ship"}}
    lines = ["nonsense", "[1]", '{"image": 1}', json.dumps(good), '{"item": 1, "annotator": "a\\u0000", "answer": 1}']
    file.write_text("\n".join(lines))
    result = import_judgments(stocked, "boats", file)
    assert (result.accepted, result.refused) == (1, 4)
    told = reasons(result)
    assert told["line 1"].startswith("it is not JSON")
    assert told["line 2"] == "it is not a JSON object"
    assert told["line 3"] == "it has no 'item' (it has 'image')"
    assert "not printable" in told["line 5"]
    assert judgments(stocked)[boats[0], "annotator"].answer == {"value": "no", "comment": "a ship"}


def test_a_line_without_end_is_one_bad_row(stocked, boats, tmp_path, monkeypatch):
    monkeypatch.setattr("annotate_app.importing.tables.MOST_BYTES", 1000)
    file = tmp_path / "old.jsonl"
    good = json.dumps({"item": boats[0], "annotator": "maria", "answer": "yes"})
    file.write_text("x" * 10_500 + "\n" + good + "\n")
    result = import_judgments(stocked, "boats", file)
    assert (result.accepted, list(reasons(result))) == (1, ["line 1"])


def test_a_quote_that_never_ends_costs_a_row_and_not_the_file(stocked, boats, tmp_path, monkeypatch):
    monkeypatch.setattr("annotate_app.importing.tables.MOST_BYTES", 2000)
    file = tmp_path / "old.csv"
    file.write_text("item,annotator,answer\n" + f'{boats[0]},"maria,yes\n' + 40 * f"{boats[1]},bea,yes\n")
    result = import_judgments(stocked, "boats", file)
    assert result.refused
    assert result.accepted == 1


def test_what_was_exported_comes_back_as_it_was(any_stocked, tmp_path):
    pictures = add_pictures(any_stocked, "boat", 2)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    file = tmp_path / "old.jsonl"
    rows_there = [
        {"item": pictures[0], "annotator": "maria", "answer": "yes", "shown_at": "2025-01-02T03:04:05.678Z",
         "answered_at": "2025-01-02T04:04:06.789+01:00", "active_ms": 900},
        {"item": pictures[0], "annotator": "rita", "answer": "no", "role": "reviewer", "answered_at": "a while ago"},
        {"item": pictures[1], "annotator": "net/3", "answer": "yes", "role": "model", "answered_at": "3025-01-01"},
        {"item": pictures[1], "annotator": "rita", "answer": "no", "role": "emperor"},
    ]  # fmt: skip
    file.write_text("".join(json.dumps(row) + "\n" for row in rows_there))
    result = import_judgments(any_stocked, "boats", file)
    assert (result.accepted, result.refused) == (3, 1)
    found = judgments(any_stocked)
    first, decision = found[pictures[0], "annotator"], found[pictures[0], "reviewer"]
    model = found[pictures[1], "model"]
    assert first.shown_at.isoformat() == "2025-01-02T03:04:05.678000+00:00"
    assert first.answered_at.isoformat() == "2025-01-02T03:04:06.789000+00:00"
    assert (first.role, first.active_ms) == ("annotator", 900)
    assert decision.role == "reviewer"
    assert decision.answered_at == decision.received_at
    assert model.role == "model"
    assert model.answered_at == model.received_at
    with any_stocked.read() as session:
        items = {item.image_sha256: (item.n, item.state) for item in session.scalars(select(Item))}
        assert items == {pictures[0]: (1, "settled"), pictures[1]: (0, "open")}
        assert session.scalar(select(func.sum(Tally.judgments))) == 1  # reviewers and models are not paid by the piece


def test_an_import_that_was_cut_off_goes_on_with_the_same_command(stocked, tmp_path, monkeypatch):
    pictures = add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "boats", "verify", ["boat"])
    monkeypatch.setattr("annotate_app.importing.chunks.ROWS_AT_ONCE", 5)
    file = tmp_path / "old.csv"
    file.write_text("item,annotator,answer\n" + "".join(f"{sha256},maria,yes\n" for sha256 in pictures))

    def stop(done, total, note):
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_judgments(stocked, "boats", file, progress=stop)
    assert len(judgments(stocked)) == 10
    result = import_judgments(stocked, "boats", file)
    assert (result.accepted, result.duplicate, result.refused) == (2, 10, 0)
    with stocked.read() as session:
        assert set(session.scalars(select(Item.n))) == {1}
        assert session.scalar(select(func.sum(Tally.judgments))) == 12


def test_a_row_twice_in_one_file_counts_once(any_stocked, tmp_path):
    (picture,) = add_pictures(any_stocked, "boat", 1)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    file = tmp_path / "old.csv"
    said = ("maria,yes", "maria,yes", "maria,no", "ann,yes")
    file.write_text("item,annotator,answer\n" + "".join(f"{picture},{words}\n" for words in said))
    result = import_judgments(any_stocked, "boats", file)
    assert (result.accepted, result.duplicate, result.refused) == (2, 1, 1)
    with any_stocked.read() as session:
        assert session.scalars(select(Item.n)).one() == 2
        assert session.scalar(select(func.count()).where(Person.name == "ann")) == 1


def test_who_judged_in_the_app_is_not_judged_for_again(stocked, boats, app, tmp_path):
    judge_all(app.client("ann"), "boats", "no")
    file = tmp_path / "old.csv"
    file.write_text(f"item,annotator,answer\n{boats[0]},ann,yes\n")
    (bad,) = import_judgments(stocked, "boats", file).bad
    assert "ann has already judged item" in bad.reason


def test_what_was_judged_in_the_app_and_exported_is_known_when_it_comes_back(stocked, boats, app, tmp_path):
    judge_all(app.client("ann"), "boats", "no")
    file = tmp_path / "same.csv"
    file.write_text("item,annotator,answer\n" + "".join(f"{boat},ann,no\n" for boat in boats))
    again = import_judgments(stocked, "boats", file)
    assert (again.accepted, again.duplicate, again.bad) == (0, len(boats), [])


def test_a_picture_is_found_by_the_name_it_was_collected_under(stocked, tmp_path):
    places = ["train/0001.png", "val/0001.png", "train/two words.png"]
    origins = [Origin("test", f"file:///data/{place.replace(' ', '%20')}", category="boat") for place in places]
    shas = [ingest(stocked, draw("boat", k), origin).sha256 for k, origin in enumerate(origins)]
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / "old.csv"
    asked = [
        "val/0001.png",
        "labels/train/0001.txt",
        "two words.jpg",
        "0001.png",
        "https://example.org/two%20words.png",
    ]
    file.write_text("item,annotator,answer\n" + "".join(f"{name},p{k},yes\n" for k, name in enumerate(asked)))
    result = import_judgments(stocked, "boats", file)
    assert reasons(result) == {"line 5": "2 pictures of the campaign are called '0001.png'"}
    with stocked.read() as session:
        found = session.execute(
            select(Person.name, Item.image_sha256)
            .join(Judgment, Judgment.person_id == Person.id)
            .join(Item, Item.id == Judgment.item_id)
        )
        assert dict(map(tuple, found)) == {"p0": shas[1], "p1": shas[0], "p2": shas[2], "p4": shas[2]}


def test_the_command_names_the_first_bad_rows_and_writes_them_all(stocked, boats, tmp_path, capsys):
    file, refused = tmp_path / "old.csv", tmp_path / "refused.csv"
    file.write_text("item,answer\n" + f"{boats[0]},yes\n" + 30 * f"{boats[1]},perhaps\n")
    at = ["--workspace", str(stocked.folder)]
    assert run(["campaign", "import", "boats", str(file), *at]) == 2  # nobody is named
    words = ["campaign", "import", "boats", str(file), "--annotator", "maria", "--refused", str(refused), *at]
    assert run(words) == 3
    said = capsys.readouterr().out
    assert "old.csv, line 3: value 'perhaps' is not one of yes, no, unsure" in said
    assert "and 10 more" in said
    assert "1 judgments taken, 0 known already, 30 refused" in said
    with refused.open(newline="") as opened:
        written = list(csv.reader(opened))
    assert written[0] == ["file", "place", "reason"]
    assert written[-1][:2] == [str(file), "line 32"]
    assert len(written) == 31
    assert run(["campaign", "import", "boats", str(file), "--annotator", "maria", "--role", "emperor", *at]) == 2
    assert run(["campaign", "import", "boats", str(file), "--format", "pdf", *at]) == 2


TASKS = [
    {"id": 1, "data": {"image": "/data/upload/3/0123abcd-1.png"}, "annotations": [
        {"completed_by": {"id": 7, "email": "maria@example.org"}, "result": [
            {"type": "choices", "from_name": "c", "value": {"choices": ["Yes"]}}]}]},
    3,
    {"id": 2, "annotations": [3, {"completed_by": 8, "result": "?"}]},
]  # fmt: skip


def test_tasks_of_label_studio_are_found_by_the_names_of_their_pictures(stocked, boats, tmp_path):
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(TASKS))
    result = import_judgments(stocked, "boats", file)
    assert (result.accepted, result.refused) == (1, 3)
    assert set(reasons(result)) == {"task 2", "task 3, annotation 1", "task 3, annotation 2"}
    with stocked.read() as session:
        judged = session.execute(select(Item.image_sha256).join(Judgment, Judgment.item_id == Item.id)).scalar_one()
        assert judged == boats[1]
        assert session.scalar(select(func.count()).where(Person.name == "maria@example.org")) == 1


def test_a_document_that_breaks_off_is_taken_up_to_there(stocked, boats, tmp_path):
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(TASKS)[:-30])
    result = import_judgments(stocked, "boats", file)
    assert result.accepted == 1
    assert result.bad[-1].place == "after 2 of the list"
    assert "breaks off" in result.bad[-1].reason
    file.write_text("[nothing")
    with pytest.raises(UsageError, match="not JSON"):
        import_judgments(stocked, "boats", file)


def test_what_is_nested_without_end_costs_no_memory_and_what_stood_before_it_is_taken(stocked, boats, tmp_path):
    file = tmp_path / "tasks.json"
    deep, quoted = "[" * 100_000, json.dumps('"[[[' * 200 + "\\")
    file.write_text(json.dumps(TASKS[:2])[:-1] + f', {{"data": {{"image": {quoted}}}}}, {" " * 1024}{deep}')
    result = import_judgments(stocked, "boats", file)
    assert result.accepted == 1
    assert result.bad[-1].place == "after 3 of the list"
    assert result.bad[-1].reason == "the JSON breaks off: it is nested more than 100 levels deep"
    file.write_text(f"[{deep}")
    with pytest.raises(UsageError, match="nested more than"):
        import_judgments(stocked, "boats", file)


def test_a_reason_repeats_the_beginning_of_a_long_row_only(stocked, boats, tmp_path):
    file = tmp_path / "old.csv"
    file.write_text(f"item,annotator,answer\n{boats[0]},ann,{'yes' * 100_000}\n{'z' * 100_000},ann,yes\n")
    result = import_judgments(stocked, "boats", file)
    assert [len(bad.reason) for bad in result.bad] == [301, 301]
    assert result.bad[1].reason.startswith("no picture") or "zzz" in result.bad[1].reason


MEASURE = textwrap.dedent("""
    import sys
    from pathlib import Path
    from annotate_app.importing import import_judgments
    from label_store import Workspace
    result = import_judgments(Workspace.open(Path(sys.argv[1])), "boats", Path(sys.argv[2]))
    # Of this program alone: getrusage tells at least what the process was before it became this program.
    status = Path("/proc/self/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(result.accepted, result.refused, peak)
""")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"], ids=str)
def test_memory_does_not_grow_with_the_file(stocked, boats, tmp_path, ending):
    """A hundred thousand bad rows, or one task of twenty annotations for each of five thousand, in the same memory."""
    peaks = []
    for number in (20_000, 100_000):
        file = tmp_path / f"{number}.{ending}"
        write(file, boats[0], number)
        ran = subprocess.run(
            [sys.executable, "-c", MEASURE, str(stocked.folder), str(file)], capture_output=True, text=True, check=True
        )
        accepted, refused, kilobytes = map(int, ran.stdout.split())
        assert accepted + refused == number or not accepted
        peaks.append(kilobytes)
    assert peaks[1] < peaks[0] + 25_000


def write(file, picture, number):
    if file.suffix == ".parquet":
        columns = {"item": [picture] * number, "annotator": ["maria"] * number, "answer": ["perhaps"] * number}
        pq.write_table(pa.table(columns), file, row_group_size=10_000)
        return
    with file.open("w") as opened:
        if file.suffix == ".csv":
            opened.write("item,annotator,answer\n" + number * f"{picture},maria,perhaps\n")
        elif file.suffix == ".jsonl":
            opened.write(number * (json.dumps({"item": picture, "annotator": "maria", "answer": "perhaps"}) + "\n"))
        else:
            perhaps = {"type": "choices", "from_name": "c", "value": {"choices": ["?"]}}
            said = {"completed_by": "maria", "result": [perhaps]}
            task = json.dumps({"data": {"sha256": picture}, "annotations": [said] * 20})
            opened.write("[" + ",".join([task] * (number // 20)) + "]")


def test_the_bound_of_a_line_is_stated():
    assert rows.MOST_BYTES == 16 * 2**20


def test_a_wish_for_a_role_that_is_none_is_a_sentence(stocked, boats, tmp_path):
    with pytest.raises(UsageError, match="no role 'emperor'"):
        import_judgments(stocked, "boats", tmp_path / "old.csv", ImportWish(role="emperor"))


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json", "parquet"], ids=str)
def test_long_rows_are_taken_fewer_at_once(stocked, boats, tmp_path, monkeypatch, ending):
    monkeypatch.setattr("annotate_app.importing.chunks.BYTES_AT_ONCE", 10_000)
    perhaps = "perhaps" + 3_000 * "?"
    file = tmp_path / f"old.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({"item": [boats[0]] * 9, "annotator": ["maria"] * 9, "answer": [perhaps] * 9}), file)
    elif ending == "csv":
        file.write_text("item,annotator,answer\n" + 9 * f"{boats[0]},maria,{perhaps}\n")
    elif ending == "jsonl":
        file.write_text(9 * (json.dumps({"item": boats[0], "annotator": "maria", "answer": perhaps}) + "\n"))
    else:
        chosen = {"type": "choices", "from_name": "c", "value": {"choices": [perhaps]}}
        said = {"completed_by": "maria", "result": [chosen]}
        file.write_text(json.dumps([{"data": {"sha256": boats[0]}, "annotations": [said] * 9}]))
    done = []
    assert import_judgments(stocked, "boats", file, progress=lambda now, *_: done.append(now)).refused == 9
    assert done == [4, 8, 9]


def test_a_parquet_file_that_breaks_off_is_taken_up_to_there(stocked, boats, tmp_path):
    file = tmp_path / "old.parquet"
    good = pa.table({"item": [str(boats[0])] * 1000, "annotator": ["ann"] * 1000, "answer": ["yes"] * 1000})
    no_text = pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe"))
    broken = pa.table({"item": no_text, "annotator": ["ann"], "answer": ["yes"]})
    with pq.ParquetWriter(file, good.schema) as writer:
        writer.write_table(good)
        writer.write_table(broken)
    result = import_judgments(stocked, "boats", file)
    assert (result.accepted, result.duplicate, result.refused) == (1, 999, 1)
    assert result.bad[0].place == "after row 1,000"
    pq.write_table(broken, file)
    with pytest.raises(UsageError, match="is not Parquet"):
        import_judgments(stocked, "boats", file)
