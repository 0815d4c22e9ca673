"""Asks three models about one picture at once and joins what they say: python ask_three.py PICTURE

Each is an action of its own, so each has its own containers. The variables APIHOST and AUTH are
those of `wsk property get`; without them the local gateway is asked.
"""

import base64
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

MODELS = ["max-digits", "ocr", "max-upscale"]
APIHOST = os.environ.get("APIHOST", "http://localhost:3233")
# The key that OpenWhisk documents for its standalone server, and the gateway has as well.
PUBLIC = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"  # noqa: E501
KEY = base64.b64encode(os.environ.get("AUTH", PUBLIC).encode()).decode()


def asked(model, picture):
    url = f"{APIHOST}/api/v1/namespaces/_/actions/{model}?blocking=true&result=true"
    headers = {"Authorization": "Basic " + KEY, "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps({"image": {"b64": picture}}).encode(), headers)) as reply:
        return json.loads(reply.read().decode())


def main(words):
    if len(words) != 1:
        sys.exit("ask_three.py: one picture was expected, like samples/seven.png")
    try:
        picture = base64.b64encode(Path(words[0]).read_bytes()).decode()
        with ThreadPoolExecutor(len(MODELS)) as pool:
            answers = pool.map(lambda model: asked(model, picture), MODELS)
            print(json.dumps(dict(zip(MODELS, answers))))
    except HTTPError as error:
        reason = f"{error.code} {error.reason}"
        sys.exit(f"{error.url}: {reason}: is the model deployed there, is AUTH the key?")
    except URLError as error:
        sys.exit(f"{APIHOST} can't be asked: {error.reason}: does the gateway run?")
    except OSError as error:
        sys.exit(f"{words[0]} can't be read: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
