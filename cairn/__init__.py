"""The front door: the `cairn` command line, the demo, `explain` and `doctor`."""
