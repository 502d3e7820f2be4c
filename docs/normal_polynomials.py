"""Print the polynomials of the normal transforms: minimax fits by the Remez exchange.

They stand in dynamics/box_muller.py and, rounded to float32, in dynamics/box_muller_single.py.

Run with ``python docs/normal_polynomials.py``; each line gives a name, the largest error and the coefficients from
the constant term up. The errors are asserted in tests/dynamics/test_box_muller.py.
"""

import mpmath as mp

mp.mp.dps = 40
GRID = 4000


def remez(function, low, high, degree, rounds=20):
    """Return the coefficients and the error of the polynomial with the smallest largest error on [low, high]."""
    count = degree + 2
    nodes = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * k / (count - 1)) for k in range(count)]
    grid = [low + (high - low) * mp.mpf(k) / GRID for k in range(GRID + 1)]
    values = [function(x) for x in grid]
    for _ in range(rounds):
        matrix = mp.matrix(count, count)
        for i, x in enumerate(nodes):
            for k in range(degree + 1):
                matrix[i, k] = x**k
            matrix[i, degree + 1] = (-1) ** i
        solution = mp.lu_solve(matrix, mp.matrix([function(x) for x in nodes]))
        coefficients = [solution[k] for k in range(degree + 1)]
        error = [value - mp.polyval(coefficients[::-1], x) for x, value in zip(grid, values, strict=True)]
        # The next nodes are the largest deviation in each stretch of one sign.
        peaks = [0]
        for k in range(1, GRID + 1):
            if mp.sign(error[k]) != mp.sign(error[peaks[-1]]):
                peaks.append(k)
            elif abs(error[k]) > abs(error[peaks[-1]]):
                peaks[-1] = k
        if len(peaks) != count or [grid[k] for k in peaks] == nodes:
            break
        nodes = [grid[k] for k in peaks]
    return coefficients, max(map(abs, error))


def log_ratio(t):
    """log(1 + t) / t."""
    return mp.log1p(t) / t if t else mp.mpf(1)


def sine_ratio(y):
    """sin(pi v / 2) / v of y = v^2."""
    return mp.sin(mp.pi / 2 * mp.sqrt(y)) / mp.sqrt(y) if y else mp.pi / 2


def cosine(y):
    """cos(pi v / 2) of y = v^2."""
    return mp.cos(mp.pi / 2 * mp.sqrt(y))


if __name__ == "__main__":
    root = mp.sqrt(2)
    for name, function, low, high, degree in (
        ("LOG", log_ratio, 1 / root - 1, root - 1, 11),
        ("SINE", sine_ratio, mp.mpf(0), mp.mpf(1), 5),
        ("COSINE", cosine, mp.mpf(0), mp.mpf(1), 6),
        ("LOG, float32", log_ratio, 1 / root - 1, root - 1, 8),
        ("SINE, float32", sine_ratio, mp.mpf(0), mp.mpf(1), 4),
        ("COSINE, float32", cosine, mp.mpf(0), mp.mpf(1), 4),
    ):
        coefficients, error = remez(function, low, high, degree)
        print(name, "error", mp.nstr(error, 3))
        for c in coefficients:
            print("   ", repr(float(c)))
