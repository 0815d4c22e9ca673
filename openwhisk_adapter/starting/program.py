"""A program as python runs it: touches sys.argv, sys.path, sys.modules and os.environ."""

import os
import sys
import types
from typing import Any, Callable, Dict, NamedTuple, Tuple

from openwhisk_adapter.starting.commands import Kind, Program

Names = Dict[str, Any]


class Runnable(NamedTuple):
    """For exec."""

    code: Any
    names: Names


def runnable_from_program(program: Program) -> Runnable:
    os.environ.update(program.environ)
    if program.kind is Kind.MODULE:
        return runnable_from_module(program)
    return runnable_from_script(program)


def runnable_from_script(program: Program) -> Runnable:
    sys.argv = list(program.argv)
    path = os.path.realpath(program.name)
    sys.path[0] = os.path.dirname(path)
    with open(program.name, "rb") as file:
        text = file.read()
    code = compile(text, program.name, "exec", dont_inherit=True)
    own_path = os.path.abspath(program.name)
    return Runnable(code, main_module({"__file__": own_path}))


def runnable_from_module(program: Program) -> Runnable:
    """What `python -m NAME` runs: a module, or the __main__ of a package."""
    from importlib.util import find_spec  # not for a script

    sys.path[0] = os.getcwd()
    spec = find_spec(program.name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = find_spec(program.name + ".__main__")
    if spec is None or spec.origin is None:
        raise SystemExit("No module named %s" % program.name)
    loader: Any = spec.loader
    sys.argv = [spec.origin] + program.argv[1:]
    known = {
        "__file__": spec.origin,
        "__cached__": spec.cached,
        "__loader__": loader,
        "__package__": spec.parent,
        "__spec__": spec,
    }
    code = loader.get_code(spec.name)
    return Runnable(code, main_module(known))


def main_module(known: Names) -> Names:
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    names = vars(main)
    names.update(known)
    return names


def app_from_name(name: str) -> Any:
    """What OPENWHISK_APP=module:attribute names; what it fails to import is reported as that."""
    import importlib  # not for a script

    sys.path[0] = os.getcwd()
    module, attribute = module_and_attribute(name)
    try:
        app: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = "%s." % error.name
        if not (module + ".").startswith(missing):
            raise
        raise ImportError(
            "OPENWHISK_APP=%r: there is no module %r in %s" % (name, module, sys.path[0])
        )
    for part in attribute.split("."):
        app = getattr(app, part, None)
    if not callable(app):
        raise TypeError("OPENWHISK_APP=%r: a WSGI app was expected there, not %r" % (name, app))
    return app


def module_and_attribute(name: str) -> Tuple[str, str]:
    module, _, attribute = name.partition(":")
    return module, attribute or "app"


def runnable_from_app(
    name: str,
    take: Callable[[Any], None],
) -> Runnable:
    code = compile("take(app_from_name(name))", "OPENWHISK_APP", "exec")
    known = {
        "take": take,
        "app_from_name": app_from_name,
        "name": name,
    }
    return Runnable(code, known)
