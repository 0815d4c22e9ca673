"""Builds the pages as a website: python -m docs.site. Writes build/pages/ and site/.

Pages link to files everywhere in the project, so all that git knows is copied.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = Path("build") / "pages"
# Whose Markdown isn't a page of ours.
LEFT_OUT = ("tests/vectors/",)


def tracked():
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    names = listed.stdout.decode().split("\0")
    return [name for name in names if name and not name.startswith(LEFT_OUT)]


def copy_pages(target):
    shutil.rmtree(target, ignore_errors=True)
    for name in tracked():
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
            if source.suffix == ".md":
                text = source.read_text(encoding="utf-8")
                (target / name).write_text(as_mkdocs_reads_it(text), encoding="utf-8")


def as_mkdocs_reads_it(text):
    """Without the words for our tests that stand behind a block's language."""
    return re.sub(r"(?m)^```(\w+) .*$", r"```\1", text)


def main():
    copy_pages(ROOT / PAGES)
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(command, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
