"""A result as text."""

from benchmarks.cifar.chain import CAMPAIGNS, MODEL, PUBLISHED, Result


def table(result: Result) -> str:
    """The figures as text."""
    found = result.duplicates
    known = (
        f"known duplicates found       {found.same_shot_found} of {found.same_shot} of the same shot,"
        f" {found.similar_shot_found} of {found.similar_shot} of a similar shot;"
        f" {found.left_out} pictures left out"
    )
    lines = [
        result.machine,
        f"{result.images:,} pictures, {result.epochs} epochs of {MODEL}, seed {result.seed}",
        "",
        f"collected                    {result.collected:,} of {result.images:,}",
        "",
        f"{'label error':<20}{'pictures':>10}{'consensus':>12}{'majority':>12}{'one person':>12}{'estimated':>12}",
    ]
    for split, labels in result.labels.items():
        estimated = "" if labels.estimated is None else f"{labels.estimated:.2%}"
        lines.append(
            f"  {split + ', ' + CAMPAIGNS[split]:<18}{labels.pictures:>10,}{labels.consensus:>12.2%}"
            f"{labels.majority:>12.2%}{labels.one_annotator:>12.2%}{estimated:>12}"
        )
    lines += [
        f"  {'published, train':<18}{50_000:>10,}{'':>12}{PUBLISHED['majority']:>12.2%}{'17-18 %':>12}",
        "",
        known,
        f"release                      {', '.join(f'{n:,} {split}' for split, n in result.splits.items())}; verified",
        "",
        f"{'trained on':<20}{'samples':>10}{'label error':>12}{'test accuracy (clean labels)':>32}",
    ]
    for kind, one in result.trained.items():
        interval = f"{one.test_accuracy:.1%} ({one.test_low:.1%} to {one.test_high:.1%}, {one.test_samples:,})"
        lines.append(f"  {kind:<18}{one.samples:>10,}{one.label_error:>12.2%}{interval:>32}")
    lines += ["", f"{'stage':<28}{'seconds':>9}{'CPU seconds':>13}"]
    stages = {**result.seconds, "all": sum(result.seconds.values())}
    cpu = {**result.cpu_seconds, "all": sum(result.cpu_seconds.values())}
    lines += [f"  {name:<26}{seconds:>9.1f}{cpu[name]:>13.1f}" for name, seconds in stages.items()]
    return "\n".join(lines)
