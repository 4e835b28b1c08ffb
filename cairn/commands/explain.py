"""`cairn explain`: the whole life of one image, as text or JSON."""

import json as jsons
from typing import Annotated, Any

import typer

from cairn.console import JsonOption, WorkspaceOption, out, print_json
from cairn.life import life_of
from label_store import Workspace


def explain(
    image: Annotated[
        str, typer.Argument(help="SHA-256 (or its first 8 digits), release key, URL, file, or item number.")
    ],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell the whole life of one image: fetched, judged by whom, settled how, grouped, split, released.

    Example: cairn explain 3fa9c1d2
    """
    life = life_of(Workspace.open(workspace), image)
    if json:
        print_json(life)
        return
    for line in told(life):
        out.print(line, markup=False)


def told(life: dict[str, Any]) -> list[str]:
    """The life in lines that read from top to bottom in the order things happened."""
    image = life["image"]
    lines = [
        f"image     {image['sha256']}",
        f"          {image['width']} x {image['height']} px, {image['format']} {image['mode']},"
        f" {image['bytes']:,} bytes" + ("" if image["bytes_kept"] else "; its bytes are not kept"),
        f"          pHash {image['phash'] or 'none (a plain picture)'}"
        + (f", group {image['group'][:16]}" if image["group"] else ""),
    ]
    for fetch in life["fetches"]:
        lines += [
            f"fetched   {_at(fetch['fetched_at'])} from {fetch['url']}",
            f"          by {fetch['source']}, attempt {fetch['attempts']}, on page {fetch['page_url'] or '–'}",
            f"          licence {fetch['license'] or 'unknown'}; author {fetch['author'] or 'unknown'}",
        ]
    for candidate in life["candidates"]:
        caption = f": “{candidate['caption']}”" if candidate["caption"] else ""
        lines.append(f"proposed  for {candidate['category']}{caption}")
    for item in life["items"]:
        what = f"{item['campaign']} ({item['kind']}{', ' + item['category'] if item['category'] else ''})"
        lines.append(f"item      {item['item']} of {what}: {item['state']}" + (", gold" if item["gold"] else ""))
        for judgment in item["judgments"]:
            lines.append(
                f"  judged  {_at(judgment['answered_at'])} {judgment['person']} ({judgment['role']}):"
                f" {jsons.dumps(judgment['answer'], ensure_ascii=False)}"
                + (f" in {judgment['active_ms'] / 1000:.1f} s" if judgment["active_ms"] else "")  # imported: not timed
                + (", undone" if judgment["undone"] else "")
            )
            lines += [f"          {_weighed(weight)}" for weight in judgment["weights"]]
        for other in item["other_evidence"]:
            question = f"{other['question']}: " if other["question"] else ""
            lines.append(
                f"  known   {question}{other['by']} made {other['supports']} {other['factor']:.3g} times as likely"
            )
        consensus = item["consensus"]
        if consensus:
            lines.append(
                f"  settled {consensus['state']}: {jsons.dumps(consensus['answer'], ensure_ascii=False)},"
                f" risk {consensus['risk']:.4f}, {consensus['n']} judgments, {consensus['method']}"
            )
    for member in life["releases"]:
        lines.append(
            f"released  {member['release']} as {member['key']}, {member['split']}, label {member['label']},"
            f" group {member['group'][:16]}"
        )
    for row in life["left_out"]:
        kept = f", kept {row['kept_sha256'][:16]} instead" if row.get("kept_sha256") else ""
        lines.append(f"left out  of {row['release']}: {row['reason']} {row.get('detail') or ''}{kept}".rstrip())
    for row in life["takedowns"]:
        lines.append(f"taken down {_at(row['at'])}: {row['reason'] or 'no reason given'}")
    return lines


def _weighed(weight: dict[str, Any]) -> str:
    question = f"{weight['question']}: " if weight["question"] else ""
    lighter = f" (weighs {weight['weight']:g}: suspicious)" if weight["weight"] < 1 else ""
    return f"{question}made {weight['supports']} {weight['factor']:.3g} times as likely{lighter}"


def _at(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "–"
