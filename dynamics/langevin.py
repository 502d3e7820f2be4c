"""The overdamped Langevin equation, in any of its three conventions."""

import math
from typing import Any, NamedTuple, Self

from ..landscapes.checks import number, positive
from ..landscapes.interface import Rows, draw, gradient

CONVENTIONS = {"ito": 0.0, "stratonovich": 0.5, "anti-ito": 1.0}
"""Name -> where in a step the noise is evaluated, from its start to its end."""


class Langevin(NamedTuple):
    """Overdamped Langevin equation d theta = -grad L dt + (2D)^(1/2) dW, D = lr C/2 (Eq. 1).

    theta' = theta - dt grad L(theta) - (lr dt)^(1/2) C(theta~)^(1/2) xi, with C evaluated part of the way along the
    step, theta~ = theta + alpha (theta'_Ito - theta): alpha = 0 is Ito, 1/2 Stratonovich, 1 anti-Ito. All three stay
    right where C jumps. Ito with lr = dt is SGD, step for step.

    Parameters
    ----------
    dt
        Time step (dynamical time).
    convention
        What a noise that depends on theta means: "ito", "stratonovich" or "anti-ito" (Haenggi-Klimontovich), or alpha.
    lr
        Learning rate of the SGD whose diffusion this is; default dt.

    Notes
    -----
    With R = (lr C)^(1/2), the scheme is the Ito equation with the added drift alpha sum_jk R_kj d_k R_ij. Anti-Ito is
    meant to give dP/dt = div(P grad L + D grad P), which needs the drift sum_k d_k D_ik with D = R R^T/2. In one
    dimension they agree; in more, for alpha = 1, where

        sum_jk (R_kj d_k R_ij - R_ij d_k R_kj) = 0 for every i:

    in particular where C keeps its eigenvectors everywhere, whatever its eigenvalues do. Where they turn, the scheme
    gives the end-point equation of the root R that the noise draws with; Stratonovich depends on R too, Ito never does.
    """

    dt: float = 0.05
    convention: str | float = "ito"
    lr: float | None = None

    def check(self) -> Self:
        """Return the rule with dt and lr above 0, lr filled in, and the convention as alpha."""
        dt = positive("dt", self.dt, "time goes forward")
        return self._replace(
            dt=dt,
            convention=position(self.convention),
            lr=dt if self.lr is None else positive("lr", self.lr, "it scales the diffusion, D = lr C/2"),
        )

    def convention_name(self) -> str:
        """Return the name of the convention."""
        alpha = position(self.convention)
        return next(name for name, value in CONVENTIONS.items() if value == alpha)

    def time_step(self) -> float:
        """Return the dynamical time of one step."""
        return self.dt

    def max_time_step(self, curvature: float) -> float:
        """Return the largest stable dt on this curvature: |1 - dt h| <= 1."""
        return 2.0 / curvature

    def bridge_factor(self: Any) -> float:
        """Return the variance of one step over C."""
        return float(self.dt * self.lr)

    def rows(self) -> int:
        """Return the rows of state: theta and the drift at the start of a step."""
        return 2

    def start(self, j: int, theta: Rows, state: Any) -> None:
        """Set nothing: there is no memory."""

    def advance(
        self: Any, landscape: Any, noise: Any, theta: Rows, z: Rows, g: Rows, state: Any, t: Any, gain: Rows
    ) -> None:
        """Take one step."""
        # In units of the noise: the step is (lr dt)^(1/2) [(dt/lr)^(1/2) grad L + C^(1/2) z].
        ratio = math.sqrt(self.lr / self.dt)
        step = self.dt * ratio
        gradient(landscape, theta, g)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                g[i, j] /= ratio
                state[0, i, j] = theta[i, j]
                state[1, i, j] = g[i, j]
        draw(noise, landscape, theta, z, g)
        if self.convention != 0.0:
            reach = self.convention * step
            for i in range(theta.shape[0]):
                for j in range(theta.shape[1]):
                    theta[i, j] -= reach * g[i, j]
                    g[i, j] = state[1, i, j]
            draw(noise, landscape, theta, z, g)
        for i in range(theta.shape[0]):
            for j in range(theta.shape[1]):
                theta[i, j] = state[0, i, j] - step * g[i, j]


def position(convention: Any) -> float:
    """Return alpha of a convention given by name or as alpha."""
    names = ", ".join(f"{name!r}" for name in CONVENTIONS)
    if isinstance(convention, str):
        if convention not in CONVENTIONS:
            raise ValueError(f"convention={convention!r} must be one of {names}")
        return CONVENTIONS[convention]
    alpha = number("convention", convention)
    if alpha not in CONVENTIONS.values():
        raise ValueError(f"convention={convention} must be one of {names}, or 0, 0.5, 1")
    return alpha
