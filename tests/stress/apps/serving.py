"""How the apps here are served: by Werkzeug, or by uvicorn where MODEL_SERVER says so."""

import logging
import os

PORT = int(os.environ.get("MODEL_PORT", 0))


def serve(application):
    if os.environ.get("MODEL_SERVER") == "uvicorn":
        import uvicorn

        uvicorn.run(application, interface="wsgi", port=PORT, log_level="error")
        return
    from werkzeug.serving import run_simple

    # What a server logs of its requests is its own affair.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", PORT, application, threaded=True)
