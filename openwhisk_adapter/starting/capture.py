"""Where a script would serve its app, it is handed to us: touches other packages' functions."""

import contextlib
import os
import sys
import time
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Union, cast

from openwhisk_adapter.starting.wanted import port_from_text

Taken = Callable[[Any], None]
Wanted = Callable[[int], bool]
Method = Callable[..., None]
Maker = Callable[[Method], Method]
Spec = Any  # importlib.machinery.ModuleSpec: its package takes 20 ms of a start in Python 3.11


class Around(NamedTuple):
    """A substitute that goes on calling what it stands for."""

    make: Callable[[Any], Any]


Substitute = Union[Callable[..., Any], Around]


class Places:
    """Functions to be replaced: at once where their module is imported, else as soon as it is."""

    def __init__(self, substitutes: Dict[str, Substitute]) -> None:
        self.undo = contextlib.ExitStack()
        self._waiting: Dict[str, List[str]] = {}
        self._substitutes = substitutes
        self._pid = os.getpid()
        for place in substitutes:
            module = place.partition(":")[0]
            self._waiting.setdefault(module, []).append(place)

    def watch(self) -> None:
        for name in list(self._waiting):
            module = sys.modules.get(name)
            if module is not None:
                self.imported(module)
        finder = Finder(self)
        sys.meta_path.insert(0, cast(Any, finder))
        self.undo.callback(_remove, sys.meta_path, finder)

    def waits_for(self, module: str) -> bool:
        return module in self._waiting

    def imported(self, module: ModuleType) -> None:
        for place in self._waiting.pop(module.__name__, []):
            *owners, name = place.partition(":")[2].split(".")
            owner: Any = module
            for attribute in owners:
                owner = getattr(owner, attribute, None)
            if hasattr(owner, name):  # another version of the package may have none
                original = getattr(owner, name)
                self.undo.callback(setattr, owner, name, original)
                substitute = self._substitutes[place]
                if isinstance(substitute, Around):
                    substitute = substitute.make(original)
                else:
                    substitute = self._here(substitute, original)
                setattr(owner, name, substitute)

    def _here(
        self,
        substitute: Callable[..., Any],
        original: Callable[..., Any],
    ) -> Callable[..., Any]:
        """A process that the script has forked opens a port of its own: it has no other way."""

        def called(*args: Any, **options: Any) -> Any:
            is_here = os.getpid() == self._pid
            return (substitute if is_here else original)(*args, **options)

        return called


def _remove(items: List[Any], item: Any) -> None:
    with contextlib.suppress(ValueError):
        items.remove(item)


class Finder:
    """Lets the others find, and tells when a module that is waited for has been executed."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[Any]],
        target: Optional[ModuleType] = None,
    ) -> Optional[Spec]:
        if not self.places.waits_for(fullname):
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(fullname, path, target) if finder is not self and find else None
            if spec is not None:
                _tell_when_executed(spec, self.places)
                return spec
        return None


def _tell_when_executed(spec: Spec, places: Places) -> None:
    loader: Any = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):  # shared by all modules of its kind
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        places.imported(module)

    loader.exec_module = exec_module


def wsgi_places(take: Taken, wanted: Wanted) -> Dict[str, Substitute]:
    """Where the servers of this interpreter come to the app that they would serve."""

    def no_banner(*_: Any, **__: Any) -> None:
        pass

    return {
        "flask.cli:show_server_banner": no_banner,
        "werkzeug.serving:run_simple": Around(run_simple_of(take, wanted)),
        "wsgiref.simple_server:WSGIServer.serve_forever": Around(serve_forever_of(take, wanted)),
        "waitress:serve": Around(serve_of(take, wanted)),
    }


# -- at a port that isn't the model's each of them serves its app itself ---------------------------


def run_simple_of(take: Taken, wanted: Wanted) -> Maker:
    def make(original: Method) -> Method:
        def run_simple(
            hostname: str,
            port: int,
            application: Any,
            *rest: Any,
            **options: Any,
        ) -> None:
            if wanted(int(port)):
                take(application)
            else:
                original(hostname, port, application, *rest, **options)

        return run_simple

    return make


def serve_forever_of(take: Taken, wanted: Wanted) -> Maker:
    def make(original: Method) -> Method:
        def serve_forever(server: Any, *rest: Any, **options: Any) -> None:
            if wanted(server.server_port):
                server.server_close()
                take(server.get_app())
            else:
                original(server, *rest, **options)

        return serve_forever

    return make


def serve_of(take: Taken, wanted: Wanted) -> Maker:
    def make(original: Method) -> Method:
        def serve(app: Any, *rest: Any, **options: Any) -> None:
            if wanted(port_of_waitress(options)):
                take(app)
            else:
                original(app, *rest, **options)

        return serve

    return make


def port_of_waitress(options: Dict[str, Any]) -> int:
    """The first one, of `listen="host:port host:port"` too; 0 where there is none."""
    listen = str(options.get("listen", "")).split()
    return port_from_text(listen[0] if listen else str(options.get("port", 8080)))


class NeedsOwnProcess(BaseException):
    """It is about to replace threads, sockets and locks: ours too, in this process."""


def patching_places(is_served_here: bool) -> Dict[str, Substitute]:
    """Where a program would do that. An app that we serve does without: it has our threads."""

    def patch(*_: Any, **__: Any) -> None:
        if not is_served_here:
            raise NeedsOwnProcess()

    return {
        "eventlet.patcher:monkey_patch": patch,
        "gevent.monkey:patch_all": patch,
        "gevent.monkey:patch_socket": patch,
        "gevent.monkey:patch_thread": patch,
    }


def wait_for_ever() -> None:
    """A longer sleep would keep a signal that another thread has caught from the main thread."""
    while True:
        time.sleep(0.1)
