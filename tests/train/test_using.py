"""What one does with a trained network: predict, export, features, compare."""

import csv
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from tests.shards.make import make_release
from tests.train.data import make_image_folder, shapes, tiny_config
from train import run
from train.cli import main
from train.compare import Shown, headline
from train.metrics import softmax
from train.saved import open_saved
from train.sources import open_source


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("data"), {"train": 48, "val": 12, "test": 18}, classes=3, side=16)


@pytest.fixture(scope="module")
def trained(release, tmp_path_factory):
    return run(tiny_config(release, tmp_path_factory.mktemp("runs") / "first"))


def test_predict_says_of_a_folder_what_the_run_said_of_its_test_split(release, trained, tmp_path, capsys):
    samples = open_source(release).splits["test"]
    folder = tmp_path / "pictures"
    folder.mkdir()
    for row in range(len(samples)):
        samples.picture(row).save(folder / f"{row:03d}.png")
    assert main(["predict", str(trained.folder), str(folder), "--device", "cpu", "--top", "2"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    with np.load(trained.folder / "evaluation.npz") as found:
        called = found["probabilities"].argmax(axis=1)
    categories = trained.metrics["categories"]
    assert [row["category"] for row in rows] == [categories[k] for k in called]
    assert all(float(row["probability"]) >= float(row["probability_2"]) for row in rows)


def test_predict_fetches_urls_and_names_what_it_could_not_read(trained, tmp_path, capsys):
    buffer = io.BytesIO()
    shapes(1)[0][0].save(buffer, "PNG")

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/good.png"
            self.send_response(200 if found else 404)
            self.end_headers()
            if found:
                self.wfile.write(buffer.getvalue())

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    urls = tmp_path / "urls.txt"
    urls.write_text(f"# two pictures\n{address}/good.png\n{address}/gone.png\nfile:///etc/passwd\n")
    try:
        code = main(["predict", str(trained.folder), str(urls), "--device", "cpu", "--json"])
    finally:
        server.shutdown()
        server.server_close()
    printed = capsys.readouterr()
    assert code == 3
    assert [json.loads(line)["picture"] for line in printed.out.splitlines()] == [f"{address}/good.png"]
    assert "404" in printed.err
    assert "only http and https" in printed.err
    assert "2 of 3 pictures could not be read." in printed.err


@pytest.mark.parametrize(
    "words",
    [["predict", "RUN", "nowhere"], ["predict", "nowhere", "."], ["compare", "nowhere"], ["export", "nowhere"]],
    ids=["pictures", "run", "compare", "export"],
)
def test_what_is_not_there_is_bad_usage(trained, words, capsys):
    assert main([str(trained.folder) if word == "RUN" else word for word in words]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("preprocessing", [False, True], ids=["logits", "preprocessing"])
def test_onnx_gives_the_same_for_any_batch(release, trained, tmp_path, preprocessing, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    file = tmp_path / "network.onnx"
    words = ["export", str(trained.folder), "--onnx", "--out", str(file)]
    assert main([*words, "--preprocessing"] if preprocessing else words) == 0
    assert "largest difference" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(str(file))
    assert session.get_modelmeta().custom_metadata_map["categories"].split("\n") == trained.metrics["categories"]
    saved = open_saved(trained.folder, "cpu")
    test = open_source(release).splits["test"]
    for batch in (1, 5, 18):
        pixels = np.stack([np.asarray(test.picture(row)) for row in range(batch)])
        with torch.no_grad():
            x = saved.inputs(torch.from_numpy(pixels))
            logits = saved.model(x).numpy()
        (found,) = session.run(None, {"pictures": pixels if preprocessing else x.numpy()})
        expected = softmax(logits / np.float32(saved.temperature)) if preprocessing else logits
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_torch_export_gives_the_same_for_any_batch(trained, tmp_path):
    file = tmp_path / "network.pt2"
    assert main(["export", str(trained.folder), "--out", str(file)]) == 0
    again = torch.export.load(file).module()
    saved = open_saved(trained.folder, "cpu")
    x = torch.randn(7, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(again(x), saved.model(x), atol=1e-5, rtol=1e-5)


def test_features_are_what_the_linear_layer_sees(release, trained, tmp_path):
    out = tmp_path / "features.npz"
    assert main(["features", str(trained.folder), str(release), "--out", str(out), "--device", "cpu"]) == 0
    saved = open_saved(trained.folder, "cpu")
    with np.load(out) as found:
        assert found["features"].shape == (78, saved.model.channels)
        rows = found["split"] == "test"
        logits = saved.model.fc(torch.from_numpy(found["features"][rows])).detach().numpy()
    with np.load(trained.folder / "evaluation.npz") as expected:
        np.testing.assert_allclose(softmax(logits), expected["probabilities"], atol=1e-4)


def test_comparison_shows_runs_side_by_side_and_whether_they_differ(release, trained, tmp_path):
    other = run(tiny_config(release, tmp_path / "other", optimizer="adamw", lr=0.002))
    out = tmp_path / "comparison.html"
    assert main(["compare", str(trained.folder), str(other.folder), "--out", str(out)]) == 0
    page = out.read_text()
    for word in ("first", "other", "optimizer", "adamw", "95 % interval", "<svg"):
        assert word in page
    folder = make_image_folder(tmp_path / "set", {"train": 12, "test": 6})
    elsewhere = run(tiny_config(folder, tmp_path / "third", epochs=1))
    assert main(["compare", str(trained.folder), str(elsewhere.folder), "--out", str(out)]) == 2


def test_the_leading_run_and_its_gap_are_of_the_same_answers():
    """The mean over seeds may put another run ahead than the first seed's answers, of which the gap is."""
    keys = np.array(["a", "b", "c", "d"])
    runs = [
        Shown("many", {"test": {"top1": 0.9}}, [], "test", keys, np.array([True, False, False, False])),
        Shown("one", {"test": {"top1": 0.5}}, [], "test", keys, np.array([True, True, False, False])),
    ]
    told = headline(runs)
    assert "<b>one</b> has the most test samples right (50.00%)" in told
    assert "25.00 points ahead of <b>many</b>" in told


def test_the_report_tells_the_judgments_behind_a_label_and_the_human_part(release, trained):
    page = trained.report.read_text()
    assert "3 judgments: " in page
    people = trained.metrics["test"]["people"]
    assert people["disputed"]["samples"] + people["agreed"]["samples"] == 18
    assert 'id="people"' in page
