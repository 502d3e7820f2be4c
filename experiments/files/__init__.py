"""Experiment files: one run, or a sweep over many, as TOML text."""
