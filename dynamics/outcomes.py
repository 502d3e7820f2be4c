"""How a trajectory ends."""

CENSORED, ESCAPED, DIVERGED = 0, 1, 2
"""Still on its way when last seen; past the absorbing level; not finite or beyond the stated bound."""
