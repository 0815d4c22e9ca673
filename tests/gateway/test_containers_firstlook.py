"""What is said of a folder before anything in it is started."""

import pytest

from gateway.containers.firstlook import doubts, obstacle, script_of

SH = ("/bin/sh", "-c")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "dockerfile", [None, "", "FROM x\n", "FROM x\nCMD\n", "FROM x\nCMD []\n", "CMD a\nFROM x\n"]
)
def test_a_folder_without_anything_to_start_is_no_models(folder, dockerfile):
    if dockerfile is not None:
        (folder / "Dockerfile").write_text(dockerfile)
    said = obstacle(str(folder))
    assert said.startswith(f"{folder} has no Dockerfile with a CMD or ENTRYPOINT, and no app.py: ")
    (folder / "app.py").write_text("")
    assert (obstacle(str(folder)), doubts(str(folder))) == (None, [])


@pytest.mark.parametrize("line", ["CMD serve", 'CMD ["python", "app.py"]', 'ENTRYPOINT ["serve"]'])
def test_what_a_dockerfile_starts_may_be_anything(folder, line):
    (folder / "Dockerfile").write_text(f"FROM x\n{line}\n")
    assert obstacle(str(folder)) is None


def test_a_script_that_is_not_there(folder):
    (folder / "Dockerfile").write_text("FROM x\nCMD python serve.py\n")
    assert doubts(str(folder)) == [f"{folder} has no serve.py, which its start command runs."]
    (folder / "serve.py").write_text("")
    assert doubts(str(folder)) == []


def test_a_script_that_a_dockerfile_would_have_put_elsewhere(folder):
    (folder / "Dockerfile").write_text(
        "FROM x\nWORKDIR /srv\nCOPY src /srv/src\nWORKDIR src\nCMD exec python serve.py\n"
    )
    (said,) = doubts(str(folder))
    assert said.startswith(f"{folder} has no serve.py, which its start command runs: COPY or WORK")


@pytest.mark.parametrize(
    "line, is_doubted",
    [
        ("[python, app.py]", True),
        ('["python", "app.py"', True),
        ('[ "python", "app.py"', True),
        ("[ -f app.py ] && python app.py", False),
        ('["python", "app.py"]', False),
    ],
)
def test_what_looks_like_json_and_is_not(folder, line, is_doubted):
    (folder / "app.py").write_text("")
    (folder / "Dockerfile").write_text(f"FROM x\nCMD {line}\n")
    said = doubts(str(folder))
    assert any(f"{line[:40]} looks like JSON and isn't" in each for each in said) == is_doubted


@pytest.mark.parametrize(
    "command, script",
    [
        pytest.param(("python", "serve.py", "--fast"), "serve.py", id="exec form"),
        pytest.param(("tini", "--", "python3", "-u", "a/b.py"), "a/b.py", id="behind another"),
        pytest.param((*SH, "A=1 exec python -X dev serve.py"), "serve.py", id="shell form"),
        pytest.param(("python", "-m", "serve.py"), None, id="a module"),
        pytest.param(("python", "-c", "serve.py"), None, id="a program"),
        pytest.param(("python",), None, id="nothing"),
        pytest.param(("python", "$MAIN.py"), None, id="a variable"),
        pytest.param(("python", "a\x1b.py"), None, id="what a terminal would obey"),
        pytest.param((*SH, "cd src && python serve.py"), None, id="in another folder"),
        pytest.param((*SH, "python 'serve.py"), None, id="an open quote"),
        pytest.param(("uvicorn", "app.py"), None, id="another program"),
    ],
)
def test_script(command, script):
    assert script_of(command) == script
