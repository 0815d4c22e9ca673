#!/bin/sh
# nginx in front, as many images have it, and gunicorn behind it, which takes a while.
nginx -p "$PWD" -c nginx.conf
exec gunicorn --bind 127.0.0.1:8001 slow:app
