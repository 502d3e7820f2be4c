"""Floor 3: the statements, their closed forms and the exact references."""
