"""All settings, read from the environment. A bad value stops the start with a sentence.

Two ways to run: embedded (the default; SQLite, everything in one process, nothing to configure) and production
(`ONRECORD_PRODUCTION=true`; PostgreSQL, Redis, HTTPS). docs/running.md lists every name.
"""

import re
from datetime import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from environs import Env, EnvError

from messenger.logs import log_to_stderr
from messenger.own_files import private_database, private_folder
from messenger.secret_file import given_secret, keep_secret

env = Env()
EXAMPLE_ORIGIN = "onrecord.example/record"
BASE_DIR = Path(__file__).resolve().parent.parent


def _fail(sentence: str) -> None:
    raise ImproperlyConfigured(sentence)


try:
    ONRECORD_PRODUCTION: bool = env.bool("ONRECORD_PRODUCTION", False)
    ONRECORD_VAR = Path(env.str("ONRECORD_VAR", str(BASE_DIR / "var"))).resolve()
    PORT: int = env.int("PORT", 8000)
    ONRECORD_PUBLIC_URL: str = env.str("ONRECORD_PUBLIC_URL", "" if ONRECORD_PRODUCTION else f"http://localhost:{PORT}")
    ONRECORD_EXTRA_ORIGINS: list[str] = env.list("ONRECORD_EXTRA_ORIGINS", [])
    ONRECORD_ORIGIN: str = env.str("ONRECORD_ORIGIN", EXAMPLE_ORIGIN)
    ONRECORD_KEY_DIR = Path(env.str("ONRECORD_KEY_DIR", str(ONRECORD_VAR / "keys"))).resolve()
    ONRECORD_KEY_PASSPHRASE: str = given_secret(
        env.str("ONRECORD_KEY_PASSPHRASE", ""),
        env.str("ONRECORD_KEY_PASSPHRASE_FILE", ""),
        name="ONRECORD_KEY_PASSPHRASE",
    )
    ONRECORD_PKCS11_MODULE: str = env.str("ONRECORD_PKCS11_MODULE", "")
    ONRECORD_PKCS11_TOKEN: str = env.str("ONRECORD_PKCS11_TOKEN", "")
    ONRECORD_PKCS11_PIN: str = given_secret(
        env.str("ONRECORD_PKCS11_PIN", ""), env.str("ONRECORD_PKCS11_PIN_FILE", ""), name="ONRECORD_PKCS11_PIN"
    )
    ONRECORD_EXPORT_DIR = Path(env.str("ONRECORD_EXPORT_DIR", str(ONRECORD_VAR / "exports"))).resolve()
    ONRECORD_BLOB_DIR = Path(env.str("ONRECORD_BLOB_DIR", str(ONRECORD_VAR / "blobs"))).resolve()
    ONRECORD_BLOB_STORE: str = env.str("ONRECORD_BLOB_STORE", "")
    ONRECORD_ATTACHMENT_MAX_MB: int = env.int("ONRECORD_ATTACHMENT_MAX_MB", 50)
    ONRECORD_ATTACHMENT_TYPES: list[str] = env.list("ONRECORD_ATTACHMENT_TYPES", [])
    ONRECORD_CARRIER: str = env.str("ONRECORD_CARRIER", "none" if ONRECORD_PRODUCTION else "simulator")
    ONRECORD_SMS_SENDER: str = env.str("ONRECORD_SMS_SENDER", "" if ONRECORD_PRODUCTION else "+15555550100")
    ONRECORD_SWEEP_S: float = env.float("ONRECORD_SWEEP_S", 2.0)
    ONRECORD_STANDSTILL_S: float = env.float("ONRECORD_STANDSTILL_S", 30.0)
    ONRECORD_GUARD = Path(env.str("ONRECORD_GUARD", str(ONRECORD_KEY_DIR / "guard" / "checkpoint"))).resolve()
    ONRECORD_GUARD_S: float = env.float("ONRECORD_GUARD_S", 1.0)
    ONRECORD_WITNESSES: list[str] = env.list("ONRECORD_WITNESSES", [])
    ONRECORD_COPY_DIR: Path | None = env.path("ONRECORD_COPY_DIR", None)
    ONRECORD_COPY_MAIL: list[str] = env.list("ONRECORD_COPY_MAIL", [])
    ONRECORD_COPY_MAIL_S: float = env.float("ONRECORD_COPY_MAIL_S", 86_000.0)
    ONRECORD_STAMP_URL: str = env.str("ONRECORD_STAMP_URL", "")
    ONRECORD_STAMP_OPENSSL_CONFIG: Path | None = env.path("ONRECORD_STAMP_OPENSSL_CONFIG", None)
    ONRECORD_STAMP_ROOTS: Path | None = env.path("ONRECORD_STAMP_ROOTS", None)
    ONRECORD_STAMP_S: float = env.float("ONRECORD_STAMP_S", 3600.0)
    ONRECORD_SEGMENT_STORE: str = env.str("ONRECORD_SEGMENT_STORE", "")
    ONRECORD_SEGMENT_S: float = env.float("ONRECORD_SEGMENT_S", 86_000.0)
    ONRECORD_EVIDENCE_S: float = env.float("ONRECORD_EVIDENCE_S", 600.0)
    ONRECORD_ERASURE_FLOOR_YEARS: int = env.int("ONRECORD_ERASURE_FLOOR_YEARS", 7)
    ONRECORD_TIME_ZONE: str = env.str("ONRECORD_TIME_ZONE", "UTC")
    _is_off = env.str("ONRECORD_CHECK_AT", "") == "off"
    ONRECORD_CHECK_AT: time | None = None if _is_off else env.time("ONRECORD_CHECK_AT", time(2)).replace(tzinfo=None)
    ONRECORD_ALARM_MAIL: list[str] = env.list("ONRECORD_ALARM_MAIL", [])
    ONRECORD_METRICS_TOKEN: str = env.str("ONRECORD_METRICS_TOKEN", "")
    ONRECORD_TRUSTED_PROXIES: int = env.int("ONRECORD_TRUSTED_PROXIES", 1 if ONRECORD_PRODUCTION else 0)
    REDIS_URL: str = env.str("REDIS_URL", "")
    DATABASE_URL: str = env.str("DATABASE_URL", f"sqlite:///{ONRECORD_VAR / 'onrecord.sqlite3'}")
    ONRECORD_DB_POOL: int = env.int("ONRECORD_DB_POOL", 16)
    ONRECORD_SOCKET_RATE: float = env.float("ONRECORD_SOCKET_RATE", 30.0)
    ONRECORD_TYPING: bool = env.bool("ONRECORD_TYPING", True)
    ONRECORD_PRESENCE: bool = env.bool("ONRECORD_PRESENCE", True)
    DATABASES: dict[str, Any] = {"default": env.dj_db_url("DATABASE_URL", DATABASE_URL)}
    SECRET_KEY: str = env.str("SECRET_KEY", "")
    LOG_LEVEL: str = env.str("LOG_LEVEL", "INFO").upper()
    LANGUAGE_CODE: str = env.str("LANGUAGE_CODE", "en")
    EMAIL_URL: str = env.str("EMAIL_URL", "")
    _mail: dict[str, Any] = env.dj_email_url("EMAIL_URL") if EMAIL_URL else {}
    DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", "onrecord@localhost")
    ONRECORD_TEST_HASHER: bool = env.bool("ONRECORD_TEST_HASHER", False)
