"""The start command and environment that a Dockerfile spells."""

import pytest

from gateway.containers.startcommand import start_from_dockerfile, with_interpreter

SH = ("/bin/sh", "-c")


@pytest.mark.parametrize(
    "text, command",
    [
        pytest.param(
            'FROM x\nCMD ["python", "serve.py", "--fast"]',
            ("python", "serve.py", "--fast"),
            id="exec form",
        ),
        pytest.param("FROM x\nCMD python app.py", (*SH, "python app.py"), id="shell form"),
        pytest.param(
            "FROM x\ncmd exec gunicorn app:app", (*SH, "exec gunicorn app:app"), id="any case"
        ),
        pytest.param(
            "FROM x\nCMD [python, app.py]",
            (*SH, "[python, app.py]"),
            id="what looks like JSON but isn't",
        ),
        pytest.param("FROM x\nCMD a\nCMD b", (*SH, "b"), id="the last one counts"),
        pytest.param(
            'FROM x\nENTRYPOINT ["tini", "--"]\nCMD ["a"]',
            ("tini", "--", "a"),
            id="both, exec form",
        ),
        pytest.param(
            'FROM x\nENTRYPOINT ["tini"]\nCMD a b',
            ("tini", *SH, "a b"),
            id="both, CMD for the shell",
        ),
        pytest.param(
            'FROM x\nENTRYPOINT a\nCMD ["b"]',
            (*SH, "a"),
            id="an ENTRYPOINT for the shell takes no CMD",
        ),
        pytest.param('FROM x AS one\nCMD ["a"]\nFROM y\nCMD ["b"]', ("b",), id="the last stage"),
        pytest.param(
            'FROM x AS one\nCMD ["a"]\nFROM y',
            ("python", "app.py"),
            id="the last stage says nothing",
        ),
        pytest.param(
            'FROM x\nCMD ["a", \\\n  # why\n  "b"]',
            ("a", "b"),
            id="continued, with a comment inside",
        ),
        pytest.param('FROM x\r\nCMD ["a"]\r\n', ("a",), id="line ends of Windows"),
        pytest.param(
            "FROM x\nHEALTHCHECK CMD curl localhost",
            ("python", "app.py"),
            id="another command's CMD",
        ),
        pytest.param("FROM x\nRUN echo CMD a", ("python", "app.py"), id="CMD inside a line"),
        pytest.param("FROM x\nCMD", ("python", "app.py"), id="an empty CMD"),
        pytest.param("", ("python", "app.py"), id="nothing at all"),
        pytest.param(
            'FROM x\nCMD ["python", "openwhisk.py", "uvicorn", "app:app"]',
            ("uvicorn", "app:app"),
            id="adapter in front",
        ),
        pytest.param(
            'FROM x\nCMD ["python3", "/openwhisk.py"]', ("python", "app.py"), id="the adapter alone"
        ),
    ],
)
def test_command(text, command):
    assert start_from_dockerfile(text, {}).command == command


@pytest.mark.parametrize(
    "lines, environ",
    [
        pytest.param("ENV A=1 B=2", {"A": "1", "B": "2"}, id="several"),
        pytest.param("ENV A=\"two words\" B='x'", {"A": "two words", "B": "x"}, id="quotes"),
        pytest.param("ENV A two words", {"A": "two words"}, id="the old form"),
        pytest.param(
            "ENV A='$PATH' B=\"it's $PATH\"",
            {"A": "$PATH", "B": "it's /usr/bin"},
            id="variables in quotes",
        ),
        pytest.param("ENV A=a\\ b", {"A": "a b"}, id="an escaped space"),
        pytest.param("ENV A=1\nENV B=$A/${A}x", {"A": "1", "B": "1/1x"}, id="earlier ones"),
        pytest.param(
            "ENV PATH=/opt/bin:$PATH", {"PATH": "/opt/bin:/usr/bin"}, id="the machine's own"
        ),
        pytest.param(
            "ENV A=${NONE:-other} B=${PATH:+set}", {"A": "other", "B": "set"}, id="defaults"
        ),
        pytest.param("ENV A=$NONE", {"A": ""}, id="unknown ones are empty"),
        pytest.param("ENV A=\\$PATH", {"A": "$PATH"}, id="an escaped dollar"),
        pytest.param("ARG V=3\nENV A=$V", {"A": "3"}, id="arguments"),
        pytest.param("ARG V\nENV A=1", {"A": "1"}, id="an argument without a default"),
        pytest.param("ENV A=1\nFROM y\nENV B=2", {"B": "2"}, id="the last stage alone"),
        pytest.param('ENV A="not closed', {"A": ""}, id="an open quote is no value"),
    ],
)
def test_environment(lines, environ):
    assert start_from_dockerfile(f"FROM x\n{lines}", {"PATH": "/usr/bin"}).environ == environ


@pytest.mark.parametrize(
    "lines, ports",
    [
        pytest.param("EXPOSE 8000 8001/tcp\nEXPOSE 9/TCP", ("8000", "8001", "9"), id="several"),
        pytest.param("EXPOSE 53/udp 7000-7002 x", (), id="what can't be asked"),
        pytest.param("ENV P=5000\nEXPOSE $P ${Q:-80}", ("5000", "80"), id="variables"),
        pytest.param("EXPOSE 1\nFROM y\nEXPOSE 2", ("2",), id="the last stage alone"),
    ],
)
def test_ports(lines, ports):
    assert start_from_dockerfile(f"FROM x\n{lines}", {}).exposed == ports


@pytest.mark.parametrize("name", ["python", "python3", "python3.9", "/usr/bin/python"])
def test_python_is_the_chosen_interpreter(name):
    assert with_interpreter((name, "app.py"), "/venv/bin/python") == ("/venv/bin/python", "app.py")


def test_other_commands_stay_as_they_are():
    assert with_interpreter(("uvicorn", "python"), "/venv/bin/python") == ("uvicorn", "python")
