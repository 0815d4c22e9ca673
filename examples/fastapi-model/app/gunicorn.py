"""Settings for `gunicorn -c app/gunicorn.py -k uvicorn_worker.UvicornWorker app.api:app`."""

bind = "0.0.0.0:8000"
workers = 2
timeout = 60
keepalive = 5