except (EnvError, ValueError) as error:
    raise ImproperlyConfigured(f"A setting in the environment cannot be read: {error}") from error

if not 1 <= PORT <= 65_535:
    _fail(f"PORT is {PORT}; it must be from 1 to 65535.")
if ONRECORD_DB_POOL < 4:  # the writer keeps one while it has work, the hub while there are sockets
    _fail(f"ONRECORD_DB_POOL is {ONRECORD_DB_POOL}; it must be at least 4.")
if ONRECORD_SOCKET_RATE < 1:
    _fail(f"ONRECORD_SOCKET_RATE is {ONRECORD_SOCKET_RATE}; it must be at least 1 frame a second.")
if ONRECORD_SWEEP_S < 0.1:
    _fail(f"ONRECORD_SWEEP_S is {ONRECORD_SWEEP_S}; it must be at least 0.1 seconds.")
if not 1 <= ONRECORD_STANDSTILL_S <= 3600:
    _fail(f"ONRECORD_STANDSTILL_S is {ONRECORD_STANDSTILL_S}; it must be from 1 to 3600 seconds.")
if ONRECORD_BLOB_STORE and not re.fullmatch(r"s3://[a-z0-9.-]{3,63}(/[^?#]*)?(\?[^#]*)?", ONRECORD_BLOB_STORE):
    _fail("ONRECORD_BLOB_STORE must be like s3://bucket/prefix?region=eu-central-1&endpoint=https://s3.firm.example.")
