"""The servers that are compared with themselves: start commands as their documentation has them,
on their own ports."""

from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

from testing.example import EXAMPLES
from tests.servers import questions
from tests.servers.questions import Questions

HERE = Path(__file__).resolve().parent
APPS = HERE / "apps"

# A fresh name or time in every answer: what matches is not compared.
Masks = Tuple[str, ...]


class Row(NamedTuple):
    name: str
    command: List[str]
    port: int
    questions: Questions
    packages: str  # its environment: requirements/PACKAGES.txt, or that of the example of this name
    product: str  # whose version the results tell
    folders: Tuple[Path, ...] = (APPS / "web",)
    ready: str = "/"  # 200 when the server, asked directly, can be asked the rest
    ports: Tuple[int, ...] = ()  # others that it opens
    environ: Dict[str, str] = {}
    masks: Masks = ()
    told: Tuple[str, str] = ("", "")  # a page that says where the server lives, and in which words
    needs: Tuple[str, ...] = ()  # programs that pip doesn't install
    in_ci: bool = True  # what CI has no time to install runs with `make test-servers`


def row_of_more(name, command, product, **more) -> Row:
    return Row(name, command, 8000, questions.MORE, "more", product, (APPS / "more",), **more)


def row_of_example(name, port, ready, asked, **more) -> Row:
    command = more.pop("command")
    folders = (EXAMPLES / name,)
    product = more.pop("product", name)
    return Row(name, command, port, asked, name, product, folders, ready, in_ci=False, **more)


WSGI = questions.WEB
ASGI = questions.ASGI
# FastAPI's page loads the description from there, the browser being wherever it is.
FASTAPI_PAGE = ("/docs", "url: '{prefix}/openapi.json'")

