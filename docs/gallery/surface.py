"""A landscape as a surface, with an escape on it.

Three hollows in a high plain, joined by two passes: a trajectory of SGD leaves the deepest one. Lines of equal loss
and parts of the path behind a hill are left out. Try another elevation, or less noise, and wait longer.
"""

import saddlescape as ss

TRAJECTORIES = 200

plot = ss.plot.figure("surface", trajectories=TRAJECTORIES, elevation=45.0)
print(plot.caption)
figure = plot.draw()
figure.savefig("surface.png")
