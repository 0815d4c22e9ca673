"""Asks three models about one picture at once and joins what they say: python ask_three.py PICTURE

Each is an action of its own, so each has its own containers. APIHOST and AUTH are those of `wsk
property get`.
"""

import base64
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

MODELS = ["max-digits", "ocr", "max-upscale"]
APIHOST = os.environ.get("APIHOST", "http://localhost:3233")
KEY = base64.b64encode(os.environ["AUTH"].encode()).decode()


def asked(model, picture):
    url = f"{APIHOST}/api/v1/namespaces/_/actions/{model}?blocking=true&result=true"
    headers = {"Authorization": "Basic " + KEY, "Content-Type": "application/json"}
    with urlopen(Request(url, json.dumps({"image": {"b64": picture}}).encode(), headers)) as reply:
        return json.loads(reply.read().decode())


def main():
    with open(sys.argv[1], "rb") as file:
        picture = base64.b64encode(file.read()).decode()
    with ThreadPoolExecutor(len(MODELS)) as pool:
        answers = pool.map(lambda model: asked(model, picture), MODELS)
        print(json.dumps(dict(zip(MODELS, answers))))


if __name__ == "__main__":
    main()
