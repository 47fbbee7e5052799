"""Brings the database to the newest version, once each step."""
from database import connect

STEPS = [
    "CREATE TABLE entries (id serial PRIMARY KEY, text text NOT NULL)",
    "ALTER TABLE entries ADD COLUMN written timestamptz NOT NULL DEFAULT now()",
]

with connect() as db, db.cursor() as q:
    q.execute("CREATE TABLE IF NOT EXISTS version (n int)")
    q.execute("SELECT coalesce(max(n), 0) FROM version")
    have = q.fetchone()[0]
    for n, step in enumerate(STEPS[have:], have + 1):
        q.execute(step)
        q.execute("INSERT INTO version VALUES (%s)", (n,))
    print(f"database: version {have} -> {len(STEPS)}", flush=True)
