"""`python -m train export RUN`: a trained network as a torch.export program or as ONNX."""

from pathlib import Path

from train.commands.parsing import Parser


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train export",
        description="Write a trained network for other programs, checked to 1e-4 for several batch sizes.",
    )
    parser.add_argument("run", help="a run's folder, or its best.pt")
    parser.add_argument("--onnx", action="store_true", help="ONNX instead of torch.export's form (.pt2)")
    parser.add_argument("--out", help="the file (default: network.pt2 or network.onnx in the run's folder)")
    parser.add_argument(
        "--preprocessing",
        action="store_true",
        help="take uint8 [batch, side, side, 3] and give calibrated probabilities (default: normalised in, logits out)",
    )
    return parser


def main(words: list[str]) -> int:
    """Write the file, and say what it takes."""
    asked = make_parser().parse_args(words)
    from train.export import export_onnx, export_torch
    from train.saved import open_saved

    place = Path(asked.run)
    saved = open_saved(place, "cpu")
    folder = place if place.is_dir() else place.parent
    file = Path(asked.out) if asked.out else folder / ("network.onnx" if asked.onnx else "network.pt2")
    difference = (export_onnx if asked.onnx else export_torch)(saved, file, asked.preprocessing)
    takes = (
        f"uint8 [batch, {saved.size}, {saved.size}, 3]"
        if asked.preprocessing
        else (
            f"float32 [batch, 3, {saved.size}, {saved.size}], (pixel - mean) / std with mean "
            f"{short(saved.settings['mean'])} and std {short(saved.settings['std'])} of 0..1"
        )
    )
    print(f"file     {file}")
    print(f"takes    {takes}")
    print(f"gives    {'probabilities' if asked.preprocessing else 'logits'} [batch, {len(saved.categories)}]")
    print(f"checked  batches of 1, 3 and 6, largest difference {difference:.1e}")
    return 0


def short(values: list[float]) -> str:
    """Numbers as a person reads them."""
    return ", ".join(f"{value:.4f}" for value in values)
