"""The ASGI application: HTTP to Django, `/ws` to the chat socket, behind an exact check of the Origin."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
http_application = get_asgi_application()

from messenger.web.sockets import ChatSocket  # noqa: E402  (models load after the set-up above)

# Full origins, not hosts: AllowedHostsOriginValidator would take any port and scheme of an allowed host.
application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": OriginValidator(URLRouter([path("ws", ChatSocket.as_asgi())]), settings.ONRECORD_ORIGINS),
    }
)
