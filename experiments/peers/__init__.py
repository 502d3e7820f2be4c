"""Contestants of ``saddlescape bench``: this package, and peers where they are installed."""

PEERS = {
    "saddlescape": "this_package",
    "numpy": "numpy_peer",
    "c++": "cpp",
    "jax": "jax_peer",
    "torch": "torch_peer",
    "diffrax": "diffrax_peer",
    "pyito": "pyito_peer",
}
"""Name on the command line -> its module here, loaded when it is asked for."""
