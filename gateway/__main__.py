"""The door: python -m gateway. Touches signals and the terminal."""

import asyncio
import signal
import sys
from typing import List, Optional

from gateway.aside import SHORT_TURN
from gateway.commandline import Usage, plan_from_arguments, start_lines
from gateway.settings import Plan
from gateway.terminal import shown

# JSON may be nested a thousand deep, which is as deep as the interpreter goes unless asked.
DEEPEST = 5000
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NOT_INSTALLED = (
    "The package {} is missing: `make run` installs it in .venv, and .venv/bin/python -m gateway"
    " finds it there"
)


async def run(plan: Plan) -> None:
    """Serves until a signal says that it's enough. Raises CannotStart."""
    from gateway import server

    loop = asyncio.get_running_loop()
    enough = asyncio.Event()
    for number in ENDING_SIGNALS:
        loop.add_signal_handler(number, enough.set)
    running = await server.start(plan)
    try:
        print(shown("\n".join(start_lines(plan, running.port))), flush=True)
        await enough.wait()
    finally:
        await running.close()


def main(arguments: Optional[List[str]] = None) -> int:
    sys.setrecursionlimit(DEEPEST)
    sys.setswitchinterval(SHORT_TURN)
    try:
        plan = plan_from_arguments(sys.argv[1:] if arguments is None else arguments)
    except Usage as error:
        return ended_early(error)
    try:
        # Imported late: the arguments are explained before anything is installed.
        from gateway.server import CannotStart
    except ModuleNotFoundError as error:
        return ended_early(NOT_INSTALLED.format(error.name))
    try:
        asyncio.run(run(plan))
    except CannotStart as error:
        return ended_early(error)
    return 0


def ended_early(why: object) -> int:
    print(shown(str(why)), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
