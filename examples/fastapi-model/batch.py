"""Predicts every line of a file by invoking the action, many lines at a time: one JSON object a
line comes out.

    python batch.py URL FILE [--auth KEY] [--lines 100] [--parallel 4]

URL is the web action (http://HOST/api/v1/web/guest/default/fastapi-model) or, with --auth, the
action itself (http://HOST/api/v1/namespaces/_/actions/fastapi-model), which also works for an
action that isn't on the web.
"""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

# seconds to wait for an activation that takes longer than the platform keeps a request open
PATIENCE = 600


def main():
    options = options_from_arguments()
    with open(options.file, encoding="utf-8") as file:
        texts = [line.strip() for line in file if line.strip()]
    chunks = [texts[start : start + options.lines] for start in range(0, len(texts), options.lines)]
    predict = predict_on_the_web if "/web/" in options.url else predict_by_invoking
    with ThreadPoolExecutor(options.parallel) as pool:
        for predictions in pool.map(lambda chunk: predict(options, chunk), chunks):
            for prediction in predictions:
                print(json.dumps(prediction, ensure_ascii=False))


def options_from_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("file", help="UTF-8 text, one line for each prediction")
    parser.add_argument(
        "--auth", default="", metavar="KEY", help="user:password, as in ~/.wskprops"
    )
    parser.add_argument("--lines", type=positive, default=100, help="lines in one activation")
    parser.add_argument("--parallel", type=positive, default=4, help="activations at the same time")
    return parser.parse_args()


def positive(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} was given, a whole number from 1 was expected")
    return int(text)


def predict_on_the_web(options, texts):
    _, answer = ask("POST", options.url.rstrip("/") + "/predict", options.auth, payload(texts))
    return answer["data"]["predictions"]


def predict_by_invoking(options, texts):
    url = options.url.partition("?")[0]
    status, answer = ask("POST", url + "?blocking=true&result=true", options.auth, payload(texts))
    if status == 202:
        answer = result_of(url.rpartition("/actions/")[0], answer["activationId"], options.auth)
    return answer["data"]["predictions"]


def result_of(namespace, activation, auth):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return ask("GET", f"{namespace}/activations/{activation}/result", auth)[1]["result"]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
        time.sleep(0.5)
    raise SystemExit(f"The activation {activation} had no result after {PATIENCE} seconds.")


def payload(texts):
    return {"texts": [{"text": text} for text in texts]}


def ask(method, url, auth, value=None):
    headers = {"Content-Type": "application/json"}
    if auth:
        headers["Authorization"] = "Basic " + base64.b64encode(auth.encode()).decode()
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.status, json.load(answer)


if __name__ == "__main__":
    try:
        main()
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.url} answered {error.code}: {error.read().decode('utf-8', 'replace')}")
    except (OSError, LookupError) as error:
        sys.exit(f"No predictions: {error!r}")
