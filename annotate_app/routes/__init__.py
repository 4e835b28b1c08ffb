"""Thin routes, one file a subject; each declares who may call it."""
