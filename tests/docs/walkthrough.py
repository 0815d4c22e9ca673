"""Does what a page tells its reader to do: python -m tests.docs.walkthrough README.md. Works in a
clone of its own.

The page's fenced blocks are taken in order. What the first line of a block says after the three
backticks decides:

    sh              run in the clone's folder, as a script that ends at the first failure
    sh background   started, as in a terminal of its own; ends where the next such block starts, or
    with the page
    sh not-run      not run: its first line is a comment that says why
    text            after one of these: what is shown then, with ... for what differs from time to
    time
    LANGUAGE file=PATH    written to that file

Ports that the page names are replaced by free ones, and back again in what is compared.
"""

import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from testing.process import Process, free_port, until
from tests.docs.markdown import blocks

ROOT = Path(__file__).resolve().parents[2]
PAGE_PORTS = ("3233", "8080")
SECONDS = 240


def clone_of_head(folder):
    """The last commit as a stranger gets it."""
    clone = Path(folder) / "serverless-max-models"
    subprocess.run(
        ["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, stdout=subprocess.DEVNULL
    )
    return clone


def stranger(home, port, **variables):
    """Somebody's environment who has a shell and nothing set up; where packages come from, and what
    mypy knows of them, is the machine's affair."""
    own = Path(sys.prefix) / "bin"
    path = [
        part
        for part in os.environ["PATH"].split(os.pathsep)
        if Path(part) != own or sys.prefix == sys.base_prefix
    ]
    kept = {
        name: value
        for name, value in os.environ.items()
        if re.match(r"PIP_|SSL_|https?_proxy|no_proxy", name, re.I)
    }
    kept.update(PATH=os.pathsep.join(path), HOME=str(home), LC_ALL="C.UTF-8", PORT=str(port))
    kept.update(MYPY_CACHE_DIR=str(ROOT / ".mypy_cache"), **variables)
    return kept


def pattern_from_shown(text):
    """A regular expression for an output in which ... stands for anything."""
    return re.compile(
        ".*?".join(re.escape(part) for part in text.strip().split("...")) + r"\Z", re.S
    )


def replaced(text, ports):
    return re.sub(r"\b(%s)\b" % "|".join(ports), lambda match: ports[match.group()], text)


class Walkthrough:
    """One page in one clone."""

    def __init__(self, clone, home, **variables):
        self.clone, self.home = Path(clone), Path(home)
        self.ports = {port: str(free_port()) for port in PAGE_PORTS}
        self.environ = stranger(home, self.ports[PAGE_PORTS[0]], **variables)
        self.background = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.background.close()

    def follow(self, text):
        """How many blocks were run; raises AssertionError at the first that doesn't do what the
        page says."""
        page, count = blocks(text), 0
        for block, following in zip(page, [*page[1:], None]):
            shown = following.text if following and following.language == "text" else None
            file = next((word[5:] for word in block.words if word.startswith("file=")), None)
            if file:
                self.write(file, block.text)
            elif block.language == "sh" and block.words == []:
                self.run(block, shown)
            elif block.language == "sh" and block.words == ["background"]:
                self.start(block, shown)
            else:
                continue
            count += block.language == "sh"
        return count

    def write(self, name, text):
        path = self.clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(replaced(text, self.ports), encoding="utf-8")

    def run(self, block, shown):
        done = subprocess.run(
            self.command(block),
            cwd=str(self.clone),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
        )
        output = self.as_on_the_page(done.stdout.decode("utf-8", "replace"))
        said = f"{output}{done.stderr.decode('utf-8', 'replace')}"
        assert done.returncode == 0, (
            f"line {block.line}: status {done.returncode}\n{block.text}\n{said}"
        )
        self.compare(block, output, shown)

    def start(self, block, shown):
        """Ready when it has printed what the page shows."""
        self.background.close()
        logs = tempfile.mkdtemp(dir=str(self.home))
        process = self.background.enter_context(
            Process(self.command(block), self.clone, self.environ, logs)
        )
        pattern = pattern_from_shown(shown)

        def output():
            return self.as_on_the_page(process.stdout)

        until(
            lambda: pattern.match(output().strip()) or process.popen.poll() is not None,
            lambda: f"line {block.line}: expected {shown}, got {output()}{process.stderr}",
            SECONDS,
        )
        assert process.popen.poll() is None, f"line {block.line}: it has ended: {process.log}"

    def command(self, block):
        return ["bash", "-e", "-o", "pipefail", "-c", replaced(block.text, self.ports)]

    def as_on_the_page(self, output):
        return replaced(output, {free: port for port, free in self.ports.items()})

    def compare(self, block, output, shown):
        if shown is not None:
            matches = pattern_from_shown(shown).match(output.strip())
            assert matches, f"line {block.line}: the page shows\n{shown}\nand this came:\n{output}"


def main(pages):
    for page in pages:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            home.mkdir()
            with Walkthrough(clone_of_head(folder), home) as walkthrough:
                count = walkthrough.follow(Path(page).read_text(encoding="utf-8"))
        print(f"{page}: {count} blocks do what the page says")


if __name__ == "__main__":
    main(sys.argv[1:])
