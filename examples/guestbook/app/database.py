"""The connection to PostgreSQL; libpq reads the rest from PG* variables."""
import os

import psycopg2


def connect():
    with open(os.environ["PASSWORD_FILE"]) as f:
        return psycopg2.connect(password=f.read().strip(), connect_timeout=5)
