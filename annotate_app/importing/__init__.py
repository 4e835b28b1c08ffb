"""Answers from files into a campaign: judgments that people gave elsewhere."""

from annotate_app.importing.judgments import ImportResult, ImportWish, import_judgments
from annotate_app.importing.rows import Bad

__all__ = ["Bad", "ImportResult", "ImportWish", "import_judgments"]
