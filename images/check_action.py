"""Run in an action's container by its own Python: asks /init and one /run, as the platform does. Argument: seconds."""

import json
import sys
import time
from http.client import HTTPConnection, HTTPException

WEB = {"__ow_method": "get", "__ow_path": "/", "__ow_query": "", "__ow_headers": {"accept": "*/*"}, "__ow_body": ""}
INIT = {"name": "check", "main": "main", "binary": False, "code": "", "env": {}}


def ask(path, body, until):
    """The answer of a POST, as JSON; a refused connection is tried again until it is too late."""
    while True:
        connection = HTTPConnection("127.0.0.1", 8080, timeout=max(1, until - time.time()))
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            if answer.status != 200:
                sys.exit("%s answered %d: %s" % (path, answer.status, text[:2000]))
            return json.loads(text or "{}")
        except (OSError, HTTPException) as error:
            if time.time() > until or not isinstance(error, ConnectionRefusedError):
                sys.exit("%s: %r within the time limit" % (path, error))
            time.sleep(0.05)
        finally:
            connection.close()


def main(seconds):
    start = time.time()
    ask("/init", {"value": INIT}, start + seconds)
    loaded = time.time()
    run = {"value": WEB, "activation_id": "0" * 32, "deadline": "%d" % ((loaded + seconds) * 1000)}
    result = ask("/run", run, loaded + seconds)
    status = result.get("statusCode", 200) if "error" not in result else 500
    if not isinstance(status, int) or status >= 500:
        sys.exit("/run: the model answered GET / with %s" % json.dumps(result)[:2000])
    print("/init took %.1f s, /run %.1f s, the model answered %d" % (loaded - start, time.time() - loaded, status))


if __name__ == "__main__":
    main(float(sys.argv[1]))
