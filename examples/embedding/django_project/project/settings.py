"""A small project: SQLite, and django-oauth-toolkit with the server of `tokens.py`."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "for trying out alone")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "oauth2_provider",
    "project",
]
ROOT_URLCONF = "project.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "db.sqlite3",
    }
}
USE_TZ = True
OAUTH2_PROVIDER = {
    "OAUTH2_SERVER_CLASS": "project.tokens.TokenServer",
    "SCOPES": {"orders:read": "Read orders", "orders:write": "Change orders"},
    "DEFAULT_SCOPES": ["orders:read"],
}
