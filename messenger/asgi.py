"""The ASGI application: HTTP to Django, `/ws` to the chat socket, behind an exact check of the Origin."""

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator, WebsocketDenier
from django.conf import settings
from django.urls import path, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "messenger.settings")
django.setup(set_prefix=False)

from messenger.web.handler import OneThreadHandler  # noqa: E402  (models load after the set-up above)
from messenger.web.posts_in import PostsIn  # noqa: E402  (the same)
from messenger.web.sockets import ChatSocket  # noqa: E402  (the same)

http_application = PostsIn(OneThreadHandler())

# Any other address is refused like a foreign origin: without the second line it would be a traceback in the log.
sockets = [path("ws", ChatSocket.as_asgi()), re_path("", WebsocketDenier.as_asgi())]

# Full origins, not hosts: AllowedHostsOriginValidator would take any port and scheme of an allowed host.
application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": OriginValidator(URLRouter(sockets), settings.ONRECORD_ORIGINS),
    }
)
