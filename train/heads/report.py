"""A head's run as one HTML file: figures, curves, categories, and pictures with people's marks and its own."""

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from shards.atomic import write_whole
from train.charts import Line, line_chart
from train.heads.marks import marks_of
from train.heads.tasks import Attributes, Detection, HeadPart, Task
from train.page import page, section
from train.report import between, percent

PICTURES_SHOWN = 12
WHAT = {
    "map": ("mAP", "mean average precision over all choices"),
    "map50": ("mAP50", "mean average precision of boxes at an IoU of 0.5"),
    "miou": ("mIoU", "mean overlap of masks with what people outlined"),
}


@dataclass(frozen=True)
class Shown:
    """The split that the report shows, with what the network says of each picture."""

    split: str
    part: HeadPart
    answers: list[Any]
    categories: tuple[str, ...]


def write_head_report(path: Path, metrics: dict[str, Any], task: Task, shown: Shown) -> None:
    """Write the report of a head's run to `path`, whole or not at all."""
    title = f"{metrics['task']}: {metrics['model']} on {metrics['data']}"
    sections = [headline(metrics, task, shown), curves(metrics, task), parts(metrics[shown.split], task, shown)]
    sections += [pictures(task, shown), settings(metrics)]
    write_whole(path, page(title, sections).encode())


def headline(metrics: dict[str, Any], task: Task, shown: Shown) -> str:
    """Two sentences and the figures."""
    found = metrics[shown.split]
    name, meaning = WHAT[task.figure]
    value = "not known" if found[task.figure] is None else f"{found[task.figure]:.3f}"
    chosen = "The epoch was chosen on val." if metrics["chosen_by"] == "val" else "The last epoch is reported."
    flatters = " There is no test split: val also chose the epoch, so the figures flatter a little."
    words = (
        f"On {len(shown.part.keys):,} {shown.split} pictures the {name} against what people settled is {value} "
        f"(95 % interval {between(found, task.figure, '.3f')}, over pictures). {chosen}"
        + ("" if shown.split == "test" else flatters)
    )
    cells = [(name, value, meaning)]
    cells += [(f"{split} pictures", f"{count:,}", "") for split, count in metrics["samples"].items()]
    cells.append(("epoch", str(metrics["chosen_epoch"]), f"of {len(metrics['history'])}"))
    body = "".join(
        f"<div><dt>{escape(what)}</dt><dd>{shown_value}</dd><small>{escape(note)}</small></div>"
        for what, shown_value, note in cells
    )
    return f"<p class=lead>{words}</p><dl class=figures>{body}</dl>"


def curves(metrics: dict[str, Any], task: Task) -> str:
    """Loss, and val's figure, over epochs."""
    epochs = [float(row["epoch"]) for row in metrics["history"]]
    loss = [Line("train", epochs, [row["train_loss"] for row in metrics["history"]], 1)]
    charts = [line_chart(loss, "epoch", "loss")]
    key = f"val_{task.figure}"
    if metrics["history"] and metrics["history"][-1][key] is not None:
        values = [row[key] or 0.0 for row in metrics["history"]]
        charts.append(line_chart([Line("val", epochs, values, 0)], "epoch", WHAT[task.figure][0], share=True))
    body = "".join(f"<figure>{chart}</figure>" for chart in charts)
    return section("curves", "Learning curves", f"<div class=pair>{body}</div>")


def parts(found: dict[str, Any], task: Task, shown: Shown) -> str:
    """A table of what the figure is the mean of."""
    if isinstance(task, Attributes):
        head = "<th>attribute</th><th class=n>pictures</th><th class=n>mAP</th><th class=n>accuracy</th>"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td class=n>{one['samples']:,}</td>"
            f"<td class=n>{number(one['map'])}</td><td class=n>{percent(one['accuracy'])}</td></tr>"
            for name, one in found["attributes"].items()
        )
        title = "Attributes"
    else:
        values = found["ap50"] if isinstance(task, Detection) else found["iou"]
        head = f"<th>category</th><th class=n>{'AP50' if isinstance(task, Detection) else 'IoU'}</th>"
        order = sorted(values, key=lambda name: (values[name] is None, values[name] or 0.0))
        rows = "".join(
            f'<tr><td>{escape(name)}</td><td class="n bar" style="--share:{values[name] or 0:.3f}">'
            f"{number(values[name])}</td></tr>"
            for name in order
        )
        title = "Categories, worst first"
    body = (
        f'<div class="scroll"><table class="classes"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
    return section("parts", title, body)


def number(value: float | None) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.3f}"


def pictures(task: Task, shown: Shown) -> str:
    """Pictures of which the network said least of what people did, and most."""
    marks = marks_of(task, shown.categories)
    pairs = list(zip(shown.part.labels, shown.answers, strict=True))
    agreed = np.array([marks.agree(truth, said) for truth, said in pairs])
    order = np.argsort(agreed, kind="stable")
    body = f"<p>{marks.legend}</p>"
    for title, rows in (("Worst", order[:PICTURES_SHOWN]), ("Best", order[::-1][:PICTURES_SHOWN])):
        cards = "".join(
            f'<figure class=card title="{escape(shown.part.keys[row])}">'
            f"{marks.draw(shown.part.pixels[row], *pairs[row])}"
            f"<figcaption>{marks.words(*pairs[row])} <small>{agreed[row]:.0%} agree</small></figcaption></figure>"
            for row in rows
        )
        body += f'<h3>{title}</h3><div class="sheet wide">{cards}</div>'
    return section("pictures", "Pictures, worst and best", body)


def settings(metrics: dict[str, Any]) -> str:
    """Everything that is needed to run it again."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(json.dumps(value))}</td></tr>"
        for name, value in metrics["settings"].items()
    )
    body = (
        f"<p>Release <code>{metrics['release'][:16]}</code>; all figures are in <code>metrics.json</code>.</p>"
        f"<details><summary>All settings</summary><div class=scroll><table>{rows}</table></div></details>"
    )
    return section("settings", "Settings", body)
