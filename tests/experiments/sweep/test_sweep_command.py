"""The command: its flags, what it prints, its exit codes, and what it looks like on a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from saddlescape.experiments.command import main

from .small_sweeps import ESCAPE, SIGNALS, begun, digest, manifest, plain_digest, program, ranges
from .test_progress import screen
from .work import until

TEXT = ESCAPE.format(trajectories=700)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(TEXT)
    return path


def said(capsys: pytest.CaptureFixture[str], *tokens: object) -> tuple[int, str, str]:
    """Run the command in this process; return its exit code, stdout and stderr."""
    code = main([str(token) for token in ("sweep", *tokens)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_sweep_from_beginning_to_end(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my folder"
    code, out, err = said(capsys, file, "--out", folder, "--threads", 2)
    assert code == 0
    whole = digest(folder) or ""
    assert whole == plain_digest(manifest(file))
    lines = out.splitlines()
    assert re.fullmatch(r"\d+ units in \S+ s, \S+ steps; \d+ in .*my folder", lines[0])
    assert lines[1:] == [
        f"complete: 4 settings; digest {whole[:16]}  (first 16 of 64)",
        f"read it: saddlescape summary '{folder}'",
    ]
    assert "planned" in err
    assert err.splitlines()[-1].startswith("100 %, ")
    code, out, err = said(capsys, file, "--out", folder, "--json", "--quiet")
    assert code == 0
    told = json.loads(out)
    assert (told["ran"], told["left"], told["complete"], told["digest"]) == (0, 0, True, whole)
    assert err.startswith("saddlescape: resumed; ")
    assert len(err.splitlines()) == 1


def test_json_lines_are_all_that_is_on_stderr(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for _ in range(2):
        code, out, err = said(capsys, file, "--out", tmp_path / "out", "--progress", "json", "--json")
        assert code == 0
        told = [json.loads(line) for line in err.splitlines()]
        assert told[-1]["event"] == "end"
        assert told[-1]["units_done"] == told[-1]["units"] == json.loads(out)["units"]
    assert [each["event"] for each in told] == ["note", "start", "end"]


def test_a_member_of_a_job_array_says_what_it_did(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(tmp_path / "out", file)
    code, out, _ = said(capsys, file, "--out", tmp_path / "out", "--shard", "1/2", "--quiet")
    assert code == 0
    assert out.splitlines()[-1].startswith("this part is complete; ")
    code, out, _ = said(capsys, file, "--out", tmp_path / "out", "--shard", "2/2", "--quiet")
    assert code == 0
    assert digest(tmp_path / "out") == plain_digest(manifest(file))


REFUSED: list[tuple[list[str], str]] = [
    (["FILE"], "--out is required"),
    (["--out", "x"], "the file comes before --out"),
    (["FILE", "--out", "OUT", "--shard", "0/4"], "--shard=0/4 must be i/n"),
    (["FILE", "--out", "OUT", "--shard", "5/4"], "--shard=5/4 must be i/n"),
    (["FILE", "--out", "OUT", "--shard", "half"], "--shard=half must be i/n"),
    (["FILE", "--out", "OUT", "--threads", "0"], "threads=0 must lie in"),
    (["FILE", "--out", "OUT", "--threads", "2", "--processes", "2"], "exclude each other"),
    (["FILE", "--out", "OUT", "--progress", "much"], "much"),
    (["FILE", "--out", "OUT", "--most-hours", "-1"], "--most-hours=-1 must be above 0"),
    (["FILE", "--out", "OUT", "--theads", "2"], "--threads"),
    (["nowhere.toml", "--out", "OUT"], "nowhere.toml"),
    (["FILE", "--out", "FILE"], "is not a folder"),
    (["FILE", "--out", "OUT/" + "x" * 300], "File name too long"),
    (["FILE", "--out", "/proc/self/sweep"], "not writable"),
    (["FILE", "--out", "/proc/self/sweep", "--dry-run", "--threads", "0"], "threads=0"),
]


@pytest.mark.parametrize(("tokens", "reason"), REFUSED, ids=[" ".join(tokens)[:40] for tokens, _ in REFUSED])
def test_what_is_refused_is_told_in_one_line(
    tokens: list[str], reason: str, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [token.replace("FILE", str(file)).replace("OUT", str(tmp_path / "out")) for token in tokens]
    code, out, err = said(capsys, *filled)
    assert code == 2
    assert not out
    assert err.startswith("saddlescape: ")
    assert err.count("\n") == 1
    assert reason in err
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"], "nothing is left"


def test_help_tells_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--help")
    assert code == 0
    for flag in ("--out", "--threads", "--processes", "--scheduler", "--shard", "--dry-run", "--update", "--progress"):
        assert flag in out
    for word in ("planning", "interrupted", "eta", "steps_per_second"):
        assert word in out, "what is in a JSON line"


def test_a_dry_run_writes_nothing(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, file, "--out", tmp_path / "out", "--dry-run")
    assert code == 0
    assert "settings" in out
    assert not (tmp_path / "out").exists()


def test_a_changed_file_is_refused_and_taken_with_update(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert said(capsys, file, "--out", folder, "--quiet")[0] == 0
    file.write_text(TEXT.replace("lr = 0.1", "lr = 0.11"))
    code, out, err = said(capsys, file, "--out", folder, "--quiet")
    assert (code, out) == (2, "")
    assert "4 settings no longer in it" in err
    assert err.count("\n") == 1
    assert said(capsys, file, "--out", folder, "--quiet", "--update")[0] == 0
    assert digest(folder) == plain_digest(manifest(file))


@pytest.mark.parametrize("how", ["lines", "json", "bar"])
def test_a_reader_that_leaves_does_not_end_the_sweep(how: str, file: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    with program("sweep", file, "--out", tmp_path / "out", "--progress", how, stderr=write) as process:
        os.close(write)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "complete: 4 settings" in stdout
    assert digest(tmp_path / "out") == plain_digest(manifest(file))


# On a terminal.


class Terminal:
    """A command on a terminal of its own, 100 columns wide."""

    def __init__(self, *tokens: object) -> None:
        code = f"{SIGNALS}\nfrom saddlescape.experiments.command import run; run()"
        self.near, far = pty.openpty()
        os.set_blocking(self.near, False)
        environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "CI")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, tokens)],
            stdin=far,
            stdout=far,
            stderr=far,
            env=environment | {"TERM": "xterm-256color", "COLUMNS": "100"},
            start_new_session=True,
            preexec_fn=_controlling,
        )
        os.close(far)
        self.text = ""

    def read(self) -> str:
        """Take in what was written until now."""
        while select.select([self.near], [], [], 0.02)[0]:
            try:
                found = os.read(self.near, 65536)
            except OSError:  # the other side is closed
                break
            if not found:
                break
            self.text += found.decode()
        return self.text

    def type(self, key: bytes) -> None:
        os.write(self.near, key)

    def ended(self) -> int:
        until(lambda: self.read() is None or self.process.poll() is not None)
        self.read()
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.near)


def _controlling() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def on_terminal(tmp_path: Path) -> Any:
    opened: list[Terminal] = []

    def start(text: str, size: int) -> tuple[Terminal, Path, Path]:
        file, folder = tmp_path / "s.toml", tmp_path / "out"
        file.write_text(text)
        begun(folder, file, size)
        opened.append(Terminal("sweep", file, "--out", folder, "--threads", "2"))
        return opened[-1], file, folder

    yield start
    for each in opened:
        each.close()


LONG = TEXT.replace("[3.0, 4.0]", "[0.6, 0.7]").replace("trajectories = 700", "trajectories = 2048")
ENDLESS = TEXT.replace("[3.0, 4.0]", "[0.1]").replace("trajectories = 700", "max_steps = 1_000_000_000_000")


def test_ctrl_c_on_a_terminal(on_terminal: Any) -> None:
    terminal, file, folder = on_terminal(LONG, 512)
    until(lambda: re.search(r"\d+ %, .*0 of 4 settings, [1-9]\d* of 16 units, 2 workers", terminal.read()))
    terminal.type(b"\x03")
    assert terminal.ended() == 130
    shown = screen(terminal.text.replace("^C", ""), 100)
    command = f"saddlescape sweep {file} --out {folder} --threads 2"
    wrapped = "\n".join(shown).replace("\n", "")
    assert "━" not in wrapped, "the bar is gone"
    found = re.fullmatch(
        r"saddlescape: resumed; 0 units there alreadyfinishing (\d) units?; once more stops at once"
        rf"go on later with: {re.escape(command)}\d+ units in \S+ s, \S+ steps; (\d+) in {re.escape(str(folder))}"
        rf"(\d+) (?:units are|unit is) missing; go on with: {re.escape(command)}",
        wrapped,
    )
    assert found, "\n".join(shown)
    assert int(found[2]) == len(ranges(folder)) == 16 - int(found[3])
    print("\n" + "\n".join(shown))


def test_ctrl_c_twice_on_a_terminal(on_terminal: Any) -> None:
    terminal, _, folder = on_terminal(ENDLESS, 1024)
    until(lambda: "2 workers" in terminal.read())
    terminal.type(b"\x03")
    until(lambda: "once more stops at once" in terminal.read())
    time.sleep(0.3)
    assert terminal.process.poll() is None
    terminal.type(b"\x03")
    assert terminal.ended() == 130
    shown = "".join(screen(terminal.text.replace("^C", ""), 100))
    assert "━" not in shown
    assert "units are missing" in shown
    assert ranges(folder) == []


def test_a_terminal_that_goes_away_leaves_a_folder_to_go_on_with(on_terminal: Any) -> None:
    terminal, file, folder = on_terminal(LONG, 512)
    until(lambda: "2 workers" in terminal.read())
    os.close(terminal.near)  # a hang-up: the kernel sends SIGHUP, which ends it
    terminal.near = os.open(os.devnull, os.O_RDONLY)
    assert terminal.process.wait(timeout=30) in (-signal.SIGHUP, 0, 130)
    assert main(["sweep", str(file), "--out", str(folder), "--quiet"]) == 0
    assert digest(folder) == plain_digest(manifest(file))
