import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from consensus import fit, fit_weighted_down
from consensus.__main__ import main
from consensus.files import read_judgments
from consensus.simulate import Items, honest_crowd, simulate, with_planted
from tests.consensus.crowds import campaign

VOTES = "item,annotator,answer\na,x,cat\na,y,cat\na,z,dog\nb,x,dog\nb,y,dog\nb,z,unsure\n"


@pytest.fixture
def votes(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(VOTES)
    return path


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_json_has_the_shape_others_rely_on(votes, tmp_path, capsys):
    truth = tmp_path / "truth.csv"
    truth.write_text("item,answer\na,cat\nb,cat\nunknown,cat\n")
    code, out, _ = run(capsys, votes, "--truth", truth, "--json")
    found = json.loads(out)
    assert code == 0
    assert list(found) == [
        "method", "items", "annotators", "judgments", "accuracy", "label_error", "answers", "annotator_quality",
        "agreement",
    ]  # fmt: skip
    assert (found["method"], found["items"], found["annotators"]) == ("map-dawid-skene", 2, 3)
    assert (found["judgments"], found["accuracy"]) == (6, 0.5)
    a, b = found["answers"]
    assert (a["item"], a["answer"], a["n"], b["answer"]) == ("a", "cat", 3, "dog")
    assert set(a["posterior"]) == {"cat", "dog"}
    assert sum(a["posterior"].values()) == pytest.approx(1)
    assert a["risk"] == pytest.approx(1 - a["posterior"]["cat"])
    assert set(found["annotator_quality"][0]) == {"annotator", "n", "accuracy", "low", "high", "flags"}
    assert set(found["agreement"]) == {"alpha", "low", "high"}


def test_crowd_kits_names_json_lines_and_parquet_give_the_same(votes, tmp_path, capsys):
    table = pd.read_csv(votes)
    table.columns = ["task", "worker", "label"]
    table.to_csv(tmp_path / "votes2.csv", index=False)
    table.to_json(tmp_path / "votes.jsonl", orient="records", lines=True)
    table.to_parquet(tmp_path / "votes.parquet")
    outputs = {run(capsys, tmp_path / n, "--json")[1] for n in ("votes2.csv", "votes.jsonl", "votes.parquet")}
    assert outputs == {run(capsys, votes, "--json")[1]}


def test_semicolons_tabs_a_json_list_and_a_byte_order_mark_give_the_same(votes, tmp_path, capsys):
    table = pd.read_csv(votes)
    table.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    table.to_csv(tmp_path / "tabs.tsv", index=False, sep="\t")
    table.to_csv(tmp_path / "mark.csv", index=False, encoding="utf-8-sig")
    table.to_json(tmp_path / "list.json", orient="records")
    table["answer"] = [{"value": answer} for answer in table["answer"]]
    table.to_json(tmp_path / "answers.jsonl", orient="records", lines=True)
    names = ("semicolons.csv", "tabs.tsv", "mark.csv", "list.json", "answers.jsonl")
    outputs = {run(capsys, tmp_path / name, "--json")[1] for name in names}
    assert outputs == {run(capsys, votes, "--json")[1]}


def test_an_answer_that_is_not_one_word_is_its_json(tmp_path, capsys):
    path = tmp_path / "lists.jsonl"
    path.write_text(
        '{"item": 1, "annotator": "x", "answer": {"b": 1, "a": ["q"]}}\n'
        '{"item": 2, "annotator": "x", "answer": {"a": ["q"], "b": 1}}\n'
    )
    found = json.loads(run(capsys, path, "--json")[1])
    assert [row["answer"] for row in found["answers"]] == ['{"a": ["q"], "b": 1}'] * 2


def test_text_names_the_figures_and_the_doubtful(votes, capsys):
    code, out, _ = run(capsys, votes)
    assert code == 0
    for words in ("6 judgments of 2 items by 3 annotators", "alpha", "estimated error", "95 %", "least sure"):
        assert words in out


def test_gold_is_used_as_known(votes, tmp_path, capsys):
    gold = tmp_path / "gold.csv"
    gold.write_text("item,answer\na,dog\n")
    found = json.loads(run(capsys, votes, "--gold", gold, "--json")[1])
    assert found["answers"][0]["answer"] == "dog"
    assert found["answers"][0]["risk"] == 0


def test_more_than_ten_answers_are_shown_as_ten_and_other(tmp_path, capsys):
    path = tmp_path / "many.csv"
    path.write_text("item,annotator,answer\n" + "".join(f"i{k},x,{k:02d}\n" for k in range(14)))
    found = json.loads(run(capsys, path, "--json")[1])
    shown = found["answers"][0]["posterior"]
    assert len(shown) == 11
    assert sum(shown.values()) == pytest.approx(1)
    assert "other" in shown


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 1, "is empty"),
        ("item,annotator,answer\n", 1, "no usable judgment"),
        ("item,who,answer\na,x,1\n", 1, "no column annotator or worker"),
        ("item,annotator,answer\na,x,unsure\n", 1, "every answer"),
        ('item,annotator,answer\na,"x,1\n', 1, "cannot be read"),
        ("item,annotator,answer\n,x,1\n", 1, "empty cell"),
        ("\x00\x01\x02", 1, "no column"),
    ],
)
def test_files_that_cannot_be_used_get_one_sentence(tmp_path, capsys, text, code, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    got, out, err = run(capsys, path)
    assert (got, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert len(err.strip().splitlines()) <= 2


def test_a_missing_file_and_a_folder_are_bad_usage(tmp_path, capsys):
    assert run(capsys, tmp_path / "none.csv")[0] == 2
    assert run(capsys, tmp_path)[0] == 2
    (tmp_path / "latin.csv").write_bytes(b"item,annotator,answer\n\xe9,x,1\n")
    assert run(capsys, tmp_path / "latin.csv")[0] == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", b"item,annotator,answer\n\na,x,1\na,y,1,2,3\n", "line 4 of a.csv has more cells than the header"),
        ("a.csv", b'item,annotator,answer\na,x,1,,\n"b\nc",x,1,\na,y\n', "line 5 of a.csv has an empty cell"),
        ("a.csv", b"item,annotator,answer\na,x,1\n\n\na,y\n", "line 5 of a.csv has an empty cell"),
        ("a.csv", b"item,annotator,answer\n,,\na,x,1\n", "line 2 of a.csv has an empty cell"),
        ("a.csv", b"item,annotator,answer,answer\na,x,1,2\na,y,1,2,3\n", "line 3 of a.csv has more cells"),
        (
            "a.jsonl",
            b'{"item": 1, "annotator": "x", "answer": 1}\n\n{"item": \n[1]\n',
            "2 rows of a.jsonl are no JSON object, the first is line 3",
        ),
        (
            "a.jsonl",
            b'{"item": 1, "annotator": "x", "answer": 1}\n' + b"[" * 100_000,
            "line 2 of a.jsonl is no JSON object",
        ),
        ("a.json", b'[{"item": 1, "annotator": "x", "answer": 1}, 7]', "entry 2 of a.json is no JSON object"),
    ],
    ids=[
        "too many cells",
        "empty cells too many",
        "too few cells",
        "separators alone",
        "two columns of a name",
        "broken lines",
        "nested without end",
        "a list",
    ],
)
def test_a_row_that_cannot_be_read_is_left_out_and_named_by_its_line(tmp_path, capsys, name, text, told):
    path = tmp_path / name
    path.write_bytes(text)
    code, out, err = run(capsys, path, "--json")
    assert code == 3
    assert told in err
    assert json.loads(out)["judgments"] >= 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.csv", b"item,annotator,answer\na,x,1\n\xe9,x,1\n", "line 3 is not UTF-8 (byte 0xe9)"),
        ("a.jsonl", b'{"item": "\xe9", "annotator": "x", "answer": 1}\n', "line 1 is not UTF-8"),
        ("a.csv", "item,annotator,answer\na,x,1\n".encode("utf-16"), "UTF-16"),
        ("a.csv", b'item,annotator,answer\na,x,1\nb,"x,1\nc,x,1\n', "from line 3 on"),
        ("a.json", b'[{"item": 1,\n  oops]', "line 2, column 3"),
        ("a.jsonl", b"oops\n", "no JSON object on any line"),
        ("a.json", b"[" * 100_000, "cannot be read"),
    ],
    ids=["Latin-1", "Latin-1 in JSON", "UTF-16", "an open quotation mark", "broken JSON", "no JSON", "nested"],
)
def test_what_spoils_a_file_is_a_sentence_that_says_where_and_what_to_do(tmp_path, capsys, name, text, told):
    path = tmp_path / name
    path.write_bytes(text)
    code, out, err = run(capsys, path)
    assert (code, out) == (1, "")
    assert told in err
    assert "hint: " in err


