"""Where the collector looks for `imaging.scans`: the app refuses the same pictures by it."""

from imaging.scans import too_many_scans

__all__ = ["too_many_scans"]
