"""Sweeps: hundreds of settings from one file, cut in units that any process or machine can run, kept on disk."""