def test_all_items_and_annotators_go_into_tables(votes, tmp_path, capsys):
    votes.write_text(VOTES + "c,x,unsure\n")
    truth = tmp_path / "truth.csv"
    truth.write_text("item,answer\na,cat\n")
    items, people = tmp_path / "items.csv", tmp_path / "people.parquet"
    code, out, _ = run(capsys, votes, "--out", items, "--annotators", people, "--truth", truth, "--top", "1")
    assert code == 0
    assert f"all items are in {items}" in out
    assert out.split("least sure")[1].splitlines()[2].startswith("c ")  # the one that nobody answered
    assert "(nobody named one)" in out
    assert "and 1 more accurate" in out
    found = pd.read_csv(items, keep_default_na=False)
    assert found["answer"].tolist() == ["cat", "dog", ""]
    assert found["truth"].tolist() == ["cat", "", ""]
    assert (found["second"].tolist(), found["n"].tolist()) == (["dog", "cat", ""], [3, 3, 1])
    told = json.loads(run(capsys, votes, "--json")[1])
    assert float(found["probability"][0]) == pytest.approx(1 - told["answers"][0]["risk"], abs=1e-6)
    assert told["answers"][2]["answer"] is None
    assert pd.read_parquet(people)["annotator"].tolist() == ["x", "y", "z"]
    code, _, err = run(capsys, votes, "--out", tmp_path / "none" / "items.csv")
    assert (code, "cannot be written" in err) == (2, True)


