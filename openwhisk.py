"""Makes any model server an Apache OpenWhisk action: put before the image's own start command, it changes nothing else.

    ENTRYPOINT ["python", "/openwhisk/openwhisk.py"]      CMD ["python", "app.py"]

OpenWhisk speaks to an image on port 8080. It sends `POST /init` once, with environment variables, and `POST /run` for
each activation, with parameters. Those of a web action are an HTTP request taken apart: __ow_method, __ow_path,
__ow_query, __ow_headers, __ow_body. They are put together again, the model's own server answers, and its answer becomes
a result {"statusCode", "headers", "body"}, from which the platform makes the very same answer for its client. `/run` is
answered with 200, a Content-Length and a JSON object, and a sentinel ends the activation's part of both logs.

Every other request is the model's own, and where there is no OpenWhisk (without __OW_API_HOST in the environment) these
two are as well. The rooms of the house are in openwhisk_adapter/, beside this file; one request walks through them:

    listener -> action -> envelope -> request -> model -> servers -> result -> log, and back through the listener

https://github.com/apache/openwhisk/blob/master/docs/actions-new.md is the platform's contract. Settings:
"""

import sys

from openwhisk_adapter.front import model_from_arguments

if __name__ == "__main__":
    model = model_from_arguments(sys.argv[1:], str(__doc__))
    while True:
        # Here, at the bottom of the stack: in Python 3.11 a few frames more make imports up to 70 ms slower.
        script = model.script()
        with script.running():
            exec(*script.runnable())