if not 1 <= ONRECORD_ATTACHMENT_MAX_MB <= 2048:
    _fail(f"ONRECORD_ATTACHMENT_MAX_MB is {ONRECORD_ATTACHMENT_MAX_MB}; it must be from 1 to 2048.")
if not 0 <= ONRECORD_ERASURE_FLOOR_YEARS <= 99:
    _fail(f"ONRECORD_ERASURE_FLOOR_YEARS is {ONRECORD_ERASURE_FLOOR_YEARS}; it must be from 0 to 99.")
if ONRECORD_TIME_ZONE not in available_timezones():
    _fail(f"ONRECORD_TIME_ZONE is {ONRECORD_TIME_ZONE!r}; it must be a name like Europe/Berlin.")
if 0 < len(ONRECORD_METRICS_TOKEN) < 16:
    _fail("ONRECORD_METRICS_TOKEN is too short: it needs at least 16 characters.")
if LOG_LEVEL not in (LEVELS := ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")):
    _fail(f"LOG_LEVEL is {LOG_LEVEL!r}; it must be one of: {', '.join(LEVELS)}.")
if EMAIL_URL and "EMAIL_BACKEND" not in _mail:
    _fail("EMAIL_URL must be an address like submission://user:password@mail.firm.example:587.")
if not re.fullmatch(r"[^\s+\x00-\x1f\x7f]{1,200}", ONRECORD_ORIGIN):
    _fail(f"ONRECORD_ORIGIN is {ONRECORD_ORIGIN!r}; it must be one word without '+', for example firm.example/record.")
for _extra in ONRECORD_EXTRA_ORIGINS:
    if not _extra.startswith(("http://", "https://")) or not urlsplit(_extra).hostname or _extra.endswith("/"):
        _fail(f"ONRECORD_EXTRA_ORIGINS holds {_extra!r}; an origin is like https://chat.firm.example, without a path.")

ONRECORD_EMBEDDED = not ONRECORD_PRODUCTION
DEBUG = False

if ONRECORD_PRODUCTION:
    if not SECRET_KEY:
        _fail("SECRET_KEY is missing: production needs a long random string, the same on every node.")
    if ONRECORD_ORIGIN == EXAMPLE_ORIGIN:
        _fail("ONRECORD_ORIGIN is missing: it names your record in every checkpoint and never changes.")
    if not ONRECORD_PUBLIC_URL.startswith("https://"):
        _fail("ONRECORD_PUBLIC_URL must be the https:// address under which people reach this server.")
    if not REDIS_URL:
        _fail("REDIS_URL is missing: production needs Redis for the bus and the workers (redis://host:6379/0).")
    if ONRECORD_CARRIER == "simulator":
        _fail("ONRECORD_CARRIER is 'simulator': the phone simulator exists in embedded mode only.")
    if ONRECORD_TEST_HASHER:
        _fail("ONRECORD_TEST_HASHER weakens passwords and is for tests only.")
elif not SECRET_KEY:
    SECRET_KEY = keep_secret(ONRECORD_VAR / "secret", fresh=get_random_secret_key())
if ONRECORD_CARRIER not in (CARRIERS := ("none", "simulator")):
    _fail(f"ONRECORD_CARRIER is {ONRECORD_CARRIER!r}; it must be one of: {', '.join(CARRIERS)}.")
if 0 < len(ONRECORD_KEY_PASSPHRASE) < 12:
    _fail("ONRECORD_KEY_PASSPHRASE is too short: it needs at least 12 characters.")
if ONRECORD_PKCS11_MODULE and not (ONRECORD_PKCS11_TOKEN and ONRECORD_PKCS11_PIN):
    _fail("ONRECORD_PKCS11_MODULE is set: ONRECORD_PKCS11_TOKEN and ONRECORD_PKCS11_PIN (or _FILE) are needed too.")
PUBLIC = urlsplit(ONRECORD_PUBLIC_URL)
if not PUBLIC.hostname:
    _fail("ONRECORD_PUBLIC_URL must be a whole address, for example https://chat.firm.example.")
IS_HTTPS = PUBLIC.scheme == "https"

# --- database --------------------------------------------------------------------------------------------------------
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # Acknowledged means on the disk: WAL with FULL syncs every commit. IMMEDIATE takes the write lock at BEGIN, so
    # that a transaction that reads the record's head first cannot fail half-way as it upgrades its lock.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
        "PRAGMA foreign_keys=ON;",
        # Not trusted_schema=OFF: SQLite 3.40 (Debian 12) then refuses the JSON_VALID checks of Django's JSON columns.
    }
    private_database(_database["NAME"])
    if ONRECORD_VAR == BASE_DIR / "var":  # nobody else's, unlike a folder that somebody chose
        private_folder(ONRECORD_VAR)