@pytest.mark.parametrize(
    ("text", "caution"),
    [
        ("a,x,cat\na,y,cat\nb,x,cat\n", "'cat' is the only answer"),
        ("a,x,cat\nb,x,dog\nc,y,dog\n", "no item was judged by two"),
        ("a,x,Cat\na,y,cat\nb,x,dog\nb,y,dog\n", "'Cat' and 'cat' are counted as 2 answers"),
        ("a,Ann,cat\na,ann,cat\nb,Bo,dog\nb,ann,dog\n", "'Ann' and 'ann' are counted as 2 annotators"),
    ],
    ids=["one answer", "one judgment each", "spelled in two ways", "one person in two ways"],
)
def test_what_gives_false_certainty_is_said(tmp_path, capsys, text, caution):
    path = tmp_path / "votes.csv"
    path.write_text("item,annotator,answer\n" + text)
    assert caution in " ".join(json.loads(run(capsys, path, "--json")[1])["cautions"])


def test_contradictory_and_foreign_gold_are_refused(votes, tmp_path, capsys):
    gold = tmp_path / "gold.csv"
    for text, words in (
        ("item,answer\na,dog\na,cat\n", "contradicts itself"),
        ("item,answer\na,horse\n", "'horse'"),
        ("item,answer\nq,cat\n", "none of the 2 items"),
        ("item,answer\na,\n", "line 2"),
    ):
        gold.write_text(text)
        code, _, err = run(capsys, votes, "--gold", gold)
        assert code == 1
        assert words in err


def test_rows_outside_the_choices_are_left_out_and_named(votes, tmp_path, capsys):
    votes.write_text(VOTES + "c,x,horse\nc,y,\na,x,dog\n")
    code, out, err = run(capsys, votes, "--choices", "cat,dog,bird", "--json")
    found = json.loads(out)
    assert code == 3
    assert found["judgments"] == 6
    assert set(found["answers"][0]["posterior"]) == {"cat", "dog", "bird"}
    assert "line 8 of votes.csv has an answer that is no choice" in err
    assert "line 9 of votes.csv has an empty cell" in err
    assert "line 2 of votes.csv was replaced by a later one" in err


@pytest.mark.parametrize(
    "text",
    [
        "item,annotator,answer\na,x,1\n",
        "item,annotator,answer\na,x,1\nb,x,0\nc,x,1\n",
        "item,annotator,answer\na,x,1\na,y,1\nb,x,1\nb,y,1\n",
        "item,annotator,answer,weight\na,x,1,0\na,y,0,0\n",
        "item,annotator,answer\na,x,unsure\nb,x,1\n",
    ],
)
@pytest.mark.parametrize("method", ["majority", "map-dawid-skene"])
def test_little_or_uniform_judgments_have_a_result_without_nan(tmp_path, capsys, text, method):
    path = tmp_path / "votes.csv"
    path.write_text(text)
    code, out, _ = run(capsys, path, "--json", "--method", method)
    assert code == 0
    json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in the output"))
    assert run(capsys, path, "--method", method)[0] == 0


