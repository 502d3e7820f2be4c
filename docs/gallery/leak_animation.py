"""A cloud leaks out of a well while its survival curve grows.

Dots are trajectories of SGD in a double well; one that reaches the far minimum turns into a star and is taken out. The
cloud keeps its shape while it thins out, which is why escape is memoryless: the share left falls along a straight line
on a logarithmic scale, after a short lag. Try a variance of 8, where the lag is as long as the wait, or ss.Momentum.
"""

import saddlescape as ss

TRAJECTORIES = 1000
FRAMES = 100

plot = ss.plot.figure(
    "leak-animation",
    rule=ss.SGD(lr=0.05),
    landscape=ss.QuarticWell(barrier=0.25, transverse_min=[1.0]),
    noise=ss.IsotropicNoise(variance=5.0),
    trajectories=TRAJECTORIES,
    frames=FRAMES,
)
print(plot.caption)
plot.save("leak_animation.gif")
figure = plot.draw()
figure.savefig("leak_animation.png")