ROWS = [
    Row("gunicorn sync", ["gunicorn", "wsgi:app"], 8000, WSGI, "web", "gunicorn"),
    Row(
        "gunicorn gthread",
        ["gunicorn", "--worker-class", "gthread", "--threads", "4", "wsgi:app"],
        8000,
        WSGI,
        "web",
        "gunicorn",
    ),
    Row(
        "gunicorn uvicorn",
        ["gunicorn", "-k", "uvicorn_worker.UvicornWorker", "asgi:app"],
        8000,
        ASGI,
        "web",
        "uvicorn-worker",
    ),
    Row(
        "gunicorn asgi",
        ["gunicorn", "-k", "asgi", "asgi:app"],
        8000,
        ASGI,
        "web",
        "gunicorn",
        told=FASTAPI_PAGE,
    ),
    Row(
        "gunicorn on $PORT",
        ["sh", "-c", "exec gunicorn --bind :$PORT wsgi:app"],
        8000,
        WSGI,
        "web",
        "gunicorn",
    ),
    Row(
        "uvicorn",
        ["uvicorn", "asgi:app", "--host", "0.0.0.0"],
        8000,
        ASGI,
        "web",
        "uvicorn",
        told=FASTAPI_PAGE,
    ),
    Row(
        "uvicorn on $PORT",
        ["sh", "-c", "uvicorn asgi:app --port ${PORT:-8000}"],
        8000,
        ASGI,
        "web",
        "uvicorn",
        told=FASTAPI_PAGE,
    ),
    Row(
        "uvicorn on 8080",
        ["uvicorn", "asgi:app", "--port", "8080"],
        8080,
        ASGI,
        "web",
        "uvicorn",
        told=FASTAPI_PAGE,
    ),
    Row(
        "fastapi run",
        ["fastapi", "run", "asgi.py"],
        8000,
        ASGI,
        "web",
        "fastapi-cli",
        told=FASTAPI_PAGE,
    ),
    Row("uvicorn.run", ["python", "asgi.py"], 8000, ASGI, "web", "uvicorn", told=FASTAPI_PAGE),
    Row("hypercorn", ["hypercorn", "asgi:app"], 8000, ASGI, "web", "hypercorn", told=FASTAPI_PAGE),
    Row(
        "granian",
        ["granian", "--interface", "asgi", "asgi:app"],
        8000,
        ASGI,
        "web",
        "granian",
        told=FASTAPI_PAGE,
    ),
    Row("waitress-serve", ["waitress-serve", "wsgi:app"], 8080, WSGI, "web", "waitress"),
    Row("flask run", ["flask", "--app", "wsgi", "run"], 5000, WSGI, "web", "flask"),
    Row("python wsgi.py", ["python", "wsgi.py"], 5000, WSGI, "web", "werkzeug"),
    Row("gevent", ["python", "patched.py"], 8000, WSGI, "web", "gevent"),
    Row(
        "nginx before gunicorn",
        ["sh", "start.sh"],
        8000,
        WSGI,
        "web",
        "gunicorn",
        (APPS / "web", APPS / "proxied"),
        ports=(8001,),
        needs=("nginx",),
    ),
    Row(
        "supervisord",
        ["supervisord", "-c", "supervisord.conf"],
        8000,
        WSGI,
        "web",
        "supervisor",
        (APPS / "web", APPS / "proxied", APPS / "supervised"),
        ports=(8009,),
    ),
    row_of_more("litestar", ["litestar", "--app", "litestar_app:app", "run"], "litestar"),
    row_of_more("sanic", ["sanic", "sanic_app:app"], "sanic"),
    row_of_more("python sanic_app.py", ["python", "sanic_app.py"], "sanic"),
    row_of_more("quart", ["quart", "--app", "quart_app", "run", "--port", "8000"], "quart"),
    row_of_more("python quart_app.py", ["python", "quart_app.py"], "quart"),
    row_of_more("robyn", ["python", "robyn_app.py"], "robyn"),
    Row(
        "django",
        ["python", "manage.py", "runserver", "--noreload"],
        8000,
        questions.STYLED,
        "more",
        "django",
        (APPS / "shop",),
        told=("/", 'href="{prefix}/static/shop.css"'),
    ),
    Row(
        "LitServe",
        ["python", "server.py"],
        8000,
        questions.LITSERVE,
        "litserve",
        "litserve",
        (APPS / "litserve",),
        "/health",
        told=FASTAPI_PAGE,
    ),
    Row(
        "MLServer",
        ["mlserver", "start", "."],
        8080,
        questions.MLSERVER,
        "mlserver",
        "mlserver",
        (APPS / "mlserver",),
        "/v2/health/ready",
        ports=(8081, 8082),
        in_ci=False,
    ),
    Row(
        "KServe",
        ["python", "model.py"],
        8080,
        questions.KSERVE,
        "kserve",
        "kserve",
        (APPS / "kserve",),
        "/v2/health/ready",
        ports=(8081,),
        in_ci=False,
    ),
    Row(
        "Gradio",
        ["python", "app.py"],
        7860,
        questions.GRADIO,
        "gradio",
        "gradio",
        (APPS / "gradio",),
        told=("/config", '"root":"{address}"'),
        environ={"GRADIO_ANALYTICS_ENABLED": "False"},
        masks=(r'"event_id":"\w+"', r'"app_id":\d+', r'"theme_hash":"\w+"'),
        in_ci=False,
    ),
    row_of_example(
        "mlflow",
        5000,
        "/ping",
        questions.MLFLOW,
        told=FASTAPI_PAGE,
        command=["mlflow", "models", "serve", "-m", "model", "--env-manager", "local"],
        environ={"MLFLOW_DISABLE_TELEMETRY": "true"},
    ),
    row_of_example(
        "torchserve",
        8080,
        "/ping",
        questions.TORCHSERVE,
        command=[
            "torchserve",
            "--start",
            "--foreground",
            "--ncs",
            "--ts-config",
            "config.properties",
        ],
        ports=(8081, 8082, 7070, 7071),
        needs=("java",),
    ),
    row_of_example(
        "triton",
        8000,
        "/v2/models/digits/ready",
        questions.TRITON,
        command=["python", "server.py"],
        product="nvidia-pytriton",
        ports=(8001, 8002),
        environ={"PYTRITON_HOME": "/tmp/pytriton"},
        masks=(r"workspace_\w+",),
    ),
]