def test_a_crowd_that_guesses_gets_a_caution(tmp_path, capsys):
    judged, _ = campaign(np.random.default_rng(0), [0.5] * 8, n_items=200)
    path = tmp_path / "guesses.csv"
    pd.DataFrame({"item": judged.item, "annotator": judged.annotator, "answer": judged.answer}).to_csv(path)
    code, out, err = run(capsys, path, "--json")
    assert code == 0
    assert "no more than chance" in json.loads(out)["cautions"][0]
    assert "caution: the annotators agree" in err
    assert "caution          the annotators agree" in run(capsys, path)[1]


def test_confusions_are_shown_with_their_intervals(votes, capsys):
    found = json.loads(run(capsys, votes, "--confusions", "--json")[1])
    x = found["annotator_quality"][0]
    cat, dog = x["confusion"]
    assert (cat["class"], dog["class"]) == ("cat", "dog")
    assert set(cat["answers"]) == {"cat", "dog", "unsure"}
    assert sum(cell["rate"] for cell in cat["answers"].values()) == pytest.approx(1)
    assert all(0 <= cell["low"] <= cell["rate"] <= cell["high"] <= 1 for cell in dog["answers"].values())
    assert cat["shown"] + dog["shown"] == pytest.approx(x["n"])
    text = run(capsys, votes, "--confusions")[1]
    assert text.count("of each class the share given each answer") == 3


@pytest.mark.parametrize("method", ["dawid-skene", "one-coin", "glad"])
def test_other_methods_are_chosen_by_name(votes, capsys, method):
    found = json.loads(run(capsys, votes, "--method", method, "--json")[1])
    assert found["method"] == method
    assert found["answers"][0]["answer"] == "cat"


def test_the_command_runs_as_a_module_without_a_workspace(votes, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "consensus", votes, "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["items"] == 2


def test_a_verify_campaign_from_a_file_shows_its_two_bad_annotators(tmp_path, capsys):
    skills = [0.97, 0.95, 0.92, 0.9, 0.88, 0.85, 0.82, 0.79, 0.75, 0.5, 0.5]
    judged, truth = campaign(np.random.default_rng(0), skills, random=(9,), constant=(10,))
    words = np.array(["yes", "no", "unsure"])
    pd.DataFrame({"item": judged.item, "annotator": judged.annotator, "answer": words[judged.answer]}).to_csv(
        tmp_path / "verify.csv", index=False
    )
    pd.DataFrame({"item": np.arange(len(truth)), "truth": words[truth]}).to_csv(tmp_path / "truth.csv", index=False)
    found = json.loads(run(capsys, tmp_path / "verify.csv", "--truth", tmp_path / "truth.csv", "--json")[1])
    said = {q["annotator"]: q["flags"] for q in found["annotator_quality"] if q["flags"]}
    assert said == {"9": ["random"], "10": ["constant"]}
    assert found["accuracy"] > 0.95


def test_by_default_suspicious_people_weigh_less_and_by_other_methods_they_do_not(tmp_path, capsys):
    people = with_planted(honest_crowd(16, 2, accuracy=(0.6, 0.8)), "constant", 6, 2)
    made = simulate(people, Items(300, 4), per_item=5, seed=2)
    judged = made.judgments
    path = tmp_path / "votes.csv"
    table = pd.DataFrame({"item": judged.item, "annotator": judged.annotator, "answer": judged.answer})
    table.sort_values(["item", "annotator"]).to_csv(path, index=False)
    told = {
        method: [row["risk"] for row in json.loads(run(capsys, path, "--method", method, "--json")[1])["answers"]]
        for method in ("map-dawid-skene", "one-coin")
    }
    plain = read_judgments(path).judgments
    lighter = fit_weighted_down(plain)
    assert lighter.found
    np.testing.assert_allclose(told["map-dawid-skene"], lighter.result.risk)
    np.testing.assert_allclose(told["one-coin"], fit(plain, "one-coin").risk)
