"""The command line: its commands, and how it ends."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from cyclopts import App, CycloptsError, Group

from .. import __version__
from .refusals import InputError, nearest, one_of

BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 1
"""Exit codes; 0 otherwise, whatever the verdict. A broken pipe ends the pages of rich with 1, hence ours too."""

# Name -> (what it asks, the module whose ``answer`` runs it). A module is loaded when its command is given.
COMMANDS = {
    "escape": ("How long does a rule take to leave a minimum?", "question"),
    "saddle": ("How fast does a rule spread along each direction of a saddle?", "question"),
    "run": ("Run an experiment file: what its flags would have done.", "run_command"),
    "init": ("Write an experiment file to begin with, every line explained.", "init_command"),
    "sweep": ("Run an experiment file of many settings; stop it and go on whenever you like.", "sweep_command"),
    "merge": ("Put folders of one sweep together: the parts of a job array.", "merge_command"),
    "summary": ("What did a sweep find? A table of its settings, sorted and filtered.", "summary_command"),
    "export": ("Write a sweep as NetCDF, Parquet or CSV.", "export_command"),
    "flatness": ("How does escape slow with the flatness of a minimum?", "flatness_command"),
    "verify": ("Is each statement true, where, and by how much is it off?", "verify_command"),
    "regime": ("Where does a statement hold, and how far is it off elsewhere?", "regime_command"),
    "derive": ("Where does a statement come from?", "derive"),
    "converge": ("How fast do gradients fade, beside the bound of Theorem 4?", "convergence"),
    "plot": ("Draw a figure of the theory at work, with its data and the command that made it.", "plot_command"),
    "gallery": ("Make every figure, with a page of thumbnails.", "gallery"),
    "report": ("Make a folder of results into one page, its verdicts first.", "report_command"),
    "bench": ("How fast is this package beside its peers, on the same work?", "bench"),
}


BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""Where linear algebra looks for its number of threads when it is loaded."""


def run() -> None:
    """Run the command line as a program."""
    if sys.stderr is None:  # closed by who called: notes have nowhere to go
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    # The exact references multiply many small matrices: twice as fast on one thread, tenfold on a busy machine, and
    # the last bit does not depend on the number of cores.
    for name in BLAS:
        os.environ.setdefault(name, "1")
    # A tenth of the start would go to collecting garbage that is not there while modules load, and a fifth of a second
    # at the end to freeing what the compiler holds.
    gc.set_threshold(200_000, 50, 50)
    code = main()
    sys.stderr.flush()
    os._exit(code)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; bad input is told in one line on stderr."""
    try:
        code = _main(list(sys.argv[1:] if tokens is None else tokens))
        sys.stdout.flush()
        return code
    except (InputError, CycloptsError) as error:
        print("saddlescape:", " ".join(str(error).split()), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go; without this Python would complain while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _main(tokens: list[str]) -> int:
    first = tokens[0] if tokens else "--help"
    if first in COMMANDS:
        says, module = COMMANDS[first]
        return int(import_module(f".{module}", __package__).answer(first, says, tokens[1:]))
    if first not in ("--help", "-h", "--version"):
        known = (*COMMANDS, "--help", "--version")
        raise InputError(f"there is no command {first!r}{nearest(first, known, one_of(COMMANDS))}")
    app = App(
        name="saddlescape",
        help="What a stochastic optimizer does near a saddle and in a valley, and whether the theory of it is true.",
        help_format="plaintext",
        usage="Usage: saddlescape COMMAND ...",
        version=f"saddlescape {__version__}",
    )
    return _print_help(app, {name: says for name, (says, _) in COMMANDS.items()}, first)


def print_members(command: str, says: str, members: dict[str, str], word: str) -> int:
    """Print the help of a command that is told a member of a table before its flags; return the exit code.

    Parameters
    ----------
    command
        Its name.
    says
        What it does.
    members
        Name -> what it is.
    word
        What the members are called.
    """
    app = App(
        name=f"saddlescape {command}",
        help=says,
        help_format="plaintext",
        usage=f"Usage: saddlescape {command} {word.upper()} [OPTIONS]",
        version_flags=[],
    )
    return _print_help(app, members, "--help", f"{word.capitalize()}s")


def _print_help(app: App, members: dict[str, str], token: str, title: str = "") -> int:
    """Print help (or what else the token asks for) with these members listed under a title; return the exit code."""
    group = Group(title) if title else None
    for name, says in members.items():
        app.command(App(name=name, help=says, help_format="plaintext", group=group))
    command, arguments, _ = app.parse_args([token], exit_on_error=False, print_error=False)
    result = command(*arguments.args, **arguments.kwargs)
    if isinstance(result, str):
        print(result)
    return 0
