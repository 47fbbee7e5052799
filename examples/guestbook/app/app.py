"""A guest book: entries in PostgreSQL, the number of views in Redis.

GET / shows the page, POST / adds the body as an entry, GET /health says
whether both databases answer.
"""
import html
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

from database import connect

cache = redis.Redis(host=os.environ["REDIS_HOST"], socket_timeout=5)


def query(statement, *args):
    db = connect()
    try:
        with db, db.cursor() as q:
            q.execute(statement, args)
            return q.fetchall() if q.description else []
    finally:
        db.close()


def page():
    views = cache.incr("views")
    entries = query("SELECT id, text FROM entries ORDER BY id")
    items = "".join(f"<li>{n}: {html.escape(text)}</li>\n" for n, text in entries)
    return f"<h1>Guest book</h1>\n<ul>\n{items}</ul>\n<p>views: {views}</p>\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            cache.ping()
            query("SELECT 1")
            return self.answer(200, "ok\n")
        if self.path == "/":
            return self.answer(200, page())
        return self.answer(404, "no such page\n")

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        query("INSERT INTO entries (text) VALUES (%s)", text)
        self.answer(201, "thank you\n")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
