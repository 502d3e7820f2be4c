"""Floor 4: one question a file; records on disk, figures and the command line."""
