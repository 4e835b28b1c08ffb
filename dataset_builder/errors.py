"""What goes wrong when a release is built, checked or published, told so that a person can mend it."""

from label_store import CairnError, UsageError


class BuildError(CairnError):
    """A release could not be cut, or was refused; nothing was published."""


class RecipeError(UsageError):
    """The recipe, or a flag that overrides it, is wrong (exit 2)."""


class PublishError(CairnError):
    """A release could not be copied whole to where it was to go; the manifest was not put there."""
