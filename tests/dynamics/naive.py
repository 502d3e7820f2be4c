"""Slow oracles: one trajectory, NumPy vectors (d,), straight from the published equations.

Each takes gradients (T, d), or a function of theta that returns one, and yields theta after each step.
"""

import numpy as np


def run(update, start, gradients):
    """Return theta before the first step and after each, (T + 1, d); update(theta, g, t) returns the new theta."""
    path = [np.array(start, dtype=float)]
    for t, g in enumerate(gradients, start=1):
        path.append(update(path[-1], np.asarray(g, dtype=float), t))
    return np.array(path)


def sgd(start, gradients, *, lr, weight_decay=0.0):
    return run(lambda theta, g, t: theta - lr * (g + weight_decay * theta), start, gradients)


def momentum(start, gradients, *, lr, beta1, beta3, weight_decay=0.0):
    m = np.zeros_like(np.asarray(start, dtype=float))

    def update(theta, g, t):
        nonlocal m
        m = beta1 * m + beta3 * (g + weight_decay * theta)
        return theta - lr * m

    return run(update, start, gradients)


def adam(start, gradients, *, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False):
    m = v = np.zeros_like(np.asarray(start, dtype=float))

    def update(theta, g, t):
        nonlocal m, v
        if decoupled:
            theta = theta * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return theta - lr * m_hat / (np.sqrt(v_hat) + eps)

    return run(update, start, gradients)


def adai(start, gradients, *, lr, beta0, beta2, eps, weight_decay=0.0, dampening=1.0, decoupled=False):
    m = v = np.zeros_like(np.asarray(start, dtype=float))
    inertias = []

    def update(theta, g, t):
        nonlocal m, v
        if decoupled:
            theta = theta * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * theta
        v = beta2 * v + (1 - beta2) * g**2
        v_hat = v / (1 - beta2**t)
        mean = np.mean(v_hat)
        ratio = v_hat / mean if mean > 0 else np.zeros_like(v_hat)
        mu = np.clip(1 - beta0 * ratio ** (1 / (3 - 2 * dampening)), 0, 1 - eps)
        inertias.append(mu)
        m = mu * m + (1 - mu) ** dampening * g
        m_hat = m / (1 - np.prod(inertias, axis=0))
        return theta - lr * beta0 ** (1 - dampening) * m_hat

    return run(update, start, gradients)
