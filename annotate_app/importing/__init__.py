"""Answers from files into a campaign: as judgments of people, or as suggestions of a model."""

from annotate_app.importing.chunks import ImportResult
from annotate_app.importing.judgments import ImportWish, import_judgments
from annotate_app.importing.rows import Bad
from annotate_app.importing.suggestions import forget_suggestions, hide_suggestions, import_suggestions

__all__ = [
    "Bad",
    "ImportResult",
    "ImportWish",
    "forget_suggestions",
    "hide_suggestions",
    "import_judgments",
    "import_suggestions",
]
