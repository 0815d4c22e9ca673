"""A script that serves nothing, though it has a pool of threads."""

from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(2)
pool.submit(print, "nothing to do").result()
