"""What follows `python -m train`: one module a command, each with `make_parser()` and `main(words)`."""

# The first word of a command line; without one of these it is `run`, whose first word is the data.
COMMANDS = {
    "describe": "train.commands.describe",
    "predict": "train.commands.predict",
    "features": "train.commands.features",
    "export": "train.commands.export",
    "compare": "train.commands.compare",
    "bench": "train.commands.bench",
    "head": "train.commands.head",
    "search": "train.commands.search",
}
RUN = "train.commands.run"

__all__ = ["COMMANDS", "RUN"]
