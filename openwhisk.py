"""Makes any model server an Apache OpenWhisk action, put before the image's own start command.

    ENTRYPOINT ["python", "/openwhisk/openwhisk.py"]
    CMD ["python", "app.py"]

OpenWhisk speaks to a container at port 8080. It sends `POST /init` once, with environment
variables, and `POST /run` for each activation, with parameters. Those of a web action are an HTTP
request taken apart: __ow_method, __ow_path, __ow_query, __ow_headers, __ow_body. They are put
together again, the model's own server answers, and its answer becomes a result {"statusCode",
"headers", "body"}, from which the platform makes the very same answer for its client. `/run` is
answered with 200, a Content-Length and a JSON object, after a sentinel on both log streams.

Every other request is the model's own. Where there is no OpenWhisk (__OW_API_HOST isn't in the
environment) these two are as well: the image is a plain HTTP server there.

The rooms of the house are in openwhisk_adapter/, and one request walks through them once:

    listener -> action -> envelope -> request -> model -> servers/ -> result -> log -> listener

https://github.com/apache/openwhisk/blob/master/docs/actions-new.md is the platform's contract.

Settings, by environment variables:
"""

import sys

from openwhisk_adapter.front import model_from_arguments

if __name__ == "__main__":
    model = model_from_arguments(sys.argv[1:], str(__doc__).rstrip())
    while True:
        # At the bottom of the stack: in Python 3.11 a few frames more make imports slower.
        script = model.script()
        with script.running():
            exec(*script.runnable())
