"""The health check of the application."""
from urllib.request import urlopen

urlopen("http://127.0.0.1:8000/health", timeout=5)