elif _database["ENGINE"].endswith("postgresql"):
    # Connections come from a pool, not from threads; a server that vanishes is given up on within half a minute.
    _patience = {"connect_timeout": 10, "tcp_user_timeout": 20_000, "keepalives_idle": 10, "keepalives_interval": 5}
    _database["OPTIONS"] = _patience | _database.get("OPTIONS", {})
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": ONRECORD_DB_POOL,
        "timeout": 10,
        "reconnect_timeout": 5,  # whoever asks after that begins anew: a long outage must not make the waits long
    }
    _database["CONN_HEALTH_CHECKS"] = True  # connections that died with the database are not handed out
    # Only what archive.statements runs is ever prepared: Django's cursors bind on this side and never prepare.
    _database["OPTIONS"]["prepare_threshold"] = 2
else:
    _fail("DATABASE_URL must begin with sqlite:/// or postgres://.")

# --- applications ----------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "rest_framework",
    "drf_spectacular",
    "csp",
    "archive",
    "messenger",
    "admin_portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "messenger.web.gates.LiveSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "messenger.web.gates.DenialMiddleware",
    "messenger.web.gates.FirstRunMiddleware",
]

ROOT_URLCONF = "messenger.urls"
ASGI_APPLICATION = "messenger.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "messenger.web.context.firm",
            ],
        },
    }
]

# Unique without regard to case, by a constraint that this check does not read.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

# --- sign-in ---------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "messenger.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if ONRECORD_TEST_HASHER:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "messenger.web.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "messenger.web.sign_in_form.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # no mail to strangers
ACCOUNT_SESSION_REMEMBER = True
# Guesses are counted per account *and* address (messenger/web/accounts.py): one person cannot lock another one out.
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "5/15m/key", "reset_password": "10/m/ip,5/m/key"}
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "messenger.web.errors.csrf_failure"

