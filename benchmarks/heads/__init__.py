"""Rendered scenes, drawn around by simulated people, on their way to networks that find and outline objects."""