# --- where people reach us -------------------------------------------------------------------------------------------
_origin = f"{PUBLIC.scheme}://{PUBLIC.netloc}"
_loopback = [f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT}"] if ONRECORD_EMBEDDED else []
ONRECORD_ORIGINS: list[str] = sorted({_origin, *ONRECORD_EXTRA_ORIGINS, *_loopback})
ALLOWED_HOSTS = sorted({urlsplit(origin).hostname or "" for origin in ONRECORD_ORIGINS})
CSRF_TRUSTED_ORIGINS = ONRECORD_ORIGINS
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if ONRECORD_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
ALLAUTH_TRUSTED_PROXY_COUNT = ONRECORD_TRUSTED_PROXIES
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["onrecord", "lit-html"],
    }
}

# --- static files, language, time ------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = ONRECORD_VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "messenger.web.assets.ModuleStorage"},
}
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGES = [("en", "English"), ("es", "Español"), ("de", "Deutsch")]

# --- bus and work ----------------------------------------------------------------------------------------------------
_memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 50_000}}
_patience_s = {"socket_timeout": 1, "socket_connect_timeout": 1}  # who signs in does not wait for a Redis that hangs
_redis = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "OPTIONS": _patience_s}
# Django keeps 300 unless told: so few that a stranger's junk would push the counters of sign-in attempts out.
CACHES = {"default": _redis if REDIS_URL else _memory}
CELERY_BROKER_URL = REDIS_URL or "memory://"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "release-texts": {"task": "messenger.release_texts", "schedule": ONRECORD_SWEEP_S},
    "read-inbound-texts": {"task": "messenger.read_inbound_texts", "schedule": ONRECORD_SWEEP_S},
    "make-exports": {"task": "admin_portal.make_exports", "schedule": ONRECORD_SWEEP_S},
    "check-record": {"task": "admin_portal.check_record", "schedule": ONRECORD_SWEEP_S},
    "watch-record": {"task": "admin_portal.watch_record", "schedule": 60.0},
    "record-heads": {"task": "messenger.record_heads", "schedule": 3600.0},
    "sweep-uploads": {"task": "messenger.sweep_uploads", "schedule": 600.0},
    "keep-guard": {"task": "archive.keep_guard", "schedule": ONRECORD_SWEEP_S},
    "take-fingerprint": {"task": "archive.take_fingerprint", "schedule": 3600.0},
    "finish-disposals": {"task": "archive.finish_disposals", "schedule": ONRECORD_EVIDENCE_S},
    "collect-evidence": {"task": "archive.collect_evidence", "schedule": ONRECORD_EVIDENCE_S},
    "stamp-checkpoint": {"task": "archive.stamp_checkpoint", "schedule": ONRECORD_EVIDENCE_S},
    "seal-segments": {"task": "archive.seal_segments", "schedule": ONRECORD_EVIDENCE_S},
    "check-segments": {"task": "archive.check_segments", "schedule": 86_400.0},
}
for _entry in CELERY_BEAT_SCHEDULE.values():
    # A sweep that waits behind long work is of no use once the next one is due: it must not pile up.
    _entry["options"] = {"expires": _entry["schedule"]}

# --- API -------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "messenger.web.gates.TokenAuthentication",
        "messenger.web.gates.LiveSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["messenger.web.rendering.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["messenger.web.gates.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "messenger.web.errors.api_error",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "OnRecord API",
    "DESCRIPTION": "The same actions that the pages use. docs/protocol.md is the specification.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
FILE_UPLOAD_HANDLERS = ["messenger.web.bodies.NoFiles"]
ONRECORD_BODY_BYTES = 20_000
ONRECORD_FRAME_BYTES = 65_536

# --- mail and logs ---------------------------------------------------------------------------------------------------
if EMAIL_URL:
    EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_BACKEND"], _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
    EMAIL_TIMEOUT = _mail["EMAIL_TIMEOUT"] or 20  # s; alarms and requests wait for it
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(private_folder(ONRECORD_VAR / "mail") if ONRECORD_EMBEDDED else ONRECORD_VAR / "mail")

LOGGING = log_to_stderr(LOG_LEVEL)
